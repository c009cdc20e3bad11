//! Domain names as people write them: Unicode, any case, a trailing dot.

use crate::RefusalReason;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use weir_model::Name;
use weir_model::name::MAX_NAME_LEN;

/// Longest label (RFC 1035 section 2.3.4).
const MAX_LABEL_LEN: usize = 63;

/// A name of at least two labels, in the form in which names are compared: A-labels (UTS 46), lower case.
pub(super) fn parse(text: &str) -> Result<Name, RefusalReason> {
    if text.is_ascii() {
        return ascii(text);
    }
    let ascii_form = Uts46::new()
        .to_ascii(text.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore)
        .map_err(|_| RefusalReason::BadName)?;
    ascii(&ascii_form)
}

fn ascii(text: &str) -> Result<Name, RefusalReason> {
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.is_empty() || text.len() > MAX_NAME_LEN {
        return Err(RefusalReason::BadName);
    }
    let mut labels = 0;
    let mut last = "";
    for label in text.split('.') {
        check_label(label)?;
        labels += 1;
        last = label;
    }
    if !last.starts_with(|first: char| first.is_ascii_alphabetic()) {
        // Top-level domains are letters, or `xn--` and more (RFC 3696 section 2): `1.2.3`, `1.2.3.4-9`, `evil.7` are no names.
        let numeric = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
        return Err(if numeric && labels > 1 { RefusalReason::BadAddress } else { RefusalReason::BadName });
    }
    if labels < 2 {
        return Err(RefusalReason::NameWithoutDot);
    }
    Name::from_ascii(text.as_bytes()).ok_or(RefusalReason::BadName)
}

/// Letters, digits, hyphens wherever they stand (lists hold names that registries would not accept, and they resolve), and
/// underscores, which host names of malware and service labels do have.
fn check_label(label: &str) -> Result<(), RefusalReason> {
    let fits = !label.is_empty() && label.len() <= MAX_LABEL_LEN;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if fits && label.bytes().all(allowed) { Ok(()) } else { Err(RefusalReason::BadName) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> String {
        parse(text).unwrap().to_string()
    }

    #[test]
    fn unicode_and_punycode_are_one_name() {
        assert_eq!(name("BÜCHER.example"), "xn--bcher-kva.example");
        assert_eq!(name("XN--BCHER-KVA.example."), "xn--bcher-kva.example");
        assert_eq!(name("bu\u{308}cher。example"), "xn--bcher-kva.example");
        assert_eq!(name("faß.example"), "xn--fa-hia.example");
    }

    #[test]
    fn what_is_no_name() {
        for (text, reason) in [
            ("localhost", RefusalReason::NameWithoutDot),
            ("xyz.", RefusalReason::NameWithoutDot),
            ("a..example", RefusalReason::BadName),
            ("a b.example", RefusalReason::BadName),
            ("evil.7", RefusalReason::BadName),
            ("1.2.3", RefusalReason::BadAddress),
            ("1.2.3.4.5", RefusalReason::BadAddress),
            ("1.2.3.4-9", RefusalReason::BadAddress),
            ("a/b.example", RefusalReason::BadName),
            (".", RefusalReason::BadName),
        ] {
            assert_eq!(parse(text), Err(reason), "{text}");
        }
        assert_eq!(parse(&format!("{}.example", "a".repeat(64))), Err(RefusalReason::BadName));
        assert_eq!(name("_dmarc.-x-.example"), "_dmarc.-x-.example");
    }
}
