//! `weir config check`: all that can be seen of a configuration without starting anything and without asking anybody.

mod files;
mod machine;
mod missing;
mod watching;

use super::USUAL_PLACE;
use crate::Outcome;
use crate::cli::{CheckArguments, CommonArguments, RunArguments};
use crate::config::conflicts;
use crate::config::document::Document;
use crate::config::mistake::{Mistake, Mistakes};
use crate::config::{RunSettings, Settings};
use crate::intel::say::tell;
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use weir_alert::sinks::Opening;

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    file: PathBuf,
    mistakes: Vec<Row>,
    warnings: Vec<String>,
}

/// A mistake, for programs.
#[derive(Debug, Serialize)]
struct Row {
    line: Option<usize>,
    table: String,
    key: Option<String>,
    what: String,
    remedy: String,
    #[serde(skip)]
    text: String,
}

/// Runs the command.
pub(super) fn run(arguments: &CheckArguments) -> Result<Outcome> {
    let path = arguments.file.clone().unwrap_or_else(|| USUAL_PLACE.into());
    let report = Report::of(&path);
    tell(arguments.json, &report, Report::text)?;
    Ok(if report.mistakes.is_empty() { Outcome::Clean } else { Outcome::Usage })
}

impl Report {
    fn of(path: &Path) -> Self {
        let (mistakes, warnings) = match Document::read(path) {
            Ok(document) => look(&document),
            Err(mistakes) => (mistakes, Vec::new()),
        };
        let rows =
            mistakes.all().iter().zip(mistakes.lines()).map(|(mistake, text)| Row::of(mistake.clone(), text));
        Self { file: path.to_owned(), mistakes: rows.collect(), warnings }
    }

    fn text(&self) -> String {
        let file = self.file.display();
        let mut text: String = self.mistakes.iter().fold(String::new(), |text, row| text + &row.text + "\n");
        for warning in &self.warnings {
            let _ = writeln!(text, "{file}: warning: {warning}");
        }
        let _ = match self.mistakes.len() {
            0 => writeln!(text, "{file}: can be used"),
            1 => writeln!(text, "{file}: cannot be used: 1 mistake"),
            count => writeln!(text, "{file}: cannot be used: {count} mistakes"),
        };
        text
    }
}

impl Row {
    fn of(mistake: Mistake, text: String) -> Self {
        let Mistake { line, place, key, what, remedy } = mistake;
        Self { line, table: place, key, what, remedy, text }
    }
}

/// All that is wrong, and all that somebody should think about.
fn look(document: &Document) -> (Mistakes, Vec<String>) {
    let (mut mistakes, mut warnings, mut unset) = (Vec::new(), Vec::new(), Vec::new());
    let lines = document.lines();
    if let Ok(tree) = document.tree() {
        mistakes.extend(conflicts::of_the_whole(&tree, &lines));
        mistakes.extend(watching::mistake(&tree, &mut warnings));
        let of_files = files::mistakes(document, &tree, &mut warnings);
        mistakes.extend(of_files.mistakes);
        unset = of_files.unset;
    }
    match settings(&document.path) {
        Ok(settings) => {
            // What follows from a file that is not there, or from a variable that is not set here, is not said again.
            let is_said = |mistake: &Mistake| {
                let is_of_variable = |name: &String| mistake.what.contains(&format!("${name} is not set"));
                mistakes.iter().any(|other| other.place == mistake.place && !other.place.is_empty())
                    || unset.iter().any(is_of_variable)
            };
            let more: Vec<_> =
                of_settings(&settings, &lines).into_iter().filter(|mistake| !is_said(mistake)).collect();
            mistakes.extend(more);
            warnings.extend(machine::warnings(&settings));
            warnings.extend(thoughts(&settings));
            warnings.extend(missing::warnings(&settings.common));
        }
        Err(error) => match error.downcast::<Mistakes>() {
            Ok(found) => mistakes.extend(found.all().iter().cloned()),
            Err(error) if mistakes.is_empty() => mistakes.push(placed(&format!("{error:#}"), &lines)),
            Err(_) => {}
        },
    }
    (Mistakes::new(&document.path, mistakes), warnings)
}

fn settings(path: &Path) -> Result<RunSettings> {
    let common = CommonArguments { config: Some(path.to_owned()), ..CommonArguments::default() };
    Settings::for_check(&RunArguments { common, ..RunArguments::default() })
}

/// What only those find out who would use it.
fn of_settings(settings: &RunSettings, lines: &BTreeMap<String, usize>) -> Vec<Mistake> {
    let common = &settings.common;
    let base = common.config.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let in_table = |table: String, error: String| {
        // The key that the message names first, if it stands there.
        let named = error.split('`').nth(1).map(|key| format!(".{key}"));
        let of_key = |(key, _): &(&String, &usize)| {
            key.starts_with(&format!("{table}.")) && named.as_ref().is_some_and(|named| key.ends_with(named))
        };
        let line = lines.iter().find(of_key).map(|(_, line)| *line).or_else(|| lines.get(&table).copied());
        let page = if table.starts_with("sink") { "docs/ALERTING.md" } else { "docs/INTELLIGENCE.md" };
        // Most say themselves what to write.
        let remedy =
            if error.contains("; ") { String::new() } else { format!("{page} shows how it is written") };
        Mistake::at(line, error, remedy).in_place(&format!("[{table}]"))
    };
    let mut mistakes = Vec::new();
    for sink in &common.sinks {
        let checked = sink.settings.check(&Opening { name: &sink.name, base });
        mistakes
            .extend(checked.err().map(|error| in_table(format!("sink.{}", sink.name), error.to_string())));
    }
    for source in &common.sources {
        let made = source.provider(base);
        mistakes
            .extend(made.err().map(|error| in_table(format!("source.{}", source.name), error.to_string())));
    }
    let filter = common.bpf.as_deref().map(weir_capture::check_filter);
    if let Some(Err(error)) = filter {
        let remedy = "write a filter as for tcpdump, such as \"not port 22\" (man pcap-filter)";
        mistakes.push(Mistake::at(lines.get("bpf").copied(), error.to_string(), remedy).of("", "bpf"));
    }
    mistakes
}

fn thoughts(settings: &RunSettings) -> Vec<String> {
    let of_sinks = settings.common.sinks.iter().flat_map(|sink| sink.warnings(&settings.common));
    let of_sources = settings.common.sources.iter().flat_map(|source| {
        source.warnings().into_iter().map(move |warning| format!("[source.{}]: {warning}", source.name))
    });
    of_sinks.chain(of_sources).collect()
}

/// What is said as `idle-timeout: ...`, as of flags.
fn placed(said: &str, lines: &BTreeMap<String, usize>) -> Mistake {
    if let Some((name, what)) = said.split_once(": ") {
        let key = name.replace('-', "_");
        if let Some(line) = lines.get(&key) {
            return Mistake::at(Some(*line), what, "").of("", &key);
        }
    }
    Mistake::at(None, said, "")
}
