//! What stands for the addresses of inside hosts where a sink shall not learn them.
//!
//! An address becomes one of fd00::/8 (RFC 4193), made by HMAC-SHA256 with a key that each sink has for itself: the same host has the same
//! pseudonym in all that a sink gets, two sinks cannot compare theirs, and nobody finds an address by trying all of them without the key. All
//! pseudonyms of a sink lie in one prefix of 48 bits, by which they are known and not replaced again.
//!
//! Addresses are replaced wherever they stand as text, in ends and sentences as well as in a certificate's subject or the name of a
//! reverse look-up, so that no member of a message is forgotten. Community IDs are those of the pseudonyms, and identifiers of alerts are made
//! with the key, because both could be tried otherwise. What names hosts in words, as `alice-laptop.example.org`, stays.

use crate::marking::{StripKey, Stripped};
use crate::sinks::Parcel;
use crate::{Format, Message};
use ring::hmac;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, PoisonError, RwLock};
use uuid::{Builder, Uuid};
use weir_model::{Alert, Flow, FlowId, Networks, Observation, Protocol};

/// The networks that are inside, as they are at the moment.
pub type Inside = Arc<RwLock<Networks>>;

/// Bytes that all pseudonyms of a sink begin with.
const PREFIX_BYTES: usize = 6;
/// Nibbles of an address of version 6.
const NIBBLES: usize = 32;
/// What names of reverse look-ups end in (RFC 1035 section 3.5, RFC 3596 section 2.5).
const REVERSE: [&str; 2] = ["in-addr.arpa", "ip6.arpa"];

/// Those of one sink.
#[derive(Clone)]
pub struct Pseudonyms {
    key: hmac::Key,
    prefix: [u8; PREFIX_BYTES],
    inside: Inside,
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonyms")
    }
}

impl Pseudonyms {
    /// Those of the sink of that name in an installation.
    pub fn new(key: &StripKey, sink: &str, inside: Inside) -> Self {
        let key = key.derived("pseudonyms", sink);
        let tag = hmac::sign(&key, b"prefix");
        let mut prefix: [u8; PREFIX_BYTES] = tag.as_ref().first_chunk().copied().unwrap_or_default();
        prefix[0] = 0xfd;
        Self { key, prefix, inside }
    }

    /// A message as the sink gets it; `None` if it cannot be made, and then it must not go there.
    pub fn message(&self, message: &Message) -> Option<Message> {
        let veil = self.veil();
        Some(match message {
            Message::Alert(alert) => {
                let alert = Alert {
                    id: self.identifier(alert.id),
                    incident: self.identifier(alert.incident),
                    previous: alert.previous.map(|previous| self.identifier(previous)),
                    ..Alert::clone(alert)
                };
                Message::from(veil.throughout(&alert)?)
            }
            Message::Notice(notice) => Message::Notice(Arc::new(veil.throughout(&**notice)?)),
            Message::Stripped(stripped) => {
                let mut stripped = Stripped::clone(stripped);
                if let Stripped::Alert(alert) = &mut stripped {
                    alert.host = alert.host.map(|host| veil.ip(host));
                }
                Message::Stripped(Arc::new(stripped))
            }
        })
    }

    /// A flow as the sink gets it; none where the format has no flows.
    pub fn flow(&self, flow: &Flow, format: Format) -> Option<Parcel> {
        let veil = self.veil();
        let mut flow = flow.clone();
        for end in [&mut flow.initiator, &mut flow.responder] {
            end.ip = veil.ip(end.ip);
        }
        veil.parcel(Parcel::of_flow(&flow, format)?)
    }

    /// Likewise what a conversation taught of a name.
    pub fn name(
        &self,
        flow: FlowId,
        protocol: Protocol,
        told: &Observation,
        format: Format,
    ) -> Option<Parcel> {
        let veil = self.veil();
        let mut told = told.clone();
        for end in [&mut told.source, &mut told.destination] {
            end.ip = veil.ip(end.ip);
        }
        veil.parcel(Parcel::of_name(flow, protocol, &told, format)?)
    }

    fn veil(&self) -> Veil<'_> {
        let inside = self.inside.read().unwrap_or_else(PoisonError::into_inner).clone();
        Veil { of: self, inside }
    }

    /// What stands for an identifier.
    fn identifier(&self, id: Uuid) -> Uuid {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(b"id");
        context.update(id.as_bytes());
        let bytes = context.sign().as_ref().first_chunk().copied().unwrap_or_default();
        Builder::from_custom_bytes(bytes).into_uuid()
    }
}

/// Pseudonyms with what is inside at one moment.
struct Veil<'a> {
    of: &'a Pseudonyms,
    inside: Networks,
}

impl Veil<'_> {
    /// The address that is told in place of this one: its own, if it is outside.
    fn ip(&self, ip: IpAddr) -> IpAddr {
        self.pseudonym(ip).map_or(ip, IpAddr::V6)
    }

    /// `None` for what is outside, and for pseudonyms.
    fn pseudonym(&self, ip: IpAddr) -> Option<Ipv6Addr> {
        let ip = ip.to_canonical();
        let is_made = matches!(ip, IpAddr::V6(v6) if v6.octets().starts_with(&self.of.prefix));
        if is_made || !self.inside.holds(ip) {
            return None;
        }
        let mut context = hmac::Context::with_key(&self.of.key);
        context.update(b"ip");
        match ip {
            IpAddr::V4(v4) => context.update(&v4.octets()),
            IpAddr::V6(v6) => context.update(&v6.octets()),
        }
        let tag = context.sign();
        let mut octets = [0; 16];
        let bytes = self.of.prefix.iter().chain(tag.as_ref());
        octets.iter_mut().zip(bytes).for_each(|(octet, byte)| *octet = *byte);
        Some(octets.into())
    }

    /// The same, with pseudonyms in every text in it.
    fn throughout<T: Serialize + DeserializeOwned>(&self, whole: &T) -> Option<T> {
        let mut value = serde_json::to_value(whole).ok()?;
        self.replace(&mut value);
        serde_json::from_value(value).ok()
    }

    fn replace(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(replaced) = self.text(text) {
                    *text = replaced;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.replace(item)),
            Value::Object(members) => members.values_mut().for_each(|member| self.replace(member)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn parcel(&self, parcel: Parcel) -> Option<Parcel> {
        let text = String::from_utf8(parcel.body).ok()?;
        let body = self.text(&text).into_owned().into_bytes();
        Some(Parcel { body, ..parcel })
    }

    /// A text with pseudonyms for all addresses in it.
    fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut told = String::new();
        let mut rest = text;
        let mut untouched = text;
        while let Some(begin) = rest.find(is_of_address) {
            let from = rest.get(begin..).unwrap_or_default();
            let end = from.find(|one| !is_of_address(one)).unwrap_or(from.len());
            let (token, behind) = from.split_at_checked(end).unwrap_or((from, ""));
            rest = behind;
            let Some((replaced, taken)) = self.token(token, behind) else { continue };
            let before = untouched.len() - from.len();
            told.push_str(untouched.get(..before).unwrap_or_default());
            told.push_str(&replaced);
            rest = behind.get(taken..).unwrap_or_default();
            untouched = rest;
        }
        if told.is_empty() && untouched.len() == text.len() {
            return Cow::Borrowed(text);
        }
        told.push_str(untouched);
        Cow::Owned(told)
    }

    /// What stands for letters that may be of addresses, and how many bytes behind them it stands for, too.
    fn token(&self, token: &str, behind: &str) -> Option<(String, usize)> {
        if let Some(suffix) = REVERSE.iter().find(|suffix| behind.starts_with(**suffix))
            && let Some(replaced) = self.reverse(token)
        {
            return Some((replaced, suffix.len()));
        }
        let replaced = self.v6(token).or_else(|| self.v4(token))?;
        Some((replaced, 0))
    }

    /// An address of version 6, also with a mark of punctuation at either side.
    fn v6(&self, token: &str) -> Option<String> {
        if !token.contains(':') {
            return None;
        }
        let marks = ['.', ':'];
        let whole = [
            token,
            token.trim_end_matches(marks),
            token.strip_prefix(':').unwrap_or(token),
            token.trim_matches(marks),
        ];
        let (written, pseudonym) = whole.into_iter().find_map(|written| {
            let ip = written.parse::<Ipv6Addr>().ok()?;
            Some((written, self.pseudonym(IpAddr::V6(ip))?))
        })?;
        Some(token.replacen(written, &pseudonym.to_string(), 1))
    }

    /// Addresses of version 4 among digits and dots: any four numbers that follow each other.
    fn v4(&self, token: &str) -> Option<String> {
        let mut replaced = String::new();
        let mut is_changed = false;
        for run in token.split_inclusive(|one: char| !(one.is_ascii_digit() || one == '.')) {
            let mut labels: Vec<Cow<'_, str>> = run.split('.').map(Cow::Borrowed).collect();
            let mut place = 0;
            while let Some(four) = labels.get(place..place + 4) {
                let last = four.last().map_or("", |last| last.as_ref());
                let digits = last.trim_end_matches(|one: char| !one.is_ascii_digit()).len();
                let (number, mark) = last.split_at_checked(digits).unwrap_or((last, ""));
                let written = format!("{}.{number}", four.get(..3).unwrap_or_default().join("."));
                let ip = written.parse::<Ipv4Addr>().ok().and_then(|ip| self.pseudonym(ip.into()));
                if let Some(ip) = ip {
                    // In front of a port stands a bracket, as in any address of version 6 with one.
                    let told = if mark == ":" && !token.ends_with(run) {
                        format!("[{ip}]:")
                    } else {
                        format!("{ip}{mark}")
                    };
                    labels.splice(place..place + 4, [Cow::Owned(told)]);
                    is_changed = true;
                }
                place += 1;
            }
            replaced.push_str(&labels.join("."));
        }
        is_changed.then_some(replaced)
    }

    /// The labels of a reverse look-up's name, each with a dot behind it.
    fn reverse(&self, token: &str) -> Option<String> {
        let labels: Vec<&str> = token.strip_suffix('.')?.split('.').collect();
        let nibbles = labels.len().checked_sub(NIBBLES).and_then(|from| labels.get(from..));
        let (ip, taken) = if let Some(ip) = nibbles.and_then(from_nibbles) {
            (IpAddr::V6(ip), NIBBLES)
        } else {
            let four = labels.get(labels.len().checked_sub(4)?..)?;
            let text: Vec<&str> = four.iter().rev().copied().collect();
            (IpAddr::V4(text.join(".").parse().ok()?), 4)
        };
        let pseudonym = self.pseudonym(ip)?;
        let nibbles: Vec<String> =
            format!("{:032x}", pseudonym.to_bits()).chars().rev().map(String::from).collect();
        // Labels in front of the address stay, be it the end of one that begins before these letters.
        let front = labels.get(..labels.len() - taken).unwrap_or_default();
        let told: Vec<&str> = front.iter().copied().chain(nibbles.iter().map(String::as_str)).collect();
        Some(format!("{}.ip6.arpa", told.join(".")))
    }
}

/// Whether a letter may be part of an address as it is written.
const fn is_of_address(one: char) -> bool {
    one.is_ascii_hexdigit() || matches!(one, '.' | ':')
}

fn from_nibbles(labels: &[&str]) -> Option<Ipv6Addr> {
    if labels.iter().any(|label| label.len() != 1) {
        return None;
    }
    let text: String = labels.iter().rev().copied().collect();
    u128::from_str_radix(&text, 16).ok().map(Ipv6Addr::from_bits)
}

#[cfg(test)]
mod tests;
