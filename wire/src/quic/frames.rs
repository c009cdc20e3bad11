//! The frames that Initial packets may hold (RFC 9000 sections 12.4 and 19).

use super::header::varint;
use crate::cursor::Cursor;

/// Calls `each` with offset and bytes of every CRYPTO frame. Stops at the first frame that does not belong into an
/// Initial packet or is cut.
pub(super) fn for_each_crypto(payload: &[u8], mut each: impl FnMut(u64, &[u8])) {
    let mut cursor = Cursor::new(payload);
    while let Some(frame_type) = varint(&mut cursor) {
        let read = match frame_type {
            PADDING => cursor.skip(padding_len(cursor.rest())).ok(),
            // PING
            0x01 => Some(()),
            0x02 | 0x03 => skip_ack(&mut cursor, frame_type == 0x03),
            0x06 => crypto(&mut cursor, &mut each),
            // CONNECTION_CLOSE: nothing of use follows.
            _ => None,
        };
        if read.is_none() {
            return;
        }
    }
}

const PADDING: u64 = 0x00;

/// Most of the padding that `bytes` begin with; what is left of it is read one by one. A client pads its first packet to
/// 1,200 bytes.
fn padding_len(bytes: &[u8]) -> usize {
    const STEP: usize = 16;
    STEP * bytes.as_chunks::<STEP>().0.iter().take_while(|chunk| **chunk == [0; STEP]).count()
}

fn crypto(cursor: &mut Cursor<'_>, each: &mut impl FnMut(u64, &[u8])) -> Option<()> {
    let offset = varint(cursor)?;
    let length = usize::try_from(varint(cursor)?).ok()?;
    each(offset, cursor.take(length).ok()?);
    Some(())
}

/// ACK (section 19.3): largest, delay, count of further ranges, first range, the ranges, and counts for ECN.
fn skip_ack(cursor: &mut Cursor<'_>, with_ecn: bool) -> Option<()> {
    varint(cursor)?;
    varint(cursor)?;
    let ranges = varint(cursor)?;
    varint(cursor)?;
    let numbers = ranges.checked_mul(2)?.checked_add(if with_ecn { 3 } else { 0 })?;
    for _ in 0..numbers {
        varint(cursor)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crypto_frames_between_others_are_found() {
        let payload = [
            0, 0, 1, 0x02, 9, 0, 1, 0, 5, 5, 0x06, 0x40, 0x04, 2, b'a', b'b', 0x03, 1, 0, 0, 0, 1, 2, 3,
            0x06, 0, 1, b'c',
        ];
        let mut seen = Vec::new();
        for_each_crypto(&payload, |offset, bytes| seen.push((offset, bytes.to_vec())));
        assert_eq!(seen, [(4, b"ab".to_vec()), (0, b"c".to_vec())]);
    }

    #[test]
    fn padding_of_any_length_is_passed_over() {
        for len in 0..70 {
            let payload =
                [&vec![0; len][..], &[0x06, 0, 1, b'a'], &vec![0; len], &[0x06, 1, 1, b'b']].concat();
            let mut seen = Vec::new();
            for_each_crypto(&payload, |offset, bytes| seen.push((offset, bytes.to_vec())));
            assert_eq!(seen, [(0, b"a".to_vec()), (1, b"b".to_vec())], "{len}");
        }
    }

    #[test]
    fn a_frame_that_is_cut_or_foreign_ends_the_walk() {
        let count = |payload: &[u8]| {
            let mut frames = 0;
            for_each_crypto(payload, |_, _| frames += 1);
            frames
        };
        assert_eq!(count(&[0x06, 0, 1, b'a', 0x06, 0, 9, b'a']), 1);
        assert_eq!(count(&[0x08, 0x06, 0, 1, b'a']), 0);
        assert_eq!(
            count(&[0x02, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0x06, 0, 1, b'a']),
            0
        );
    }
}
