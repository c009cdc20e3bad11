//! Domain names as they are compared.

use smallvec::SmallVec;
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
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

impl Name {
    /// From the labels of a name on the wire, raw bytes, without the root label.
    ///
    /// `None` when the text form would pass [`MAX_NAME_LEN`] by more than escapes can make it (the wire form is
    /// bounded by 255 octets by whoever parses it; this bounds the rest: 4 x 253).
    pub fn from_labels<'a>(labels: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut text = Text::new();
        for (index, label) in labels.into_iter().enumerate() {
            if index > 0 {
                text.push(b'.');
            }
            push_label(&mut text, label);
            if text.len() > 4 * MAX_NAME_LEN {
                return None;
            }
        }
        Self::from_ascii_bytes(&text)
    }

    /// From text in which dots separate labels (SNI, Host header, a list whose names are already A-labels).
    /// Lower-cases, drops one trailing dot, escapes what is not printable ASCII.
    /// `None` for an empty text or one longer than [`MAX_NAME_LEN`] (not counting the trailing dot).
    pub fn from_ascii(text: &[u8]) -> Option<Self> {
        let text = text.strip_suffix(b".").unwrap_or(text);
        if text.is_empty() || text.len() > MAX_NAME_LEN {
            return None;
        }
        let mut lower = Text::from_slice(text);
        if !lower_unless(&mut lower, |byte| is_escaped(byte) && byte != b'.') {
            return Self::from_labels(text.split(|byte| *byte == b'.'));
        }
        Self::from_ascii_bytes(&lower)
    }

    /// `None` never happens: everything that is not ASCII was escaped.
    fn from_ascii_bytes(text: &[u8]) -> Option<Self> {
        str::from_utf8(text).ok().map(|text| Self(text.into()))
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

/// A name in the making: on the stack, unless it is full of escapes.
type Text = SmallVec<[u8; 256]>;

fn push_label(text: &mut Text, label: &[u8]) {
    let start = text.len();
    text.extend_from_slice(label);
    if lower_unless(text.get_mut(start..).unwrap_or_default(), is_escaped) {
        return;
    }
    text.truncate(start);
    for &byte in label {
        if is_escaped(byte) {
            text.extend_from_slice(&[b'\\', b'0' + byte / 100, b'0' + byte / 10 % 10, b'0' + byte % 10]);
        } else {
            text.push(byte.to_ascii_lowercase());
        }
    }
}

/// Lower-cases, and says whether there is no byte that is `special`. Without a branch per byte: nearly no name has any.
fn lower_unless(bytes: &mut [u8], special: impl Fn(u8) -> bool) -> bool {
    let mut is_plain = true;
    for byte in bytes {
        is_plain &= !special(*byte);
        byte.make_ascii_lowercase();
    }
    is_plain
}

/// Whether a byte of a label is written as its number.
const fn is_escaped(byte: u8) -> bool {
    matches!(byte, b'.' | b'\\' | 0..=0x20 | 0x7f..)
}

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
