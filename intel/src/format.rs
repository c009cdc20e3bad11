//! Which format a file has: told by its first bytes, its name, or whoever names the file.

use crate::{RefusalReason, adblock, dnsmasq, plain, records, rpz, suricata, zeek};

macro_rules! formats {
    ($($(#[$doc:meta])+ $variant:ident => $keyword:literal;)+) => {
        /// The format of a file of indicators.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Format {
            $($(#[$doc])+ $variant,)+
        }

        impl Format {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As people write it before a path.
            pub const fn keyword(self) -> &'static str {
                match self { $(Self::$variant => $keyword),+ }
            }
        }
    };
}

formats! {
    /// Plain lists, hosts files and tables; which of them, the lines tell.
    Text => "text";
    /// One value a line.
    Plain => "plain";
    /// An address and names a line; the names are meant.
    Hosts => "hosts";
    /// Rows of fields.
    Table => "csv";
    /// Values anywhere in a text.
    Freetext => "freetext";
    /// Filter lists of browsers and DNS filters.
    Adblock => "adblock";
    /// Configuration of dnsmasq.
    Dnsmasq => "dnsmasq";
    /// Response policy zones.
    Rpz => "rpz";
    /// Files of Zeek's intelligence framework.
    Zeek => "zeek";
    /// Suricata's datasets.
    Dataset => "dataset";
    /// Suricata's lists of IP reputation.
    Iprep => "iprep";
    /// JSON objects, one after the other or in a list.
    Json => "json";
    /// The configuration of Unicor or pDNSSOC, for the lists that it names.
    Pdnssoc => "pdnssoc";
    /// MISP events or attributes.
    Misp => "misp";
    /// STIX objects.
    Stix => "stix";
}

impl Format {
    /// From its keyword; `tsv` and `jsonl` are tables and JSON, too.
    pub fn from_keyword(keyword: &str) -> Option<Self> {
        match keyword {
            "tsv" => Some(Self::Table),
            "jsonl" => Some(Self::Json),
            _ => Self::ALL.iter().copied().find(|format| format.keyword() == keyword),
        }
    }

    /// Whether its fields can be laid out.
    pub(crate) fn has_layout(self) -> bool {
        matches!(self, Self::Table | Self::Json)
    }
}

/// Tells the format from the first bytes of a file, the first lines in them, and its name.
pub(crate) fn recognise(head: &[u8], lines: &[&str], name: &str) -> Result<Format, RefusalReason> {
    if head.contains(&0) {
        return Err(RefusalReason::NotText);
    }
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    match head {
        [b'<', ..] => Err(RefusalReason::UnsupportedFormat),
        [b'{', ..] => of_document(head),
        [b'[', rest @ ..] if matches!(rest.trim_ascii_start(), [b'{' | b'"' | b']', ..]) => of_document(head),
        _ => Ok(of_lines(lines, name)),
    }
}

/// How many lines with data are looked at.
const SAMPLE_LINES: usize = 32;

fn of_lines(lines: &[&str], name: &str) -> Format {
    let is_data = |line: &&&str| !line.trim().is_empty() && !plain::is_comment(line.trim_start());
    let data: Vec<&str> = lines.iter().filter(is_data).take(SAMPLE_LINES).map(|line| line.trim()).collect();
    let first = lines.iter().find(|line| !line.trim().is_empty()).copied().unwrap_or_default();
    let is_named_reputation = name.contains("iprep") || name.contains("reputation");
    if zeek::is_one(lines) {
        Format::Zeek
    } else if adblock::is_one(&data, first) {
        Format::Adblock
    } else if dnsmasq::is_one(&data) {
        Format::Dnsmasq
    } else if rpz::is_one(&data) {
        Format::Rpz
    } else if suricata::is_dataset(&data) {
        Format::Dataset
    } else if is_named_reputation && suricata::is_reputation(&data) {
        Format::Iprep
    } else {
        Format::Text
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
    if records::is_one(keys.iter().map(String::as_str)) {
        return Ok(Format::Json);
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
