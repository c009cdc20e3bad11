//! Flow and name records, brought to conversations.

use super::parts::{Conversations, End, Key, Part, by_end, plain, sorted};
use crate::program::{self, Output};
use serde_json::Value;

/// What the program says of a capture.
pub(super) fn conversations(output: &Output) -> Conversations {
    let mut all = Conversations::new();
    for flow in &output.flows {
        all.entry(key(flow)).or_default().parts.push(part(flow));
    }
    for name in &output.names {
        let conversation = all.get_mut(&key(name)).expect("each name belongs to a flow");
        conversation.names.extend(names(name));
        conversation.fingerprints.extend(text(&name["weir"]["tls"]["client"]["ja4"]));
        // Of DTLS, Arkime has no JA3.
        if name["weir"]["tls"]["transport"] != "dtls" {
            conversation.fingerprints.extend(text(&name["tls"]["client"]["ja3"]));
        }
    }
    sorted(all)
}

fn key(event: &Value) -> Key {
    Key::new(program::protocol(event), program::end(event, "source"), program::end(event, "destination"))
}

fn part(flow: &Value) -> Part {
    let (source, destination): (End, End) = (program::end(flow, "source"), program::end(flow, "destination"));
    let counts = |of: &Value, key: &str| {
        let count = |side: &str| of[side][key].as_u64().unwrap_or_default();
        by_end(source, destination, [count("source"), count("destination")])
    };
    let payload = counts(&flow["weir"]["flow"], "payload_bytes");
    let start: jiff::Timestamp = flow["event"]["start"].as_str().unwrap().parse().expect("a time");
    Part {
        start: start.as_millisecond(),
        began: source,
        packets: Some(counts(flow, "packets")),
        // In a tunnel the bytes are those of the inner packet, which Arkime does not count.
        bytes: flow["weir"]["flow"]["tunnels"].is_null().then(|| counts(flow, "bytes")),
        payload_bytes: Some(payload),
        delivered_bytes: Some(payload),
        community_id: text(&flow["network"]["community_id"]),
    }
}

/// The names that Arkime lists too: asked for, or canonical, in DNS; SNI; host of a request.
fn names(event: &Value) -> Vec<String> {
    let mut found: Vec<&Value> = vec![
        &event["tls"]["client"]["server_name"],
        &event["url"]["domain"],
        &event["dns"]["question"]["name"],
    ];
    found.extend(event["weir"]["dns"]["further_questions"].as_array().into_iter().flatten());
    let answers = event["dns"]["answers"].as_array().into_iter().flatten();
    found.extend(answers.filter(|answer| answer["type"] == "CNAME").map(|answer| &answer["data"]));
    found.into_iter().filter_map(text).map(|name| plain(&name)).filter(|name| !name.is_empty()).collect()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
