//! Which format a file has: told by its first bytes, its name, or whoever names the file.

use crate::RefusalReason;

/// The format of a file of indicators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Plain lists, hosts files and tables; which of them, the lines tell.
    Text,
    /// STIX objects.
    Stix,
    /// MISP events or attributes.
    Misp,
}

/// Tells the format from the first bytes of a file.
pub(crate) fn recognise(head: &[u8]) -> Result<Format, RefusalReason> {
    if head.contains(&0) {
        return Err(RefusalReason::NotText);
    }
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    match head {
        [b'<', ..] => Err(RefusalReason::UnsupportedFormat),
        [b'{', ..] => of_document(head),
        [b'[', rest @ ..] if matches!(rest.trim_ascii_start(), [b'{' | b'"' | b']', ..]) => of_document(head),
        _ => Ok(Format::Text),
    }
}

fn of_document(head: &[u8]) -> Result<Format, RefusalReason> {
    let keys = first_keys(head);
    let has = |name: &str| keys.iter().any(|key| key == name);
    if has("objects") || (has("type") && has("id") && has_stix_id(head)) {
        return Ok(Format::Stix);
    }
    if has("Event") || has("response") || has("Attribute") {
        return Ok(Format::Misp);
    }
    Err(RefusalReason::UnsupportedFormat)
}

/// `"bundle--`, `"indicator--` ...: identifiers that only STIX has.
fn has_stix_id(head: &[u8]) -> bool {
    head.windows(2).any(|pair| pair == b"--")
}

/// Most keys that are looked at.
const MAX_KEYS: usize = 64;

/// The keys of the first object: the document itself, or the first in its list. Read from a part of the document, so that it may
/// end anywhere.
fn first_keys(head: &[u8]) -> Vec<String> {
    let mut keys = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    let base = if head.first() == Some(&b'[') { 2 } else { 1 };
    while let Some(byte) = head.get(at) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth < base {
                    break;
                }
            }
            b'"' => {
                let Some(end) = end_of_text(head, at + 1) else { break };
                let is_key =
                    head.get(end + 1..).unwrap_or_default().trim_ascii_start().first() == Some(&b':');
                if depth == base && is_key && keys.len() < MAX_KEYS {
                    keys.push(
                        String::from_utf8_lossy(head.get(at + 1..end).unwrap_or_default()).into_owned(),
                    );
                }
                at = end;
            }
            _ => {}
        }
        at += 1;
    }
    keys
}

/// Where the text that begins at `start` has its closing quotation mark.
fn end_of_text(head: &[u8], start: usize) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in head.iter().enumerate().skip(start) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_document_or_of_the_first_in_a_list() {
        assert_eq!(
            first_keys(br#"{"a": {"b": 1}, "c\"": [{"d": 2}], "e": "f"} {"g": 1}"#),
            ["a", "c\\\"", "e"]
        );
        assert_eq!(first_keys(br#"[{"a": "x", "b": [1]}, {"c": 1}]"#), ["a", "b"]);
        assert_eq!(first_keys(br#"{"a": 1, "b": [[[{"c"#), ["a", "b"]);
    }
}
