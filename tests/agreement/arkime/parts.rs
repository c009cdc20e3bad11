//! What both sides are brought to before they are compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

/// An address and a port (0 where there are none).
pub(super) type End = (IpAddr, u16);

/// Protocol and both ends, the lower one first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    protocol: u8,
    ends: [End; 2],
}

impl Key {
    pub(super) fn new(protocol: u8, one: End, other: End) -> Self {
        Self { protocol, ends: [one.min(other), one.max(other)] }
    }

    /// Whether a protocol has ports (elsewhere Arkime writes 0, and so do we).
    pub(super) fn has_ports(protocol: u8) -> bool {
        matches!(protocol, 6 | 17 | 132)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            1 => "icmp",
            6 => "tcp",
            17 => "udp",
            58 => "icmp6",
            132 => "sctp",
            other => &format!("protocol {other}"),
        };
        let [one, other] = self.ends.map(|(ip, port)| match (ip, port) {
            (ip, 0) => ip.to_string(),
            (ip, port) if ip.is_ipv6() => format!("[{ip}]:{port}"),
            (ip, port) => format!("{ip}:{port}"),
        });
        write!(f, "{protocol} {one} {other}")
    }
}

/// Something counted for each end, that of the lower end first.
pub(super) type Counts = [u64; 2];

/// One flow, or one session.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Milliseconds; only for order.
    pub(super) start: i64,
    pub(super) began: End,
    pub(super) packets: Option<Counts>,
    /// From the IP header on.
    pub(super) bytes: Option<Counts>,
    /// After the transport header, by the length fields of the frames.
    pub(super) payload_bytes: Option<Counts>,
    /// After the transport header, as Arkime counts it.
    pub(super) delivered_bytes: Option<Counts>,
    pub(super) community_id: Option<String>,
}

impl Part {
    /// All parts of a conversation in one (the first says who began and how it is identified).
    pub(super) fn sum(parts: &[Self]) -> Self {
        let mut whole = parts[0].clone();
        for part in &parts[1..] {
            whole.packets = added(whole.packets, part.packets);
            whole.bytes = added(whole.bytes, part.bytes);
            whole.payload_bytes = added(whole.payload_bytes, part.payload_bytes);
            whole.delivered_bytes = added(whole.delivered_bytes, part.delivered_bytes);
        }
        whole
    }
}

fn added(one: Option<Counts>, other: Option<Counts>) -> Option<Counts> {
    let (one, other) = (one?, other?);
    Some([one[0] + other[0], one[1] + other[1]])
}

/// Counts of source and destination, the lower end's first.
pub(super) fn by_end(source: End, destination: End, counts: [u64; 2]) -> Counts {
    if source <= destination { counts } else { [counts[1], counts[0]] }
}

/// All that passed between two ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Conversation {
    pub(super) parts: Vec<Part>,
    pub(super) names: BTreeSet<String>,
    pub(super) fingerprints: BTreeSet<String>,
}

pub(super) type Conversations = BTreeMap<Key, Conversation>;

/// Puts the parts of each conversation in the order of time.
pub(super) fn sorted(mut conversations: Conversations) -> Conversations {
    for conversation in conversations.values_mut() {
        conversation.parts.sort_by_key(|part| part.start);
    }
    conversations
}

/// A host name as both write it: lower case, without port and last dot, punycode for Unicode.
pub(super) fn plain(name: &str) -> String {
    let name = name.trim_end_matches('.').to_lowercase();
    let host = match name.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => name.as_str(),
    };
    if host == "<root>" {
        String::new()
    } else {
        idna::domain_to_ascii(host).unwrap_or_else(|_| host.to_owned())
    }
}
