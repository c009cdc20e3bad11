//! `weir rehearse`: what would have rung, without ringing: from which source, in which direction, for which indicators and hosts; and
//! what might be configured before it rings in earnest.
//!
//! The rehearsal is the real thing: captures are read as `weir read` reads them, taps and routers watched as `weir run` watches
//! them. Only the alerts go to a file that nobody else sees, which is counted and thrown away.

mod advice;
mod tally;
mod view;

use crate::Outcome;
use crate::alerts::AlertsOut;
use crate::cli::{ReadArguments, RehearseArguments, RunArguments};
use crate::config::{self, Settings};
use crate::{output, read, run};
use anyhow::{Context as _, Result, bail};
use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tally::Rehearsal;
use weir_rules::{IncidentConfig, Incidents, IndicatorSet};

/// Runs the command.
pub(crate) fn run(arguments: &RehearseArguments) -> Result<Outcome> {
    let folder = tempfile::tempdir().context("cannot make a folder for the rehearsal")?;
    let alerts = folder.path().join("alerts.jsonl");
    let outcome = match &arguments.time {
        Some(time) => watch(arguments, &alerts, time)?,
        None => read_captures(arguments, &alerts)?,
    };
    let rehearsal = Rehearsal::of(BufReader::new(File::open(&alerts).context("cannot read what rang")?))?;
    let text = if arguments.json { view::json(&rehearsal)? } else { view::tables(&rehearsal) };
    output::open(Path::new("-"))?.write_all(text.as_bytes()).context("cannot print what rang")?;
    Ok(if outcome == Outcome::Incomplete { outcome } else { Outcome::Clean })
}

/// The indicators of files, and what sources said when they were last asked.
fn indicators(settings: &Settings) -> Result<Arc<IndicatorSet>> {
    let (set, _) = read::load_indicators(settings, None)?;
    if set.is_empty() {
        bail!(
            "there are no indicators that could ring: --indicators FILES, or --config FILE with sources that were asked \
             (weir intel sync)"
        );
    }
    Ok(set)
}

fn read_captures(arguments: &RehearseArguments, alerts: &Path) -> Result<Outcome> {
    let RehearseArguments { captures, exported, common, .. } = arguments;
    let (captures, exported, common) = (captures.clone(), exported.clone(), common.clone());
    let flags = ReadArguments { captures, common, exported, ..ReadArguments::default() };
    let settings = Settings::for_read(&flags)?;
    let set = indicators(&settings)?;
    let settings = settings.rehearsing(alerts.to_owned());
    let incidents = Incidents::new(read::site(&settings), IncidentConfig::default());
    let mut reports = read::follow(&settings, &set, read::LinesOut::default(), incidents)?;
    let rang = reports.incidents.close_all();
    read::write_alerts(
        &rang,
        AlertsOut::new(output::open(&settings.alerts)?, settings.alerts_tlp, settings.format),
    )?;
    reports.reader.problems.iter().for_each(|problem| output::complain(&problem.to_string()));
    Ok(read::outcome(&reports, &rang))
}

/// Beside a service that runs: no address for metrics, a control socket of its own, and no canaries, which the set does not know.
fn watch(arguments: &RehearseArguments, alerts: &Path, time: &str) -> Result<Outcome> {
    let flags = RunArguments {
        interface: arguments.interface.clone(),
        collector: arguments.collector.clone(),
        common: arguments.common.clone(),
        listen: Some("off".to_owned()),
        control: Some(alerts.with_file_name("control.sock")),
        canary: Some("off".to_owned()),
        ..RunArguments::default()
    };
    let mut settings = Settings::for_run(&flags)?;
    let set = indicators(&settings.common)?;
    settings.common = settings.common.rehearsing(alerts.to_owned());
    let time = config::duration("for", Some(time), Duration::ZERO)?;
    output::say(&format!("rehearsing for {}; Ctrl-C ends it earlier\n", crate::summary::time(time)));
    run::rehearse(settings, set, time)
}
