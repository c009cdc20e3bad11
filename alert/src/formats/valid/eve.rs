//! Suricata's EVE: the schema of Suricata, which scripts/setup.sh puts into ~/.cache/weir/schemas, because its licence keeps it out of here.

use super::{against, at, hold, is_address, is_community_id, is_port, is_uuid};
use serde_json::Value;
use std::path::PathBuf;

/// The schema.
pub(crate) struct Events(jsonschema::Validator);

impl Events {
    pub(super) fn load() -> Option<Self> {
        let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        let path = home.join(".cache/weir/schemas/eve.json");
        let Ok(text) = std::fs::read_to_string(&path) else {
            println!("skipped: no schema of EVE at {}: run scripts/setup.sh --schemas", path.display());
            return None;
        };
        let schema = serde_json::from_str(&text).expect("JSON");
        Some(Self(jsonschema::validator_for(&schema).expect("a schema")))
    }

    pub(super) fn problems(&self, kind: &str, line: &Value, problems: &mut Vec<String>) {
        against(&self.0, line, problems);
        let event = line["event_type"].as_str().unwrap_or_default();
        let allowed = match kind {
            "alerts" => &["alert"][..],
            "notices" => &["engine"],
            "stripped" => &["alert", "engine"],
            "flows" => &["flow"],
            _ => &["dns", "tls", "quic", "http"],
        };
        hold(problems, allowed.contains(&event), "an event_type of another kind");
        hold(problems, line[event].is_object(), "an event without what it is of");
        if !["notices", "stripped"].contains(&kind) {
            conversation(line, problems);
        }
        match kind {
            "alerts" => alert(line, problems),
            "flows" => flow(line, problems),
            _ => {}
        }
    }
}

fn conversation(line: &Value, problems: &mut Vec<String>) {
    for name in ["src_ip", "dest_ip"] {
        hold(problems, is_address(&line[name]), name);
    }
    let has_ports = ["TCP", "UDP", "SCTP"].iter().any(|protocol| line["proto"] == *protocol);
    for name in ["src_port", "dest_port"] {
        hold(problems, if has_ports { is_port(&line[name]) } else { line[name].is_null() }, name);
    }
    hold(problems, line["flow_id"].is_u64(), "flow_id");
    hold(problems, is_community_id(&line["community_id"]), "community_id");
}

fn alert(line: &Value, problems: &mut Vec<String>) {
    hold(problems, matches!(at(line, "/alert/severity").as_u64(), Some(1..=4)), "alert.severity");
    hold(problems, is_uuid(at(line, "/alert/context/id")), "alert.context.id");
    for path in ["/alert/context/indicator/name", "/alert/context/message", "/alert/signature"] {
        hold(problems, at(line, path).as_str().is_some_and(|text| !text.is_empty()), path);
    }
}

fn flow(line: &Value, problems: &mut Vec<String>) {
    let flow = &line["flow"];
    let times = (flow["start"].as_str(), flow["end"].as_str());
    // All have the same length and zone, so that texts order as times do.
    hold(problems, times.0.is_some() && times.0 <= times.1, "flow.start and flow.end");
    hold(problems, line["timestamp"] == flow["end"], "a flow is told of when it ends");
    let (is_tcp, tcp) = (line["proto"] == "TCP", &line["tcp"]);
    hold(problems, tcp.is_null() || (is_tcp && tcp["state"].is_string()), "tcp.state");
    for name in ["pkts_toserver", "pkts_toclient", "bytes_toserver", "bytes_toclient"] {
        hold(problems, flow[name].is_u64(), name);
    }
}
