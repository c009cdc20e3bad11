//! Pseudonyms with what is inside at one moment: what is replaced, and how it is written then.

use super::PREFIX_BYTES;
use super::written::{Manner, Span, address_at};
use crate::sinks::Parcel;
use ipnet::IpNet;
use ring::hmac;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use weir_model::{IndicatorValue, Networks};

pub(super) struct Veil<'a> {
    key: &'a hmac::Key,
    prefix: [u8; PREFIX_BYTES],
    inside: Networks,
}

impl<'a> Veil<'a> {
    pub(super) const fn new(key: &'a hmac::Key, prefix: [u8; PREFIX_BYTES], inside: Networks) -> Self {
        Self { key, prefix, inside }
    }

    /// The address that is told in place of this one: its own, if it is outside.
    pub(super) fn ip(&self, ip: IpAddr) -> IpAddr {
        if self.is_inside(ip) { IpAddr::V6(self.pseudonym(ip)) } else { ip }
    }

    /// Whether this value says where in our networks something is.
    pub(super) fn names(&self, value: &IndicatorValue) -> bool {
        match value {
            IndicatorValue::Address(ip) | IndicatorValue::AddressPort(ip, _) => self.is_inside(*ip),
            IndicatorValue::Network(network) => self.is_ours(*network),
            IndicatorValue::Url(url) => url.host.as_str().parse().is_ok_and(|ip| self.is_inside(ip)),
            _ => false,
        }
    }

    /// The same, with pseudonyms in every text in it.
    pub(super) fn throughout<T: Serialize + DeserializeOwned>(&self, whole: &T) -> Option<T> {
        let mut value = serde_json::to_value(whole).ok()?;
        self.replace(&mut value);
        serde_json::from_value(value).ok()
    }

    pub(super) fn parcel(&self, parcel: Parcel) -> Option<Parcel> {
        let text = String::from_utf8(parcel.body).ok()?;
        let body = self.text(&text).into_owned().into_bytes();
        Some(Parcel { body, ..parcel })
    }

    /// A text with pseudonyms for all addresses in it.
    pub(super) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut told = String::new();
        let (mut at, mut copied) = (0, 0);
        while at < text.len() {
            let is_inside = |ip, bits| self.is_written_inside(ip, bits);
            let Some(span) = address_at(text, at, &is_inside) else {
                at += 1;
                continue;
            };
            told.push_str(text.get(copied..span.begin).unwrap_or_default());
            told.push_str(&self.written(text, &span));
            (at, copied) = (span.end, span.end);
        }
        if copied == 0 {
            return Cow::Borrowed(text);
        }
        told.push_str(text.get(copied..).unwrap_or_default());
        Cow::Owned(told)
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

    fn pseudonym(&self, ip: IpAddr) -> Ipv6Addr {
        let mut context = hmac::Context::with_key(self.key);
        context.update(b"ip");
        match ip.to_canonical() {
            IpAddr::V4(v4) => context.update(&v4.octets()),
            IpAddr::V6(v6) => context.update(&v6.octets()),
        }
        let tag = context.sign();
        let mut octets = [0; 16];
        let bytes = self.prefix.iter().chain(tag.as_ref());
        octets.iter_mut().zip(bytes).for_each(|(octet, byte)| *octet = *byte);
        octets.into()
    }

    /// Pseudonyms are not.
    fn is_inside(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        let IpAddr::V6(v6) = ip else { return self.inside.holds(ip) };
        let is_made = v6.octets().starts_with(&self.prefix);
        !is_made && (self.inside.holds(ip) || carried(v6).is_some_and(|v4| self.inside.holds(v4.into())))
    }

    /// Likewise of an address behind which stands how many bits of it count, as of the subnet of a client (RFC 7871).
    fn is_written_inside(&self, ip: IpAddr, bits: Option<u8>) -> bool {
        self.is_inside(ip)
            || bits.and_then(|bits| IpNet::new(ip, bits).ok()).is_some_and(|network| self.is_ours(network))
    }

    /// Whether a network has something in common with ours. That of all addresses says nothing.
    fn is_ours(&self, network: IpNet) -> bool {
        let network = network.trunc();
        let is_made = self.is_made(network.addr());
        network.prefix_len() > 0
            && !is_made
            && self.inside.networks().iter().any(|home| home.contains(&network) || network.contains(home))
    }

    fn is_made(&self, ip: IpAddr) -> bool {
        matches!(ip, IpAddr::V6(v6) if v6.octets().starts_with(&self.prefix))
    }

    /// A pseudonym in the manner of what it stands for, so that what reads the text still can.
    fn written(&self, text: &str, span: &Span) -> String {
        let pseudonym = self.pseudonym(span.ip);
        match span.manner {
            Manner::Plain => pseudonym.to_string(),
            Manner::Bare => {
                let is_host = text.get(..span.begin).is_some_and(|before| before.ends_with("//"));
                let behind = text.as_bytes().get(span.end..).unwrap_or_default();
                if is_host || matches!(behind, [b':', digit, ..] if digit.is_ascii_digit()) {
                    format!("[{pseudonym}]")
                } else {
                    pseudonym.to_string()
                }
            }
            Manner::Label => pseudonym.to_string().replace(':', "-"),
            Manner::Nibbles => nibbles(pseudonym),
            Manner::Reverse => format!("{}.ip6.arpa", nibbles(pseudonym)),
        }
    }
}

/// As in names of reverse look-ups, without their end.
fn nibbles(ip: Ipv6Addr) -> String {
    let digits: Vec<_> = format!("{:032x}", ip.to_bits()).chars().rev().map(String::from).collect();
    digits.join(".")
}

/// The address of version 4 that one of version 6 is made of: NAT64 (RFC 6052), 6to4 (RFC 3056), Teredo's client (RFC 4380), ISATAP
/// (RFC 5214), and what was called compatible (RFC 4291 section 2.5.5.1).
fn carried(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = ip.octets();
    let last = Ipv4Addr::new(a, b, c, d);
    match ip.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0, 0, ..] | [_, _, _, _, 0 | 0x200, 0x5efe, ..] => {
            Some(last)
        }
        [0x2002, upper, lower, ..] => Some(Ipv4Addr::from_bits(u32::from(upper) << 16 | u32::from(lower))),
        [0x2001, 0, ..] => Some(Ipv4Addr::from_bits(!last.to_bits())),
        _ => None,
    }
}
