//! Elastic Common Schema: its list of fields, with types, lists, and allowed values.

use super::{at, hold, is_address, is_community_id, is_port, is_time, is_uuid, schema};
use serde_json::Value;
use std::collections::HashMap;

/// The fields.
pub(crate) struct Fields(HashMap<String, Field>);

struct Field {
    kind: String,
    is_list: bool,
    allowed: Vec<String>,
}

impl Fields {
    pub(super) fn load() -> Self {
        let text = schema("ecs-9.0.0.tsv");
        let rows = text.lines().filter(|line| !line.starts_with('#'));
        Self(
            rows.map(|row| {
                let mut cells = row.split('\t');
                let mut next = || cells.next().unwrap_or_default().to_owned();
                let (name, kind, list, allowed) = (next(), next(), next(), next());
                let allowed =
                    allowed.split(',').filter(|value| !value.is_empty()).map(str::to_owned).collect();
                (name, Field { kind, is_list: list == "list", allowed })
            })
            .collect(),
        )
    }

    pub(super) fn problems(&self, kind: &str, line: &Value, problems: &mut Vec<String>) {
        let Some(members) = line.as_object() else { return problems.push("no object".to_owned()) };
        for (name, value) in members.iter().filter(|(name, _)| *name != "weir") {
            self.field(name, value, problems);
        }
        hold(problems, at(line, "/ecs/version") == "9.0.0", "ecs.version");
        hold(problems, is_time(at(line, "/@timestamp")), "@timestamp");
        let (expected, dataset) = match kind {
            "alerts" => (["alert"].as_slice(), "weir.alert"),
            "stripped" if at(line, "/event/dataset") == "weir.alert" => (["alert"].as_slice(), "weir.alert"),
            "notices" | "stripped" => (["alert", "event"].as_slice(), "weir.notice"),
            "flows" => (["event"].as_slice(), "weir.flow"),
            _ => (["event"].as_slice(), "weir.name"),
        };
        hold(problems, expected.iter().any(|kind| at(line, "/event/kind") == *kind), "event.kind");
        hold(problems, at(line, "/event/dataset") == dataset, "event.dataset");
        if ["alerts", "notices", "stripped"].contains(&kind) {
            hold(problems, is_uuid(at(line, "/event/id")), "event.id");
            hold(problems, matches!(at(line, "/event/severity").as_u64(), Some(1..=4)), "event.severity");
        }
        if !["notices", "stripped"].contains(&kind) {
            hold(problems, is_community_id(at(line, "/network/community_id")), "network.community_id");
            for side in ["source", "destination"] {
                hold(problems, is_address(at(line, &format!("/{side}/ip"))), side);
                let port = at(line, &format!("/{side}/port"));
                hold(problems, port.is_null() || is_port(port), &format!("{side}.port"));
            }
        }
        sums(line, problems);
    }

    /// A field, or what is below it.
    fn field(&self, name: &str, value: &Value, problems: &mut Vec<String>) {
        let known = self.0.get(name);
        match value {
            Value::Object(members) => {
                hold(
                    problems,
                    known.is_none_or(|field| is_object(&field.kind)),
                    &format!("{name}: an object"),
                );
                for (key, member) in members {
                    self.field(&format!("{name}.{key}"), member, problems);
                }
            }
            Value::Array(items) => {
                let Some(field) = known else { return problems.push(format!("{name}: no field of ECS")) };
                hold(problems, field.is_list, &format!("{name}: no list in ECS"));
                hold(problems, !items.is_empty(), &format!("{name}: an empty list"));
                for item in items {
                    match item {
                        Value::Object(_) => self.field(name, item, problems),
                        item => value_of(name, field, item, problems),
                    }
                }
            }
            value => {
                let Some(field) = known else { return problems.push(format!("{name}: no field of ECS")) };
                hold(problems, !field.is_list, &format!("{name}: a list in ECS"));
                value_of(name, field, value, problems);
            }
        }
    }
}

fn is_object(kind: &str) -> bool {
    matches!(kind, "object" | "nested" | "flattened")
}

/// One value, by its type.
fn value_of(name: &str, field: &Field, value: &Value, problems: &mut Vec<String>) {
    let is_right = match field.kind.as_str() {
        "keyword" | "wildcard" | "constant_keyword" | "text" | "match_only_text" => value.is_string(),
        "long" => value.is_i64(),
        "boolean" => value.is_boolean(),
        "date" => is_time(value),
        "ip" => is_address(value),
        other => return problems.push(format!("{name}: {other} is not looked into")),
    };
    hold(problems, is_right, &format!("{name}: {value} is no {}", field.kind));
    let is_allowed = field.allowed.is_empty() || field.allowed.iter().any(|allowed| value == allowed);
    hold(problems, is_allowed, &format!("{name}: {value} is not allowed"));
}

/// Both ways are the sum of each, unless they cannot be counted.
fn sums(line: &Value, problems: &mut Vec<String>) {
    for what in ["bytes", "packets"] {
        let of = |side: &str| at(line, &format!("/{side}/{what}")).as_u64();
        if let (Some(source), Some(destination), Some(both)) =
            (of("source"), of("destination"), of("network"))
        {
            let expected = source.saturating_add(destination).min(i64::MAX.unsigned_abs());
            hold(problems, both == expected, &format!("network.{what}"));
        }
    }
}
