//! Plain lists: one value per line, with comments; and hosts files, where the value comes second.

use crate::collect::{Collector, Origin};
use crate::lines::Lines;
use crate::linewise::{LineOut, described};
use crate::value;
use crate::{RefusalReason, text};
use std::io::{self, BufRead};
use std::net::IpAddr;
use std::sync::Arc;
use weir_model::{Context, IndicatorValue};

/// Reads all lines. `has_header`: the first line that is no comment is the name of the only column.
pub(crate) fn read<R: BufRead>(
    lines: &mut Lines<R>,
    has_header: bool,
    origin: &Origin,
    collector: &mut Collector<'_>,
) -> io::Result<()> {
    let mut remarks = Remarks::default();
    let mut header_due = has_header;
    while let Some(line) = lines.next()? {
        collector.line();
        let text = match line.text {
            Ok(text) => text,
            Err(reason) => {
                collector.refuse(origin, line.number, "", reason);
                continue;
            }
        };
        let trimmed = text.trim();
        if remarks.take(trimmed) || std::mem::take(&mut header_due) {
            collector.without_value();
        } else {
            let entry = Entry { origin, line: line.number, remarks: &remarks };
            entry.read(trimmed, collector);
        }
        lines.recycle(text);
    }
    Ok(())
}

/// What a line is when it begins so. `!` begins comments in lists for browsers.
pub(crate) fn is_comment(line: &str) -> bool {
    line.starts_with(['#', ';', '!']) || line.starts_with("//")
}

/// What comment lines say of the values below them.
#[derive(Default)]
struct Remarks {
    /// The comment line right above, until the next blank line.
    heading: Option<Arc<str>>,
    /// `# Reference: https://...`, until the next such line.
    reference: Option<Arc<str>>,
}

impl Remarks {
    /// Takes a line that holds no value.
    fn take(&mut self, line: &str) -> bool {
        if line.is_empty() {
            self.heading = None;
            return true;
        }
        if !is_comment(line) {
            return false;
        }
        let text = line.trim_matches(|c: char| {
            matches!(c, '#' | ';' | '!' | '/' | '-' | '=' | '*') || c.is_whitespace()
        });
        match text.get(..10) {
            Some(word) if word.eq_ignore_ascii_case("reference:") => {
                self.reference = text.get(10..).and_then(text::shared);
            }
            _ => self.heading = text::shared(text),
        }
        true
    }
}

/// A line of a hosts file, whatever its address: `192.0.2.80 evil.example www.evil.example # why`.
pub(crate) fn hosts_line(line: &str, out: &mut LineOut<'_, '_>) {
    let (body, comment) = line.trim().split_once('#').unwrap_or((line.trim(), ""));
    let mut words = body.split_whitespace();
    let Some(address) = words.next() else { return };
    if address.parse::<IpAddr>().is_err() {
        return out.refuse(line, RefusalReason::BadRow);
    }
    for name in words {
        out.value(name, value::parse(name), described(comment));
    }
}

struct Entry<'a> {
    origin: &'a Origin,
    line: u32,
    remarks: &'a Remarks,
}

impl Entry<'_> {
    fn read(&self, line: &str, collector: &mut Collector<'_>) {
        let (body, comment) = split_comment(line);
        let (first, rest) = split_word(body);
        if is_sink(first) && !rest.is_empty() {
            for name in rest.split_whitespace() {
                self.store(name, value::parse(name), comment, collector);
            }
            return;
        }
        match value_and_rest(body, first, rest) {
            Ok((value, rest)) => {
                let rest = rest
                    .trim_matches(|c: char| matches!(c, ';' | ',' | '|' | '#' | '"') || c.is_whitespace());
                self.store(body, Ok(value), if rest.is_empty() { comment } else { rest }, collector);
            }
            Err(reason) => self.store(body, Err(reason), comment, collector),
        }
    }

    fn store(
        &self,
        text: &str,
        value: Result<IndicatorValue, RefusalReason>,
        comment: &str,
        collector: &mut Collector<'_>,
    ) {
        match value {
            Ok(value) => {
                let context = Context {
                    source: Arc::clone(&self.origin.source),
                    line: Some(self.line),
                    description: text::shared(comment).or_else(|| self.remarks.heading.clone()),
                    reference: self.remarks.reference.clone(),
                    ..Context::default()
                };
                collector.value(self.origin, self.line, text, value, context);
            }
            Err(reason) => collector.refuse(self.origin, self.line, text, reason),
        }
    }
}

/// `value # comment`: a comment sign counts after white space only, because it may stand in a URL.
fn split_comment(line: &str) -> (&str, &str) {
    let mut previous_is_space = false;
    for (at, character) in line.char_indices() {
        let (before, after) = line.split_at_checked(at).unwrap_or((line, ""));
        if previous_is_space && (matches!(character, '#' | ';') || after.starts_with("//")) {
            return (before.trim_end(), after.trim_start_matches(['#', ';', '/']).trim());
        }
        previous_is_space = character.is_whitespace();
    }
    (line, "")
}

fn split_word(text: &str) -> (&str, &str) {
    text.split_once(char::is_whitespace).map_or((text, ""), |(word, rest)| (word, rest.trim_start()))
}

/// Addresses to which hosts files send what they block.
fn is_sink(word: &str) -> bool {
    matches!(word, "0.0.0.0" | "127.0.0.1" | "::" | "::1" | "::0" | "0:0:0:0:0:0:0:0" | "0:0:0:0:0:0:0:1")
}

/// The value at the beginning of a line, and what follows it: `value`, `value count`, `value;comment`, `value,comment`.
fn value_and_rest<'a>(
    body: &'a str,
    first: &'a str,
    rest: &'a str,
) -> Result<(IndicatorValue, &'a str), RefusalReason> {
    let spaced = |word: &str| word.eq_ignore_ascii_case("dot") || word.eq_ignore_ascii_case("at");
    if rest.split_whitespace().next().is_some_and(spaced) {
        return value::parse(body).map(|value| (value, ""));
    }
    // The whole word first: `;` and `,` may stand in a URL.
    let whole = value::parse(first);
    match (whole, first.split_once([';', ',', '|', '#'])) {
        (Ok(value), _) => Ok((value, rest)),
        (Err(_), Some((head, _))) if !head.is_empty() => {
            let tail = body.get(head.len()..).unwrap_or_default();
            value::parse(head).map(|value| (value, tail))
        }
        (Err(reason), _) => Err(reason),
    }
}
