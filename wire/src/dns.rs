//! DNS messages (RFC 1035 section 4), with EDNS (RFC 6891) and service binding records (RFC 9460).
//!
//! ```text
//!  0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15
//! +--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+
//! |                      ID                       |
//! |QR|   OPCODE  |AA|TC|RD|RA| Z|AD|CD|   RCODE   |
//! |            QDCOUNT   ,   ANCOUNT              |
//! |            NSCOUNT   ,   ARCOUNT              |
//! +--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+
//! ```
//!
//! [`parse`] is for the ports where DNS is expected and keeps what precedes a fault; [`looks_like`] is for all other
//! ports and believes only a whole and plain message. Nothing here panics on any input.

mod message;
mod name;
mod record;
mod tcp;

pub use tcp::{MAX_TCP_BUFFER_BYTES, TcpReader};

use crate::cursor::Short;
use message::Message;
use std::fmt;
use weir_model::observation::{DnsMessage, DnsQuestion};

/// Questions kept of one message. DNS asks one, Multicast DNS some dozens (RFC 6762 section 5.3). A stranger could put
/// thirteen thousand into one message over TCP. When it is reached, the rest is left unread and the message is `cut`.
pub const MAX_QUESTIONS: usize = 64;

/// Records kept of one message, over all sections. Answers to questions hold at most some dozens; zone transfers fill
/// 64 KiB messages with thousands, for which nobody asks here. When it is reached, the rest is left unread and the
/// message is `cut`.
pub const MAX_RECORDS: usize = 256;

/// Bytes of the header.
const HEADER_LEN: usize = 12;
/// The shortest question: root, type, class.
const MIN_QUESTION_LEN: usize = 5;
/// The shortest record: root, type, class, TTL, length.
const MIN_RECORD_LEN: usize = 11;
/// The longest message (its length field over TCP has 16 bits).
const MAX_MESSAGE_LEN: usize = 65_535;

/// Why bytes are not a DNS message, or where one stopped making sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnsError {
    /// Fewer bytes than announced.
    Short(Short),
    /// An operation that does not exist.
    Opcode(u8),
    /// The counts of the header promise more than the longest message can hold.
    Counts,
    /// A label of a type that does not exist (RFC 1035 and 2671 leave `01` and `10` unused).
    LabelType(u8),
    /// A compression pointer that does not point strictly backwards.
    Pointer,
    /// A name of more than 255 octets.
    NameTooLong,
    /// Data of a record that disagrees with its length or its type.
    Data(u16),
    /// More questions or records than are read.
    TooMany,
}

impl DnsError {
    /// For a counter's label.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Short(_) => "short",
            Self::Opcode(_) => "opcode",
            Self::Counts => "counts",
            Self::LabelType(_) => "label_type",
            Self::Pointer => "pointer",
            Self::NameTooLong => "name_too_long",
            Self::Data(_) => "data",
            Self::TooMany => "too_many",
        }
    }
}

impl fmt::Display for DnsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(short) => write!(f, "DNS message: {short}"),
            Self::Opcode(opcode) => write!(f, "DNS message: no operation has the number {opcode}"),
            Self::Counts => f.write_str("DNS message: counts that no message can hold"),
            Self::LabelType(byte) => write!(f, "DNS name: no label begins with {byte:#04x}"),
            Self::Pointer => f.write_str("DNS name: a compression pointer that does not point backwards"),
            Self::NameTooLong => f.write_str("DNS name: more than 255 octets"),
            Self::Data(rtype) => write!(f, "DNS record of type {rtype}: data and length disagree"),
            Self::TooMany => f.write_str("DNS message: more questions or records than are read"),
        }
    }
}

impl std::error::Error for DnsError {}

impl From<Short> for DnsError {
    fn from(short: Short) -> Self {
        Self::Short(short)
    }
}

/// Reads a message as leniently as is safe. What precedes the first fault is kept, with [`DnsMessage::cut`] set;
/// refused is only what lacks a whole header, whose header no DNS program writes, or whose very first question is not
/// merely missing but malformed.
pub fn parse(payload: &[u8]) -> Result<DnsMessage, DnsError> {
    Message::open(payload, 0xffff)?.read()
}

/// Reads a message of Multicast DNS (RFC 6762) or LLMNR (RFC 4795): as [`parse`], and the highest bit of classes,
/// which asks for a unicast answer or flushes caches there (RFC 6762 sections 5.4 and 10.2), is cleared.
pub fn parse_link_local(payload: &[u8]) -> Result<DnsMessage, DnsError> {
    let mut message = Message::open(payload, 0x7fff)?.read()?;
    message.link_local = true;
    Ok(message)
}

/// Whether `payload` is a whole DNS message beyond reasonable doubt, on a port that does not say so.
///
/// One question of a plain kind, every count fulfilled, no byte left over, no reserved bit set, and labels of printable
/// characters. NetBIOS names (RFC 1002), which use the same format, are not DNS.
pub fn looks_like(payload: &[u8]) -> bool {
    let Ok(opened) = Message::open(payload, 0xffff) else {
        return false;
    };
    if !opened.header_is_plain() {
        return false;
    }
    let Ok((message, left_over)) = opened.read_all() else {
        return false;
    };
    !message.cut && left_over == 0 && message.questions.iter().all(is_plain_question)
}

fn is_plain_question(question: &DnsQuestion) -> bool {
    let is_class = matches!(question.qclass, 1 | 3 | 4 | 254 | 255);
    let is_type = matches!(question.qtype, 1..=31 | 33..=300 | 32_768 | 32_769 | 65_280..=65_534);
    let name = question.name.as_str();
    is_class && is_type && !name.contains('\\') && !is_netbios(name)
}

/// First-level encoding of a NetBIOS name: 32 letters A to P (RFC 1001 section 14.1).
fn is_netbios(name: &str) -> bool {
    let label = name.split('.').next().unwrap_or_default();
    label.len() == 32 && label.bytes().all(|byte| (b'a'..=b'p').contains(&byte))
}

#[cfg(test)]
mod tests;
