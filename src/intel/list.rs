//! `weir intel list`: what is loaded, refused, expired or kept out, line by line.

use super::place;
use super::say::{count, tell};
use super::shelf::{Line, Wanted};
use crate::Outcome;
use crate::cli::ListArguments;
use crate::explain::{Refused, plain_time};
use crate::summary::number;
use crate::table::Table;
use anyhow::{Result, bail};
use serde::Serialize;
use weir_model::IndicatorValue;

/// Runs the command.
pub(super) fn run(arguments: &ListArguments) -> Result<Outcome> {
    if let Some(kind) = arguments.kind.as_deref().filter(|kind| !IndicatorValue::KINDS.contains(kind)) {
        bail!("there is no kind `{kind}`; there are {}", IndicatorValue::KINDS.join(", "));
    }
    let shelf = place::to_look_at(&arguments.holding)?;
    if let Some(source) = &arguments.source {
        shelf.must_have(source)?;
    }
    let limit = if arguments.limit == 0 { usize::MAX } else { arguments.limit };
    let mut listed = Listed::default();
    if arguments.refused {
        shelf.refusals(arguments.source.as_deref(), &mut |refused| {
            listed.refused.add(refused, limit);
        })?;
    } else {
        let wanted = match (arguments.suppressed, arguments.expired) {
            (true, _) => Wanted::KeptOut,
            (_, true) => Wanted::Gone,
            _ => Wanted::Counting,
        };
        let (source, kind) = (arguments.source.as_deref(), arguments.kind.as_deref());
        shelf.lines(wanted, source, kind, &mut |line| listed.indicators.add(line, limit))?;
    }
    tell(arguments.holding.json, &listed, Listed::text)?;
    Ok(Outcome::Clean)
}

/// What was asked for, up to the limit, and how much there is.
#[derive(Debug, Default, Serialize)]
struct Listed {
    #[serde(skip_serializing_if = "Part::is_empty")]
    indicators: Part<Line>,
    #[serde(skip_serializing_if = "Part::is_empty")]
    refused: Part<Refused>,
}

#[derive(Debug, Serialize)]
struct Part<T> {
    total: u64,
    rows: Vec<T>,
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        Self { total: 0, rows: Vec::new() }
    }
}

impl<T> Part<T> {
    fn add(&mut self, row: T, limit: usize) {
        self.total += 1;
        if self.rows.len() < limit {
            self.rows.push(row);
        }
    }

    const fn is_empty(&self) -> bool {
        self.total == 0
    }

    fn rest(&self) -> String {
        match self.total - self.rows.len() as u64 {
            0 => format!("{}\n", count(self.total, "line")),
            rest => format!("... and {} more of {} (--limit 0 for all)\n", number(rest), number(self.total)),
        }
    }
}

impl Listed {
    fn text(&self) -> String {
        if self.refused.is_empty() && self.indicators.is_empty() {
            return "nothing\n".to_owned();
        }
        if !self.refused.is_empty() {
            return self.refusals();
        }
        let is_kept_out = self.indicators.rows.iter().any(|line| !line.why.is_empty());
        let last = if is_kept_out { "why" } else { "it says" };
        let mut table = Table::new(&["value", "kind", "source", "since", "until", "TLP", last]);
        let dash = |time: &Option<String>| time.as_deref().map_or("-".to_owned(), plain_time);
        for line in &self.indicators.rows {
            table.row([
                line.value.as_str(),
                &line.kind,
                &line.source,
                &dash(&line.since),
                &dash(&line.until),
                line.tlp.as_deref().unwrap_or("-"),
                if is_kept_out { &line.why } else { &line.says },
            ]);
        }
        format!("{}{}", table.render(), self.indicators.rest())
    }

    fn refusals(&self) -> String {
        let mut table = Table::new(&["source", "place", "reason", "text"]);
        for refused in &self.refused.rows {
            table.row([&refused.source, &refused.place, &refused.reason, &refused.text]);
        }
        format!("{}{}", table.render(), self.refused.rest())
    }
}
