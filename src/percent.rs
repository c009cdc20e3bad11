//! Percent-encoding of what stands in the query of a request (RFC 3986, section 2.1).

use std::fmt::Write as _;

/// Text as it may stand in a query.
pub(crate) fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

/// The text; a percent sign without two digits behind it stands for itself, and what is not UTF-8 is replaced.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        let (decoded, behind) = match (byte, behind) {
            (b'%', [high, low, behind @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, behind),
                _ => (byte, rest.get(1..).unwrap_or_default()),
            },
            (byte, behind) => (byte, behind),
        };
        bytes.push(decoded);
        rest = behind;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_comes_back() {
        for text in ["", "a b&c=d", "https://evil.example/x?y=%41#z", "b\u{fc}cher", "100%"] {
            assert_eq!(decode(&encode(text)), text);
        }
        assert_eq!(encode("a/b c"), "a%2Fb%20c");
        assert_eq!((decode("%zz%4"), decode("%41%ff")), ("%zz%4".to_owned(), "A\u{fffd}".to_owned()));
    }
}
