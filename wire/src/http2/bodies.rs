//! DNS messages that lie in the bodies of streams (RFC 8484), put together.

use crate::dns;
use std::collections::VecDeque;
use weir_model::observation::DnsMessage;

/// Longest DNS message, and so the longest body that is joined (RFC 8484 section 6). A longer one is none.
const MAX_BODY_LEN: usize = 65_535;

/// Bodies of one direction that are joined at once. Servers send each answer in one or two frames; who opens streams
/// and ends none pushes out only his own, the oldest first.
pub(super) const MAX_BODIES: usize = 16;

/// Bytes that the bodies of one direction hold together: two of the longest messages. Beyond, the oldest is dropped.
pub(super) const MAX_HELD_BYTES: usize = 2 * MAX_BODY_LEN;

/// What is known of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Its type says that it is a DNS message.
    Dns,
    /// The fields could not be read: it may be one.
    Unknown,
}

/// The bodies of one direction that have not ended.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    /// The oldest first.
    open: VecDeque<Body>,
    held: usize,
    dropped: u32,
}

#[derive(Debug)]
struct Body {
    stream: u32,
    content: Content,
    bytes: Vec<u8>,
}

impl Bodies {
    /// A body follows on a stream.
    pub(super) fn begin(&mut self, stream: u32, content: Content) {
        self.forget(stream);
        if self.open.len() >= MAX_BODIES {
            self.drop_oldest();
        }
        self.open.push_back(Body { stream, content, bytes: Vec::new() });
    }

    /// A part of a stream's body.
    pub(super) fn append(&mut self, stream: u32, bytes: &[u8]) {
        let Some(body) = self.open.iter().find(|body| body.stream == stream) else {
            return;
        };
        if body.bytes.len() + bytes.len() > MAX_BODY_LEN {
            self.dropped = self.dropped.saturating_add(1);
            self.forget(stream);
            return;
        }
        while self.held + bytes.len() > MAX_HELD_BYTES && self.open.len() > 1 {
            self.drop_oldest();
        }
        if let Some(body) = self.open.iter_mut().find(|body| body.stream == stream) {
            body.bytes.extend_from_slice(bytes);
            self.held += bytes.len();
        }
    }

    /// A stream ended: the message in its body, if that is one.
    pub(super) fn end(&mut self, stream: u32) -> Option<DnsMessage> {
        let body = self.take(stream)?;
        let fits = match body.content {
            Content::Dns => !body.bytes.is_empty(),
            Content::Unknown => dns::looks_like(&body.bytes),
        };
        if fits { dns::parse(&body.bytes).ok() } else { None }
    }

    /// A stream has no body, or none that matters.
    pub(super) fn forget(&mut self, stream: u32) {
        self.take(stream);
    }

    /// Whether a stream's body is being joined.
    #[cfg(test)]
    fn has(&self, stream: u32) -> bool {
        self.open.iter().any(|body| body.stream == stream)
    }

    /// Bodies that were dropped because a cap was reached, since this was asked last.
    pub(super) fn take_dropped(&mut self) -> u32 {
        std::mem::take(&mut self.dropped)
    }

    fn take(&mut self, stream: u32) -> Option<Body> {
        let position = self.open.iter().position(|body| body.stream == stream)?;
        let body = self.open.remove(position)?;
        self.held = self.held.saturating_sub(body.bytes.len());
        Some(body)
    }

    fn drop_oldest(&mut self) {
        if let Some(body) = self.open.pop_front() {
            self.held = self.held.saturating_sub(body.bytes.len());
            self.dropped = self.dropped.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b"\0\0\x01\0\0\x01\0\0\0\0\0\0\x01a\x07example\0\0\x01\0\x01";

    #[test]
    fn a_message_in_pieces() {
        let mut bodies = Bodies::default();
        bodies.begin(1, Content::Dns);
        bodies.append(1, &MESSAGE[..9]);
        bodies.append(3, b"not joined");
        bodies.append(1, &MESSAGE[9..]);
        assert_eq!(bodies.end(1).unwrap().questions[0].name.as_str(), "a.example");
        assert_eq!((bodies.end(1), bodies.held), (None, 0));
    }

    #[test]
    fn of_an_unknown_kind_only_a_whole_message_counts() {
        for (content, counts) in [(Content::Dns, true), (Content::Unknown, false)] {
            let mut bodies = Bodies::default();
            bodies.begin(1, content);
            bodies.append(1, MESSAGE);
            bodies.append(1, b"more");
            assert_eq!(bodies.end(1).is_some(), counts, "{content:?}");
        }
        let mut bodies = Bodies::default();
        bodies.begin(1, Content::Unknown);
        bodies.append(1, MESSAGE);
        assert!(bodies.end(1).is_some());
    }

    #[test]
    fn what_is_held_is_bounded_and_the_oldest_goes() {
        let mut bodies = Bodies::default();
        for stream in 1..=MAX_BODIES as u32 + 1 {
            bodies.begin(stream, Content::Dns);
            bodies.append(stream, MESSAGE);
        }
        assert_eq!((bodies.take_dropped(), bodies.has(1), bodies.has(2)), (1, false, true));
        for stream in 2..5 {
            bodies.append(stream, &vec![0; MAX_BODY_LEN - MESSAGE.len()]);
            assert!(bodies.held <= MAX_HELD_BYTES);
        }
        assert_eq!((bodies.has(2), bodies.has(4)), (false, true));
        bodies.take_dropped();
        bodies.append(4, b"x");
        assert_eq!((bodies.has(4), bodies.take_dropped()), (false, 1));
    }
}
