//! Open Cybersecurity Schema Framework: the JSON Schemas that scripts/schemas.py compiles of its definitions.

use super::{against, at, hold, is_address, is_community_id, is_uuid, schema};
use serde_json::{Value, json};
use std::collections::HashMap;

/// A schema for each class.
pub(crate) struct Classes(HashMap<u64, jsonschema::Validator>);

impl Classes {
    pub(super) fn load() -> Self {
        let compiled: Value = serde_json::from_str(&schema("ocsf-1.5.0.json")).expect("JSON");
        let classes = compiled["classes"].as_object().expect("classes");
        let class = |(uid, name): (&String, &Value)| {
            let name = name.as_str().unwrap_or_default();
            let schema = json!({ "$defs": compiled["$defs"], "$ref": format!("#/$defs/{name}") });
            (uid.parse().expect("a number"), jsonschema::validator_for(&schema).expect("a schema"))
        };
        Self(classes.iter().map(class).collect())
    }

    pub(super) fn problems(&self, kind: &str, line: &Value, problems: &mut Vec<String>) {
        let number = |name: &str| line[name].as_u64();
        let class = number("class_uid").unwrap_or_default();
        let Some(schema) = self.0.get(&class) else {
            return problems.push(format!("no class {class}"));
        };
        against(schema, line, problems);
        let is_of_kind = match kind {
            "alerts" | "notices" | "stripped" => class == 2004,
            "flows" => class == 4001,
            _ => (4001..=4003).contains(&class),
        };
        hold(problems, is_of_kind, "a class of another kind");
        let type_uid = number("activity_id").map(|activity| class * 100 + activity);
        hold(problems, number("type_uid") == type_uid, "type_uid is not of class and activity");
        hold(problems, number("category_uid") == Some(class / 1000), "category_uid is not of the class");
        hold(problems, at(line, "/metadata/version") == "1.5.0", "metadata.version");
        times(line, problems);
        match kind {
            "alerts" => alert(line, problems),
            "notices" | "stripped" => hold(problems, is_uuid(at(line, "/metadata/uid")), "metadata.uid"),
            _ => conversation(line, problems),
        }
        if let Some(traffic) = line.get("traffic") {
            traffic_adds_up(traffic, problems);
        }
    }
}

/// Milliseconds, of this century or the last.
fn times(line: &Value, problems: &mut Vec<String>) {
    const YEAR_2100: u64 = 4_102_444_800_000;
    let time = |name: &str| line[name].as_u64();
    hold(problems, time("time").is_some_and(|time| time < YEAR_2100), "time is not in milliseconds");
    if let (Some(start), Some(end), Some(duration)) = (time("start_time"), time("end_time"), time("duration"))
    {
        let span = end.checked_sub(start);
        // Both ends are cut to milliseconds.
        hold(
            problems,
            span.is_some_and(|span| span.abs_diff(duration) <= 1),
            "duration is not from start to end",
        );
        let is_within = time("time").is_some_and(|time| (start..=end).contains(&time));
        hold(problems, is_within, "time is not between start and end");
    }
}

fn conversation(line: &Value, problems: &mut Vec<String>) {
    let community = at(line, "/connection_info/community_uid");
    hold(problems, is_community_id(community), "connection_info.community_uid");
    for side in ["/src_endpoint/ip", "/dst_endpoint/ip"] {
        hold(problems, is_address(at(line, side)), side);
    }
    hold(problems, line["severity_id"] == 1, "severity_id");
}

fn alert(line: &Value, problems: &mut Vec<String>) {
    hold(problems, matches!(line["severity_id"].as_u64(), Some(1..=4)), "severity_id");
    for (path, what) in [("/metadata/uid", "metadata.uid"), ("/finding_info/uid", "finding_info.uid")] {
        hold(problems, is_uuid(at(line, path)), what);
    }
    let has = |name: &str| line[name].as_array().is_some_and(|items| !items.is_empty());
    hold(problems, has("evidences"), "no evidence");
    hold(problems, has("osint"), "no indicator");
    hold(problems, line["message"].as_str().is_some_and(|text| !text.is_empty()), "no message");
}

fn traffic_adds_up(traffic: &Value, problems: &mut Vec<String>) {
    for what in ["bytes", "packets"] {
        let of = |suffix: &str| traffic[format!("{what}{suffix}")].as_u64().unwrap_or_default();
        let both = of("_in").saturating_add(of("_out")).min(i64::MAX.unsigned_abs());
        hold(problems, of("") == both, what);
    }
}
