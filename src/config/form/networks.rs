//! Addresses, prefixes, interfaces.

use super::values::said;
use super::{Form, Wrong};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// Longest name of an interface (`IFNAMSIZ`, less the zero byte).
const MOST_INTERFACE_BYTES: usize = 15;

pub(super) fn address(text: &str, form: Form) -> Result<(), Wrong> {
    let text = text.trim();
    if text.parse::<SocketAddr>().is_ok() {
        return Ok(());
    }
    let shown = said(text);
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        return Err(Wrong::new(
            format!("\"{shown}\" is a port without an address"),
            format!("write \"0.0.0.0:{shown}\""),
        ));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        let written = if address.is_ipv6() { format!("[{address}]:PORT") } else { format!("{address}:PORT") };
        return Err(Wrong::new(
            format!("\"{shown}\" is an address without a port"),
            format!("write \"{written}\""),
        ));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    if is_address && port.parse::<u16>().is_err() {
        return Err(Wrong::new(format!("its port {} is none", said(port)), "write a port from 1 to 65535"));
    }
    if host.is_empty() || host == "*" {
        return Err(Wrong::new(
            format!("\"{shown}\" has no address"),
            format!("write \"0.0.0.0:{0}\" for IPv4, \"[::]:{0}\" for both", said(port)),
        ));
    }
    let letters = host.chars().any(char::is_alphabetic) && !host.contains(':');
    if letters {
        return Err(Wrong::new(
            format!("\"{}\" is a name, not an address", said(host)),
            format!("write {}", form.wants()),
        ));
    }
    Err(Wrong::new(format!("\"{shown}\" is no address with a port"), format!("write {}", form.wants())))
}

pub(in crate::config) fn network(text: &str) -> Result<(), Wrong> {
    let text = text.trim();
    if text.parse::<IpNet>().is_ok() || text.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    let shown = said(text);
    let wants = Form::Network.wants();
    if text.contains(',') {
        let remedy = "write each in quotation marks of its own: [\"...\", \"...\"]";
        return Err(Wrong::new(format!("\"{shown}\" holds several"), remedy));
    }
    let Some((address, length)) = text.split_once('/') else {
        let what = format!("\"{shown}\" is neither an address nor a prefix");
        return Err(Wrong::new(what, format!("write {wants}")));
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return Err(Wrong::new(format!("\"{}\" is no address", said(address)), format!("write {wants}")));
    };
    if let Ok(mask) = length.parse::<std::net::Ipv4Addr>() {
        let ones = u32::from(mask).leading_ones();
        let is_mask = ones + u32::from(mask).trailing_zeros().min(32) >= 32;
        let remedy = if is_mask { format!("write \"{address}/{ones}\"") } else { format!("write {wants}") };
        return Err(Wrong::new(format!("/{length} is a mask, and prefixes have a length"), remedy));
    }
    let (version, most) = if address.is_ipv4() { ("IPv4", 32) } else { ("IPv6", 128) };
    Err(Wrong::new(
        format!("/{} is no length of a prefix, which for {version} has at most {most} bits", said(length)),
        format!("write {address}/N with N from 0 to {most}"),
    ))
}

pub(super) fn sampling(text: &str) -> Result<(), Wrong> {
    let wrong = |what: String| Err(Wrong::new(what, format!("write {}", Form::Sampling.wants())));
    let Some((whose, one_in)) = text.split_once('=') else {
        return wrong(format!("\"{}\" has no rate", said(text)));
    };
    let (address, interface) =
        whose.split_once('/').map_or((whose, None), |(address, rest)| (address, Some(rest)));
    if address.trim().parse::<IpAddr>().is_err() {
        return wrong(format!("\"{}\" is no address of an exporter", said(address)));
    }
    if interface.is_some_and(|interface| interface.trim().parse::<u32>().is_err()) {
        return wrong(format!(
            "\"{}\" is no number of an interface (SNMP index)",
            said(interface.unwrap_or_default())
        ));
    }
    match one_in.trim().parse::<u32>() {
        Ok(1..) => Ok(()),
        _ => wrong(format!("\"{}\" is no rate", said(one_in))),
    }
}

pub(super) fn interface(text: &str) -> Result<(), Wrong> {
    let is_name = text.len() <= MOST_INTERFACE_BYTES && !text.contains(['/', ' ', ',', '\t']);
    if is_name {
        return Ok(());
    }
    Err(Wrong::new(
        format!("\"{}\" is no name of an interface", said(text)),
        "write one name in each pair of quotation marks; `ip -br link` lists them",
    ))
}
