//! Domain names as they are compared.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Longest domain name in text form (RFC 1035 section 2.3.4: 255 octets on the wire, less the length bytes).
pub const MAX_NAME_LEN: usize = 253;

/// A domain name in the one form in which names are compared: lower-case ASCII labels (A-labels, RFC 5890)
/// joined by dots, without the trailing dot; the root is the empty name. Bytes of a label that are not
/// printable ASCII, and `.` and `\` inside a label, are written `\DDD` (RFC 4343 section 2.1), so that two different names on
/// the wire are never the same `Name`.
///
/// Unicode is turned into A-labels where people write names (`intel`), never here: the wire carries A-labels.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Arc<str>")]
pub struct Name(Arc<str>);

/// What is no text form of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoName;

impl fmt::Display for NoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no domain name in text form")
    }
}

/// From a text form that may have been tampered with: printable ASCII, no longer than escapes can make it.
impl TryFrom<Arc<str>> for Name {
    type Error = NoName;

    fn try_from(text: Arc<str>) -> Result<Self, NoName> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_plain && text.len() <= 4 * MAX_NAME_LEN { Ok(Self(text)) } else { Err(NoName) }
    }
}

impl Name {
    /// From the labels of a name on the wire, raw bytes, without the root label.
    ///
    /// `None` when the text form would pass [`MAX_NAME_LEN`] by more than escapes can make it (the wire form is
    /// bounded by 255 octets by whoever parses it; this bounds the rest: 4 x 253).
    pub fn from_labels<'a>(labels: impl IntoIterator<Item = &'a [u8], IntoIter: Clone>) -> Option<Self> {
        let labels = labels.into_iter();
        Self::plain(labels.clone()).or_else(|| Self::escaped(labels))
    }

    /// From text in which dots separate labels (SNI, Host header, a list whose names are already A-labels).
    /// Lower-cases, drops one trailing dot, escapes what is not printable ASCII.
    /// `None` for an empty text or one longer than [`MAX_NAME_LEN`] (not counting the trailing dot).
    pub fn from_ascii(text: &[u8]) -> Option<Self> {
        let text = text.strip_suffix(b".").unwrap_or(text);
        if text.is_empty() || text.len() > MAX_NAME_LEN {
            return None;
        }
        Self::from_labels(text.split(|byte| *byte == b'.'))
    }

    /// From labels in which nothing is escaped, as in nearly all names: on the stack, and without a branch per byte.
    fn plain<'a>(labels: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let mut text = [0; MAX_NAME_LEN + 1];
        let mut places = text.iter_mut();
        let mut len = 0;
        let mut is_plain = true;
        for (index, label) in labels.enumerate() {
            if index > 0 {
                *places.next()? = b'.';
                len += 1;
            }
            len += label.len();
            for (byte, place) in label.iter().zip(places.by_ref()) {
                *place = PLAIN.get(usize::from(*byte)).copied().unwrap_or(ESCAPED);
                is_plain &= *place != ESCAPED;
            }
        }
        let text = text.get(..len).filter(|_| is_plain)?;
        str::from_utf8(text).ok().map(|text| Self(text.into()))
    }

    /// From any labels.
    fn escaped<'a>(labels: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let mut text = String::with_capacity(MAX_NAME_LEN);
        for (index, label) in labels.enumerate() {
            if index > 0 {
                text.push('.');
            }
            push_label(&mut text, label);
            if text.len() > 4 * MAX_NAME_LEN {
                return None;
            }
        }
        Some(Self(text.into()))
    }

    /// From the text form of another `Name` ([`Self::as_str`]), as tables keep it that store names without their allocation.
    pub fn from_text_form(text: &str) -> Self {
        Self(text.into())
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The name itself and every name above it, longest first: `a.b.c`, `b.c`, `c`.
    pub fn suffixes(&self) -> impl Iterator<Item = &str> {
        let mut rest = Some(self.as_str()).filter(|name| !name.is_empty());
        std::iter::from_fn(move || {
            let current = rest?;
            rest = current.split_once('.').map(|(_, above)| above);
            Some(current)
        })
    }

    /// Whether this name is `other` or below it, on label boundaries.
    pub fn is_within(&self, other: &Self) -> bool {
        other.is_root() || self.suffixes().any(|suffix| suffix == other.as_str())
    }
}

fn push_label(text: &mut String, label: &[u8]) {
    for &byte in label {
        if is_escaped(byte) {
            text.push('\\');
            text.extend([byte / 100, byte / 10 % 10, byte % 10].map(|digit| char::from(b'0' + digit)));
        } else {
            text.push(char::from(byte.to_ascii_lowercase()));
        }
    }
}

/// Whether a byte of a label is written as its number.
const fn is_escaped(byte: u8) -> bool {
    matches!(byte, b'.' | b'\\' | 0..=0x20 | 0x7f..)
}

/// What stands in [`PLAIN`] for bytes that are written as their number.
const ESCAPED: u8 = 0;

/// How each byte of a label is written.
#[expect(clippy::indexing_slicing, reason = "when compiling; the table has a place for every byte")]
const PLAIN: [u8; 256] = {
    let mut table = [ESCAPED; 256];
    let mut byte = 0_u8;
    while byte < 0x7f {
        if !is_escaped(byte) {
            table[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    table
};

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({})", self.0)
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::from_ascii(text.as_bytes()).unwrap()
    }

    #[test]
    fn one_form_whatever_the_spelling() {
        assert_eq!(name("WWW.Example.ORG."), name("www.example.org"));
        assert_eq!(Name::from_labels([b"a.b".as_slice(), b"c"]).unwrap().as_str(), "a\\046b.c");
        assert_ne!(Name::from_labels([b"a.b".as_slice(), b"c"]).unwrap(), name("a.b.c"));
        assert_eq!(name("caf\u{e9}.fr").as_str(), "caf\\195\\169.fr");
        assert!(Name::from_ascii(b"").is_none());
        assert!(Name::from_ascii(&[b'a'; 254]).is_none());
        assert!(Name::from_labels([]).unwrap().is_root());
        let escaped = Name::from_labels([b"a.b".as_slice(), b"c"]).unwrap();
        assert_eq!(Name::from_text_form(escaped.as_str()), escaped);
    }

    #[test]
    fn every_byte_has_its_form() {
        for byte in 0..=u8::MAX {
            let expected = match byte {
                b'.' | b'\\' | 0..=0x20 | 0x7f.. => format!("ab\\{byte:03}c"),
                _ => format!("ab{}c", char::from(byte).to_ascii_lowercase()),
            };
            let label = [b'A', b'b', byte, b'C'];
            assert_eq!(Name::from_labels([&label[..]]).unwrap().as_str(), expected);
            let in_text = if byte == b'.' { "ab.c" } else { &expected };
            assert_eq!(Name::from_ascii(&label).unwrap().as_str(), in_text);
        }
        let full = [0xff; MAX_NAME_LEN];
        assert_eq!(Name::from_ascii(&full).unwrap().as_str(), "\\255".repeat(MAX_NAME_LEN));
        assert!(Name::from_labels([&full[..], &full[..]]).is_none());
    }

    #[test]
    fn within_is_on_label_boundaries() {
        assert!(name("a.evil.example").is_within(&name("evil.example")));
        assert!(name("evil.example").is_within(&name("evil.example")));
        assert!(!name("notevil.example").is_within(&name("evil.example")));
        assert!(!name("example").is_within(&name("evil.example")));
        assert_eq!(name("a.b.c").suffixes().collect::<Vec<_>>(), ["a.b.c", "b.c", "c"]);
    }
}
