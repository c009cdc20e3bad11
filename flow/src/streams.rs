//! The two byte streams of a TCP connection, put in order as far as a reader wants them.
//!
//! - Bytes already delivered or held are never replaced: of overlapping segments the first copy wins. (Receivers differ
//!   here; a sender who exploits that can show us other bytes than his receiver reads. It costs him a stream that any
//!   careful receiver refuses.)
//! - A segment ahead of a hole is held. The hole is given up when the other side acknowledges what lies behind it (so the
//!   capture lost it), when the caps on held bytes are reached, or when the snap length cut the bytes.
//! - A segment far from what is expected is left alone unless the other side's acknowledgements agree with it or none
//!   were seen: a forged segment cannot drag the stream away, and a long loss is still caught up with.
//! - Without a SYN the stream begins with the first segment seen.

use crate::side::Both;
use crate::tcp::distance;
use std::collections::VecDeque;
use weir_model::observation::Fact;
use weir_wire::inspect::Appetite;
use weir_wire::{Side, StreamInspector};

/// What a held segment costs besides its bytes, so that one-byte segments are bounded too.
const SEGMENT_OVERHEAD_BYTES: usize = 64;

/// Segments further behind than any sensible window (16 MiB) are not repetitions.
const MAX_BEHIND_BYTES: i32 = 16 << 20;

/// Who reads the streams.
pub(crate) trait StreamReader {
    fn push(&mut self, side: Side, bytes: &[u8], learn: &mut dyn FnMut(Fact)) -> Appetite;
    fn gap(&mut self, side: Side) -> Appetite;
}

impl StreamReader for StreamInspector {
    fn push(&mut self, side: Side, bytes: &[u8], learn: &mut dyn FnMut(Fact)) -> Appetite {
        Self::push(self, side, bytes, learn)
    }

    fn gap(&mut self, side: Side) -> Appetite {
        Self::gap(self, side)
    }
}

/// Limits over all streams, what is held of them now, and what happened.
#[derive(Clone, Debug)]
pub(crate) struct StreamBudget {
    pub(crate) held_per_flow: usize,
    pub(crate) held_in_all: usize,
    pub(crate) read_per_flow: u64,
    /// Bytes held now, with their overhead.
    pub(crate) held: usize,
    pub(crate) stats: StreamStats,
}

/// What became of TCP payload that was to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamStats {
    /// Bytes handed to inspectors.
    pub read_bytes: u64,
    /// Bytes that had been delivered, or were held, already.
    pub repeated_bytes: u64,
    /// Bytes that lay too far from what was expected.
    pub astray_bytes: u64,
    /// Bytes that were held and then thrown away, because their reader was done or their flow ended.
    pub unused_bytes: u64,
    /// Holes that were given up.
    pub gaps: u64,
    /// Of these, because a cap on held bytes was reached.
    pub gaps_by_cap: u64,
    /// Flows whose reading stopped at the cap of bytes read per flow.
    pub read_caps_reached: u64,
}

impl StreamStats {
    pub(crate) fn add(&mut self, other: &Self) {
        let Self {
            read_bytes,
            repeated_bytes,
            astray_bytes,
            unused_bytes,
            gaps,
            gaps_by_cap,
            read_caps_reached,
        } = other;
        self.read_bytes += read_bytes;
        self.repeated_bytes += repeated_bytes;
        self.astray_bytes += astray_bytes;
        self.unused_bytes += unused_bytes;
        self.gaps += gaps;
        self.gaps_by_cap += gaps_by_cap;
        self.read_caps_reached += read_caps_reached;
    }
}

/// A segment's payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    /// Sequence number of its first byte.
    pub(crate) sequence: u32,
    /// Its bytes, as far as the frame holds them.
    pub(crate) payload: &'a [u8],
    /// How many there were.
    pub(crate) payload_len: u32,
}

/// Both streams of one connection.
#[derive(Debug)]
pub(crate) struct Streams<R> {
    reader: R,
    halves: Both<Half>,
    held: usize,
    read: u64,
}

#[derive(Debug, Default)]
struct Half {
    /// Sequence number of the byte expected next.
    next: Option<u32>,
    /// The highest acknowledgement that the other side sent.
    acknowledged: Option<u32>,
    delivered: bool,
    done: bool,
    /// Held pieces in order, without overlap, all ahead of `next`.
    held: VecDeque<Piece>,
}

#[derive(Debug)]
struct Piece {
    sequence: u32,
    bytes: Box<[u8]>,
}

impl Piece {
    const fn cost(&self) -> usize {
        self.bytes.len() + SEGMENT_OVERHEAD_BYTES
    }
}

impl<R: StreamReader> Streams<R> {
    /// `first` are the sequence numbers of the first payload bytes, where a handshake told them.
    pub(crate) fn new(reader: R, first: Both<Option<u32>>) -> Self {
        let half = |next| Half { next, ..Half::default() };
        Self { reader, halves: Both { a: half(first.a), b: half(first.b) }, held: 0, read: 0 }
    }

    /// Whether nothing more is to be learnt from either side.
    pub(crate) const fn is_done(&self) -> bool {
        self.halves.a.done && self.halves.b.done
    }

    /// Who reads the two streams.
    pub(crate) const fn reader(&self) -> &R {
        &self.reader
    }

    /// Gives back what is held, at the end of the flow.
    pub(crate) fn close(&mut self, budget: &mut StreamBudget) {
        self.finish_side(Side::A, budget);
        self.finish_side(Side::B, budget);
    }

    /// Takes a segment with payload that `side` sent.
    pub(crate) fn segment(
        &mut self,
        side: Side,
        segment: Segment<'_>,
        budget: &mut StreamBudget,
        learn: &mut dyn FnMut(Fact),
    ) {
        if segment.payload_len == 0 {
            return;
        }
        if self.is_astray(side, segment, budget) {
            budget.stats.astray_bytes += u64::from(segment.payload_len);
            return;
        }
        loop {
            let half = self.halves.of_mut(side);
            if half.done {
                return;
            }
            let next = *half.next.get_or_insert(segment.sequence);
            let ahead = distance(next, segment.sequence);
            if ahead <= 0 {
                let repeated = ahead.unsigned_abs().min(segment.payload_len);
                budget.stats.repeated_bytes += u64::from(repeated);
                return self.deliver_segment(side, segment, budget, learn);
            }
            let cost = segment.payload.len() + SEGMENT_OVERHEAD_BYTES;
            if self.held + cost <= budget.held_per_flow && budget.held + cost <= budget.held_in_all {
                self.hold(side, segment, budget);
                return self.heed_acknowledgement(side, budget, learn);
            }
            budget.stats.gaps_by_cap += 1;
            let resume_at = match half.held.front() {
                Some(piece) if distance(piece.sequence, segment.sequence) > 0 => piece.sequence,
                _ => segment.sequence,
            };
            self.resume(side, resume_at, budget, learn);
        }
    }

    /// Takes an acknowledgement that `side` sent: of bytes of the other side.
    pub(crate) fn acknowledge(
        &mut self,
        side: Side,
        acknowledgement: u32,
        budget: &mut StreamBudget,
        learn: &mut dyn FnMut(Fact),
    ) {
        let half = self.halves.of_mut(side.other());
        if half.acknowledged.is_none_or(|before| distance(before, acknowledgement) > 0) {
            half.acknowledged = Some(acknowledgement);
            self.heed_acknowledgement(side.other(), budget, learn);
        }
    }

    /// Whether the segment is too far from what is expected to be trusted. Where it may be right after all, the stream
    /// is moved to it.
    fn is_astray(&mut self, side: Side, segment: Segment<'_>, budget: &mut StreamBudget) -> bool {
        let half = self.halves.of(side);
        let Some(next) = half.next.filter(|_| !half.done) else {
            return false;
        };
        let ahead_limit = i32::try_from(budget.held_per_flow).unwrap_or(i32::MAX);
        let near = -MAX_BEHIND_BYTES..=ahead_limit;
        if near.contains(&distance(next, segment.sequence)) {
            return false;
        }
        let agrees = |acknowledged| {
            (-ahead_limit..=MAX_BEHIND_BYTES).contains(&distance(acknowledged, segment.sequence))
        };
        if !half.acknowledged.is_none_or(agrees) {
            return true;
        }
        if self.halves.of(side).delivered {
            self.tell_gap(side, budget);
        }
        self.drop_held(side, budget);
        self.halves.of_mut(side).next = Some(segment.sequence);
        false
    }

    /// Delivers a segment that begins at or before the expected byte, then what it makes deliverable. Held bytes that it
    /// overlaps came first and win.
    fn deliver_segment(
        &mut self,
        side: Side,
        segment: Segment<'_>,
        budget: &mut StreamBudget,
        learn: &mut dyn FnMut(Fact),
    ) {
        let end = segment.sequence.wrapping_add(segment.payload_len);
        loop {
            let half = self.halves.of(side);
            let (false, Some(next)) = (half.done, half.next) else {
                return;
            };
            if distance(next, end) <= 0 {
                return;
            }
            let skip = next.wrapping_sub(segment.sequence) as usize;
            let until_held =
                half.held.front().map(|piece| piece.sequence.wrapping_sub(segment.sequence) as usize);
            let stop = until_held.unwrap_or(usize::MAX).min(segment.payload.len());
            let fresh = segment.payload.get(skip..stop).unwrap_or_default();
            if fresh.is_empty() {
                // The snap length cut the rest.
                let behind = match half.held.front() {
                    Some(piece) if distance(piece.sequence, end) > 0 => piece.sequence,
                    _ => end,
                };
                self.resume(side, behind, budget, learn);
            } else {
                self.deliver(side, fresh, budget, learn);
                self.drain(side, budget, learn);
            }
        }
    }

    /// Hands bytes to the reader.
    fn deliver(&mut self, side: Side, bytes: &[u8], budget: &mut StreamBudget, learn: &mut dyn FnMut(Fact)) {
        let half = self.halves.of_mut(side);
        half.next = half.next.map(|next| next.wrapping_add(bytes.len() as u32));
        half.delivered = true;
        self.read += bytes.len() as u64;
        budget.stats.read_bytes += bytes.len() as u64;
        let appetite = self.reader.push(side, bytes, learn);
        if appetite == Appetite::Done {
            self.finish_side(side, budget);
        }
        if self.read > budget.read_per_flow && !self.is_done() {
            budget.stats.read_caps_reached += 1;
            self.finish_side(Side::A, budget);
            self.finish_side(Side::B, budget);
        }
    }

    /// Delivers held pieces as long as they follow.
    fn drain(&mut self, side: Side, budget: &mut StreamBudget, learn: &mut dyn FnMut(Fact)) {
        loop {
            let half = self.halves.of_mut(side);
            let Some(next) = half.next else { return };
            if half.held.front().is_none_or(|piece| distance(next, piece.sequence) > 0) {
                return;
            }
            let Some(piece) = half.held.pop_front() else {
                return;
            };
            self.held -= piece.cost();
            budget.held -= piece.cost();
            let old = next.wrapping_sub(piece.sequence) as usize;
            if let Some(fresh) = piece.bytes.get(old..).filter(|fresh| !fresh.is_empty()) {
                self.deliver(side, fresh, budget, learn);
            }
        }
    }

    /// Holds what of a segment ahead is not held yet.
    fn hold(&mut self, side: Side, segment: Segment<'_>, budget: &mut StreamBudget) {
        let half = self.halves.of_mut(side);
        let Some(next) = half.next else { return };
        // Positions count from the expected byte; everything held lies ahead of it.
        let position = |sequence: u32| sequence.wrapping_sub(next) as usize;
        let first = position(segment.sequence);
        let last = first + segment.payload.len();
        let (mut from, mut index) = (first, 0);
        while from < last {
            let (start, end) = half.held.get(index).map_or((last, last), |piece| {
                let start = position(piece.sequence);
                (start, start + piece.bytes.len())
            });
            let fresh =
                segment.payload.get(from - first..start.clamp(from, last) - first).unwrap_or_default();
            if !fresh.is_empty() {
                let sequence = next.wrapping_add(from as u32);
                let piece = Piece { sequence, bytes: fresh.into() };
                // A segment that fills many small holes costs more overhead than it was let in with.
                if self.held + piece.cost() > budget.held_per_flow {
                    budget.stats.unused_bytes += fresh.len() as u64;
                    return;
                }
                self.held += piece.cost();
                budget.held += piece.cost();
                half.held.insert(index, piece);
                index += 1;
            }
            budget.stats.repeated_bytes += end.min(last).saturating_sub(start.max(from)) as u64;
            from = from.max(end);
            index += 1;
        }
    }

    /// Gives up holes that the other side's acknowledgement has passed.
    fn heed_acknowledgement(&mut self, side: Side, budget: &mut StreamBudget, learn: &mut dyn FnMut(Fact)) {
        loop {
            let half = self.halves.of(side);
            let (Some(acknowledged), Some(piece)) = (half.acknowledged, half.held.front()) else {
                return;
            };
            if half.done || distance(piece.sequence, acknowledged) < 0 {
                return;
            }
            let resume_at = piece.sequence;
            self.resume(side, resume_at, budget, learn);
        }
    }

    /// Gives up the hole before `sequence` and goes on from there.
    fn resume(&mut self, side: Side, sequence: u32, budget: &mut StreamBudget, learn: &mut dyn FnMut(Fact)) {
        self.tell_gap(side, budget);
        self.halves.of_mut(side).next = Some(sequence);
        self.drain(side, budget, learn);
    }

    fn tell_gap(&mut self, side: Side, budget: &mut StreamBudget) {
        budget.stats.gaps += 1;
        if self.reader.gap(side) == Appetite::Done {
            self.finish_side(side, budget);
        }
    }

    fn finish_side(&mut self, side: Side, budget: &mut StreamBudget) {
        self.halves.of_mut(side).done = true;
        self.drop_held(side, budget);
    }

    fn drop_held(&mut self, side: Side, budget: &mut StreamBudget) {
        for piece in std::mem::take(&mut self.halves.of_mut(side).held) {
            self.held -= piece.cost();
            budget.held -= piece.cost();
            budget.stats.unused_bytes += piece.bytes.len() as u64;
        }
    }
}

#[cfg(test)]
mod tests;
