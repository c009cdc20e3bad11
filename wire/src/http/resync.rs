//! Finds the next request line after the thread was lost: bytes missing, or a length that was not true.

use super::head::ends_with_request_line;

/// Most bytes that are searched. After so much without a request line the connection carries something else (a
/// WebSocket, an upload whose beginning is missing), and searching on would cost every byte of it.
const MAX_SEARCH_LEN: usize = 1024 * 1024;

/// Bytes of the current line that are kept: between this and its half, counted from the end of the line, because a
/// request line may follow a body that does not end in a line end.
const MAX_LINE_LEN: usize = 8 * 1024;

/// A search.
#[derive(Debug, Default)]
pub(super) struct Resync {
    line: Vec<u8>,
    searched: usize,
}

/// How it went.
pub(super) enum Search {
    /// Nothing in all of it.
    All,
    /// A request line (with its end) that ends so many bytes in.
    Found(usize, Vec<u8>),
    /// Nothing, and no more is to be searched.
    GaveUp,
}

impl Resync {
    /// A search in which these bytes were seen already; they hold no complete line that matters.
    pub(super) fn with(seen: &[u8]) -> Self {
        let mut new = Self { line: Vec::new(), searched: seen.len() };
        let last_line = seen.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        new.line.extend_from_slice(last_line);
        new
    }

    /// Searches the next bytes.
    pub(super) fn search(&mut self, bytes: &[u8]) -> Search {
        let mut used = 0;
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            used += piece.len();
            self.searched += piece.len();
            if self.searched > MAX_SEARCH_LEN {
                return Search::GaveUp;
            }
            self.keep(piece);
            if piece.ends_with(b"\n") {
                if let Some(start) = ends_with_request_line(&self.line) {
                    return Search::Found(used, self.line.split_off(start));
                }
                self.line.clear();
            }
        }
        Search::All
    }

    fn keep(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let room = MAX_LINE_LEN.saturating_sub(self.line.len());
            let (now, later) = piece.split_at_checked(room).unwrap_or((piece, &[]));
            self.line.extend_from_slice(now);
            if self.line.len() >= MAX_LINE_LEN {
                self.line.drain(..MAX_LINE_LEN / 2);
            }
            piece = later;
        }
    }
}
