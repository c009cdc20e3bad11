//! `weir doctor`: whether this machine can do what its settings ask of it: cards that change packets before they are seen, rights, kernel,
//! memory, disk, clock, and whether sources and sinks can be reached. Each finding says what to do.

mod clock;
mod disk;
mod finding;
mod interfaces;
mod kernel;
mod memory;
mod queues;
mod reach;
mod rights;
mod size;

use crate::Outcome;
use crate::cli::{DoctorArguments, RunArguments};
use crate::config::{self, RunSettings, Settings};
use crate::intel::say;
use crate::table::Table;
use anyhow::Result;
use finding::{Finding, Verdict};
use serde::Serialize;
use size::Size;
use std::fmt::Write as _;
use std::time::Duration;

/// All that was found.
#[derive(Debug, Serialize)]
struct Report {
    findings: Vec<Finding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<Size>,
}

/// Runs the command.
pub(crate) fn run(arguments: &DoctorArguments) -> Result<Outcome> {
    let settings = settings(arguments)?;
    let mut findings = interfaces::look(&settings);
    findings.extend(rights::look(&settings));
    findings.extend(kernel::look(&settings));
    findings.extend(memory::look(&settings));
    findings.extend(clock::look());
    findings.extend(disk::look(&settings));
    findings.extend(reach::look(&settings));
    let time = arguments
        .size
        .as_deref()
        .map(|text| config::duration("size", Some(text), Duration::ZERO))
        .transpose()?;
    let size = time.map(|time| size::measure(&settings, time)).transpose()?;
    let report = Report { findings, size };
    say::tell(arguments.json, &report, Report::text)?;
    let is_wrong = report.findings.iter().any(|finding| finding.verdict == Verdict::Wrong);
    Ok(if is_wrong { Outcome::Alerts } else { Outcome::Clean })
}

/// As `weir run` would have them, beside one that runs. Whoever has not decided yet what to watch may ask how the machine is.
fn settings(arguments: &DoctorArguments) -> Result<RunSettings> {
    Settings::for_check(&RunArguments {
        interface: arguments.interface.clone(),
        ring_size: arguments.ring_size.clone(),
        collector: arguments.collector.clone(),
        common: arguments.common.clone(),
        ..RunArguments::default()
    })
}

impl Report {
    fn text(&self) -> String {
        let mut table = Table::new(&["", "what", "found"]);
        for finding in &self.findings {
            table.row([finding.verdict.word(), &*finding.about, &*finding.found]);
        }
        let mut text = table.render();
        let to_do: Vec<_> = self.findings.iter().filter(|finding| finding.remedy.is_some()).collect();
        if !to_do.is_empty() {
            text.push_str("\nwhat to do:\n");
        }
        for finding in to_do {
            let remedy = finding.remedy.as_deref().unwrap_or_default();
            let _ = writeln!(text, "  {}: {remedy}", finding.about);
        }
        if let Some(size) = &self.size {
            text.push('\n');
            text.push_str(&size.text());
        }
        text
    }
}
