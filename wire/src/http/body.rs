//! The body of a message, to be skipped (RFC 9112 sections 6 and 7).

/// A body that is being skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// Content-Length: so many bytes are left.
    Length(u64),
    /// Chunked transfer coding.
    Chunked(Chunk),
}

/// Where in a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// In the size of a chunk: its value so far, and how many digits that were.
    Size(u64, u8),
    /// Behind the size, in extensions or before the end of the line; so many bytes of it so far.
    SizeRest(u64, u16),
    /// In data: so many bytes are left.
    Data(u64),
    /// Between the data and the line end behind it.
    DataEnd,
    /// In the trailer section: length of the current line, and bytes of the section so far.
    Trailer(u16, u16),
}

/// Longest chunk extension, and longest trailer section, in bytes: real ones are some dozen. Whoever sends more has
/// made us lose track, and is skipped until the next request line.
const MAX_CHUNK_EXTRA_LEN: u16 = 4_096;

/// How far a body reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skip {
    /// All bytes belong to it, and it goes on.
    All,
    /// It ended after so many bytes.
    Ended(usize),
    /// It made no sense from here.
    Broken(usize),
}

impl Body {
    /// A chunked body from its beginning.
    pub(super) const CHUNKED: Self = Self::Chunked(Chunk::Size(0, 0));

    /// Skips what belongs to it.
    pub(super) fn skip(&mut self, bytes: &[u8]) -> Skip {
        match self {
            Self::Length(left) => match skip_counted(left, bytes) {
                Some(used) => Skip::Ended(used),
                None => Skip::All,
            },
            Self::Chunked(chunk) => skip_chunks(chunk, bytes),
        }
    }
}

fn skip_chunks(chunk: &mut Chunk, bytes: &[u8]) -> Skip {
    let mut rest = bytes;
    while let Some((&byte, behind)) = rest.split_first() {
        if let Chunk::Data(left) = chunk {
            let Some(used) = skip_counted(left, rest) else {
                return Skip::All;
            };
            *chunk = Chunk::DataEnd;
            rest = rest.get(used..).unwrap_or_default();
            continue;
        }
        let used = bytes.len() - behind.len();
        match step(*chunk, byte) {
            Step::To(next) => *chunk = next,
            Step::Ended => return Skip::Ended(used),
            Step::Broken => return Skip::Broken(used),
        }
        rest = behind;
    }
    Skip::All
}

enum Step {
    To(Chunk),
    Ended,
    Broken,
}

/// One byte of everything but the data.
fn step(chunk: Chunk, byte: u8) -> Step {
    match (chunk, byte) {
        (Chunk::Size(value, digits), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') if digits < 16 => {
            let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
            Step::To(Chunk::Size(value << 4 | digit, digits + 1))
        }
        (Chunk::Size(_, 0), _) => Step::Broken,
        (Chunk::Size(0, _) | Chunk::SizeRest(0, _), b'\n') => Step::To(Chunk::Trailer(0, 0)),
        (Chunk::Size(value, _) | Chunk::SizeRest(value, _), b'\n') => Step::To(Chunk::Data(value)),
        (Chunk::Size(value, _), b'\r' | b';' | b' ' | b'\t') => Step::To(Chunk::SizeRest(value, 0)),
        (Chunk::SizeRest(value, length), _) if length < MAX_CHUNK_EXTRA_LEN => {
            Step::To(Chunk::SizeRest(value, length + 1))
        }
        (Chunk::DataEnd, b'\r') => Step::To(Chunk::DataEnd),
        (Chunk::DataEnd, b'\n') => Step::To(Chunk::Size(0, 0)),
        (Chunk::Trailer(0, _), b'\n') => Step::Ended,
        (Chunk::Trailer(_, total), b'\n') => Step::To(Chunk::Trailer(0, total)),
        (Chunk::Trailer(line, total), b'\r') => Step::To(Chunk::Trailer(line, total)),
        (Chunk::Trailer(line, total), _) if total < MAX_CHUNK_EXTRA_LEN => {
            Step::To(Chunk::Trailer(line + 1, total + 1))
        }
        _ => Step::Broken,
    }
}

/// Takes what `left` counts from `bytes`; `Some(taken)` when that is all of it.
fn skip_counted(left: &mut u64, bytes: &[u8]) -> Option<usize> {
    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
    *left -= taken as u64;
    (*left == 0).then_some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunked_body_ends_where_its_trailer_does() {
        let bytes = b"5;x=y\r\nhello\r\n0\r\nExpires: now\r\n\r\nGET /";
        for cut in 0..bytes.len() - 5 {
            let mut body = Body::CHUNKED;
            assert_eq!(body.skip(&bytes[..cut]), Skip::All, "{cut}");
            assert_eq!(body.skip(&bytes[cut..]), Skip::Ended(bytes.len() - 5 - cut));
        }
    }

    #[test]
    fn nonsense_is_broken_not_followed() {
        let chunked = |bytes: &[u8]| {
            let mut body = Body::CHUNKED;
            body.skip(bytes)
        };
        assert_eq!(chunked(b"hello"), Skip::Broken(1));
        assert_eq!(chunked(b"2\r\nabX"), Skip::Broken(6));
        assert_eq!(chunked(b"11112222333344445"), Skip::Broken(17));
        assert_eq!(Body::Length(3).skip(b"ab"), Skip::All);
        assert_eq!(Body::Length(3).skip(b"abcd"), Skip::Ended(3));
    }
}
