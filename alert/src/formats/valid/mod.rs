//! Whether a line is what its format wants: held against the published schema, and against what a schema cannot say.
//!
//! Tests of this crate hold samples against it, and `tests/formats.rs` of the program what it writes of every scenario; each uses its part.

mod ecs;
mod eve;
mod ocsf;
mod pdnssoc;

use serde_json::Value;
use std::net::IpAddr;
use std::path::PathBuf;

/// Holds lines of one format against its schema.
pub(crate) enum Validator {
    Ecs(ecs::Fields),
    Ocsf(ocsf::Classes),
    Eve(eve::Events),
    Pdnssoc(pdnssoc::Matches),
}

impl Validator {
    /// For the format of that keyword; `None`, and it is said, where its schema is not on this machine.
    pub(crate) fn of(format: &str) -> Option<Self> {
        Some(match format {
            "ecs" => Self::Ecs(ecs::Fields::load()),
            "ocsf" => Self::Ocsf(ocsf::Classes::load()),
            "eve" => Self::Eve(eve::Events::load()?),
            "pdnssoc" => Self::Pdnssoc(pdnssoc::Matches::load()),
            other => panic!("there is no format {other}"),
        })
    }

    /// What is wrong with a line of this kind: `alerts`, `notices`, `flows` or `names`.
    pub(crate) fn problems(&self, kind: &str, line: &Value) -> Vec<String> {
        let mut problems = Vec::new();
        match self {
            Self::Ecs(fields) => fields.problems(kind, line, &mut problems),
            Self::Ocsf(classes) => classes.problems(kind, line, &mut problems),
            Self::Eve(events) => events.problems(kind, line, &mut problems),
            Self::Pdnssoc(matches) => matches.problems(kind, line, &mut problems),
        }
        problems
    }
}

/// A file that scripts/schemas.py made.
fn schema(name: &str) -> String {
    // Both packages that use this are part of one workspace.
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let own = [root.join("schemas"), root.join("alert/schemas")].into_iter().find(|folder| folder.is_dir());
    let path = own.expect("alert/schemas").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a compiled schema has against a line.
fn against(schema: &jsonschema::Validator, line: &Value, problems: &mut Vec<String>) {
    problems.extend(schema.iter_errors(line).map(|error| format!("{}: {error}", error.instance_path())));
}

/// Notes what does not hold.
fn hold(problems: &mut Vec<String>, holds: bool, what: &str) {
    if !holds {
        problems.push(what.to_owned());
    }
}

/// A member at a path of keys and places.
fn at<'a>(line: &'a Value, pointer: &str) -> &'a Value {
    line.pointer(pointer).unwrap_or(&Value::Null)
}

fn is_address(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok())
}

fn is_port(value: &Value) -> bool {
    value.as_u64().is_some_and(|port| port <= 65_535)
}

/// RFC 3339 in UTC, as Weir writes times.
fn is_time(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok())
}

/// Version 1: a SHA-1 in base64.
fn is_community_id(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with("1:") && text.len() == 30)
}

fn is_uuid(value: &Value) -> bool {
    let has_form = |text: &str| {
        let lengths: Vec<_> = text.split('-').map(str::len).collect();
        lengths == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
    };
    value.as_str().is_some_and(has_form)
}
