//! Bytes of a frame from some header on: those captured, and how many there were on the wire.

use super::stats::{Layer, Reason, Undecodable};

/// Every header is read from the front of a span. When the snap length cut the frame, `bytes` is shorter than
/// `wire_len`, and an error says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'a> {
    bytes: &'a [u8],
    wire_len: usize,
}

impl<'a> Span<'a> {
    /// `bytes` captured of `wire_len`.
    pub(super) fn new(bytes: &'a [u8], wire_len: usize) -> Self {
        Self { bytes, wire_len: wire_len.max(bytes.len()) }
    }

    /// What was captured.
    pub(super) const fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// How long it was on the wire, or how long a header claims that it was.
    pub(super) const fn wire_len(self) -> usize {
        self.wire_len
    }

    /// The upper four bits of the first byte: the version, in IP.
    pub(super) fn first_nibble(self) -> Option<u8> {
        self.bytes.first().map(|byte| byte >> 4)
    }

    /// The next `N` bytes, and what follows them.
    pub(super) fn head<const N: usize>(self, layer: Layer) -> Result<([u8; N], Self), Undecodable> {
        match self.bytes.split_first_chunk::<N>() {
            Some((head, rest)) => Ok((*head, Self { bytes: rest, wire_len: self.wire_len - N })),
            None => Err(self.short(layer, N)),
        }
    }

    /// What follows the next `count` bytes.
    pub(super) fn skip(self, count: usize, layer: Layer) -> Result<Self, Undecodable> {
        match self.bytes.get(count..) {
            Some(rest) => Ok(Self { bytes: rest, wire_len: self.wire_len - count }),
            None => Err(self.short(layer, count)),
        }
    }

    /// What follows the next `count` bytes, nothing if there are fewer.
    pub(super) fn after(self, count: usize) -> Self {
        let bytes = self.bytes.get(count..).unwrap_or_default();
        Self { bytes, wire_len: self.wire_len.saturating_sub(count) }
    }

    /// At most `len` bytes: what is behind them is padding or a trailer.
    pub(super) fn limit(self, len: usize) -> Self {
        Self { bytes: self.bytes.get(..len).unwrap_or(self.bytes), wire_len: self.wire_len.min(len) }
    }

    /// `len` bytes, as a header claims, however many there are.
    pub(super) fn claimed(self, len: usize) -> Self {
        Self { bytes: self.bytes.get(..len).unwrap_or(self.bytes), wire_len: len }
    }

    fn short(self, layer: Layer, needed: usize) -> Undecodable {
        let reason = if self.wire_len >= needed { Reason::Cut } else { Reason::Short };
        let clamp = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        Undecodable { layer, reason, needed: clamp(needed), had: clamp(self.bytes.len()) }
    }
}
