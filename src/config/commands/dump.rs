//! `weir config dump`: what would be used, and where it is from.

use crate::Outcome;
use crate::cli::{Cli, DumpArguments};
use crate::config::document::Document;
use crate::config::effective::Shown;
use crate::config::{Effective, Settings};
use crate::intel::say::tell;
use crate::table::Table;
use anyhow::Result;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A key.
#[derive(Debug, Serialize)]
struct Row {
    key: String,
    /// `null` for a secret.
    value: Value,
    from: String,
    #[serde(skip)]
    shown: String,
}

/// Runs the command.
pub(super) fn run(arguments: &DumpArguments) -> Result<Outcome> {
    let settings = Settings::for_run(&arguments.run)?;
    let lines = match &settings.common.config {
        Some(path) => Document::read(path)?.lines(),
        None => BTreeMap::new(),
    };
    let matches = Cli::command().try_get_matches_from(std::env::args_os()).ok();
    let flags =
        matches.as_ref().and_then(|matches| matches.subcommand_matches("config")?.subcommand_matches("dump"));
    let rows = rows(&settings.effective(), &lines, |key| flags.is_some_and(|flags| is_given(flags, key)));
    tell(arguments.json, &rows, |rows| table(rows))?;
    Ok(Outcome::Clean)
}

fn is_given(flags: &ArgMatches, key: &str) -> bool {
    let is_known = flags.ids().any(|id| id.as_str() == key);
    is_known && flags.value_source(key) == Some(ValueSource::CommandLine)
}

fn rows(effective: &Effective, lines: &BTreeMap<String, usize>, is_flag: impl Fn(&str) -> bool) -> Vec<Row> {
    let row = |(key, shown): (&str, &Shown)| {
        let top = key.split('.').next().unwrap_or_default();
        let from = match line(key, lines) {
            _ if is_flag(top) => format!("--{}", top.replace('_', "-")),
            Some(line) => format!("line {line}"),
            None => "default".to_owned(),
        };
        let value = match shown {
            Shown::Plain(value) => value.clone(),
            Shown::Fingerprint(_) => Value::Null,
        };
        Row { key: key.to_owned(), value, from, shown: shown.to_string() }
    };
    effective.shown().map(row).collect()
}

/// Where a key stands; where a value stands for several keys (`decay = true`), it is the value's line.
fn line(key: &str, lines: &BTreeMap<String, usize>) -> Option<usize> {
    if let Some(line) = lines.get(key) {
        return Some(*line);
    }
    let (above, _) = key.rsplit_once('.')?;
    let is_value =
        lines.contains_key(above) && !lines.keys().any(|other| other.starts_with(&format!("{above}.")));
    if is_value { lines.get(above).copied() } else { None }
}

fn table(rows: &[Row]) -> String {
    let mut table = Table::new(&["key", "value", "from"]);
    for row in rows {
        table.row([row.key.as_str(), row.shown.as_str(), row.from.as_str()]);
    }
    table.render()
}
