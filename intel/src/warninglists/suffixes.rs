//! The public suffix list.

use super::read;
use std::borrow::Cow;
use std::path::Path;

/// The text of a public suffix list (publicsuffix.org) with its names as A-labels, or why the file is none.
pub fn public_suffixes(path: &Path) -> Result<String, String> {
    let bytes = read(path)?;
    let text = String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
    if !text.contains("===BEGIN ICANN DOMAINS===") {
        return Err("no public suffix list: the line ===BEGIN ICANN DOMAINS=== is missing".to_owned());
    }
    let lines = text.lines().map(|line| if line.starts_with("//") { line.into() } else { a_labels(line) });
    Ok(lines.fold(String::with_capacity(text.len()), |out, line| out + &line + "\n"))
}

/// A name or rule in which Unicode is written as A-labels; what cannot be stays as it is and meets nothing.
pub(super) fn a_labels(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let marks = text.len() - text.trim_start_matches(['!', '*', '.']).len();
    let (mark, name) = text.split_at(marks);
    match idna::domain_to_ascii(name.trim()) {
        Ok(name) => Cow::Owned(format!("{mark}{name}")),
        Err(_) => Cow::Borrowed(text),
    }
}
