//! Every format takes everything that is told, and says beforehand what it has no place for.

use super::valid::Validator;
use super::*;
use crate::marking::{Above, Leaves, StripKey, leaves};
use crate::samples::{exported_flow, full_alerts, full_flow, notices, observations, plain_flow};
use serde_json::Value;
use weir_model::Tlp;

/// The one line, or none.
fn rendered(render: impl FnOnce(&mut Lines)) -> Option<Value> {
    let mut lines = Lines::default();
    render(&mut lines);
    assert!(lines.count() <= 1);
    (lines.count() == 1).then(|| serde_json::from_slice(lines.bytes()).unwrap())
}

#[test]
fn what_a_format_has_no_place_for_is_not_written_and_all_else_is() {
    for format in Format::ALL.iter().copied() {
        let messages =
            full_alerts().into_iter().map(Message::from).chain(notices().into_iter().map(Message::from));
        for message in messages {
            let line = rendered(|lines| format.message(&message, lines));
            assert_eq!(line.is_some(), format.tells(&message), "{format:?} {message:?}");
        }
        for flow in [plain_flow(), full_flow(), exported_flow()] {
            let line = rendered(|lines| format.flow(&flow, lines));
            assert_eq!(line.is_some(), format.has(Kind::Flow), "{format:?}");
        }
        for observation in observations() {
            let line = rendered(|lines| format.name(FlowId(7), Protocol::UDP, &observation, lines));
            assert_eq!(line.is_some(), format.has(Kind::Name), "{format:?}");
        }
    }
}

#[test]
fn keywords_are_read_back() {
    for format in Format::ALL.iter().copied() {
        assert_eq!(Format::parse(format.keyword()), Some(format));
    }
    assert_eq!(Format::parse("ECS"), None);
}

/// Every sample, in every format that has a place for it, with its kind.
fn samples(format: Format) -> Vec<(&'static str, Value)> {
    let alerts = full_alerts().into_iter().map(|alert| ("alerts", Message::from(alert)));
    let notices = notices().into_iter().map(|notice| ("notices", Message::from(notice)));
    let messages: Vec<_> = alerts.chain(notices).collect();
    let stripped: Vec<_> = messages.iter().filter_map(|(_, message)| stripped(message)).collect();
    assert!(stripped.len() > 1);
    let messages = messages.into_iter().chain(stripped.into_iter().map(|message| ("stripped", message)));
    let mut lines: Vec<_> = messages
        .filter_map(|(kind, message)| Some((kind, rendered(|lines| format.message(&message, lines))?)))
        .collect();
    for flow in [plain_flow(), full_flow(), exported_flow()] {
        lines.extend(rendered(|lines| format.flow(&flow, lines)).map(|line| ("flows", line)));
    }
    for observation in observations() {
        let line = rendered(|lines| format.name(FlowId(7), Protocol::UDP, &observation, lines));
        lines.extend(line.map(|line| ("names", line)));
    }
    lines
}

/// What is left of a message where nothing of it may be told.
fn stripped(message: &Message) -> Option<Message> {
    match leaves(message, Tlp::Clear, Above::Strip, &StripKey::new(&[7; StripKey::BYTES])) {
        Leaves::Stripped(message) => Some(message),
        _ => None,
    }
}

#[test]
fn every_sample_is_as_its_schema_wants() {
    for format in Format::ALL.iter().copied() {
        let Some(validator) = Validator::of(format.keyword()) else { continue };
        for (kind, line) in samples(format) {
            let problems = validator.problems(kind, &line);
            assert!(problems.is_empty(), "{format:?} {kind}: {problems:#?}\n{line:#}");
        }
    }
}

/// Each change makes a line of a format wrong; if one went unnoticed, the test above would say nothing.
#[test]
fn what_is_wrong_is_noticed() {
    let changes: [(Format, &str, &str, Value); 24] = [
        (Format::Ecs, "flows", "/source/port", "443".into()),
        (Format::Ecs, "flows", "/source/ip", "10.1.2".into()),
        (Format::Ecs, "flows", "/source/made_up", 1.into()),
        (Format::Ecs, "flows", "/event/category", "network".into()),
        (Format::Ecs, "flows", "/event/kind", "flow".into()),
        (Format::Ecs, "flows", "/network/bytes", 1.into()),
        (Format::Ecs, "alerts", "/event/id", 7.into()),
        (Format::Ocsf, "flows", "/src_endpoint/port", 65_536.into()),
        (Format::Ocsf, "flows", "/src_endpoint/ip", "x".into()),
        (Format::Ocsf, "flows", "/traffic/bytes", "1".into()),
        (Format::Ocsf, "flows", "/type_uid", 400_101.into()),
        (Format::Ocsf, "flows", "/time", 1_700_000_000.into()),
        (Format::Ocsf, "flows", "/made_up", true.into()),
        (Format::Ocsf, "names", "/class_uid", 4001.into()),
        (Format::Ocsf, "alerts", "/severity_id", 7.into()),
        (Format::Ocsf, "alerts", "/osint/0/tlp", "TLP:RED".into()),
        (Format::Ocsf, "alerts", "/finding_info/uid", Value::Null),
        (Format::Eve, "flows", "/flow/age", "1".into()),
        (Format::Eve, "flows", "/timestamp", "2026-09-09T12:26:41Z".into()),
        (Format::Eve, "flows", "/made_up", 1.into()),
        (Format::Eve, "alerts", "/alert/context/id", "x".into()),
        (Format::Eve, "names", "/dns/version", "3".into()),
        (Format::Pdnssoc, "alerts", "/answers", Value::Null),
        (Format::Pdnssoc, "alerts", "/client_ip", "evil.example".into()),
    ];
    for (format, kind, pointer, value) in changes {
        let Some(validator) = Validator::of(format.keyword()) else { continue };
        let (_, mut line) = samples(format).into_iter().find(|(of, _)| *of == kind).unwrap();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        line.pointer_mut(parent).unwrap()[key] = value;
        assert!(!validator.problems(kind, &line).is_empty(), "{format:?} {kind} {pointer}");
    }
}
