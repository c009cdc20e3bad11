//! Whether sources and sinks can be reached: a name that resolves, and somebody who takes a connection. Nothing is sent; `weir sink test` and `weir intel
//! sync` go all the way.

use super::finding::Finding;
use crate::config::{RunSettings, Shown};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long each may take, its name included.
const PATIENCE: Duration = Duration::from_secs(5);
/// Asked at once: more sources and sinks than these are not configured.
const MOST: usize = 256;

/// A place that somebody named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// `source.misp.url`.
    pub key: String,
    pub host: String,
    pub port: u16,
    /// Nobody says there whether he listens.
    pub is_udp: bool,
}

/// Asks all at once.
pub(super) fn look(settings: &RunSettings) -> Vec<Finding> {
    let effective = settings.effective();
    let places: BTreeSet<_> = effective.shown().flat_map(|(key, shown)| places(key, shown)).collect();
    let asked: Vec<_> = places
        .into_iter()
        .take(MOST)
        .map(|place| {
            let (told, hears) = mpsc::channel();
            let asking = place.clone();
            // A name that nobody resolves can take longer than anybody waits; the thread is left behind then.
            thread::spawn(move || drop(told.send(ask(&asking))));
            (place, hears)
        })
        .collect();
    asked
        .into_iter()
        .map(|(place, hears)| {
            let slow = || Err("no answer within five seconds".to_owned());
            judge(&place, hears.recv_timeout(PATIENCE * 2).unwrap_or_else(|_| slow()))
        })
        .collect()
}

fn ask(place: &Place) -> Result<(), String> {
    let addresses = (&*place.host, place.port).to_socket_addrs();
    let addresses = addresses.map_err(|error| format!("its name is not found: {error}"))?;
    if place.is_udp {
        return Ok(());
    }
    let mut said = "its name has no address".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) if place.host == address.ip().to_string() => said = error.to_string(),
            Err(error) => said = format!("{address}: {error}"),
        }
    }
    Err(said)
}

fn judge(place: &Place, asked: Result<(), String>) -> Finding {
    let Place { key, host, port, is_udp } = place;
    let table = key.rsplit_once('.').map_or(key.as_str(), |(table, _)| table);
    let about = format!("[{table}]");
    match asked {
        Ok(()) if *is_udp => Finding::fine(
            about,
            format!("the name of {host} is found; over UDP nobody says whether he listens"),
        ),
        Ok(()) => Finding::fine(about, format!("{host}:{port} takes connections")),
        Err(said) => Finding::wrong(
            about,
            format!("{host}:{port} is not reached: {said}"),
            "is the address right, the service up, and a firewall between?",
        ),
    }
}

/// The places in a value of the settings: URLs, and lists of `host:port` under keys that hold such.
fn places(key: &str, shown: &Shown) -> Vec<Place> {
    let Shown::Plain(value) = shown else { return Vec::new() };
    if !(key.starts_with("source.") || key.starts_with("sink.")) {
        return Vec::new();
    }
    let last = key.rsplit('.').next().unwrap_or_default();
    let is_address = ["brokers", "server", "host"].contains(&last);
    let texts = match value {
        Value::String(text) => vec![text.as_str()],
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    texts.into_iter().filter_map(|text| place(key, text, is_address)).collect()
}

pub(super) fn place(key: &str, text: &str, is_address: bool) -> Option<Place> {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme, rest),
        None if is_address => ("", text),
        None => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let usual = match scheme {
        "http" => 80,
        "https" => 443,
        "udp" => 514,
        "tcp" => 601,
        "tls" => 6514,
        "smtp" => 25,
        "smtps" => 465,
        _ => 0,
    };
    let (host, port) = match authority.strip_prefix('[') {
        Some(ipv6) => {
            let (host, rest) = ipv6.split_once(']')?;
            (host, rest.strip_prefix(':').and_then(|port| port.parse().ok()).unwrap_or(usual))
        }
        None => match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (authority, usual),
        },
    };
    (!host.is_empty() && port > 0).then(|| Place {
        key: key.to_owned(),
        host: host.to_owned(),
        port,
        is_udp: scheme == "udp",
    })
}
