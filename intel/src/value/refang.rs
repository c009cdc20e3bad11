//! Defanged notations: the ways in which people write an indicator so that nobody clicks on it.

use std::borrow::Cow;
use weir_model::text::is_invisible;

/// What stands for a character, in lower case, longest first where one begins another.
const NOTATIONS: &[(&str, &str)] = &[
    ("[://]", "://"),
    ("[:]//", "://"),
    ("[:]", ":"),
    ("[/]", "/"),
    ("[.]", "."),
    ("(.)", "."),
    ("{.}", "."),
    ("[dot]", "."),
    ("(dot)", "."),
    ("{dot}", "."),
    (" dot ", "."),
    ("[at]", "@"),
    ("(at)", "@"),
    ("{at}", "@"),
    ("[@]", "@"),
    (" at ", "@"),
    ("\\.", "."),
    // Half a pair, as some tools write `evil[.example`.
    ("[.", "."),
    (".]", "."),
];

/// The text as it was before somebody made it harmless; borrowed where nobody did. Schemes (`hxxp`) are left to the URL.
pub(super) fn refang(text: &str) -> Cow<'_, str> {
    let defanged = |byte: u8| matches!(byte, b'[' | b']' | b'(' | b'{' | b' ' | b'\\' | 0x80..);
    if !text.bytes().any(defanged) || is_bracketed_address(text) {
        return Cow::Borrowed(text);
    }
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if let Some((after, plain)) = notation(rest) {
            result.push_str(plain);
            rest = after;
        } else {
            if !is_invisible(character) {
                result.push(character);
            }
            rest = rest.get(character.len_utf8()..).unwrap_or_default();
        }
    }
    Cow::Owned(result)
}

/// `[2001:db8::1]:443` and the like, whose brackets are meant.
fn is_bracketed_address(text: &str) -> bool {
    text.strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .is_some_and(|(inside, _)| inside.parse::<std::net::Ipv6Addr>().is_ok())
}

fn notation(rest: &str) -> Option<(&str, &'static str)> {
    NOTATIONS.iter().find_map(|&(written, plain)| {
        let head = rest.get(..written.len())?;
        head.eq_ignore_ascii_case(written).then(|| (rest.get(written.len()..).unwrap_or_default(), plain))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notations_are_undone() {
        for written in [
            "evil.example",
            "evil[.]example",
            "evil(.)example",
            "evil{.}example",
            "evil[dot]example",
            "evil(DOT)example",
            "evil dot example",
            "evil\\.example",
            "evil[.example",
            "evil.]example",
            "ev\u{200b}il\u{feff}.exam\u{ad}ple",
        ] {
            assert_eq!(refang(written), "evil.example", "{written}");
        }
        assert_eq!(refang("hxxps[://]evil[.]example[:]8080[/]a"), "hxxps://evil.example:8080/a");
        assert_eq!(refang("joe[at]evil[.]example"), "joe@evil.example");
        assert_eq!(refang("[2001:db8::1]:443"), "[2001:db8::1]:443");
        assert_eq!(refang("1.2.3[.]4"), "1.2.3.4");
    }
}
