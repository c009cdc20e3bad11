//! `weir intel diff`: what was added, changed, removed.

use super::place;
use super::say::{count, now, tell};
use super::shelf::Change;
use crate::Outcome;
use crate::cli::DiffArguments;
use crate::config::long_duration;
use crate::explain::plain_time;
use crate::summary::number;
use crate::table::Table;
use anyhow::{Result, bail};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Runs the command.
pub(super) fn run(arguments: &DiffArguments) -> Result<Outcome> {
    let Some(span) = long_duration(&arguments.since) else {
        bail!("since: `{}` is not a time such as 90m, 24h or 7d", arguments.since);
    };
    if !arguments.holding.indicators.is_empty() {
        bail!("files have no yesterday: --indicators does not go with this");
    }
    let shelf = place::to_look_at(&arguments.holding)?;
    if let Some(source) = &arguments.source {
        shelf.must_have(source)?;
    }
    let limit = if arguments.limit == 0 { usize::MAX } else { arguments.limit };
    let mut difference = Difference { since: (now() - span).to_string(), ..Difference::default() };
    shelf.changes(now() - span, &mut |change| {
        if arguments.source.as_ref().is_none_or(|source| *source == change.source) {
            difference.add(change, limit);
        }
    })?;
    tell(arguments.holding.json, &difference, Difference::text)?;
    Ok(Outcome::Clean)
}

#[derive(Debug, Default, Serialize)]
struct Difference {
    since: String,
    /// By source, then by what happened.
    counts: BTreeMap<String, BTreeMap<String, u64>>,
    total: u64,
    changes: Vec<Change>,
}

impl Difference {
    fn add(&mut self, change: Change, limit: usize) {
        self.total += 1;
        let by_source = self.counts.entry(change.source.clone()).or_default();
        *by_source.entry(change.what.clone()).or_default() += 1;
        if self.changes.len() < limit {
            self.changes.push(change);
        }
    }

    fn text(&self) -> String {
        if self.total == 0 {
            return format!("nothing changed since {}\n", plain_time(&self.since));
        }
        let mut table = Table::new(&["when", "what", "value", "kind", "source"]);
        for change in &self.changes {
            table.row([&plain_time(&change.when), &change.what, &change.value, &change.kind, &change.source]);
        }
        let mut text = table.render();
        let rest = self.total - self.changes.len() as u64;
        if rest > 0 {
            let _ = writeln!(text, "... and {} more (--limit 0 for all)", number(rest));
        }
        text.push('\n');
        let mut table = Table::new(&["source", "#added", "#changed", "#removed"]);
        for (source, counts) in &self.counts {
            let of = |what: &str| number(counts.get(what).copied().unwrap_or(0));
            table.row([source.as_str(), &of("added"), &of("changed"), &of("removed")]);
        }
        text.push_str(&table.render());
        let _ = writeln!(text, "{} since {}", count(self.total, "change"), plain_time(&self.since));
        text
    }
}
