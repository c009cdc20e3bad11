//! Where an IPFIX message ends (RFC 7011 section 3.1).
//!
//! ```text
//!    0                   1                   2                   3
//!   +-------------------------------+-------------------------------+
//!   | version: 10                   | length, this header included  |
//!   +-------------------------------+-------------------------------+
//!   | export time, sequence number, observation domain: 12 bytes    |
//! ```

use super::counts::Ending;

/// The length of a message's header.
const HEADER_BYTES: u16 = 16;

const VERSION: u16 = 10;

/// What a stream goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A message of that many bytes.
    Message(usize),
    /// A part of a message, or nothing.
    Part,
    /// Nothing that could be followed.
    Wrong(Ending),
}

/// Looks at the beginning of what was read; the version counts as soon as it is there.
pub(super) fn next(bytes: &[u8]) -> Next {
    let number = |at: usize| {
        let bytes = bytes.get(at..at + 2)?;
        bytes.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    };
    match (number(0), number(2)) {
        (Some(version), _) if version != VERSION => Next::Wrong(Ending::Version),
        (_, Some(length)) if length < HEADER_BYTES => Next::Wrong(Ending::Length),
        (_, Some(length)) if usize::from(length) <= bytes.len() => Next::Message(length.into()),
        _ => Next::Part,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_by_their_length() {
        let mut message = vec![0, 10, 0, 20];
        message.resize(20, 7);
        for len in 0..20 {
            assert_eq!(next(&message[..len]), Next::Part, "{len}");
        }
        assert_eq!(next(&message), Next::Message(20));
        message.push(0);
        assert_eq!(next(&message), Next::Message(20));
        assert_eq!(next(&[0, 9]), Next::Wrong(Ending::Version));
        assert_eq!(next(&[0, 10, 0, 15]), Next::Wrong(Ending::Length));
        assert_eq!(next(&[0, 10, 0xff]), Next::Part);
        assert_eq!(next(b"GET / HTTP/1.1\r\n"), Next::Wrong(Ending::Version));
    }
}
