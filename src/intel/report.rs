//! What came of asking a source, as it is told.

use super::say::count;
use crate::summary::{number, time};
use crate::table::Table;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// How it went.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SyncOutcome {
    /// It said something.
    #[default]
    Synced,
    /// It said that nothing changed.
    Unchanged,
    /// What it said looks wrong; what it said before stays.
    Held,
    /// Nothing came of it; what it said before stays.
    Failed,
    /// The next delivery is let through, whatever it looks like.
    Released,
}

impl SyncOutcome {
    const fn keyword(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::Unchanged => "unchanged",
            Self::Held => "HELD",
            Self::Failed => "FAILED",
            Self::Released => "released",
        }
    }

    /// Whether somebody should look.
    pub(crate) const fn is_problem(self) -> bool {
        matches!(self, Self::Held | Self::Failed)
    }
}

/// What came of asking a source once.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct SyncRow {
    pub source: String,
    pub outcome: SyncOutcome,
    /// Entries that it has in all.
    pub entries: u64,
    pub added: u64,
    pub changed: u64,
    pub removed: u64,
    /// What cannot be used of what it has, by reason.
    pub refused: BTreeMap<String, u64>,
    pub took_ms: u64,
    /// What looks wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldBack>,
    /// Why it failed or is held: the kind, and for people what happened and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<(String, String)>,
}

/// What looks wrong about a delivery.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct HeldBack {
    pub reason: String,
    /// Values before, and values brought.
    pub before: u64,
    pub brought: u64,
}

/// The table of all, and below it why some came to nothing.
pub(crate) fn render(rows: &[SyncRow]) -> String {
    let mut table =
        Table::new(&["source", "outcome", "#entries", "#added", "#changed", "#removed", "#refused", "took"]);
    for row in rows {
        table.row([
            row.source.as_str(),
            row.outcome.keyword(),
            &number(row.entries),
            &number(row.added),
            &number(row.changed),
            &number(row.removed),
            &number(row.refused.values().sum()),
            &time(Duration::from_millis(row.took_ms)),
        ]);
    }
    let mut text = table.render();
    for row in rows.iter().filter(|row| !row.refused.is_empty()) {
        let reasons: Vec<_> =
            row.refused.iter().map(|(reason, count)| format!("{reason} {}", number(*count))).collect();
        let _ = writeln!(text, "{} refused: {}", row.source, reasons.join(", "));
    }
    for row in rows {
        if let Some((_, problem)) = &row.problem {
            let _ = writeln!(text, "{}: {problem}", row.source);
        }
        if row.outcome == SyncOutcome::Held {
            let _ = writeln!(
                text,
                "{}: what it said before stays ({}); if what it says now is right: weir intel release {}",
                row.source,
                count(row.entries, "entry").replace("entrys", "entries"),
                row.source
            );
        }
    }
    text
}
