//! Must hold for every format: what is marked higher than a sink's ceiling is in none of its bytes.

use super::*;
use crate::samples::{self, FIRST, documented_alert, ip};
use crate::{Format, Lines};
use std::fmt::Write as _;
use weir_model::alert::{Field, Match};
use weir_model::notice::Matter;
use weir_model::{ClockQuality, IndicatorValue, SourceNotice};

/// Loosest first, as in the table.
const LEVELS: [Tlp; 5] = [Tlp::Clear, Tlp::Green, Tlp::Amber, Tlp::AmberStrict, Tlp::Red];
/// How a source can mark its words; without a marking it is AMBER.
const MARKS: [Option<Tlp>; 6] =
    [None, Some(Tlp::Clear), Some(Tlp::Green), Some(Tlp::Amber), Some(Tlp::AmberStrict), Some(Tlp::Red)];

const DOCUMENT: &str = include_str!("../../../docs/ALERTING.md");

fn key() -> StripKey {
    StripKey::new(&[7; StripKey::BYTES])
}

/// The words of a source; the full stop tells AMBER from AMBER+STRICT.
fn words(mark: Option<Tlp>) -> String {
    format!("said under {}.", mark.map_or("no marking", Tlp::keyword))
}

fn said(mark: Option<Tlp>) -> Context {
    let source = format!("list of {}.", mark.map_or("no marking", Tlp::keyword));
    Context { source: source.into(), description: Some(words(mark).into()), tlp: mark, ..Context::default() }
}

fn listed(address: &str, marks: &[Option<Tlp>]) -> Arc<Indicator> {
    let value = IndicatorValue::Address(ip(address));
    Arc::new(Indicator::new(value, marks.iter().copied().map(said).collect()))
}

fn alert(rings: &[Option<Tlp>], also: &[Option<Tlp>]) -> Message {
    let also_matched = if also.is_empty() { Vec::new() } else { vec![listed("203.0.113.77", also)] };
    Message::from(Alert { indicator: listed("203.0.113.5", rings), also_matched, ..documented_alert() })
}

fn listing(marks: &[Option<Tlp>]) -> Message {
    let contexts: Vec<_> = marks.iter().copied().map(said).collect();
    let source = contexts.first().map(|context| Arc::clone(&context.source));
    let value = IndicatorValue::Address(ip("192.0.2.7"));
    let matter = Matter::Listed { value, home: "192.0.2.0/24".parse().unwrap(), contexts };
    Message::from(SourceNotice { time: FIRST, source, matter })
}

/// What a sink writes of it, in all formats one behind the other.
fn written(message: &Message) -> String {
    let mut lines = Lines::default();
    for format in Format::ALL {
        format.message(message, &mut lines);
    }
    String::from_utf8(lines.bytes().to_vec()).unwrap()
}

/// One, two and three sources, marked in every way.
fn every_marking() -> Vec<Vec<Option<Tlp>>> {
    let mut all: Vec<Vec<Option<Tlp>>> = vec![Vec::new()];
    let mut every = Vec::new();
    for _ in 0..3 {
        let more = |marks: &Vec<Option<Tlp>>| MARKS.map(|mark| [&**marks, &[mark]].concat());
        all = all.iter().flat_map(more).collect();
        every.extend(all.clone());
    }
    every
}

fn outcome(leaves: &Leaves) -> &'static str {
    match leaves {
        Leaves::Whole => "whole",
        Leaves::Part(_) => "part",
        Leaves::Stripped(_) => "stripped",
        Leaves::Withheld => "withheld",
    }
}

/// What is to leave, by rank alone.
fn expected(marks: &[Option<Tlp>], ceiling: Tlp, above: Above) -> &'static str {
    let may_go = |mark: &&Option<Tlp>| mark.unwrap_or(Tlp::Amber) <= ceiling;
    match (marks.iter().filter(may_go).count(), above) {
        (0, Above::Withhold) => "withheld",
        (0, Above::Strip) => "stripped",
        (count, _) if count == marks.len() => "whole",
        _ => "part",
    }
}

/// The words of every source are in what leaves exactly if they may be.
fn says_what_it_may(text: &str, marks: &[Option<Tlp>], ceiling: Tlp) {
    for mark in MARKS {
        let may = marks.contains(&mark) && mark.unwrap_or(Tlp::Amber) <= ceiling;
        assert_eq!(text.contains(&words(mark)), may, "{mark:?} of {marks:?} under {ceiling:?}: {text}");
    }
}

fn each_case(check: impl Fn(&[Option<Tlp>], Tlp, Above)) {
    for marks in every_marking() {
        for ceiling in LEVELS {
            for above in [Above::Withhold, Above::Strip] {
                check(&marks, ceiling, above);
            }
        }
    }
}

#[test]
fn every_ceiling_and_marking_of_alerts() {
    each_case(|marks, ceiling, above| {
        let message = alert(marks, &[]);
        let left = leaves(&message, ceiling, above, &key());
        assert_eq!(outcome(&left), expected(marks, ceiling, above), "{marks:?} under {ceiling:?}");
        match &left {
            Leaves::Whole => says_what_it_may(&written(&message), marks, ceiling),
            Leaves::Part(part) => {
                says_what_it_may(&written(part), marks, ceiling);
                assert!(part.marking() <= Some(ceiling));
                assert_eq!((part.id(), part.key()), (message.id(), message.key()), "one incident");
            }
            Leaves::Stripped(stripped) => {
                says_what_it_may(&written(stripped), &[], ceiling);
                assert_eq!(stripped.marking(), None);
            }
            Leaves::Withheld => {}
        }
    });
}

/// How right our clock is is no intelligence: it stays in every message, of stripped ones as far as their times are told.
#[test]
fn what_leaves_says_whether_the_clock_was_kept() {
    let Message::Alert(whole) = alert(&[Some(Tlp::Red), Some(Tlp::Green)], &[]) else { panic!("no alert") };
    for (clock, expected) in [
        (None, serde_json::Value::Null),
        (Some(samples::kept_clock()), serde_json::json!({ "synchronised": true })),
        (Some(ClockQuality::Unsynchronised), serde_json::json!({ "synchronised": false })),
    ] {
        let message = Message::from(Alert { clock, ..Alert::clone(&whole) });
        let Leaves::Part(Message::Alert(part)) = leaves(&message, Tlp::Green, Above::Strip, &key()) else {
            panic!("one of two may go")
        };
        assert_eq!(part.clock, clock);
        let Leaves::Stripped(Message::Stripped(stripped)) =
            leaves(&message, Tlp::Clear, Above::Strip, &key())
        else {
            panic!("none may go")
        };
        let line = samples::parsed(|lines| crate::ecs::stripped(&stripped, lines));
        assert_eq!(line["weir"]["clock"], expected);
    }
}

#[test]
fn every_ceiling_and_marking_of_notices() {
    each_case(|marks, ceiling, above| {
        let message = listing(marks);
        let left = leaves(&message, ceiling, above, &key());
        assert_eq!(outcome(&left), expected(marks, ceiling, above), "{marks:?} under {ceiling:?}");
        match &left {
            Leaves::Part(left) | Leaves::Stripped(left) => {
                let text = written(left);
                let secret = MARKS.iter().filter(|mark| mark.unwrap_or(Tlp::Amber) > ceiling);
                for mark in secret {
                    let name = said(*mark).source;
                    assert!(!text.contains(&words(*mark)) && !text.contains(&*name), "{name} {text}");
                }
                let is_named = text.contains("192.0.2.");
                assert_eq!(is_named, matches!(left, Message::Notice(_)), "{text}");
            }
            Leaves::Whole | Leaves::Withheld => {}
        }
    });
    let held = Matter::Held { reason: "empty".into(), before: 9, brought: 0 };
    let held = Message::from(SourceNotice { time: FIRST, source: Some("list".into()), matter: held });
    let left = leaves(&held, Tlp::Clear, Above::Withhold, &key());
    assert_eq!(left, Leaves::Whole, "it tells nothing of what sources know");
}

/// The table of docs/ALERTING.md, row by row.
#[test]
fn the_documented_table_is_what_happens() {
    let mut table =
        "| ceiling | CLEAR | GREEN | AMBER, or none | AMBER+STRICT | RED |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for ceiling in LEVELS {
        let cells = LEVELS.map(|mark| {
            let mark = Some(mark);
            let ways = [Above::Withhold, Above::Strip]
                .map(|above| outcome(&leaves(&alert(&[mark], &[]), ceiling, above, &key())));
            if ways[0] == ways[1] { ways[0].to_owned() } else { ways.join(" / ") }
        });
        let _ = writeln!(table, "| **{}** | {} |", ceiling.keyword(), cells.join(" | "));
    }
    assert!(DOCUMENT.contains(&table), "docs/ALERTING.md should have:\n{table}");
}

#[test]
fn other_indicators_leave_if_they_may() {
    for marks in every_marking().iter().filter(|marks| marks.len() < 3) {
        for ceiling in LEVELS {
            let message = alert(&[Some(Tlp::Clear)], marks);
            let left = match leaves(&message, ceiling, Above::Strip, &key()) {
                Leaves::Whole => message.clone(),
                Leaves::Part(part) => part,
                other => panic!("{other:?}"),
            };
            let text = written(&left);
            let may = marks.iter().any(|mark| mark.unwrap_or(Tlp::Amber) <= ceiling);
            assert_eq!(text.contains("203.0.113.77"), may, "{marks:?} under {ceiling:?}: {text}");
        }
    }
}

/// A name that only a RED source knows is not told along with what a GREEN one says of an address.
#[test]
fn what_only_other_indicators_recognise_goes_with_them() {
    let red = |value| {
        let context = said(Some(Tlp::Red));
        Arc::new(Indicator::new(value, vec![context]))
    };
    let values = [
        IndicatorValue::Domain(samples::name("evil.example")),
        IndicatorValue::Ja4("t13d1516h2_8daaf6152771_e5627efa2ab1".into()),
        IndicatorValue::CertificateSha256([0xcd; 32]),
    ];
    for base in samples::full_alerts() {
        let also_matched = values.iter().cloned().map(red).collect();
        let green = listed("203.0.113.9", &[Some(Tlp::Green)]);
        let matched = vec![Match { field: Field::FlowAddress, value: "203.0.113.9".into() }];
        let message = Message::from(Alert { indicator: green, also_matched, matched, ..base });
        let Leaves::Part(part) = leaves(&message, Tlp::Green, Above::Strip, &key()) else {
            panic!("no part")
        };
        let text = written(&part);
        assert!(text.contains("203.0.113.9") && text.contains("said under GREEN."), "{text}");
        for gone in ["evil.example", "8daaf6152771", "cdcdcdcd", "RED"] {
            assert!(!text.contains(gone), "{gone} is in {text}");
        }
    }
}

#[test]
fn counts_are_told_as_people_say_them() {
    let rounded = [0, 1, 2, 3, 5, 9, 10, 49, 99, 1234, u64::MAX].map(stripped::about);
    assert_eq!(rounded, [0, 1, 2, 2, 5, 5, 10, 20, 50, 1000, 10_000_000_000_000_000_000]);
}

#[test]
fn a_host_that_is_itself_the_indicator_is_not_named() {
    let host = ip("10.1.2.3");
    let mut alert = documented_alert();
    let stripped = |alert: &Alert| match Stripped::of_alert(alert, &key()) {
        Stripped::Alert(alert) => alert,
        Stripped::Listing(listing) => panic!("{listing:?}"),
    };
    assert_eq!(stripped(&alert).host, Some(host));
    for value in [IndicatorValue::Address(host), IndicatorValue::Network("10.0.0.0/8".parse().unwrap())] {
        alert.also_matched = vec![samples::indicator(value)];
        assert_eq!((stripped(&alert).host, stripped(&alert).roles), (None, Vec::new()));
    }
}

mod hidden;
