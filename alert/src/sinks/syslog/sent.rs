//! What was sent lately. The receiver's kernel has it; whether the receiver has read it is known to nobody.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Most bytes kept, the newest: what fits into a receiver's socket buffers by their usual size.
const MAX_BYTES: usize = 4 << 20;

/// Messages as they were sent.
pub(super) struct Sent {
    keep: Duration,
    messages: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
    /// The connection broke, and these were not sent again yet.
    is_unsure: bool,
}

impl Sent {
    pub(super) const fn new(keep: Duration) -> Self {
        Self { keep, messages: VecDeque::new(), bytes: 0, is_unsure: false }
    }

    /// Remembers what was sent.
    pub(super) fn add(&mut self, messages: Vec<Vec<u8>>, now: Instant) {
        for message in messages {
            self.bytes += message.len();
            self.messages.push_back((now, message));
        }
        self.forget_old(now);
        while self.bytes > MAX_BYTES && self.forget_first() {}
    }

    /// The connection broke: what was sent lately is to be sent again, however long that takes.
    pub(super) fn broke(&mut self, now: Instant) {
        if !self.is_unsure {
            self.forget_old(now);
            self.is_unsure = !self.messages.is_empty();
        }
    }

    /// Whether something is to be sent again.
    pub(super) const fn is_unsure(&self) -> bool {
        self.is_unsure
    }

    /// Sends it again, if something is.
    pub(super) fn again<E>(&mut self, send: impl FnOnce(&[Vec<u8>]) -> Result<(), E>) -> Result<(), E> {
        if !self.is_unsure {
            return Ok(());
        }
        let messages: Vec<_> = self.messages.iter().map(|(_, message)| message.clone()).collect();
        send(&messages)
    }

    /// It was sent again.
    pub(super) fn all_sent(&mut self, now: Instant) {
        if self.is_unsure {
            self.is_unsure = false;
            self.messages.iter_mut().for_each(|(time, _)| *time = now);
        }
    }

    fn forget_old(&mut self, now: Instant) {
        while self.messages.front().is_some_and(|(time, _)| now.saturating_duration_since(*time) > self.keep)
        {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) -> bool {
        let first = self.messages.pop_front();
        self.bytes -= first.as_ref().map_or(0, |(_, message)| message.len());
        first.is_some()
    }
}
