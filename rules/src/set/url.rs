//! The one form in which URLs are compared: see [`super::IndicatorSet::url`].

use std::borrow::Cow;
use std::fmt::Write;

/// The default ports of http and https are the same as none.
pub(super) fn normal_port(port: Option<u16>) -> Option<u16> {
    port.filter(|port| !matches!(port, 80 | 443))
}

/// An IPv6 literal stands without its brackets.
pub(super) fn normal_host(host: &str) -> &str {
    host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host)
}

/// Path and query: at least `/`, no fragment, escapes in upper case, what may not stand in a URL escaped.
pub(super) fn normal_path(path: &str) -> Cow<'_, str> {
    let path = path.split_once('#').map_or(path, |(before, _)| before);
    let normal = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'%');
    if normal {
        return Cow::Borrowed(path);
    }
    let mut text = String::with_capacity(path.len() + 8);
    if !path.starts_with('/') {
        text.push('/');
    }
    let mut bytes = path.as_bytes();
    while let Some((&byte, rest)) = bytes.split_first() {
        bytes = rest;
        match (byte, rest) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                text.extend(
                    ['%', char::from(*high), char::from(*low)].map(|digit| digit.to_ascii_uppercase()),
                );
                bytes = after;
            }
            _ if byte.is_ascii_graphic() => text.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => drop(write!(text, "%{byte:02X}")),
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_form() {
        for (written, normal) in [
            ("", "/"),
            ("/", "/"),
            ("?q=1", "/?q=1"),
            ("/a%2fb", "/a%2Fb"),
            ("/a%2", "/a%2"),
            ("/100%", "/100%"),
            ("/%zz", "/%zz"),
            ("/a b\u{e9}", "/a%20b%C3%A9"),
            ("/a#top", "/a"),
            ("/%41", "/%41"),
            ("/A/../b", "/A/../b"),
        ] {
            assert_eq!(normal_path(written), normal, "{written:?}");
            assert_eq!(normal_path(normal), normal, "twice: {written:?}");
        }
    }

    #[test]
    fn default_ports_are_none() {
        assert_eq!([None, Some(80), Some(443), Some(8080)].map(normal_port), [None, None, None, Some(8080)]);
        assert_eq!(normal_host("[2001:db8::1]"), "2001:db8::1");
    }
}
