//! What Prometheus is told: every metric is declared in one table (`declared`), from which `docs/METRICS.md` is made.
//!
//! Labels come from tables in the code or from settings, and the number of their values is bounded (`metric`): nobody makes series by
//! sending something.

mod collector;
mod declared;
#[cfg(test)]
mod documented;
mod intel;
mod ledger;
mod metric;
mod series;
mod sinks;
#[cfg(test)]
mod tests;
mod threads;

use crate::latency::{Latency, StageTimes};
use crate::ledger::Ledger;
use crate::process::Process;
use crate::status::{ClockStatus, Status};
use anyhow::{Context as _, Result};
use declared as of;
use series::Series;
use std::path::Path;
use weir_model::Timestamp;

/// Everything that is published.
#[derive(Debug)]
pub(crate) struct Published<'a> {
    pub ledger: &'a Ledger,
    /// Counts of a stage: (stage, counter, value).
    pub counters: &'a [(&'static str, String, u64)],
    pub stages: &'a [(&'static str, &'a StageTimes)],
    /// What only a program has that goes on.
    pub running: Option<Running<'a>>,
}

/// How a running program is.
#[derive(Debug)]
pub(crate) struct Running<'a> {
    pub status: &'a Status,
    /// Packet to message durable.
    pub latency: &'a Latency,
    /// What the kernel says of the process.
    pub process: Option<Process>,
    /// What the clock says.
    pub now: Timestamp,
}

impl Published<'_> {
    /// Writes the text format to `path`, whole or not at all, as node_exporter's textfile collector asks.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let text = self.render()?;
        let fresh = path.with_extension("prom.new");
        std::fs::write(&fresh, text)
            .and_then(|()| std::fs::rename(&fresh, path))
            .with_context(|| format!("cannot write the metrics {}", path.display()))
    }

    /// The text format.
    pub(crate) fn render(&self) -> Result<String> {
        let mut series = Series::default();
        let build = if cfg!(debug_assertions) { "debug" } else { "release" };
        series.tell(&of::BUILD_INFO, &[env!("CARGO_PKG_VERSION"), build], true);
        ledger::publish(self.ledger, &mut series);
        ledger::publish_counters(self.counters, &mut series);
        for (stage, times) in self.stages {
            let metrics = (&of::STAGE_LATENCY, &of::STAGE_LATENCY_QUANTILES);
            series.distribution(metrics, &[stage], &times.distribution());
        }
        if let Some(running) = &self.running {
            running.publish(&mut series);
        }
        series.encode()
    }
}

impl Running<'_> {
    fn publish(&self, series: &mut Series) {
        let Self { status, latency, process, now } = self;
        series.tell(&of::READY, &[], status.is_ready());
        series.measure(&of::CLOCK, &[], now.as_nanos() as f64 / 1_000_000_000.0);
        status.clock.publish(series);
        if let Some(process) = process {
            process.publish(status.started, series);
        }
        interfaces(status, series);
        threads::publish(status, series);
        if let Some(status) = &status.collector {
            collector::publish(status, series);
        }
        intel::publish(status, series);
        findings(status, series);
        let metrics = (&of::ALERT_LATENCY, &of::ALERT_LATENCY_QUANTILES);
        series.distribution(metrics, &[], &latency.distribution());
        sinks::publish(status, series);
        settings(status, series);
    }
}

impl ClockStatus {
    fn publish(&self, series: &mut Series) {
        if let Some(is_synchronised) = self.synchronised {
            series.tell(&of::CLOCK_SYNCHRONISED, &[], is_synchronised);
        }
        for (metric, micros) in [
            (&of::CLOCK_ESTIMATED_ERROR, self.estimated_error_us),
            (&of::CLOCK_MAXIMUM_ERROR, self.maximum_error_us),
        ] {
            if let Some(micros) = micros {
                series.measure(metric, &[], micros as f64 / 1_000_000.0);
            }
        }
    }
}

impl Process {
    fn publish(&self, started: u64, series: &mut Series) {
        for (metric, value) in [
            (&of::PROCESS_MEMORY, self.resident_bytes),
            (&of::PROCESS_VIRTUAL, self.virtual_bytes),
            (&of::PROCESS_OPEN_FDS, self.open_descriptors),
            (&of::PROCESS_MAX_FDS, self.most_descriptors),
            (&of::PROCESS_START, Some(started)),
        ] {
            if let Some(value) = value {
                series.measure_whole(metric, &[], value);
            }
        }
        if let Some(seconds) = self.cpu_seconds {
            series.count_seconds(&of::PROCESS_CPU, &[], seconds);
        }
    }
}

fn interfaces(status: &Status, series: &mut Series) {
    for interface in &status.interfaces {
        let name = interface.name.as_str();
        series.tell(&of::INTERFACE_UP, &[name], interface.is_up);
        series.count(&of::INTERFACE_RECEIVED, &[name], interface.packets);
        series.count(&of::INTERFACE_DROPPED, &[name, "kernel"], interface.kernel_drops);
        series.count(&of::INTERFACE_DROPPED, &[name, "interface"], interface.interface_drops);
        series.count(&of::INTERFACE_EARLY, &[name], interface.before_joining);
        series.count(&of::INTERFACE_FREEZES, &[name], interface.freezes);
        series.count(&of::INTERFACE_WENT_DOWN, &[name], interface.went_down);
    }
}

fn findings(status: &Status, series: &mut Series) {
    series.count(&of::HITS, &[], status.hits);
    for alert in &status.alerts {
        series.count(&of::NOTICES, &[&alert.name], alert.count);
    }
    for message in status.messages.iter().filter(|message| message.name != "held") {
        series.count(&of::MESSAGES, &[&message.name], message.count);
    }
    series.measure_whole(&of::MUTES, &[], status.mutes_active);
    for canary in &status.canaries {
        series.measure_whole(&of::CANARY_AGE, &[&canary.thread], canary.age_seconds);
        series.tell(&of::CANARY_LATE, &[&canary.thread], canary.is_late);
    }
}

fn settings(status: &Status, series: &mut Series) {
    let reload = &status.reload;
    series.count(&of::RELOADS, &["accepted"], reload.accepted);
    series.count(&of::RELOADS, &["refused"], reload.refused);
    series.tell(&of::RELOAD_OK, &[], !reload.is_refused());
    if let Some(at) = reload.at {
        series.measure_whole(&of::RELOAD_TIME, &[], at);
    }
    series.measure_whole(&of::RELOAD_WAITING, &[], reload.wants_restart.len() as u64);
}
