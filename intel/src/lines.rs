//! Lines of a file that a stranger wrote: of any length, encoding and line ending.

use crate::RefusalReason;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

/// Longest line that is looked at. Exports quote whole comments, so it is generous; a longer line (a binary file, a file
/// without line ends, made to fill memory) is skipped without being held, and refused as `line_too_long`.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// From 1.
    pub(crate) number: u32,
    /// The text: UTF-8, or read as Latin-1 where it is not.
    pub(crate) text: Result<String, RefusalReason>,
}

/// Reads lines one after the other; lines that were read too early can be given back.
pub(crate) struct Lines<R> {
    reader: R,
    number: u32,
    returned: VecDeque<Line>,
    spare: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, number: 0, returned: VecDeque::new(), spare: Vec::new() }
    }

    /// The next line; `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line>> {
        if let Some(line) = self.returned.pop_front() {
            return Ok(Some(line));
        }
        let mut bytes = std::mem::take(&mut self.spare);
        bytes.clear();
        let read = self.reader.by_ref().take(MAX_LINE_BYTES as u64 + 1).read_until(b'\n', &mut bytes)?;
        if read == 0 {
            return Ok(None);
        }
        self.number = self.number.saturating_add(1);
        let number = self.number;
        if bytes.last() != Some(&b'\n') && bytes.len() > MAX_LINE_BYTES {
            self.reader.skip_until(b'\n')?;
            return Ok(Some(Line { number, text: Err(RefusalReason::LineTooLong) }));
        }
        while matches!(bytes.last(), Some(b'\n' | b'\r')) {
            bytes.pop();
        }
        Ok(Some(Line { number, text: Ok(decode(bytes, number)) }))
    }

    /// Gives back lines, to be read next, in this order.
    pub(crate) fn give_back(&mut self, lines: Vec<Line>) {
        for line in lines.into_iter().rev() {
            self.returned.push_front(line);
        }
    }

    /// Takes the memory of a line that is done with, for the next one.
    pub(crate) fn recycle(&mut self, line: String) {
        self.spare = line.into_bytes();
    }
}

fn decode(bytes: Vec<u8>, number: u32) -> String {
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|error| error.into_bytes().iter().copied().map(char::from).collect());
    match text.strip_prefix('\u{feff}') {
        Some(rest) if number == 1 => rest.to_owned(),
        _ => text,
    }
}

/// Text of the first bytes of a file, without a last line that is cut.
pub(crate) fn sample(head: &[u8], whole: bool) -> Vec<Cow<'_, str>> {
    let end = if whole { head.len() } else { head.iter().rposition(|byte| *byte == b'\n').unwrap_or(0) };
    let head = head.get(..end).unwrap_or_default();
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    head.split(|byte| *byte == b'\n')
        .map(|line| match std::str::from_utf8(line) {
            Ok(text) => Cow::Borrowed(text.trim_end_matches('\r')),
            Err(_) => Cow::Owned(line.iter().copied().map(char::from).collect()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<(u32, Result<String, RefusalReason>)> {
        let mut lines = Lines::new(bytes);
        std::iter::from_fn(|| lines.next().unwrap()).map(|line| (line.number, line.text)).collect()
    }

    #[test]
    fn endings_marks_and_encodings() {
        let read = all(b"\xef\xbb\xbfa\r\nb\n\nm\xfcller\nlast");
        let texts: Vec<_> = read.iter().map(|(_, text)| text.as_ref().unwrap().as_str()).collect();
        assert_eq!(texts, ["a", "b", "", "m\u{fc}ller", "last"]);
        assert_eq!(read.last().unwrap().0, 5);
    }

    #[test]
    fn an_endless_line_is_skipped_and_the_next_one_read() {
        let mut bytes = vec![b'x'; 3 * MAX_LINE_BYTES];
        bytes.extend(b"\nevil.example\n");
        assert_eq!(all(&bytes), [(1, Err(RefusalReason::LineTooLong)), (2, Ok("evil.example".to_owned()))]);
        let exact = vec![b'x'; MAX_LINE_BYTES];
        assert!(all(&exact)[0].1.is_ok());
    }
}
