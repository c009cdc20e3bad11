//! The ledger: at every boundary of the way, what went in and what came out. The books must balance to zero.

use crate::summary::{broken, number};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use weir_rules::IncidentStats;

/// The books of one run.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Ledger {
    pub boundaries: Vec<Boundary>,
}

/// One boundary: what went in, and every place where it can have gone.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Boundary {
    /// What is counted, as `frames` or `hits`.
    pub unit: String,
    /// What went in.
    pub entered: Entry,
    /// Where it went.
    pub left: Vec<Entry>,
}

/// A name and a count.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Entry {
    pub name: String,
    pub count: u64,
    /// It will go on: what waits, is open or under way. Such a count goes down again.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_held: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl Entry {
    pub(crate) fn new(name: impl Into<String>, count: u64) -> Self {
        Self { name: name.into(), count, is_held: false }
    }

    /// What is not at its end yet.
    pub(crate) fn held(name: impl Into<String>, count: u64) -> Self {
        Self { is_held: true, ..Self::new(name, count) }
    }
}

impl Boundary {
    /// What went in less what came out: zero, or something was lost (or counted twice) unseen.
    pub(crate) fn difference(&self) -> i128 {
        let left: i128 = self.left.iter().map(|entry| i128::from(entry.count)).sum();
        i128::from(self.entered.count) - left
    }
}

impl Ledger {
    /// Adds a boundary.
    pub(crate) fn add(
        &mut self,
        unit: impl Into<String>,
        entered: Entry,
        left: impl IntoIterator<Item = Entry>,
    ) {
        self.boundaries.push(Boundary { unit: unit.into(), entered, left: left.into_iter().collect() });
    }

    /// Where hits of incidents went; `further` is what never came to incidents.
    pub(crate) fn add_hits(
        &mut self,
        entered: Entry,
        stats: &IncidentStats,
        further: impl IntoIterator<Item = Entry>,
    ) {
        let went = stats.hits_went().map(|(name, count)| match name.trim_start_matches("hits_") {
            name @ "open" => Entry::held(name, count),
            name => Entry::new(name, count),
        });
        self.add("hits", entered, went.chain(further));
    }

    /// Adds what became of incidents.
    pub(crate) fn add_incidents(&mut self, stats: &IncidentStats) {
        self.add(
            "incidents",
            Entry::new("opened", stats.incidents_opened),
            [
                Entry::new("notified", stats.incidents_notified),
                Entry::held("open", stats.incidents_open),
                Entry::new("only looked up", stats.incidents_only_looked_up),
                Entry::new("not wanted", stats.incidents_not_wanted),
                Entry::new("part of the contact that followed", stats.incidents_absorbed),
            ],
        );
    }

    /// Whether every boundary balances.
    pub(crate) fn is_balanced(&self) -> bool {
        self.boundaries.iter().all(|boundary| boundary.difference() == 0)
    }
}

/// The books as text: an equation a boundary.
pub(crate) fn render(ledger: &Ledger, text: &mut String) {
    text.push_str("ledger\n");
    for boundary in &ledger.boundaries {
        broken(text, "  ", &equation(boundary), " + ");
    }
    text.push_str(if ledger.is_balanced() {
        "  the ledger balances\n"
    } else {
        "  THE LEDGER DOES NOT BALANCE: something was lost or counted twice; please report this\n"
    });
}

/// `frames: 10 seen = 3 filtered + 7 decoded`; what is zero is left out.
fn equation(boundary: &Boundary) -> String {
    let left: Vec<_> = boundary.left.iter().filter(|entry| entry.count > 0).collect();
    let mut sum: Vec<_> = left
        .iter()
        .map(|entry| format!("{} {}", number(entry.count), entry.name.replace(['_', '.'], " ")))
        .collect();
    if sum.is_empty() {
        sum.push("0".to_owned());
    }
    let entered = &boundary.entered;
    let mut line =
        format!("{}: {} {} = {}", boundary.unit, number(entered.count), entered.name, sum.join(" + "));
    if boundary.difference() != 0 {
        let _ = write!(line, "   (off by {})", boundary.difference());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_frame_unbalances_the_books() {
        let mut ledger = Ledger::default();
        ledger.add("frames", Entry::new("seen", 10), [Entry::new("filtered", 3), Entry::new("decoded", 7)]);
        assert!(ledger.is_balanced());
        ledger.add("frames", Entry::new("decoded", 7), [Entry::new("flows", 6)]);
        assert!(!ledger.is_balanced());
        assert_eq!(ledger.boundaries.last().unwrap().difference(), 1);
    }

    #[test]
    fn an_unbalanced_ledger_shouts() {
        let mut ledger = Ledger::default();
        ledger.add("frames", Entry::new("seen", 1_000), [Entry::new("not_ip", 999)]);
        let mut text = String::new();
        render(&ledger, &mut text);
        assert!(text.contains("frames: 1,000 seen = 999 not ip   (off by 1)"), "{text}");
        assert!(text.contains("DOES NOT BALANCE"), "{text}");
    }
}
