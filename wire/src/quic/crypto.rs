//! The CRYPTO stream: handshake bytes that arrive in any order, joined from the beginning.

use arrayvec::ArrayVec;

/// Most bytes of a handshake that are joined. A ClientHello with post-quantum key shares has about 1.8 KiB; bytes
/// behind the cap are left out, and a message that needs them is never read.
pub const MAX_CRYPTO_LEN: usize = 16 * 1024;

/// Most pieces that may wait for the bytes before them. Chrome cuts its ClientHello into a dozen and shuffles them; a
/// piece beyond the cap is left out.
pub const MAX_CRYPTO_RANGES: usize = 64;

/// Joins pieces of a handshake: QUIC's CRYPTO frames, or the fragments of a DTLS message.
#[derive(Debug, Default)]
pub struct CryptoStream {
    bytes: Vec<u8>,
    /// What is there: sorted, with holes between.
    ranges: ArrayVec<Range, MAX_CRYPTO_RANGES>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    start: u16,
    end: u16,
}

impl CryptoStream {
    /// Adds a piece. Where pieces overlap, the earlier one counts.
    pub fn insert(&mut self, offset: u64, piece: &[u8]) {
        let Some(start) = usize::try_from(offset).ok().filter(|start| *start < MAX_CRYPTO_LEN) else {
            return;
        };
        let piece = piece.get(..MAX_CRYPTO_LEN - start).unwrap_or(piece);
        let end = start + piece.len();
        let before = self.ranges.iter().take_while(|range| usize::from(range.end) < start).count();
        let touched =
            self.ranges.iter().skip(before).take_while(|range| usize::from(range.start) <= end).count();
        if piece.is_empty() || touched == 0 && self.ranges.is_full() {
            return;
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        let mut merged = Range { start: start as u16, end: end as u16 };
        let mut from = start;
        for range in self.ranges.drain(before..before + touched) {
            copy(&mut self.bytes, piece, start, from, usize::from(range.start));
            from = from.max(usize::from(range.end));
            merged = Range { start: merged.start.min(range.start), end: merged.end.max(range.end) };
        }
        copy(&mut self.bytes, piece, start, from, end);
        // There is room: either something was drained, or it was checked above.
        let _ = self.ranges.try_insert(before, merged);
    }

    /// The bytes from the beginning up to the first hole.
    pub fn contiguous(&self) -> &[u8] {
        let end =
            self.ranges.first().filter(|range| range.start == 0).map_or(0, |range| usize::from(range.end));
        self.bytes.get(..end).unwrap_or_default()
    }
}

/// Copies what `piece`, which begins at `start`, has between `from` and `to`.
fn copy(bytes: &mut [u8], piece: &[u8], start: usize, from: usize, to: usize) {
    if let Some(target) = bytes.get_mut(from..to)
        && let Some(source) = piece.get(from - start..to - start)
    {
        target.copy_from_slice(source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pieces_join_in_any_order_and_the_first_counts() {
        let mut stream = CryptoStream::default();
        stream.insert(6, b"ghi");
        stream.insert(2, b"cd");
        assert_eq!(stream.contiguous(), b"");
        stream.insert(0, b"abXXefXX");
        assert_eq!(stream.contiguous(), b"abcdefghi");
        stream.insert(3, b"zzz");
        assert_eq!(stream.contiguous(), b"abcdefghi");
    }

    #[test]
    fn both_caps_hold() {
        let mut stream = CryptoStream::default();
        stream.insert(u64::MAX, b"x");
        stream.insert(MAX_CRYPTO_LEN as u64 - 1, b"xyz");
        assert_eq!(stream.bytes.len(), MAX_CRYPTO_LEN);
        for piece in 0..100 {
            stream.insert(10 + 2 * piece, b"x");
        }
        assert_eq!(stream.ranges.len(), MAX_CRYPTO_RANGES);
        stream.insert(0, &[b'y'; 200]);
        assert_eq!((stream.contiguous().len(), stream.ranges.len()), (200, 2));
    }

    proptest! {
        #[test]
        fn equals_a_map_of_bytes(pieces in proptest::collection::vec((0_u64..60, proptest::collection::vec(any::<u8>(), 0..12)), 0..20)) {
            let mut stream = CryptoStream::default();
            let mut model = std::collections::BTreeMap::new();
            for (offset, bytes) in &pieces {
                stream.insert(*offset, bytes);
                for (at, byte) in (*offset..).zip(bytes) {
                    model.entry(at).or_insert(*byte);
                }
            }
            let expected: Vec<u8> = (0..).map_while(|at| model.get(&at).copied()).collect();
            prop_assert_eq!(stream.contiguous(), expected);
        }
    }
}
