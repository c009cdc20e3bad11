//! `weir intel stats`: how much there is.

use super::place;
use super::say::{now, relative, tell};
use super::shelf::Stats;
use crate::Outcome;
use crate::cli::StatsArguments;
use crate::summary::{bytes, number, time};
use crate::table::Table;
use anyhow::Result;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;
use weir_model::Timestamp;

/// Runs the command.
pub(super) fn run(arguments: &StatsArguments) -> Result<Outcome> {
    let stats = place::to_look_at(&arguments.holding)?.stats()?;
    tell(arguments.holding.json, &stats, text)?;
    Ok(Outcome::Clean)
}

fn text(stats: &Stats) -> String {
    let mut text = format!("{} indicators count\n", number(stats.by_kind.values().sum()));
    for (title, counts) in [
        ("kind", &stats.by_kind),
        ("source", &stats.by_source),
        ("TLP", &stats.by_tlp),
        ("kept out by", &stats.kept_out),
        ("lowered or raised by", &stats.warned),
        ("refused because", &stats.refused),
    ] {
        if !counts.is_empty() {
            let _ = write!(text, "\n{}", table(title, counts));
        }
    }
    let _ = writeln!(
        text,
        "\nthe set takes {} of memory and was made in {}",
        bytes(stats.memory_bytes),
        time(Duration::from_millis(stats.made_in_ms))
    );
    if let Some(saved) = stats.snapshot {
        let _ = writeln!(text, "snapshot for the next start: {}", relative(Timestamp::new(saved, 0), now()));
    }
    text
}

/// The most first.
fn table(title: &'static str, counts: &BTreeMap<String, u64>) -> String {
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), *name));
    let mut table = Table::new(&[title, "#values"]);
    for (name, count) in sorted {
        table.row([name.as_str(), &number(*count)]);
    }
    table.render()
}
