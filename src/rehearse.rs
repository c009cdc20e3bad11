//! `weir rehearse`: what would have rung, without ringing: from which source, in which direction, for which indicators and hosts; and
//! what might be configured before it rings in earnest.
//!
//! The rehearsal is the real thing: captures are read as `weir read` reads them, taps and routers watched as `weir run` watches
//! them. Only the alerts go to a file that nobody else sees, which is counted and thrown away.

mod advice;
mod tally;
mod view;

use crate::Outcome;
use crate::cli::{CommonArguments, ReadArguments, RehearseArguments, RunArguments};
use crate::config;
use crate::{output, read, run};
use anyhow::{Context as _, Result};
use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::Path;
use std::time::Duration;
use tally::Rehearsal;

/// Runs the command.
pub(crate) fn run(arguments: &RehearseArguments) -> Result<Outcome> {
    let folder = tempfile::tempdir().context("cannot make a folder for the rehearsal")?;
    let alerts = folder.path().join("alerts.jsonl");
    let common = CommonArguments {
        alerts: Some(alerts.clone()),
        flows: None,
        names: None,
        state: None,
        quiet: true,
        ..arguments.common.clone()
    };
    let outcome = match &arguments.time {
        Some(time) => watch(arguments, common, folder.path(), config::duration_of("for", time)?)?,
        None => read_captures(arguments, common)?,
    };
    let rehearsal = Rehearsal::of(BufReader::new(File::open(&alerts).context("cannot read what rang")?))?;
    let text = if arguments.json { view::json(&rehearsal)? } else { view::tables(&rehearsal) };
    output::open(Path::new("-"))?.write_all(text.as_bytes()).context("cannot print what rang")?;
    Ok(if outcome == Outcome::Incomplete { outcome } else { Outcome::Clean })
}

fn read_captures(arguments: &RehearseArguments, common: CommonArguments) -> Result<Outcome> {
    let (captures, exported) = (arguments.captures.clone(), arguments.exported.clone());
    read::run_without_state(&ReadArguments { captures, exported, common, metrics: None })
}

/// Beside a service that runs: no address for metrics, and a control socket of its own.
fn watch(
    arguments: &RehearseArguments,
    common: CommonArguments,
    folder: &Path,
    time: Duration,
) -> Result<Outcome> {
    output::say(&format!("rehearsing for {}; Ctrl-C ends it earlier\n", crate::summary::time(time)));
    let arguments = RunArguments {
        interface: arguments.interface.clone(),
        collector: arguments.collector.clone(),
        common,
        listen: Some("off".to_owned()),
        control: Some(folder.join("control.sock")),
        ..RunArguments::default()
    };
    run::rehearse(&arguments, time)
}
