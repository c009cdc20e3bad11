//! A question and its answer (RFC 1035, section 4; RFC 3596).

use std::net::IpAddr;

const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;
const CLASS_IN: u16 = 1;
const FLAGS_QUESTION: u16 = 0x0100;
const FLAGS_ANSWER: u16 = 0x8180;
/// A pointer to the name of the question, which follows the header.
const POINTER_TO_QUESTION: u16 = 0xc00c;

/// Asks for the address of a name.
pub(super) fn question(id: u16, name: &str, is_v6: bool) -> Vec<u8> {
    message(id, FLAGS_QUESTION, name, is_v6, None)
}

/// Answers with one address, of the family that was asked for.
pub(super) fn answer(id: u16, name: &str, ip: IpAddr) -> Vec<u8> {
    message(id, FLAGS_ANSWER, name, ip.is_ipv6(), Some(ip))
}

fn message(id: u16, flags: u16, name: &str, is_v6: bool, answer: Option<IpAddr>) -> Vec<u8> {
    let record_type = if is_v6 { TYPE_AAAA } else { TYPE_A };
    let mut bytes = Vec::with_capacity(name.len() + 64);
    for field in [id, flags, 1, u16::from(answer.is_some()), 0, 0] {
        bytes.extend(field.to_be_bytes());
    }
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes.extend(record_type.to_be_bytes());
    bytes.extend(CLASS_IN.to_be_bytes());
    if let Some(ip) = answer {
        bytes.extend(POINTER_TO_QUESTION.to_be_bytes());
        bytes.extend(record_type.to_be_bytes());
        bytes.extend(CLASS_IN.to_be_bytes());
        bytes.extend(300_u32.to_be_bytes());
        match ip {
            IpAddr::V4(ip) => {
                bytes.extend(4_u16.to_be_bytes());
                bytes.extend(ip.octets());
            }
            IpAddr::V6(ip) => {
                bytes.extend(16_u16.to_be_bytes());
                bytes.extend(ip.octets());
            }
        }
    }
    bytes
}
