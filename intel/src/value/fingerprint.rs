//! Fingerprints: certificate hashes, JA3 and JA4.

use crate::RefusalReason;
use weir_model::IndicatorValue;

/// A certificate hash, JA3 (with `ja3:` before it: it looks like any MD5) or JA4; `None` when the text is of another kind. Hashes may be written in pairs: `AB:CD:...`.
pub(super) fn parse(text: &str) -> Option<Result<IndicatorValue, RefusalReason>> {
    let named = text.split_at_checked(4).filter(|(head, _)| head.eq_ignore_ascii_case("ja3:"));
    named.map(|(_, hash)| ja3(hash)).or_else(|| ja4(text).map(Ok)).or_else(|| hash(text))
}

/// JA3, as a source writes it that says that it is one.
pub(crate) fn ja3(text: &str) -> Result<IndicatorValue, RefusalReason> {
    let text = text.trim();
    let is_md5 = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_md5 { bytes(text).map(IndicatorValue::Ja3) } else { Err(RefusalReason::NotAnIndicator) }
}

fn hash(text: &str) -> Option<Result<IndicatorValue, RefusalReason>> {
    let digits = match text.len() {
        32 | 40 | 64 | 96 | 128 if text.bytes().all(|byte| byte.is_ascii_hexdigit()) => text.len(),
        47 | 59 | 95 if is_pairs(text) => text.len() / 3 * 2 + 2,
        _ => return None,
    };
    Some(match digits {
        40 => bytes(text).map(IndicatorValue::CertificateSha1),
        64 => bytes(text).map(IndicatorValue::CertificateSha256),
        _ => Err(RefusalReason::FileHash),
    })
}

fn is_pairs(text: &str) -> bool {
    text.split(':').all(|pair| pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn bytes<const N: usize>(text: &str) -> Result<[u8; N], RefusalReason> {
    let mut digits = text.chars().filter_map(|character| character.to_digit(16));
    let mut hash = [0; N];
    for byte in &mut hash {
        let (high, low) = digits.next().zip(digits.next()).ok_or(RefusalReason::NotAnIndicator)?;
        *byte = (high << 4 | low) as u8;
    }
    Ok(hash)
}

/// JA4: `t13d1516h2_8daaf6152771_e5627efa2ab1` (transport, version, SNI or not, counts, ALPN; two truncated hashes).
fn ja4(text: &str) -> Option<IndicatorValue> {
    let (head, hashes) = text.split_at_checked(10)?;
    let (ciphers, extensions) = hashes.strip_prefix('_')?.split_once('_')?;
    let truncated = |hash: &str| hash.len() == 12 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let &[transport, version_high, version_low, server_name, c1, c2, e1, e2, alpn_first, alpn_last] =
        head.as_bytes().first_chunk::<10>()?;
    let version = matches!(
        [version_high, version_low],
        [b'1', b'0'..=b'3'] | [b's' | b'd', b'1'..=b'3'] | [b'0', b'0']
    );
    let shape = matches!(transport, b't' | b'q' | b'd')
        && version
        && matches!(server_name, b'd' | b'i')
        && [c1, c2, e1, e2].iter().all(u8::is_ascii_digit)
        && alpn_first.is_ascii_alphanumeric()
        && alpn_last.is_ascii_alphanumeric();
    (shape && truncated(ciphers) && truncated(extensions)).then(|| {
        let hashes = hashes.to_ascii_lowercase();
        IndicatorValue::Ja4(format!("{head}{hashes}").into())
    })
}
