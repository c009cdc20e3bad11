//! The fields of alerts, flows, names and notices: Elastic Common Schema 9, and `weir.*` where ECS has no field.
//!
//! Each kind of event is one function that lists its members as they stand in the line: in alphabetical order, so that the
//! same event is always the same line (a test sees to the order). What several kinds have in common is here and in `wire`.

pub(in crate::formats) mod alert;
mod exported;
pub(in crate::formats) mod flow;
pub(in crate::formats) mod indicator;
pub(in crate::formats) mod name;
pub(in crate::formats) mod notice;
pub(in crate::formats) mod stripped;
pub(in crate::formats) mod wire;

pub use alert::alert;
pub use flow::flow;
pub use name::name;
pub use notice::notice;
pub use stripped::stripped;

use crate::json::{Ascii, Constant, Digits, Keyword, Object};
use std::borrow::Cow;
use weir_model::{Endpoint, Exported, Name, Protocol, community_id};

/// The schema's version that the fields follow.
const SCHEMA: Constant = Constant(r#""ecs":{"version":"9.0.0"},"#);

const OBSERVER: Constant = Constant(r#""observer":{"product":"Weir","type":"ids"},"#);

/// What every event says of the conversation that it is about: `source`, `destination`, `network`.
#[derive(Clone, Copy)]
struct Conversation<'a> {
    protocol: Protocol,
    source: Endpoint,
    destination: Endpoint,
    application: Option<&'static str>,
    /// The name of the destination.
    domain: Option<&'a Name>,
    /// VLANs, outermost first.
    vlans: &'a [u16],
    /// What source and destination sent, where that is counted.
    sent: Option<(Sent, Sent)>,
    direction: Option<&'static str>,
    /// What routers told of it.
    exported: Option<&'a Exported>,
}

/// One end of a conversation.
#[derive(Clone, Copy)]
struct Side<'a> {
    end: Endpoint,
    domain: Option<&'a Name>,
    sent: Option<Sent>,
    /// Autonomous system.
    number: Option<u32>,
    /// What a translator makes of it.
    translated: Option<Endpoint>,
}

#[derive(Clone, Copy)]
struct Sent {
    packets: u64,
    bytes: u64,
}

impl Conversation<'_> {
    /// Of which nothing but the ends is told.
    fn between(
        protocol: Protocol,
        source: Endpoint,
        destination: Endpoint,
        application: Option<&'static str>,
    ) -> Self {
        Self {
            protocol,
            source,
            destination,
            application,
            domain: None,
            vlans: &[],
            sent: None,
            direction: None,
            exported: None,
        }
    }

    fn source(&self, source: &mut Object<'_>) {
        let told = self.exported.map(|exported| (exported.initiator_as, exported.initiator_translated));
        let (number, translated) = told.unwrap_or_default();
        let sent = self.sent.map(|(sent, _)| sent);
        self.side(source, Side { end: self.source, domain: None, sent, number, translated });
    }

    fn destination(&self, destination: &mut Object<'_>) {
        let told = self.exported.map(|exported| (exported.responder_as, exported.responder_translated));
        let (number, translated) = told.unwrap_or_default();
        let sent = self.sent.map(|(_, sent)| sent);
        self.side(destination, Side { end: self.destination, domain: self.domain, sent, number, translated });
    }

    fn side(&self, members: &mut Object<'_>, side: Side<'_>) {
        let Side { end, domain, sent, number, translated } = side;
        members.object("as", |system| system.set_some("number", number));
        members.set_some("bytes", sent.map(|sent| sent.bytes));
        members.set_some("domain", domain);
        members.set("ip", end.ip);
        members.object("nat", |nat| {
            nat.set_some("ip", translated.map(|end| end.ip));
            nat.set_some("port", translated.map(|end| end.port).filter(|_| self.protocol.has_ports()));
        });
        members.set_some("packets", sent.map(|sent| sent.packets));
        members.set_some("port", self.protocol.has_ports().then_some(end.port));
    }

    fn network(&self, network: &mut Object<'_>) {
        let identifier = community_id::ascii(0, self.protocol, self.source, self.destination);
        let [bytes, packets] = match self.sent {
            Some((source, destination)) => {
                let bytes = source.bytes.saturating_add(destination.bytes);
                [bytes, source.packets.saturating_add(destination.packets)].map(Some)
            }
            None => [None, None],
        };
        network.set_some("bytes", bytes);
        network.set("community_id", Ascii(identifier));
        network.set_some("direction", self.direction);
        network.set("iana_number", Digits(u16::from(self.protocol.0)));
        if let [_, .., innermost] = self.vlans {
            network.object("inner", |inner| inner.object("vlan", |vlan| vlan.set("id", Digits(*innermost))));
        }
        network.set_some("packets", packets);
        network.set_some("protocol", self.application.map(Keyword));
        network.set_some("transport", self.protocol.keyword().map(Keyword));
        network.set("type", Keyword(if self.source.ip.is_ipv4() { "ipv4" } else { "ipv6" }));
        network.object("vlan", |vlan| vlan.set_some("id", self.vlans.first().copied().map(Digits)));
    }
}

/// The texts that are not empty: the root, say, is no name to look for.
pub(in crate::formats) fn present<'a>(
    texts: impl Iterator<Item = Cow<'a, str>>,
) -> impl Iterator<Item = Cow<'a, str>> {
    texts.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
