//! `weir sink`: which sinks there are, how they are, and whether one takes what it is sent.

use super::overlook::SinkRow;
use super::staff::configured;
use super::tasting;
use crate::Outcome;
use crate::cli::{SinkArguments, SinkCommand, SinkHolding, SinkListArguments, SinkTestArguments};
use crate::config::{ConfiguredSink, Settings};
use crate::intel::Whereabouts;
use crate::intel::say::tell;
use crate::service::Service;
use crate::status::sinks_table;
use crate::table::Table;
use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use std::path::{Path, PathBuf};
use weir_alert::sinks::Kind;

/// Runs `weir sink`.
pub(crate) fn run(arguments: &SinkArguments) -> Result<Outcome> {
    match &arguments.command {
        SinkCommand::List(arguments) => list(arguments),
        SinkCommand::Test(arguments) => test(arguments),
    }
}

/// A configuration, and the running program that has it.
struct Found {
    settings: Settings,
    service: Option<Service>,
}

impl Found {
    /// What the arguments name, or what a running program has.
    fn by(holding: &SinkHolding) -> Result<Self> {
        let Some(config) = &holding.config else {
            let advice = "say where the sinks are configured: --config FILE";
            let service = Service::find_or(holding.control.as_deref(), advice)?;
            let config = whereabouts(&service)?.config.context(
                "the running weir has no configuration file, so it has one sink: what --alerts says",
            )?;
            return Ok(Self { settings: Settings::of_file(&config)?.0, service: Some(service) });
        };
        let (settings, control) = Settings::of_file(config)?;
        let service = Service::find(holding.control.as_deref().or(control.as_deref())).ok();
        let has_it = |service: &Service| {
            whereabouts(service).is_ok_and(|place| place.config.as_deref().map(whole) == Some(whole(config)))
        };
        Ok(Self { settings, service: service.filter(has_it) })
    }
}

fn whereabouts(service: &Service) -> Result<Whereabouts> {
    serde_json::from_str(&service.get("/intel/where")?).context("what answers is no weir of this version")
}

fn whole(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// What is configured, and what runs.
#[derive(Debug, Serialize)]
struct Listed {
    sinks: Vec<Configured>,
    /// How a running program gets on with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    running: Option<Vec<SinkRow>>,
}

#[derive(Debug, Serialize)]
struct Configured {
    name: String,
    kind: &'static str,
    is_enabled: bool,
    send: Vec<&'static str>,
    format: &'static str,
    tlp: &'static str,
    severity: &'static str,
    rate: u32,
}

fn list(arguments: &SinkListArguments) -> Result<Outcome> {
    let Found { settings, service } = Found::by(&arguments.holding)?;
    let running: Option<Vec<SinkRow>> = match service {
        Some(service) => Some(
            serde_json::from_str(&service.get("/sinks")?)
                .context("what the running weir answers is not understood; is it of another version?")?,
        ),
        None => None,
    };
    let sinks = configured(&settings)?.0.iter().map(Configured::from).collect();
    let listed = Listed { sinks, running };
    tell(arguments.holding.json, &listed, Listed::text)?;
    let is_well = listed.running.iter().flatten().all(SinkRow::is_well);
    Ok(if is_well { Outcome::Clean } else { Outcome::Alerts })
}

impl From<&ConfiguredSink> for Configured {
    fn from(sink: &ConfiguredSink) -> Self {
        Self {
            name: sink.name.clone(),
            kind: sink.settings.kind(),
            is_enabled: sink.is_enabled,
            send: sink.send.iter().copied().map(Kind::plural).collect(),
            format: sink.terms.format.keyword(),
            tlp: sink.terms.ceiling.keyword(),
            severity: sink.terms.severity.keyword(),
            rate: sink.terms.rate,
        }
    }
}

impl Listed {
    fn text(&self) -> String {
        let mut table = Table::new(&["sink", "type", "gets", "format", "up to TLP", "from severity"]);
        for sink in &self.sinks {
            let gets = if sink.is_enabled { sink.send.join(", ") } else { "nothing: disabled".to_owned() };
            table.row([&*sink.name, sink.kind, &*gets, sink.format, sink.tlp, sink.severity]);
        }
        match &self.running {
            Some(rows) => format!("{}\n{}", table.render(), sinks_table(rows)),
            None => format!("{}\nno `weir run` with this configuration answers\n", table.render()),
        }
    }
}

fn test(arguments: &SinkTestArguments) -> Result<Outcome> {
    let settings = Found::by(&arguments.holding)?.settings;
    let (sinks, base) = configured(&settings)?;
    let Some(sink) = sinks.iter().find(|sink| sink.name == arguments.sink) else {
        let known: Vec<_> = sinks.iter().map(|sink| sink.name.as_str()).collect();
        bail!("there is no sink `{}`; there are {}", arguments.sink, known.join(", "));
    };
    let report = tasting::taste(sink, &base)?;
    tell(arguments.holding.json, &report, tasting::Report::text)?;
    Ok(if report.is_taken() { Outcome::Clean } else { Outcome::Alerts })
}
