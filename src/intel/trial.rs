//! `weir intel test`: values and captures through the set, as packets would go.

use super::place;
use super::say::{contexts_of, dated, now, tell};
use crate::Outcome;
use crate::canary;
use crate::cli::{CommonArguments, HoldingArguments, ReadArguments, TestArguments};
use crate::config::Settings;
use crate::read;
use crate::summary::number;
use crate::table::Table;
use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use weir_alert::sentence;
use weir_model::indicator::Url;
use weir_model::{Alert, Indicator, IndicatorValue, Name};
use weir_rules::set::IndicatorId;
use weir_rules::{IncidentConfig, Incidents, IndicatorSet};

/// Runs the command.
pub(super) fn run(arguments: &TestArguments) -> Result<Outcome> {
    let (captures, values): (Vec<_>, Vec<_>) =
        arguments.values.iter().partition(|text| Path::new(text).is_file());
    let values =
        values.into_iter().map(|text| Ok((text.as_str(), parse(text)?))).collect::<Result<Vec<_>>>()?;
    let set = place::to_look_at(&arguments.holding)?.set()?;
    let tried: Vec<_> = values.iter().map(|(text, value)| Tried::new(text, &set, value)).collect();
    let captures: Vec<_> = captures.into_iter().map(PathBuf::from).collect();
    let walked = (!captures.is_empty()).then(|| walk(captures, &arguments.holding, &set)).transpose()?;
    let indicators = canary::kinds(&set).into_iter().map(|(_, count)| count).sum();
    let report = Report { indicators, values: tried, captures: walked };
    tell(arguments.holding.json, &report, Report::text)?;
    Ok(report.outcome())
}

/// A value as people write it; what cannot be one is told with the reason.
pub(super) fn parse(text: &str) -> Result<IndicatorValue> {
    let is_capture =
        [".pcap", ".pcapng", ".cap"].iter().any(|ending| text.trim_end_matches(".gz").ends_with(ending));
    match weir_intel::value::parse(text) {
        _ if is_capture => bail!("there is no capture {text}"),
        Ok(value) => Ok(value),
        Err(reason) => bail!(
            "`{text}` cannot be met on the wire ({reason}): {} Write an address, address:port, name, URL, JA3, JA4 or the \
             fingerprint of a certificate.",
            reason.meaning()
        ),
    }
}

/// What came of all.
#[derive(Debug, Serialize)]
struct Report {
    /// So many are in the set.
    indicators: u64,
    values: Vec<Tried>,
    #[serde(skip_serializing_if = "Option::is_none")]
    captures: Option<Walked>,
}

/// A value that was tried.
#[derive(Debug, Serialize)]
struct Tried {
    value: String,
    kind: &'static str,
    matches: Vec<Match>,
}

/// An indicator that something with a value on the wire meets.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Match {
    pub indicator: String,
    pub kind: String,
    /// Why it is met.
    pub because: String,
    /// It counts; else it has expired since the set was made.
    pub counts: bool,
    pub sources: Vec<String>,
    pub tlp: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warninglists: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
}

/// What captures meet.
#[derive(Debug, Serialize)]
struct Walked {
    packets: u64,
    rings: Vec<Ring>,
    /// Captures that could not be read to their end.
    problems: Vec<String>,
}

/// An alert that would be raised.
#[derive(Debug, Serialize)]
struct Ring {
    indicator: String,
    kind: &'static str,
    sources: Vec<String>,
    host: Option<String>,
    grade: &'static str,
    severity: &'static str,
    flows: u64,
    first: String,
    says: String,
}

impl Report {
    fn outcome(&self) -> Outcome {
        let is_whole = self.captures.as_ref().is_none_or(|walked| walked.problems.is_empty());
        let rings = self.captures.as_ref().is_some_and(|walked| !walked.rings.is_empty());
        if !is_whole {
            Outcome::Incomplete
        } else if rings || self.values.iter().any(|tried| !tried.matches.is_empty()) {
            Outcome::Alerts
        } else {
            Outcome::Clean
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let mut table = Table::new(&["value", "matches", "because", "source", "TLP", "it says"]);
        for tried in &self.values {
            if tried.matches.is_empty() {
                table.row([tried.value.as_str(), "nothing"]);
            }
            for met in &tried.matches {
                let because = if met.counts { met.because.as_str() } else { "it has expired" };
                let (indicator, sources) =
                    (format!("{} {}", met.kind, met.indicator), met.sources.join(", "));
                let says = met.says.as_deref().unwrap_or_default();
                table.row([
                    &tried.value,
                    &indicator,
                    because,
                    &sources,
                    met.tlp.as_deref().unwrap_or("-"),
                    says,
                ]);
            }
        }
        if !table.is_empty() {
            text.push_str(&table.render());
        }
        if let Some(walked) = &self.captures {
            text.push_str(&walked.text());
        }
        let _ = writeln!(text, "\n{} indicators were compared", number(self.indicators));
        text
    }
}

impl Walked {
    fn text(&self) -> String {
        let mut text = format!("{} packets, {} incidents\n", number(self.packets), self.rings.len());
        let mut table = Table::new(&["indicator", "source", "host", "grade", "severity", "#flows", "first"]);
        for ring in &self.rings {
            let (sources, host) = (ring.sources.join(", "), ring.host.as_deref().unwrap_or("-"));
            let flows = number(ring.flows);
            table.row([&ring.indicator, &sources, host, ring.grade, ring.severity, &flows, &ring.first]);
        }
        if !table.is_empty() {
            text.push_str(&table.render());
        }
        for ring in &self.rings {
            let _ = writeln!(text, "- {}", ring.says);
        }
        for problem in &self.problems {
            let _ = writeln!(text, "problem: {problem}");
        }
        text
    }
}

impl Tried {
    fn new(text: &str, set: &IndicatorSet, value: &IndicatorValue) -> Self {
        Self { value: text.to_owned(), kind: value.kind(), matches: matches(set, value) }
    }
}

/// The indicators that something with this value on the wire meets, most specific first.
pub(crate) fn matches(set: &IndicatorSet, value: &IndicatorValue) -> Vec<Match> {
    let met = meet(set, value);
    met.into_iter().filter_map(|(id, because)| Some(Match::new(&*set.get(id)?, because))).collect()
}

impl Match {
    fn new(indicator: &Indicator, because: &'static str) -> Self {
        let (sources, tlp, says) = contexts_of(indicator);
        let warning =
            |warning: &weir_model::Warning| format!("{} ({})", warning.list, warning.effect.keyword());
        Self {
            indicator: indicator.value.to_string(),
            kind: indicator.value.kind().to_owned(),
            because: because.to_owned(),
            counts: indicator.is_valid_at(now()),
            sources,
            tlp: tlp.map(str::to_owned),
            warninglists: indicator.warnings.iter().map(warning).collect(),
            says,
        }
    }
}

impl Ring {
    fn new(alert: &Alert) -> Self {
        Self {
            indicator: alert.indicator.value.to_string(),
            kind: alert.indicator.value.kind(),
            sources: contexts_of(&alert.indicator).0,
            host: alert.host.map(|host| host.to_string()),
            grade: alert.grade.keyword(),
            severity: alert.severity.keyword(),
            flows: alert.flows,
            first: dated(alert.first),
            says: sentence::sentence(alert),
        }
    }
}

/// The indicators that something with this value on the wire meets, most specific first, each with why.
fn meet(set: &IndicatorSet, value: &IndicatorValue) -> Vec<(IndicatorId, &'static str)> {
    match value {
        IndicatorValue::Address(ip) => meet_address(set, *ip),
        IndicatorValue::AddressPort(ip, port) => {
            let exact = set.address_port(*ip, *port).map(|id| (id, "the address at that port"));
            exact.into_iter().chain(meet_address(set, *ip)).collect()
        }
        IndicatorValue::Network(net) => {
            let covers = |id: &IndicatorId| match set.get(*id).as_deref() {
                Some(Indicator { value: IndicatorValue::Network(known), .. }) => known.contains(net),
                _ => false,
            };
            set.address(net.network())
                .filter(covers)
                .map(|id| (id, "the network is it, or lies in it"))
                .collect()
        }
        IndicatorValue::Domain(name) | IndicatorValue::Host(name) => meet_name(set, name, ""),
        IndicatorValue::Url(url) => meet_url(set, url),
        IndicatorValue::Ja3(hash) => set.ja3(hash).map(|id| (id, "that fingerprint")).into_iter().collect(),
        IndicatorValue::Ja4(text) => set.ja4(text).map(|id| (id, "that fingerprint")).into_iter().collect(),
        IndicatorValue::CertificateSha1(hash) => {
            set.certificate(hash, &[0; 32]).map(|id| (id, "that certificate")).collect()
        }
        IndicatorValue::CertificateSha256(hash) => {
            set.certificate(&[0; 20], hash).map(|id| (id, "that certificate")).collect()
        }
    }
}

fn meet_address(set: &IndicatorSet, ip: IpAddr) -> Vec<(IndicatorId, &'static str)> {
    let because = |id| match set.get(id).map(|indicator| indicator.value.kind()) {
        Some("network") => "the address lies in it",
        _ => "the address itself",
    };
    set.address(ip).map(|id| (id, because(id))).collect()
}

fn meet_name(set: &IndicatorSet, name: &Name, of_url: &'static str) -> Vec<(IndicatorId, &'static str)> {
    let because = |id| match set.get(id).as_deref() {
        _ if !of_url.is_empty() => of_url,
        Some(Indicator { value: IndicatorValue::Host(_), .. }) => "this very host name",
        Some(Indicator { value: IndicatorValue::Domain(known), .. }) if known != name => {
            "the name is below it"
        }
        _ => "the name itself",
    };
    set.name(name).map(|id| (id, because(id))).collect()
}

fn meet_url(set: &IndicatorSet, url: &Url) -> Vec<(IndicatorId, &'static str)> {
    let exact = set.url(url.host.as_str(), url.port, &url.path).map(|id| (id, "that request"));
    let host = match url.host.as_str().trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(ip) => meet_address(set, ip),
        Err(_) => meet_name(set, &url.host, "a request to it names its host"),
    };
    exact.into_iter().chain(host).collect()
}

/// Reads captures as `weir read` does, and keeps what would ring.
fn walk(captures: Vec<PathBuf>, holding: &HoldingArguments, set: &Arc<IndicatorSet>) -> Result<Walked> {
    let common = CommonArguments {
        config: holding.config.clone(),
        home_net: holding.home_net.clone(),
        ..CommonArguments::default()
    };
    let settings = Settings::for_read(&ReadArguments { captures, common, ..ReadArguments::default() })?;
    let incidents = Incidents::new(read::site(&settings), IncidentConfig::default());
    let mut reports = read::follow(&settings, set, read::LinesOut::default(), incidents)?;
    let rings = reports.incidents.close_all().iter().map(Ring::new).collect();
    let problems = reports.reader.problems.iter().map(ToString::to_string).collect();
    Ok(Walked { packets: reports.reader.stats.frames_delivered, rings, problems })
}
