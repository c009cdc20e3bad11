//! `weir read`: captures in, alerts and a summary out.

use crate::Outcome;
use crate::alerts::{AlertCounts, AlertsOut};
use crate::cli::ReadArguments;
use crate::collect::{Collector, CollectorConfig, FileCollector};
use crate::config::{HomeNet, Settings};
use crate::output;
use crate::pipeline::{self, Desk, Reports, Wanted, WorkerConfig};
use crate::progress::Progress;
use crate::report::Report;
use crate::state::State;
use crate::{intel, memory};
use anyhow::{Context as _, Result, bail};
use std::sync::Arc;
use std::time::Instant;
use weir_capture::{Input, ReadOptions, Reader};
use weir_flow::{ExportedFlows, ExportedFlowsConfig, FlowConfig, PassiveDns, ROUND_PACKETS};
use weir_intel::{Loaded, RefusalReason, Source, Taken};
use weir_model::{Alert, Context, Indicator, IndicatorValue};
use weir_rules::screen::{Refused, Screen, Verdict};
use weir_rules::set::SetFull;
use weir_rules::{IncidentConfig, Incidents, IndicatorSet, SetBuilder, Site};
use weir_wire::DecodeConfig;
use weir_wire::export::ExportLimits;

/// Runs the command.
#[expect(clippy::disallowed_methods, reason = "the program says how long it took")]
pub(crate) fn run(arguments: &ReadArguments) -> Result<Outcome> {
    let started = Instant::now();
    let settings = Settings::for_read(arguments)?;
    let state = settings.state.as_deref().map(State::open).transpose()?;
    let (set, loaded) = load_indicators(&settings, None)?;

    let alerts_out = output::open(&settings.alerts)?;
    let lines = LinesOut {
        flows: settings.flows.as_deref().map(output::open).transpose()?,
        names: settings.names.as_deref().map(output::open).transpose()?,
    };
    let mut incidents = Incidents::new(site(&settings), IncidentConfig::default());
    let told_up_to = state.as_ref().map(|state| memory::load(state, &mut incidents)).transpose()?;
    let mut reports = follow(&settings, &set, lines, incidents)?;

    let alerts = reports.incidents.close_all();
    let alerts_written =
        write_alerts(&alerts, AlertsOut::new(alerts_out, settings.alerts_tlp, settings.format))?;
    if let Some(state) = &state {
        memory::save(state, &reports.incidents.remembered(), told_up_to.unwrap_or_default())?;
    }
    let elapsed = started.elapsed();
    let (settings, set, loaded, reports, alerts) = (&settings, &set, &loaded, &reports, &alerts);
    Report { settings, set, loaded, reports, alerts, alerts_written, elapsed }.tell()?;
    Ok(outcome(reports, alerts))
}

/// Where lines of flows and names go.
#[derive(Default)]
pub(crate) struct LinesOut {
    pub flows: Option<output::Sink>,
    pub names: Option<output::Sink>,
}

/// Takes the captures through all stages, up to the incidents.
pub(crate) fn follow(
    settings: &Settings,
    set: &Arc<IndicatorSet>,
    lines: LinesOut,
    incidents: Incidents,
) -> Result<Reports> {
    let inputs = settings.captures.iter().map(Input::from_argument).collect();
    let reader = Reader::open(inputs, &ReadOptions { filter: settings.bpf.clone() })?;
    let wanted =
        |sink: &Option<_>| if sink.is_some() { Wanted::Lines(settings.format) } else { Wanted::Nothing };
    let config = WorkerConfig {
        decode: DecodeConfig::default(),
        flow: FlowConfig { round_packets: ROUND_PACKETS, ..flow_config(settings) },
        passive_dns: None,
        set: Arc::clone(set),
        site: site(settings),
        want_flows: wanted(&lines.flows),
        want_names: wanted(&lines.names),
        export_ports: settings.exported.ports.as_slice().into(),
        spare: pipeline::spare(settings.workers),
        told: settings.privacy.told,
    };
    let collector = settings.exported.is_wanted().then(|| collector(settings, &config));
    let desk = Desk::new(incidents, lines.flows, lines.names, collector);
    let _progress = Progress::start(settings.verbosity, reader.progress());
    pipeline::run(reader, config, settings.workers, desk)
}

/// The collector of exported records, which wants of flows what is wanted of those of packets.
fn collector(settings: &Settings, config: &WorkerConfig) -> FileCollector {
    let passive_dns = Arc::new(PassiveDns::new(config.flow.passive_dns.clone()));
    let flows = ExportedFlows::new(exported_flow_config(settings, 1), Some(passive_dns));
    let of_all = CollectorConfig {
        limits: ExportLimits::default(),
        set: Arc::clone(&config.set),
        site: config.site.clone(),
        want_flows: config.want_flows,
        want_names: config.want_names,
        part: 0,
        parts: 1,
        is_live: false,
        told: config.told,
    };
    FileCollector::new(Collector::new(of_all, Arc::new(flows)), &settings.exported.folders)
}

pub(crate) fn site(settings: &Settings) -> Site {
    let home = match &settings.home {
        HomeNet::Configured(nets) => nets.clone(),
        HomeNet::PrivateRanges => Site::private_ranges().home,
    };
    Site { home, roles: settings.roles.clone() }
}

/// Loads and compiles the indicators and what is built in; the list of what was refused comes back with the books.
pub(crate) fn load_indicators(
    settings: &Settings,
    built_in: Option<Indicator>,
) -> Result<(Arc<IndicatorSet>, Loaded)> {
    for named in &settings.indicators {
        let source = Source::parse(named).with_context(|| format!("in --indicators {}", named.display()))?;
        if !source.path().exists() {
            bail!("there are no indicators at {}", source.path().display());
        }
    }
    let mut builder = SetBuilder::new();
    intel::add_kept(&settings.intel(), &mut builder)?;
    if let Some(built_in) = built_in {
        // There is room for one.
        let _ = builder.add(built_in);
    }
    let screen = (!settings.screening.is_off).then(|| intel::screen(&settings.intel())).transpose()?;
    let loaded = weir_intel::load_paths_into(&settings.indicators, &mut |value, context| {
        add(&mut builder, screen.as_ref(), value, context)
    });
    Ok((Arc::new(builder.build()), loaded))
}

/// Adds a value to a set, if nothing keeps it out.
fn add(builder: &mut SetBuilder, screen: Option<&Screen>, value: IndicatorValue, context: Context) -> Taken {
    let contexts = [context];
    let as_it_stands = Verdict::Take { narrowed: None, warnings: Arc::default() };
    let (narrowed, warnings) = match screen.map_or(as_it_stands, |screen| screen.judge(&value, &contexts)) {
        Verdict::Take { narrowed, warnings } => (narrowed, warnings),
        Verdict::Suppress(_) => return Taken::Unwanted(RefusalReason::Warninglist),
        Verdict::Refuse(Refused::PublicSuffix) => return Taken::Unwanted(RefusalReason::PublicSuffix),
        Verdict::Refuse(Refused::TooWide) => return Taken::Unwanted(RefusalReason::TooWide),
        Verdict::Inside(_) => return Taken::Unwanted(RefusalReason::OwnNetwork),
    };
    let value = narrowed.unwrap_or(value);
    match builder.add(Indicator { value, contexts: contexts.into(), warnings }) {
        Ok(added) if added.is_new => Taken::New,
        Ok(_) => Taken::Repeated,
        Err(SetFull) => Taken::Full,
    }
}

pub(crate) fn flow_config(settings: &Settings) -> FlowConfig {
    FlowConfig {
        tcp_idle_timeout: settings.tcp_idle_timeout,
        other_idle_timeout: settings.idle_timeout,
        active_timeout: settings.active_timeout,
        table_bytes: usize::try_from(settings.flow_memory_bytes).unwrap_or(usize::MAX),
        left_out: settings.privacy.left_out.clone(),
        ..FlowConfig::default()
    }
}

/// Flows of exported records, to which so many threads add. Idle timeouts are the exporters' own.
pub(crate) fn exported_flow_config(settings: &Settings, threads: usize) -> ExportedFlowsConfig {
    ExportedFlowsConfig {
        active_timeout: settings.active_timeout,
        table_bytes: usize::try_from(settings.flow_memory_bytes).unwrap_or(usize::MAX),
        threads,
        left_out: settings.privacy.left_out.clone(),
        ..ExportedFlowsConfig::default()
    }
}

/// Writes alerts; a reader that went away (`weir read ... | head`) wants no more of them.
pub(crate) fn write_alerts(alerts: &[Alert], mut out: AlertsOut) -> Result<AlertCounts> {
    alerts.iter().try_for_each(|alert| out.alert(alert))?;
    out.flush()?;
    Ok(out.counts())
}

/// What could not be read weighs more than what was found in the rest.
pub(crate) fn outcome(reports: &Reports, alerts: &[Alert]) -> Outcome {
    let collected = reports.desk.collected.as_ref();
    let is_whole = collected.is_none_or(|collected| collected.problems.is_empty());
    if !reports.reader.problems.is_empty() || !is_whole {
        Outcome::Incomplete
    } else if alerts.is_empty() {
        Outcome::Clean
    } else {
        Outcome::Alerts
    }
}
