//! Lines that workers rendered and the desk writes, in the desk's order.

use weir_alert::Lines;

/// Lines in one buffer, each with the number that it is sorted by.
#[derive(Debug, Default)]
pub(crate) struct Rendered {
    text: Lines,
    lines: Vec<Line>,
}

/// Where a line is.
#[derive(Clone, Copy, Debug)]
struct Line {
    number: u64,
    start: usize,
    len: usize,
}

impl Rendered {
    /// Adds the line that `render` adds; none if it adds nothing.
    pub(crate) fn add(&mut self, number: u64, render: impl FnOnce(&mut Lines)) {
        let start = self.text.bytes().len();
        render(&mut self.text);
        let len = self.text.bytes().len() - start;
        if len > 0 {
            self.lines.push(Line { number, start, len });
        }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Forgets them, and keeps the memory for others.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.lines.clear();
    }
}

/// All lines by their numbers; those of the same number in the order in which they were added.
pub(crate) fn in_order<'a>(parts: impl Iterator<Item = &'a Rendered>) -> impl Iterator<Item = &'a [u8]> {
    let lines = |part: &'a Rendered| part.lines.iter().map(move |line| (line, part));
    let mut all: Vec<_> = parts.flat_map(lines).collect();
    all.sort_by_key(|(line, _)| line.number);
    all.into_iter().filter_map(|(line, part)| part.text.bytes().get(line.start..line.start + line.len))
}
