//! What a DNS answer says about addresses.

use std::net::IpAddr;
use weir_model::observation::{DnsData, DnsMessage};
use weir_model::{Name, Timestamp};

/// Most aliases followed from a question; resolvers give up sooner.
pub(crate) const MAX_ALIASES: usize = 8;

/// Most addresses learnt from one answer. The adversary answers his own questions with thousands.
const MAX_ADDRESSES: usize = 64;

/// RR types (IANA "DNS Parameters").
const CNAME: u16 = 5;
const SVCB: u16 = 64;
const HTTPS: u16 = 65;

/// One address that an answer gives a name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AddressAnswer {
    pub(crate) address: IpAddr,
    pub(crate) name: Name,
    pub(crate) aliases: Vec<Name>,
    /// Smallest TTL along the chain, in seconds.
    pub(crate) ttl: u32,
    /// Only a hint (SVCB, HTTPS), or said to everybody (multicast): never the client's own answer.
    pub(crate) is_hint: bool,
}

/// An answer as it was received.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// The message.
    pub message: &'a DnsMessage,
    /// To whom it was sent.
    pub client: IpAddr,
    /// When.
    pub time: Timestamp,
    /// In which packet.
    pub packet: u64,
}

/// The addresses in an answer: for a question, what its chain of aliases leads to; for Multicast DNS, which answers without
/// a question, what each record says.
pub(crate) fn addresses(message: &DnsMessage) -> Vec<AddressAnswer> {
    let mut found = Vec::new();
    if !message.is_response || message.rcode != 0 {
        return found;
    }
    if let Some(question) = message.questions.first() {
        follow(message, &question.name, &mut found);
    } else if message.link_local {
        for record in &message.answers {
            push(&mut found, record.data.address(), &record.name, &[], record.ttl, true);
        }
    }
    found
}

fn follow(message: &DnsMessage, question: &Name, found: &mut Vec<AddressAnswer>) {
    let (mut owner, mut aliases, mut ttl) = (question, Vec::new(), u32::MAX);
    loop {
        let mut alias = None;
        for record in message.answers.iter().filter(|record| record.name == *owner) {
            let ttl = ttl.min(record.ttl);
            match &record.data {
                DnsData::Cname(target) if record.rtype == CNAME => alias = alias.or(Some((target, ttl))),
                DnsData::Service { hints, .. } if matches!(record.rtype, SVCB | HTTPS) => {
                    for hint in hints {
                        push(found, Some(*hint), question, &aliases, ttl, true);
                    }
                }
                data => push(found, data.address(), question, &aliases, ttl, message.link_local),
            }
        }
        match alias {
            Some((target, alias_ttl)) if aliases.len() < MAX_ALIASES => {
                aliases.push(target.clone());
                (owner, ttl) = (target, alias_ttl);
            }
            _ => return,
        }
    }
}

fn push(
    found: &mut Vec<AddressAnswer>,
    address: Option<IpAddr>,
    name: &Name,
    aliases: &[Name],
    ttl: u32,
    is_hint: bool,
) {
    if let Some(address) = address
        && found.len() < MAX_ADDRESSES
    {
        found.push(AddressAnswer { address, name: name.clone(), aliases: aliases.to_vec(), ttl, is_hint });
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use weir_model::observation::{DnsQuestion, DnsRecord};

    pub(crate) fn name(text: &str) -> Name {
        Name::from_ascii(text.as_bytes()).unwrap()
    }

    pub(crate) fn a(owner: &str, ttl: u32, address: [u8; 4]) -> DnsRecord {
        DnsRecord { name: name(owner), rtype: 1, class: 1, ttl, data: DnsData::A(address.into()) }
    }

    pub(crate) fn cname(owner: &str, ttl: u32, target: &str) -> DnsRecord {
        DnsRecord { name: name(owner), rtype: 5, class: 1, ttl, data: DnsData::Cname(name(target)) }
    }

    pub(crate) fn answer(question: &str, answers: Vec<DnsRecord>) -> DnsMessage {
        let questions = vec![DnsQuestion { name: name(question), qtype: 1, qclass: 1 }];
        DnsMessage { is_response: true, questions, answers, ..DnsMessage::default() }
    }

    #[test]
    fn follows_aliases_in_any_order_of_records() {
        let message = answer(
            "www.example",
            vec![
                a("edge.cdn", 300, [192, 0, 2, 1]),
                cname("www.example", 60, "www.cdn"),
                a("unrelated.example", 300, [192, 0, 2, 9]),
                cname("www.cdn", 20, "edge.cdn"),
            ],
        );
        let found = addresses(&message);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].address, IpAddr::from([192, 0, 2, 1]));
        assert_eq!((found[0].name.clone(), found[0].ttl), (name("www.example"), 20));
        assert_eq!(found[0].aliases, [name("www.cdn"), name("edge.cdn")]);
    }

    #[test]
    fn a_loop_of_aliases_ends() {
        let message =
            answer("a.example", vec![cname("a.example", 1, "b.example"), cname("b.example", 1, "a.example")]);
        assert_eq!(addresses(&message), []);
    }

    #[test]
    fn questions_and_errors_teach_nothing() {
        let records = vec![a("www.example", 60, [192, 0, 2, 1])];
        let good = answer("www.example", records);
        assert_eq!(addresses(&good).len(), 1);
        assert_eq!(addresses(&DnsMessage { rcode: 3, ..good.clone() }), []);
        assert_eq!(addresses(&DnsMessage { is_response: false, ..good.clone() }), []);
        assert!(addresses(&DnsMessage { link_local: true, ..good.clone() })[0].is_hint);
        let multicast = DnsMessage { link_local: true, questions: Vec::new(), ..good.clone() };
        assert!(addresses(&multicast)[0].is_hint);
        assert_eq!(addresses(&DnsMessage { questions: Vec::new(), ..good }), []);
    }
}
