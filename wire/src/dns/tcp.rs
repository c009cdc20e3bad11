//! DNS over TCP (RFC 1035 section 4.2.2, RFC 7766): messages behind a two-byte length.

use super::{DnsError, parse};
use crate::inspect::Appetite;
use weir_model::observation::DnsMessage;

/// The most that one direction of a connection holds: a length field and the longest message. It follows from the
/// format; memory is only taken for bytes that came.
pub const MAX_TCP_BUFFER_BYTES: usize = LENGTH_LEN + 65_535;

const LENGTH_LEN: usize = 2;

/// One direction of a DNS connection.
#[derive(Debug, Default)]
pub struct TcpReader {
    /// The beginning of a message that is not whole yet, with its length field; empty between messages.
    partial: Vec<u8>,
    refused: Option<DnsError>,
}

impl TcpReader {
    /// At the beginning of the stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next bytes of the stream; `each` is called for every message that they complete. After anything that is not
    /// DNS there is no way to find the next message: [`Appetite::Done`], and [`Self::refused`] says why.
    pub fn push(&mut self, mut bytes: &[u8], each: &mut dyn FnMut(DnsMessage)) -> Appetite {
        while self.refused.is_none() && !bytes.is_empty() {
            if self.partial.is_empty()
                && let Some((message, rest)) = split_message(bytes)
            {
                self.finish(message, each);
                bytes = rest;
                continue;
            }
            bytes = self.fill(bytes);
            let held = std::mem::take(&mut self.partial);
            match split_message(&held) {
                Some((message, _)) => self.finish(message, each),
                None => self.partial = held,
            }
        }
        if self.refused.is_some() { Appetite::Done } else { Appetite::More }
    }

    /// Why reading ended, if it did.
    pub const fn refused(&self) -> Option<DnsError> {
        self.refused
    }

    /// Bytes held for the next message.
    pub fn held(&self) -> usize {
        self.partial.len()
    }

    /// Takes from `bytes` what the message at hand lacks, and returns the rest.
    fn fill<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        // First the length field, then what it says.
        for _ in 0..2 {
            let wanted = match self.partial.first_chunk::<LENGTH_LEN>() {
                Some(length) => LENGTH_LEN + usize::from(u16::from_be_bytes(*length)),
                None => LENGTH_LEN,
            };
            let lacking = wanted.saturating_sub(self.partial.len()).min(bytes.len());
            if let Some((now, later)) = bytes.split_at_checked(lacking) {
                self.partial.extend_from_slice(now);
                bytes = later;
            }
        }
        bytes
    }

    fn finish(&mut self, message: &[u8], each: &mut dyn FnMut(DnsMessage)) {
        match parse(message) {
            Ok(message) => each(message),
            Err(error) => self.refused = Some(error),
        }
    }
}

/// The first message in `bytes`, if it is whole, and what follows it.
fn split_message(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_LEN>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}
