//! Text with hostile values in it, for places where people and programs click: chats and mails.
//!
//! Addresses and URLs are written so that no program makes a link of them, fetches them for a preview, or calls somebody by name, and so that
//! people (and Weir's own readers of indicators) know them still: `hxxp[:]//evil[.]example`.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use weir_model::text::printable;

/// A stranger's text on one line: cut to about `max_bytes`, nothing invisible left, and defanged.
pub(crate) fn defanged(text: &str, max_bytes: usize) -> String {
    let shown = printable(text, max_bytes);
    let mut defanged = String::with_capacity(shown.len() + 16);
    let mut rest = shown.as_str();
    while let Some(start) = rest.find(is_of_host) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|letter| !is_of_host(letter)).unwrap_or(from.len());
        let (token, after) = from.split_at(end);
        before.chars().for_each(|letter| push(letter, &mut defanged));
        push_token(token, after.starts_with("://"), &mut defanged);
        rest = after;
        if let Some(after_scheme) = rest.strip_prefix("://") {
            defanged.push_str("[:]//");
            rest = after_scheme;
        }
    }
    rest.chars().for_each(|letter| push(letter, &mut defanged));
    defanged
}

/// What host names and addresses are made of.
fn is_of_host(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '-' | '_') || is_dot(letter)
}

fn push(letter: char, to: &mut String) {
    if letter == '@' { to.push_str("[at]") } else { to.push(letter) }
}

/// A word, or what may be a host or an address.
fn push_token(token: &str, is_scheme: bool, to: &mut String) {
    if is_scheme && token.len() >= 4 && token.is_char_boundary(4) {
        let (start, end) = token.split_at(4);
        if start.eq_ignore_ascii_case("http") {
            let _ = write!(to, "hxxp{end}");
            return;
        }
    }
    if is_number(token) || is_near(token) {
        return to.push_str(token);
    }
    let mut letters = token.chars().peekable();
    let mut is_inside = false;
    while let Some(letter) = letters.next() {
        // The dot at the end of a sentence is none of a name.
        let joins = is_dot(letter) && is_inside && letters.peek().is_some_and(|next| !is_dot(*next));
        if joins {
            to.push_str("[.]");
        } else {
            to.push(letter);
        }
        is_inside = !is_dot(letter);
    }
}

/// Also those that are not ASCII, which browsers take for one (UTS 46).
fn is_dot(letter: char) -> bool {
    matches!(letter, '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}')
}

/// `1.2`, as in `1.2 kB`, and `40.25Z`, as at the end of a time.
fn is_number(token: &str) -> bool {
    let token = token.trim_end_matches('.');
    let token = token.strip_suffix('Z').unwrap_or(token);
    let mut parts = token.split('.');
    let digits = |part: Option<&str>| part.is_none_or(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    digits(parts.next()) && digits(parts.next()) && parts.next().is_none()
}

/// An address that means something inside only: nobody's bad server.
fn is_near(token: &str) -> bool {
    token
        .trim_end_matches('.')
        .parse::<Ipv4Addr>()
        .is_ok_and(|ip| ip.is_private() || ip.is_loopback() || ip.is_link_local())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_click() {
        for (text, expected) in [
            ("10.1.2.3 sent 1.2 kB to 203.0.113.5.", "10.1.2.3 sent 1.2 kB to 203[.]0[.]113[.]5."),
            ("asked for evil.example (list 4).", "asked for evil[.]example (list 4)."),
            ("HTTPS://u:p@evil.example:8/a.php", "hxxpS[:]//u:p[at]evil[.]example:8/a[.]php"),
            ("ftp://x y://", "ftp[:]//x y[:]//"),
            ("@all @channel <!channel>", "[at]all [at]channel <!channel>"),
            ("evil\u{3002}example", "evil[.]example"),
            ("www.evil.example...", "www[.]evil[.]example..."),
            ("a\u{202e}b\nc", "a\\u{202e}b\\nc"),
            ("2001:db8::1 2025-11-22T08:30:00.25Z", "2001:db8::1 2025-11-22T08:30:00.25Z"),
            ("\u{e9}\u{e9}://", "\u{e9}\u{e9}[:]//"),
            ("", ""),
        ] {
            assert_eq!(defanged(text, 1000), expected, "{text}");
        }
    }

    #[test]
    fn long_text_is_cut() {
        let long = defanged(&"evil.".repeat(20_000), 100);
        assert!(long.len() < 200 && long.ends_with('…'), "{}", long.len());
    }
}
