//! Arkime's sessions, brought to conversations.

use super::frames::Capture;
use super::parts::{Conversations, End, Key, Part, by_end, plain, sorted};
use super::table::Table;
use serde_json::Value;
use std::net::IpAddr;
use std::path::Path;

/// The sessions beside a capture, if there are any; those that are not of IP are counted and left out.
pub(super) fn read(path: &Path, table: &mut Table) -> Option<Conversations> {
    let text = std::fs::read(path.with_extension("test")).ok()?;
    let whole: Value = serde_json::from_slice(&text).expect("JSON");
    let capture = Capture::read(path);
    let mut all = Conversations::new();
    for session in whole["sessions3"].as_array().into_iter().flatten() {
        let session = &session["body"];
        if session["source"]["ip"].is_null() {
            table.not_ip += 1;
            continue;
        }
        table.sessions += 1;
        let protocol = session["ipProtocol"].as_u64().expect("a protocol") as u8;
        let (source, destination) = (end(session, "source", protocol), end(session, "destination", protocol));
        let conversation = all.entry(Key::new(protocol, source, destination)).or_default();
        conversation.parts.push(part(session, protocol, source, destination, capture.as_ref()));
        conversation.names.extend(names(session));
        conversation.fingerprints.extend(texts(&session["tls"]["ja4"]));
        conversation.fingerprints.extend(texts(&session["tls"]["ja3"]));
    }
    Some(sorted(all))
}

fn end(session: &Value, side: &str, protocol: u8) -> End {
    let ip: IpAddr = session[side]["ip"].as_str().expect("an address").parse().expect("an address");
    let port = session[side]["port"].as_u64().unwrap_or_default() as u16;
    (ip, if Key::has_ports(protocol) { port } else { 0 })
}

fn part(session: &Value, protocol: u8, source: End, destination: End, capture: Option<&Capture>) -> Part {
    let count = |side: &str, key: &str| session[side][key].as_u64().expect("a count");
    let counts = |sides: [&str; 2], key: &str| sides.map(|side| count(side, key));
    let packets = counts(["source", "destination"], "packets");
    let delivered = match protocol {
        6 | 17 => Some(counts(["client", "server"], "bytes")),
        // Arkime counts ICMP from its header on, which is 8 bytes long.
        1 | 58 => {
            let [client, server] = counts(["client", "server"], "bytes");
            Some([client.wrapping_sub(8 * packets[0]), server.wrapping_sub(8 * packets[1])])
        }
        // Of SCTP it counts chunks of data, of ESP it writes the sum of both sides to each, of others it has nothing.
        _ => None,
    };
    let positions: Vec<u64> =
        session["packetPos"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
    // Where it does not list all frames, or both ends have the same address, the frames do not tell.
    let frames = capture
        .filter(|_| source.0 != destination.0 && positions.len() as u64 == packets[0] + packets[1])
        .and_then(|capture| capture.sent(&positions, [source.0, destination.0]));
    let sorted = |counts: [u64; 2]| by_end(source, destination, counts);
    Part {
        start: session["firstPacket"].as_i64().expect("a time"),
        began: source,
        packets: Some(sorted(packets)),
        bytes: frames.map(|sent| sorted(sent.map(|sent| sent.bytes))),
        payload_bytes: frames
            .and_then(|[one, other]| Some(sorted([one.payload_bytes?, other.payload_bytes?]))),
        delivered_bytes: delivered.map(sorted),
        community_id: session["network"]["community_id"].as_str().map(str::to_owned),
    }
}

fn names(session: &Value) -> Vec<String> {
    let mut found = texts(&session["http"]["host"]);
    found.extend(texts(&session["quic"]["host"]));
    for message in session["dns"].as_array().into_iter().flatten() {
        found.extend(texts(&message["host"]));
        found.extend(message["queryHost"].as_str().map(str::to_owned));
    }
    found.iter().map(|name| plain(name)).filter(|name| !name.is_empty()).collect()
}

fn texts(values: &Value) -> Vec<String> {
    values.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
