//! The frames that Initial packets may hold (RFC 9000 sections 12.4 and 19).

use super::header::varint;
use crate::cursor::Cursor;

/// Calls `each` with offset and bytes of every CRYPTO frame. Stops at the first frame that does not belong into an
/// Initial packet or is cut.
pub(super) fn for_each_crypto(payload: &[u8], mut each: impl FnMut(u64, &[u8])) {
    let mut cursor = Cursor::new(payload);
    while let Some(frame_type) = varint(&mut cursor) {
        let read = match frame_type {
            // PADDING, PING
            0x00 | 0x01 => Some(()),
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
