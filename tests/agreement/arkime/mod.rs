//! Flows against Arkime's sessions of its own test captures.
//!
//! Sessions and flows meet by protocol, addresses and ports; where both have the same number of parts, the parts are
//! compared in the order of time, else their sums. Every disagreement has a line in `explained.tsv` (capture, session or
//! `*`, field, verdict, reason), or the test fails; it also fails when a line there explains nothing any more.

mod explanations;
mod frames;
mod ours;
mod parts;
mod table;
mod theirs;

use crate::{common, program};
use explanations::Explanations;
use parts::{Conversation, Counts, Part};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use table::{Disagreement, Field, Table};

#[test]
fn flows_agree_with_arkime_or_it_is_known_why_not() {
    let Some(folder) = common::corpora().map(|folder| folder.join("arkime")) else {
        return;
    };
    let captures = common::captures_below(&folder);
    assert!(captures.len() > 150, "only {} captures", captures.len());
    let mut table = compare_all(captures);
    let mut explanations = Explanations::read(&common::root().join("tests/agreement/explained.tsv"));
    table.settle(|disagreement| explanations.explain(disagreement));
    println!("{table}");
    let unexplained = table.unexplained();
    let stale = explanations.stale();
    assert!(
        unexplained.is_empty(),
        "{} disagreements unexplained:\n{}",
        unexplained.len(),
        unexplained.join("\n")
    );
    assert!(stale.is_empty(), "explanations of nothing:\n{}", stale.join("\n"));
    for field in Field::ALL {
        let percent = table.percent(field);
        assert!(percent >= field.least_percent(), "{field:?}: only {percent:.2} % agree");
    }
}

/// Compares every capture, on all processors.
fn compare_all(captures: Vec<PathBuf>) -> Table {
    let queue = Mutex::new(captures.into_iter());
    let whole = Mutex::new(Table::default());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(capture) = { queue.lock().unwrap().next() } {
                    let table = compare(&capture);
                    whole.lock().unwrap().join(table);
                }
            });
        }
    });
    whole.into_inner().unwrap()
}

/// Compares one capture.
fn compare(capture: &Path) -> Table {
    let name = capture.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut table = Table::default();
    let Some(theirs) = theirs::read(capture, &mut table) else {
        return table;
    };
    let ours = ours::conversations(&program::read(capture));
    for key in theirs.keys().chain(ours.keys().filter(|key| !theirs.contains_key(key))) {
        let mut note = |field, ours: String, theirs: String| {
            let agree = ours == theirs;
            table.note(
                Disagreement { capture: name.clone(), session: key.to_string(), field, ours, theirs },
                agree,
            );
        };
        match (ours.get(key), theirs.get(key)) {
            (Some(ours), Some(theirs)) => {
                note(Field::Ends, "found".to_owned(), "found".to_owned());
                conversation(ours, theirs, &mut note);
            }
            (None, _) => note(Field::Ends, "none".to_owned(), "a session".to_owned()),
            (_, None) => note(Field::Ends, "a flow".to_owned(), "none".to_owned()),
        }
    }
    table
}

/// Compares what both say of the same two ends.
fn conversation(ours: &Conversation, theirs: &Conversation, note: &mut impl FnMut(Field, String, String)) {
    if ours.parts.len() == theirs.parts.len() {
        for (ours, theirs) in ours.parts.iter().zip(&theirs.parts) {
            part(ours, theirs, note);
        }
    } else {
        part(&Part::sum(&ours.parts), &Part::sum(&theirs.parts), note);
    }
    if !ours.names.is_empty() || !theirs.names.is_empty() {
        note(Field::HostNames, format!("{:?}", ours.names), format!("{:?}", theirs.names));
    }
    if !ours.fingerprints.is_empty() || !theirs.fingerprints.is_empty() {
        note(Field::Ja4, format!("{:?}", ours.fingerprints), format!("{:?}", theirs.fingerprints));
    }
}

fn part(ours: &Part, theirs: &Part, note: &mut impl FnMut(Field, String, String)) {
    note(Field::Began, format!("{:?}", ours.began), format!("{:?}", theirs.began));
    let mut both = |field, ours: Option<Counts>, theirs: Option<Counts>| {
        if let (Some(ours), Some(theirs)) = (ours, theirs) {
            note(field, format!("{ours:?}"), format!("{theirs:?}"));
        }
    };
    both(Field::Packets, ours.packets, theirs.packets);
    both(Field::Bytes, ours.bytes, theirs.bytes);
    both(Field::PayloadBytes, ours.payload_bytes, theirs.payload_bytes);
    both(Field::DeliveredBytes, ours.delivered_bytes, theirs.delivered_bytes);
    // Arkime has none for multicast protocols and DHCP.
    if let Some(theirs) = &theirs.community_id {
        note(Field::CommunityId, ours.community_id.clone().unwrap_or_default(), theirs.clone());
    }
}
