//! Addresses, networks, and addresses with a port.

use crate::RefusalReason;
use ipnet::IpNet;
use std::net::IpAddr;
use weir_model::IndicatorValue;

/// The widest IPv4 network that is taken: a /8 is the largest block ever given to one holder. Wider ones (a typing error, or
/// somebody's joke: `0.0.0.0/0`) would turn every flow into an alert, and are refused.
pub const MIN_IPV4_PREFIX_BITS: u8 = 8;
/// The widest IPv6 network that is taken: 6to4 (2002::/16, RFC 3056) is the widest that a list names with reason.
pub const MIN_IPV6_PREFIX_BITS: u8 = 16;

/// An address, network or address with port; `None` when the text is of another kind.
pub(super) fn parse(text: &str) -> Option<Result<IndicatorValue, RefusalReason>> {
    if let Some(rest) = text.strip_prefix('[') {
        return Some(bracketed(rest));
    }
    // Only what begins with a hexadecimal digit or a colon can be an address.
    if !text.bytes().next().is_some_and(|byte| byte.is_ascii_hexdigit() || byte == b':') {
        return None;
    }
    if let Some((address, prefix)) = text.split_once('/') {
        let address: IpAddr = address.parse().ok()?;
        return (!prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
            .then(|| network(address, prefix));
    }
    if let Ok(address) = text.parse() {
        return Some(host(address).map(IndicatorValue::Address));
    }
    match text.split_once(':') {
        Some((address, port)) if !port.contains(':') => {
            let address: IpAddr = address.parse().ok()?;
            Some(with_port(address, port))
        }
        // Two colons and only hexadecimal digits: meant as IPv6, or as a fingerprint, which has been looked at before.
        Some(_) if text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.') => {
            Some(Err(RefusalReason::BadAddress))
        }
        _ => None,
    }
}

/// An address that names one host; IPv4 written as IPv6 (`::ffff:192.0.2.1`) is IPv4.
pub(super) fn host(address: IpAddr) -> Result<IpAddr, RefusalReason> {
    let address = address.to_canonical();
    let special = match address {
        IpAddr::V4(v4) => v4.octets()[0] == 0 || v4.is_loopback() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unspecified() || v6.is_loopback(),
    };
    if special { Err(RefusalReason::SpecialAddress) } else { Ok(address) }
}

/// A port; no service is at port 0.
pub(super) fn port(text: &str) -> Result<u16, RefusalReason> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => Err(RefusalReason::BadPort),
    }
}

fn with_port(address: IpAddr, text: &str) -> Result<IndicatorValue, RefusalReason> {
    Ok(IndicatorValue::AddressPort(host(address)?, port(text)?))
}

/// `2001:db8::1]:443`, `2001:db8::1]`.
fn bracketed(rest: &str) -> Result<IndicatorValue, RefusalReason> {
    let (address, after) = rest.split_once(']').ok_or(RefusalReason::NotAnIndicator)?;
    let address: IpAddr = address.parse().map_err(|_| RefusalReason::BadAddress)?;
    match after.strip_prefix(':') {
        Some(port) => with_port(address, port),
        None if after.is_empty() => host(address).map(IndicatorValue::Address),
        None => Err(RefusalReason::NotAnIndicator),
    }
}

/// A prefix length or, as firewalls write it, a netmask. Host bits are cleared; a prefix of one address is that address.
fn network(address: IpAddr, prefix: &str) -> Result<IndicatorValue, RefusalReason> {
    let network = if let Ok(length) = prefix.parse::<u8>() {
        IpNet::new(address, length)
    } else {
        let mask = prefix.parse().map_err(|_| RefusalReason::BadPrefix)?;
        IpNet::with_netmask(address, mask)
    };
    let network = network.map_err(|_| RefusalReason::BadPrefix)?.trunc();
    let widest = if network.addr().is_ipv4() { MIN_IPV4_PREFIX_BITS } else { MIN_IPV6_PREFIX_BITS };
    if network.prefix_len() == network.max_prefix_len() {
        host(network.addr()).map(IndicatorValue::Address)
    } else if network.prefix_len() < widest {
        Err(RefusalReason::TooWide)
    } else if network.addr().is_loopback() || network.addr() == IpAddr::from([0, 0, 0, 0]) {
        Err(RefusalReason::SpecialAddress)
    } else {
        Ok(IndicatorValue::Network(network))
    }
}
