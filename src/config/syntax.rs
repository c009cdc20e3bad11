//! Where a file is no TOML: what the parser complains of, as somebody would say it who looks at the line.

use super::document::line_of;
use super::form::Form;
use super::keys;
use super::mistake::Mistake;
use std::ops::Range;
use toml::de::DeValue;

/// What was meant, from the parser's message, the place it names, and what stands there.
pub(super) fn explain(text: &str, message: &str, span: Option<Range<usize>>) -> Mistake {
    let at = span.map_or(0, |span| span.start).min(text.len());
    let number = line_of(text, at);
    let line = Line::new(text.lines().nth(number - 1).unwrap_or_default());
    let (what, remedy) = said(text, message, &line, number);
    Mistake::at(Some(number), what, remedy)
}

/// A line that is no TOML.
struct Line<'a> {
    /// Without space around it.
    whole: &'a str,
    /// What stands before and behind `=`, without a comment.
    parts: Option<(&'a str, &'a str)>,
}

impl<'a> Line<'a> {
    fn new(line: &'a str) -> Self {
        let whole = line.trim();
        let parts = whole.split_once('=').map(|(key, value)| (key.trim(), without_comment(value).trim()));
        Self { whole, parts }
    }

    fn key(&self) -> &'a str {
        self.parts.map_or("KEY", |(key, _)| key)
    }

    fn value(&self) -> &'a str {
        self.parts.map_or("", |(_, value)| value)
    }

    fn is_header(&self) -> bool {
        self.whole.starts_with('[')
    }
}

fn without_comment(value: &str) -> &str {
    if value.contains(['"', '\'']) { value } else { value.split('#').next().unwrap_or_default() }
}

type Said = (String, String);

fn said(text: &str, message: &str, line: &Line<'_>, number: usize) -> Said {
    of_order(text, message, line, number)
        .or_else(|| of_the_line(line))
        .or_else(|| of_quotes(message, line))
        .or_else(|| of_lists(text, message, line, number))
        .or_else(|| of_value(message, line))
        .unwrap_or_else(|| {
            let what = format!("is no TOML: {message}");
            (
                what,
                "write KEY = VALUE, or [TABLE]; `weir config example` shows how all keys are written"
                    .to_owned(),
            )
        })
}

#[expect(clippy::unnecessary_wraps, reason = "what the functions return that look for a reason")]
fn pair(what: impl Into<String>, remedy: impl Into<String>) -> Option<Said> {
    Some((what.into(), remedy.into()))
}

/// Other languages than TOML, and what word processors make of it.
fn of_the_line(line: &Line<'_>) -> Option<Said> {
    let whole = line.whole;
    if let Some(mark) = ["//", ";", "--", "/*"].into_iter().find(|mark| whole.starts_with(mark)) {
        return pair(format!("`{mark}` begins no comment here"), "write # before what is a comment");
    }
    if whole.contains(['“', '”', '„', '‘', '’', '«', '»']) {
        return pair("has typographic quotation marks", "write straight ones: \"...\"");
    }
    if whole.starts_with(['{', '}']) {
        return pair("looks like JSON", "write TOML: KEY = VALUE, one in each line");
    }
    if let Some(rest) = whole.strip_prefix("- ") {
        return pair(
            "looks like YAML",
            format!("write TOML: KEY = [\"{}\"] for a list", rest.split(':').next_back()?.trim()),
        );
    }
    if line.is_header() && line.parts.is_none() {
        return of_header(whole);
    }
    let (key, rest) = whole.split_once(':')?;
    let key = key.trim_matches('"');
    let is_word = |word: &str| {
        !word.is_empty() && word.chars().all(|letter| letter.is_alphanumeric() || "_-.".contains(letter))
    };
    match rest.trim() {
        _ if !is_word(key) => None,
        "" => pair("TOML has no `:` after a key", format!("write [{key}] for a table, or {key} = VALUE")),
        value => {
            let value = quoted(value.trim_end_matches(','));
            pair("TOML has `=` between key and value, not `:`", format!("write {key} = {value}"))
        }
    }
}

fn of_header(whole: &str) -> Option<Said> {
    let name = without_comment(whole).trim().trim_matches(['[', ']']).trim();
    let name = name.split_whitespace().collect::<Vec<_>>().join(".");
    let is_closed = whole.contains(']');
    let what = if is_closed { "is no header of a table" } else { "a header of a table ends with ]" };
    pair(what, format!("write [{name}], with letters, digits, - and _ in its parts"))
}

fn of_quotes(message: &str, line: &Line<'_>) -> Option<Said> {
    if message.contains("escaped value") || message.contains("escape") {
        return pair(
            "`\\` begins an escape between \"...\"",
            "write '...' with single quotes, or \\\\ for each \\",
        );
    }
    let is_open =
        message.starts_with("invalid basic string") || message.starts_with("invalid literal string");
    if is_open && line.value().starts_with(['"', '\'', '[', '{']) {
        return pair(
            "a text is not closed: its second quotation mark is not in this line, or not the same as its first",
            "close it: \"...\"",
        );
    }
    None
}

/// What is there twice, or not where it belongs.
fn of_order(text: &str, message: &str, line: &Line<'_>, number: usize) -> Option<Said> {
    if message.starts_with("duplicate key") {
        return pair_twice(text, line, number);
    }
    None
}

/// What has no end, and what has no `=`.
fn of_lists(text: &str, message: &str, line: &Line<'_>, number: usize) -> Option<Said> {
    if message.starts_with("key with no value") {
        return no_value(line);
    }
    if message.contains("between array elements") || message.starts_with("unclosed array") {
        let begun = text.lines().take(number).collect::<Vec<_>>();
        let begun =
            begun.iter().rposition(|line| line.split_once('=').is_some_and(|(_, value)| value.contains('[')));
        let where_begun = match begun {
            Some(index) if index + 1 != number => format!("the list that begins in line {}", index + 1),
            _ => "this list".to_owned(),
        };
        let what = format!("{where_begun} has no comma between two values, or no ] at its end");
        return pair(what, "write [\"one\", \"two\"]");
    }
    if message.starts_with("unclosed inline table") {
        return pair("a table in braces is not closed", "write } behind its last value");
    }
    None
}

fn no_value(line: &Line<'_>) -> Option<Said> {
    if let Some((key, value)) = line.parts.filter(|(key, _)| key.contains(char::is_whitespace)) {
        let key = key.split_whitespace().collect::<Vec<_>>().join("_");
        return pair("a key has no spaces in it", format!("write {key} = {value}"));
    }
    let (key, value) = line.whole.split_once(char::is_whitespace).unwrap_or((line.whole, "VALUE"));
    pair("there is no `=`", format!("write {key} = {}", quoted(value.trim())))
}

fn pair_twice(text: &str, line: &Line<'_>, number: usize) -> Option<Said> {
    let is_same = |other: &str| {
        let other = Line::new(other);
        if line.is_header() {
            other.whole == line.whole
        } else {
            other.parts.is_some() && other.key() == line.key()
        }
    };
    let first = text.lines().take(number - 1).collect::<Vec<_>>().iter().rposition(|other| is_same(other));
    let where_else = first.map_or(String::new(), |index| format!(", first in line {}", index + 1));
    if line.is_header() {
        let what = format!("the table {} is given twice{where_else}", line.whole);
        return pair(what, "put the keys of both below one header, or give this one another name");
    }
    pair(format!("`{}` is given twice{where_else}", line.key()), "leave one of them out")
}

/// Values that are not written as TOML wants it.
fn of_value(message: &str, line: &Line<'_>) -> Option<Said> {
    let (key, value) = line.parts?;
    if key.is_empty() {
        return pair("there is no key before `=`", "write KEY = VALUE");
    }
    let is_of_value = ["string values must", "invalid ", "unexpected ", "`_` may only", "extra"];
    if !is_of_value.iter().any(|begin| message.starts_with(begin)) {
        return None;
    }
    if value.is_empty() {
        return pair(format!("`{key}` has no value"), format!("write {key} = VALUE, or leave the line out"));
    }
    let bare = value.trim_end_matches([';', ',']).trim();
    match bare.to_ascii_lowercase().as_str() {
        _ if bare != value && !value.starts_with('[') => {
            return pair(
                "nothing follows a value",
                format!("write {key} = {} without `;` or `,`", quoted(bare)),
            );
        }
        word @ ("true" | "yes" | "on") => return switch(key, bare, word, "true"),
        word @ ("false" | "no" | "off" | "none") => return switch(key, bare, word, "false"),
        _ => {}
    }
    if value.starts_with('[') {
        let inner = value.trim_start_matches('[').trim_end_matches(']');
        let listed: Vec<_> =
            inner.split(',').map(str::trim).filter(|one| !one.is_empty()).map(quoted).collect();
        let remedy = format!("write {key} = [{}]", listed.join(", "));
        return pair("a text in a list stands in quotation marks", remedy);
    }
    if bare.starts_with(['"', '\'', '{']) {
        return pair("something follows the value", "write one key in a line, and a comment behind #");
    }
    if bare.contains('=') {
        return pair("there are two keys in one line", "write one in a line");
    }
    let takes = key.rsplit('.').next().map(keys::forms_of).unwrap_or_default();
    let is_fit = |form: &Form| form.check(&DeValue::String(bare.into())).is_ok();
    match takes.first().filter(|_| !takes.iter().any(is_fit)) {
        Some(form) if !matches!(form, Form::List(_)) => {
            pair(format!("`{bare}` is nothing that `{key}` takes"), format!("write {}", form.wants()))
        }
        Some(Form::List(_)) => pair(
            "a list stands in [ ], and a text in it in quotation marks",
            format!("write {key} = [\"{bare}\"]"),
        ),
        _ => {
            let text = if bare.contains('"') { "..." } else { bare };
            pair(
                "text, times, sizes and addresses stand in quotation marks",
                format!("write {key} = \"{text}\""),
            )
        }
    }
}

fn switch(key: &str, bare: &str, word: &str, meant: &str) -> Option<Said> {
    let or_text = if word == "off" || word == "none" {
        format!(", or \"{word}\" where that is a word of this key")
    } else {
        String::new()
    };
    pair(format!("`{bare}` is no value"), format!("write {key} = {meant}{or_text}"))
}

/// As TOML has it.
fn quoted(value: &str) -> String {
    let is_done = value.starts_with(['"', '\'', '[', '{'])
        || value.parse::<f64>().is_ok()
        || ["true", "false"].contains(&value);
    if is_done { value.to_owned() } else { format!("\"{value}\"") }
}
