//! One value: from the text that people write to the form in which indicators are compared.

mod address;
mod fingerprint;
mod name;
mod refang;
mod url;

pub use address::{MIN_IPV4_PREFIX_BITS, MIN_IPV6_PREFIX_BITS};
pub(crate) use fingerprint::ja3;
pub use url::MAX_PATH_BYTES;

use crate::RefusalReason;
use weir_model::{IndicatorValue, Name};

/// Longest text that is looked at as a value; longer than any URL that could match ([`MAX_PATH_BYTES`]).
pub const MAX_VALUE_BYTES: usize = 4096;

/// What a source says a value is, where it says so; it decides only what the form of the value leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Nothing: the form decides.
    None,
    /// One host name, not what is below it.
    Host,
    /// A URL: a bare name is then the URL of its root.
    Url,
    /// An address or network.
    Address,
    /// A JA3: by its form it could be any MD5.
    Ja3,
}

/// Reads one value in any of the notations of docs/INDICATORS.md.
pub fn parse(text: &str) -> Result<IndicatorValue, RefusalReason> {
    parse_as(text, Hint::None)
}

/// As [`parse`], with what the source says the value is.
pub fn parse_as(text: &str, hint: Hint) -> Result<IndicatorValue, RefusalReason> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>'));
    if text.len() > MAX_VALUE_BYTES {
        return Err(RefusalReason::LineTooLong);
    }
    if hint == Hint::Ja3 {
        return ja3(text.strip_prefix("ja3:").unwrap_or(text));
    }
    let text = refang::refang(text);
    let text = text.trim();
    if text.is_empty() {
        return Err(RefusalReason::Empty);
    }
    apply(hint, by_form(text)?)
}

fn by_form(text: &str) -> Result<IndicatorValue, RefusalReason> {
    if let Some((is_http, rest)) = url::split_scheme(text) {
        return if is_http { url::parse(rest).map(IndicatorValue::Url) } else { other_scheme(rest) };
    }
    if let Some(value) = fingerprint::parse(text).or_else(|| address::parse(text)) {
        return value;
    }
    if let Some(host) = text.strip_prefix('=') {
        return name::parse(host).map(IndicatorValue::Host);
    }
    if text.starts_with(['/', '?']) {
        return Err(RefusalReason::NotAnIndicator);
    }
    if text.contains(['/', '?']) {
        return url::parse(text).map(IndicatorValue::Url);
    }
    if text.contains('@') {
        return Err(RefusalReason::Email);
    }
    if text.contains(char::is_whitespace) {
        return Err(RefusalReason::NotAnIndicator);
    }
    if let Some((host, port)) = text.split_once(':') {
        return Err(name_with_port(host, port));
    }
    let text = text.strip_prefix('*').unwrap_or(text);
    name::parse(text.strip_prefix('.').unwrap_or(text)).map(IndicatorValue::Domain)
}

/// `tcp://192.0.2.1:443` is an address with a port; any other scheme is not seen as a request.
fn other_scheme(rest: &str) -> Result<IndicatorValue, RefusalReason> {
    match address::parse(rest.trim_end_matches('/')) {
        Some(Ok(value @ IndicatorValue::AddressPort(..))) => Ok(value),
        _ => Err(RefusalReason::UnsupportedType),
    }
}

fn name_with_port(host: &str, port: &str) -> RefusalReason {
    match (name::parse(host), address::port(port)) {
        (Ok(_), Ok(_)) => RefusalReason::NameWithPort,
        (Ok(_), Err(reason)) | (Err(reason @ RefusalReason::BadAddress), _) => reason,
        _ => RefusalReason::NotAnIndicator,
    }
}

fn apply(hint: Hint, value: IndicatorValue) -> Result<IndicatorValue, RefusalReason> {
    Ok(match (hint, value) {
        (Hint::Host, IndicatorValue::Domain(name)) => IndicatorValue::Host(name),
        (Hint::Url, IndicatorValue::Domain(name) | IndicatorValue::Host(name)) => root(name, None),
        (Hint::Url, IndicatorValue::Address(ip)) => root(url::address_name(ip)?, None),
        (Hint::Url, IndicatorValue::AddressPort(ip, port)) => root(url::address_name(ip)?, Some(port)),
        (Hint::Address, IndicatorValue::Domain(_) | IndicatorValue::Host(_)) => {
            return Err(RefusalReason::BadAddress);
        }
        (_, value) => value,
    })
}

fn root(host: Name, port: Option<u16>) -> IndicatorValue {
    IndicatorValue::Url(url::root_of(host, port))
}

#[cfg(test)]
mod tests;
