//! Gathers the head of a message from pieces.

use super::head::Fit;

/// Longest head in bytes that is kept. Servers refuse heads beyond 8 to 16 KiB; a longer one is a flood (or a cookie
/// jar): what was kept is reported, and the reader looks for the next request line.
pub(super) const MAX_HEAD_LEN: usize = 16 * 1024;

/// A head that is not whole yet. A head that lies in one piece is never copied.
#[derive(Debug, Default)]
pub(super) struct HeadBuffer {
    bytes: Vec<u8>,
    fits: bool,
}

/// What a piece brought.
pub(super) enum Found<'a> {
    /// The head goes on; so many bytes were used.
    Not(usize),
    /// The head, with the empty line that ends it, and how many bytes of the piece belonged to it.
    Whole(&'a [u8], usize),
    /// The first [`MAX_HEAD_LEN`] bytes of a head that is longer.
    Cut(&'a [u8], usize),
    /// This is no head; these bytes of earlier pieces were held, of this one none was used.
    Misfit(Vec<u8>),
}

impl HeadBuffer {
    /// A head whose first line is known.
    pub(super) fn with(line: Vec<u8>) -> Self {
        Self { bytes: line, fits: true }
    }

    /// The next piece. `fits` says whether bytes can begin a head.
    pub(super) fn push<'a>(&'a mut self, piece: &'a [u8], fits: fn(&[u8]) -> Fit) -> Found<'a> {
        if self.bytes.is_empty() {
            // A server should ignore empty lines before a request (RFC 9112 section 2.2).
            let blank = piece.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            if blank > 0 {
                return Found::Not(blank);
            }
        }
        if !self.fits {
            match self.fit(piece, fits) {
                Fit::No => return Found::Misfit(std::mem::take(&mut self.bytes)),
                Fit::Perhaps => {}
                Fit::Yes => self.fits = true,
            }
        }
        if self.bytes.is_empty() {
            let near = piece.get(..MAX_HEAD_LEN).unwrap_or(piece);
            if let Some(head) = head_end(near, 0).and_then(|end| near.get(..end)) {
                return Found::Whole(head, head.len());
            }
        }
        self.gather(piece)
    }

    /// Everything held so far up to the end of a line, as if the head ended there.
    pub(super) fn cut(&self) -> &[u8] {
        let lines = self.bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        self.bytes.get(..lines).unwrap_or_default()
    }

    fn fit(&self, piece: &[u8], fits: fn(&[u8]) -> Fit) -> Fit {
        if self.bytes.is_empty() {
            return fits(piece);
        }
        let mut start = self.bytes.clone();
        start.extend(piece.iter().take(super::head::MAX_LOOK_LEN));
        fits(&start)
    }

    fn gather(&mut self, piece: &[u8]) -> Found<'_> {
        let before = self.bytes.len();
        let taken = piece.len().min(MAX_HEAD_LEN.saturating_sub(before));
        self.bytes.extend(piece.iter().take(taken));
        if let Some(end) = head_end(&self.bytes, before.saturating_sub(2)) {
            return Found::Whole(self.bytes.get(..end).unwrap_or_default(), end.saturating_sub(before));
        }
        if self.bytes.len() >= MAX_HEAD_LEN {
            return Found::Cut(self.cut(), taken);
        }
        Found::Not(taken)
    }
}

/// Behind the first empty line at or after `from`; lines end in LF, with or without CR before it
/// (RFC 9112 section 2.2).
fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut start = from;
    loop {
        let rest = bytes.get(start..)?;
        let line_end = start + rest.iter().position(|byte| *byte == b'\n')? + 1;
        match bytes.get(line_end..)? {
            [b'\n', ..] => return Some(line_end + 1),
            [b'\r', b'\n', ..] => return Some(line_end + 2),
            _ => start = line_end,
        }
    }
}
