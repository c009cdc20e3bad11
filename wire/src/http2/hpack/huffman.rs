//! The Huffman code of HPACK (RFC 7541 appendix B).
//!
//! The code is canonical: of two symbols the one with the shorter code, and among equal lengths the lower one, has the
//! code that is lower. So the lengths say everything.

/// Bits of the longest code.
const MAX_CODE_LEN: usize = 30;

/// Bits of each octet's code. The end-of-string symbol has the last code of 30 bits.
#[rustfmt::skip]
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

/// The codes of one length.
#[derive(Clone, Copy)]
struct Row {
    /// The lowest.
    first: u32,
    /// How many octets have one.
    count: u32,
    /// Where in [`OCTETS`] the octets begin that they stand for.
    start: usize,
}

/// The rows of all lengths, from 0 on, and the octets in the order of their codes.
const CODE: ([Row; MAX_CODE_LEN + 1], [u8; 256]) = build();
static ROWS: [Row; MAX_CODE_LEN + 1] = CODE.0;
static OCTETS: [u8; 256] = CODE.1;

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses an index out of bounds"
)]
const fn build() -> ([Row; MAX_CODE_LEN + 1], [u8; 256]) {
    let mut rows = [Row { first: 0, count: 0, start: 0 }; MAX_CODE_LEN + 1];
    let mut octets = [0; 256];
    let (mut length, mut next_code, mut position) = (1, 0_u32, 0);
    while length <= MAX_CODE_LEN {
        next_code <<= 1;
        rows[length] = Row { first: next_code, count: 0, start: position };
        let mut octet = 0;
        while octet < LENGTHS.len() {
            if LENGTHS[octet] as usize == length {
                octets[position] = octet as u8;
                position += 1;
                next_code += 1;
                rows[length].count += 1;
            }
            octet += 1;
        }
        length += 1;
    }
    (rows, octets)
}

/// Appends to `text` what `coded` stands for. `false` when it is no whole code, or padded in a way that is forbidden
/// (RFC 7541 section 5.2).
pub(super) fn decode(coded: &[u8], text: &mut Vec<u8>) -> bool {
    let (mut code, mut length) = (0_u32, 0_usize);
    for bit in coded.iter().flat_map(|byte| (0..8).rev().map(move |shift| byte >> shift & 1)) {
        code = code << 1 | u32::from(bit);
        length += 1;
        let Some(row) = ROWS.get(length) else {
            return false;
        };
        if let Some(nth) = code.checked_sub(row.first)
            && nth < row.count
        {
            text.extend(OCTETS.get(row.start + nth as usize));
            (code, length) = (0, 0);
        } else if length == MAX_CODE_LEN {
            return false;
        }
    }
    // The padding is the beginning of the end-of-string symbol: ones, fewer than eight.
    length < 8 && code == (1 << length) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code of an octet, and its length.
    fn code_of(octet: u8) -> (u32, usize) {
        let length = usize::from(LENGTHS[usize::from(octet)]);
        let position = OCTETS.iter().position(|other| *other == octet).unwrap();
        (ROWS[length].first + (position - ROWS[length].start) as u32, length)
    }

    #[test]
    fn codes_are_those_of_the_specification() {
        assert_eq!(code_of(b'0'), (0x0, 5));
        assert_eq!(code_of(b'a'), (0x3, 5));
        assert_eq!(code_of(b'z'), (0x7b, 7));
        assert_eq!(code_of(b'|'), (0x7fc, 11));
        assert_eq!(code_of(0), (0x1ff8, 13));
        assert_eq!(code_of(0x80), (0x000f_ffe6, 20));
        assert_eq!(code_of(0xff), (0x03ff_ffee, 26));
        assert_eq!(code_of(22), (0x3fff_fffe, 30));
        // With the end of string, every sequence of bits is a code.
        let taken: u64 = LENGTHS.iter().map(|length| 1 << (MAX_CODE_LEN - usize::from(*length))).sum();
        assert_eq!(taken + 1, 1 << MAX_CODE_LEN);
    }

    #[test]
    fn every_octet_is_read_back_and_wrong_padding_is_refused() {
        let (mut bits, mut pending) = (Vec::new(), Vec::new());
        for octet in 0..=255 {
            let (code, length) = code_of(octet);
            bits.extend((0..length).rev().map(|shift| code >> shift & 1 == 1));
        }
        while bits.len() % 8 != 0 {
            bits.push(true);
        }
        let coded: Vec<u8> = bits
            .chunks(8)
            .map(|eight| eight.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit)))
            .collect();
        assert!(decode(&coded, &mut pending));
        assert_eq!(pending, (0..=255).collect::<Vec<u8>>());
        let refused = |coded: &[u8]| !decode(coded, &mut Vec::new());
        assert!(!refused(b"\x07"));
        assert!(refused(b"\x06"), "zeros");
        assert!(refused(b"\x07\xff"), "more than seven bits");
        assert!(refused(b"\xff\xff\xff\xff"), "the end-of-string symbol");
    }
}
