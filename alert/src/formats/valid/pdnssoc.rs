//! pDNSSOC publishes no schema; this is what `enrich_logs` of pdnssoc-cli writes and its alerting and templates ask for.

use super::{against, hold, is_address, is_time};
use serde_json::{Value, json};

/// What a match has.
pub(crate) struct Matches(jsonschema::Validator);

impl Matches {
    pub(super) fn load() -> Self {
        let text = json!({ "type": "string" });
        let object = |required: &[&str]| {
            let members: serde_json::Map<_, _> =
                required.iter().map(|key| ((*key).to_owned(), text.clone())).collect();
            json!({ "type": "object", "properties": members, "required": required, "additionalProperties": false })
        };
        let mut event = object(&[
            "comment",
            "event_url",
            "id",
            "info",
            "ioc",
            "ioc_type",
            "organization",
            "publication",
            "server",
            "uuid",
        ]);
        event["properties"]["tags"] = json!({ "type": "array", "items": object(&["colour", "name"]) });
        event["required"].as_array_mut().expect("a list").push("tags".into());
        let schema = json!({
            "type": "object",
            "required": ["client_ip", "client_name", "timestamp", "query", "answers", "correlation"],
            "additionalProperties": false,
            "properties": {
                "client_ip": text, "client_name": text, "timestamp": text, "query": text,
                "answers": { "type": "array", "items": object(&["name", "rdata", "rdatatype"]) },
                "correlation": {
                    "type": "object",
                    "required": ["misp"],
                    "additionalProperties": false,
                    "properties": { "misp": {
                        "type": "object",
                        "required": ["events"],
                        "additionalProperties": false,
                        "properties": { "events": { "type": "array", "minItems": 1, "items": event } },
                    } },
                },
                "weir": { "type": "object" },
            },
        });
        Self(jsonschema::validator_for(&schema).expect("a schema"))
    }

    pub(super) fn problems(&self, kind: &str, line: &Value, problems: &mut Vec<String>) {
        against(&self.0, line, problems);
        hold(problems, kind == "alerts", "only alerts are matches");
        hold(problems, is_address(&line["client_ip"]), "client_ip");
        hold(problems, is_time(&line["timestamp"]), "timestamp");
        hold(problems, line["query"].as_str().is_some_and(|query| !query.is_empty()), "query");
        for answer in line["answers"].as_array().into_iter().flatten() {
            let is_of_address = answer["rdatatype"] == "A" || answer["rdatatype"] == "AAAA";
            hold(problems, !is_of_address || is_address(&answer["rdata"]), "an address that is none");
        }
    }
}
