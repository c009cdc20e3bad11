//! What would have rung, for people and for programs.

use super::advice::{self, Advice};
use super::tally::{Rehearsal, Row};
use crate::summary::number;
use crate::table::Table;
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Rows of each table; the rest is counted. `--json` has all.
const ROWS_SHOWN: usize = 10;

/// All of it as one JSON object.
pub(super) fn json(rehearsal: &Rehearsal) -> Result<String> {
    #[derive(Serialize)]
    struct Whole<'a> {
        #[serde(flatten)]
        rehearsal: &'a Rehearsal,
        advice: Vec<Advice>,
    }
    let whole = Whole { rehearsal, advice: advice::advice(rehearsal) };
    Ok(serde_json::to_string_pretty(&whole)? + "\n")
}

/// The most of it as tables.
pub(super) fn tables(rehearsal: &Rehearsal) -> String {
    if rehearsal.notices == 0 {
        return "Nothing would have rung.\n".to_owned();
    }
    let mut text = format!(
        "{} alerts of {} incidents would have rung ({}; {}).\n",
        number(rehearsal.notices),
        number(rehearsal.incidents),
        counted(&rehearsal.by_severity),
        counted(&rehearsal.by_direction)
    );
    if rehearsal.not_told_apart > 0 {
        let _ = writeln!(text, "{} more alerts are not in the tables.", number(rehearsal.not_told_apart));
    }
    table(&mut text, ["source", "#hosts"], &rehearsal.sources, false);
    table(&mut text, ["noisiest indicator", "#hosts"], &rehearsal.indicators, true);
    table(&mut text, ["host", "#indicators"], &rehearsal.hosts, false);
    paste(&mut text, &advice::advice(rehearsal));
    text
}

fn counted(counts: &BTreeMap<String, u64>) -> String {
    let counts: Vec<_> = counts.iter().map(|(name, count)| format!("{} {name}", number(*count))).collect();
    counts.join(", ")
}

fn table(text: &mut String, [of, others]: [&'static str; 2], rows: &[Row], are_listed: bool) {
    let mut titles = vec![of, "#alerts", "#incidents", others, "severity"];
    if are_listed {
        titles.push("listed by");
    }
    let mut table = Table::new(&titles);
    for row in rows.iter().take(ROWS_SHOWN) {
        let mut cells =
            vec![row.name.clone(), number(row.notices), number(row.incidents), number(row.others)];
        cells.push(format!("up to {}", row.severity));
        if are_listed {
            cells.push(row.listed_by.clone());
        }
        table.row(cells);
    }
    let _ = write!(text, "\n{}", table.render());
    if rows.len() > ROWS_SHOWN {
        let _ = writeln!(text, "and {} more", number((rows.len() - ROWS_SHOWN) as u64));
    }
}

/// Lines for the configuration file.
fn paste(text: &mut String, advice: &[Advice]) {
    if advice.is_empty() {
        return;
    }
    text.push_str("\nPerhaps for the configuration (guesses from what was seen: check them):\n\n");
    for line in advice.iter().filter(|advice| !advice.is_role) {
        let _ = writeln!(text, "# {}\n{}", line.reason, line.line);
    }
    if advice.iter().any(|advice| advice.is_role) {
        text.push_str("[role]\n");
    }
    for line in advice.iter().filter(|advice| advice.is_role) {
        let _ = writeln!(text, "# {}\n{}", line.reason, line.line);
    }
}
