//! docs/EVENTS.md is true: its table has exactly the fields that are written, each where it says, and its example is one.

use crate::ecs;
use crate::marking::{StripKey, Stripped};
use crate::samples::{
    documented_alert, exported_flow, full_alerts, full_flow, notices, observations, parsed, plain_flow,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use weir_model::{FlowId, Protocol};

const DOCUMENT: &str = include_str!("../../docs/EVENTS.md");

/// The dotted names of all fields of an event; of a list of objects, those of its members.
fn collect(prefix: &str, value: &Value, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                collect(&path, member, fields);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for item in items {
                collect(prefix, item, fields);
            }
        }
        _ => {
            fields.insert(prefix.to_owned());
        }
    }
}

/// Field to the kinds of event that have it, as the table writes them: `A`, `A F`, `A F N`.
fn written() -> BTreeMap<String, String> {
    let key = StripKey::new(&[7; StripKey::BYTES]);
    let stripped = |stripped: Stripped| parsed(|lines| ecs::stripped(&stripped, lines));
    let mut alerts: Vec<Value> =
        full_alerts().iter().map(|alert| parsed(|lines| ecs::alert(alert, lines))).collect();
    alerts.extend(full_alerts().iter().map(|alert| stripped(Stripped::of_alert(alert, &key))));
    let flows = [full_flow(), plain_flow(), exported_flow()]
        .map(|flow| parsed(|lines| ecs::flow(&flow, lines)))
        .to_vec();
    let names: Vec<Value> = observations()
        .iter()
        .map(|observation| parsed(|lines| ecs::name(FlowId(17), Protocol::UDP, observation, lines)))
        .collect();
    let mut told: Vec<Value> =
        notices().iter().map(|notice| parsed(|lines| ecs::notice(notice, lines))).collect();
    told.extend(notices().iter().map(|notice| stripped(Stripped::of_listing(notice, &key))));
    let mut written: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (letter, events) in [("A", alerts), ("F", flows), ("N", names), ("S", told)] {
        let mut fields = BTreeSet::new();
        for event in &events {
            collect("", event, &mut fields);
        }
        for field in fields {
            // Enrichments hold the same as threat.indicator, and are one row.
            let field = match field.strip_prefix("threat.enrichments.indicator.") {
                Some(_) => "threat.enrichments.indicator.*".to_owned(),
                None => field,
            };
            let kinds = written.entry(field).or_default();
            if kinds.last() != Some(&letter) {
                kinds.push(letter);
            }
        }
    }
    written.into_iter().map(|(field, kinds)| (field, kinds.join(" "))).collect()
}

fn documented() -> BTreeMap<String, String> {
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        (cells[1].trim_matches('`').to_owned(), cells[3].to_owned())
    })
    .collect()
}

#[test]
fn the_table_has_every_field_and_no_other() {
    let (written, documented) = (written(), documented());
    let missing: Vec<_> =
        written.iter().filter(|(field, kinds)| documented.get(*field) != Some(kinds)).collect();
    let unwritten: Vec<_> = documented.keys().filter(|field| !written.contains_key(*field)).collect();
    assert!(
        missing.is_empty() && unwritten.is_empty(),
        "not so in the table: {missing:#?}\nnever written: {unwritten:#?}"
    );
}

#[test]
fn the_example_is_what_is_written() {
    let example = parsed(|lines| ecs::alert(&documented_alert(), lines));
    let example = serde_json::to_string_pretty(&example).unwrap();
    assert!(DOCUMENT.contains(&format!("```json\n{example}\n```")), "the example should be:\n{example}");
}
