//! What a member can be: text, numbers, times, addresses.

use super::{Text, address, time};
use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::net::IpAddr;
use weir_model::{Name, Timestamp};

/// Something that is written as a JSON value.
pub(crate) trait Value {
    /// Appends it.
    fn write(self, text: &mut Text);
}

/// Text, in quotes.
impl Value for &str {
    #[inline]
    fn write(self, text: &mut Text) {
        text.bytes.push(b'"');
        escape(self, &mut text.bytes);
        text.bytes.push(b'"');
    }
}

impl Value for &Name {
    #[inline]
    fn write(self, text: &mut Text) {
        self.as_str().write(text);
    }
}

impl Value for Cow<'_, str> {
    #[inline]
    fn write(self, text: &mut Text) {
        (&*self).write(text);
    }
}

/// Text that is put together on the way (`format_args!`), without being a `String` first.
impl Value for fmt::Arguments<'_> {
    fn write(self, text: &mut Text) {
        text.bytes.push(b'"');
        // Only a Display that gives up by itself could fail, and none here does.
        Escaped(&mut text.bytes).write_fmt(self).unwrap_or_default();
        text.bytes.push(b'"');
    }
}

struct Escaped<'a>(&'a mut Vec<u8>);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(text, self.0);
        Ok(())
    }
}

impl Value for bool {
    #[inline]
    fn write(self, text: &mut Text) {
        text.bytes.extend_from_slice(if self { b"true" } else { b"false" });
    }
}

macro_rules! integers {
    ($($integer:ty),*) => {
        $(impl Value for $integer {
            #[inline]
            fn write(self, text: &mut Text) {
                text.bytes.extend_from_slice(itoa::Buffer::new().format(self).as_bytes());
            }
        })*
    };
}

integers!(u8, u16, u32, i64);

/// At most 2^63 - 1, the largest `long` of ECS: stores refuse events with a larger one, and routers can tell of any number.
impl Value for u64 {
    #[inline]
    fn write(self, text: &mut Text) {
        i64::try_from(self).unwrap_or(i64::MAX).write(text);
    }
}

/// A word of our own: printable ASCII without anything to escape.
pub(crate) struct Keyword(pub &'static str);

impl Value for Keyword {
    #[inline]
    fn write(self, text: &mut Text) {
        text.bytes.push(b'"');
        text.bytes.extend_from_slice(self.0.as_bytes());
        text.bytes.push(b'"');
    }
}

/// A number that ECS wants as text, in quotes.
pub(crate) struct Digits(pub u16);

impl Value for Digits {
    #[inline]
    fn write(self, text: &mut Text) {
        text.bytes.push(b'"');
        self.0.write(text);
        text.bytes.push(b'"');
    }
}

/// Text of our own making, in quotes: printable ASCII without anything to escape.
pub(crate) struct Ascii<const BYTES: usize>(pub [u8; BYTES]);

impl<const BYTES: usize> Value for Ascii<BYTES> {
    #[inline]
    fn write(self, text: &mut Text) {
        text.bytes.push(b'"');
        text.bytes.extend_from_slice(&self.0);
        text.bytes.push(b'"');
    }
}

/// RFC 3339, in quotes.
impl Value for Timestamp {
    fn write(self, text: &mut Text) {
        text.bytes.push(b'"');
        time::write(self, text);
        text.bytes.push(b'"');
    }
}

/// A time in milliseconds since 1970, as OCSF has times.
pub(crate) struct Millis(pub Timestamp);

impl Value for Millis {
    #[inline]
    fn write(self, text: &mut Text) {
        (self.0.as_nanos() / 1_000_000).write(text);
    }
}

/// A time as Suricata writes it, in quotes: `2026-09-09T12:26:41.123456+0000`.
pub(crate) struct EveTime(pub Timestamp);

impl Value for EveTime {
    #[inline]
    fn write(self, text: &mut Text) {
        text.bytes.push(b'"');
        time::write_for_eve(self.0, text);
        text.bytes.push(b'"');
    }
}

/// A time up to the second and without zone, in quotes, as Suricata writes the validity of certificates.
pub(crate) struct Seconds(pub Timestamp);

impl Value for Seconds {
    fn write(self, text: &mut Text) {
        text.bytes.push(b'"');
        time::whole_seconds(self.0, text);
        text.bytes.push(b'"');
    }
}

/// As text, in quotes.
impl Value for IpAddr {
    #[inline]
    fn write(self, text: &mut Text) {
        text.bytes.push(b'"');
        address::write(self, &mut text.bytes);
        text.bytes.push(b'"');
    }
}

/// Bytes in lower-case hexadecimal.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Hex<'a>(pub &'a [u8]);

/// Bytes in upper-case hexadecimal.
pub(crate) struct UpperHex<'a>(pub &'a [u8]);

impl Value for Hex<'_> {
    fn write(self, text: &mut Text) {
        hexadecimal(self.0, *b"0123456789abcdef", &mut text.bytes);
    }
}

impl Value for UpperHex<'_> {
    fn write(self, text: &mut Text) {
        hexadecimal(self.0, *b"0123456789ABCDEF", &mut text.bytes);
    }
}

fn hexadecimal(bytes: &[u8], digits: [u8; 16], out: &mut Vec<u8>) {
    let digit = |nibble: u8| digits.get(usize::from(nibble)).copied().unwrap_or_default();
    out.push(b'"');
    out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]));
    out.push(b'"');
}

/// Appends text with what RFC 8259 section 7 wants escaped: quotes, backslashes, control characters. Most text has none of them.
#[inline]
fn escape(text: &str, out: &mut Vec<u8>) {
    let (words, rest) = text.as_bytes().as_chunks();
    let in_words = words.iter().any(|word| has_to_escape(u64::from_ne_bytes(*word)));
    if in_words || rest.iter().any(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\')) {
        escape_each(text, out);
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

/// Whether one of eight bytes is to be escaped. That a byte is zero, or below some limit, shows in a borrow into its
/// highest bit where that was not set before (Bit Twiddling Hacks: "Determine if a word has a byte less than n").
#[inline]
const fn has_to_escape(word: u64) -> bool {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    const fn has_less(word: u64, limit: u8) -> u64 {
        word.wrapping_sub(EACH * limit as u64) & !word
    }
    let quotes = has_less(word ^ (EACH * b'"' as u64), 1);
    let backslashes = has_less(word ^ (EACH * b'\\' as u64), 1);
    (has_less(word, 0x20) | quotes | backslashes) & (EACH * 0x80) != 0
}

#[cold]
fn escape_each(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        let short = match byte {
            b'"' | b'\\' => byte,
            0x08 => b'b',
            0x09 => b't',
            0x0a => b'n',
            0x0c => b'f',
            0x0d => b'r',
            0..0x20 => {
                out.extend_from_slice(if byte < 0x10 { b"\\u000" } else { b"\\u001" });
                let low = byte & 0xf;
                out.push(if low < 10 { b'0' + low } else { b'a' + low - 10 });
                continue;
            }
            _ => {
                out.push(byte);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', short]);
    }
}
