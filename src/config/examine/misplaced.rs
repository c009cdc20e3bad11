//! Keys that are right, but stand in another table than theirs.

use super::Place;
use crate::config::keys::{self, SINK, SINKS, SOURCE, SOURCES, TOP};

/// Where a key belongs.
pub(super) struct Misplaced {
    pub is: String,
    pub remedy: String,
}

/// Looks for a key in all other tables; `near` is what is much like it in its own.
pub(super) fn find(name: &str, place: Place<'_>, near: Option<&str>) -> Option<Misplaced> {
    let name = name.replace('-', "_");
    let is_top = place.header.is_empty() && place.before.is_empty();
    let types = types_of(&name, place);
    if let Some(of) = place.of.filter(|_| place.before.is_empty() && !types.is_empty()) {
        return Some(Misplaced {
            is: format!("is a key of type {}, and this table is of type {of}", types.join(" and ")),
            remedy: "leave it out, or write another `type`".to_owned(),
        });
    }
    let homes = homes(&name);
    if homes.is_empty() {
        return None;
    }
    let home = homes.join(" or ");
    let remedy = match homes.as_slice() {
        _ if near.is_some() => {
            format!("write `{}`, if that was meant, or move it there: {home}", near.unwrap_or_default())
        }
        [only] if only == TOP_NAME => {
            "move it up, above the first [TABLE]: what stands below a header belongs to that table".to_owned()
        }
        _ if is_top => format!("write it below the header of such a table: {home}"),
        _ => format!("move it there: {home}"),
    };
    let here = if is_top { "at the top of the file" } else { "here" };
    Some(Misplaced { is: format!("there is no such key {here}"), remedy })
}

const TOP_NAME: &str = "the top of the file";

/// The types of this family that have it.
fn types_of(name: &str, place: Place<'_>) -> Vec<&'static str> {
    let all: &[(&str, &[keys::Key])] = match place.header {
        header if header.starts_with("[sink.") => SINKS,
        header if header.starts_with("[source.") => SOURCES,
        _ => return Vec::new(),
    };
    let has = |keys: &[keys::Key]| keys.iter().any(|key| key.name == name);
    all.iter().filter(|(_, keys)| has(keys)).map(|(of, _)| *of).collect()
}

fn homes(name: &str) -> Vec<String> {
    let has = |keys: &[keys::Key]| keys.iter().any(|key| key.name == name);
    let own = |family: &str, all: &[(&str, &[keys::Key])]| {
        let of: Vec<_> = all.iter().filter(|(_, keys)| has(keys)).map(|(of, _)| *of).collect();
        (!of.is_empty()).then(|| format!("[{family}.NAME] of type {}", of.join(" or ")))
    };
    let mut homes = Vec::new();
    homes.extend(has(TOP).then(|| TOP_NAME.to_owned()));
    for key in TOP {
        homes.extend(key.form.keys().filter(|keys| has(keys)).map(|_| format!("[{}]", key.name)));
    }
    homes.extend(has(SINK).then(|| "[sink.NAME]".to_owned()).or_else(|| own("sink", SINKS)));
    homes.extend(has(SOURCE).then(|| "[source.NAME]".to_owned()).or_else(|| own("source", SOURCES)));
    let policy = SOURCE.iter().find(|key| key.name == "policy").and_then(|key| key.form.keys());
    homes.extend(policy.filter(|keys| has(keys)).map(|_| "[source.NAME.policy]".to_owned()));
    homes
}
