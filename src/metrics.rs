//! The counters of a run in Prometheus text format.

mod collector;
mod intel;
mod sinks;

use crate::latency::{Quantiles, StageTimes};
use crate::ledger::Ledger;
use crate::sinks::SinkRow;
use crate::status::{CanaryStatus, CollectorStatus, IntelStatus, InterfaceStatus};
use anyhow::{Context as _, Result};
use prometheus::{IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};
use std::path::Path;

/// Everything that a run publishes. Labels come from tables in the code, never from what was read.
#[derive(Debug)]
pub(crate) struct Published<'a> {
    pub ledger: &'a Ledger,
    /// Counts of a stage: (stage, counter, value).
    pub counters: &'a [(&'static str, String, u64)],
    pub stages: &'a [(&'static str, &'a StageTimes)],
    pub quantiles: &'a [StageQuantiles],
    pub interfaces: &'a [InterfaceStatus],
    pub collector: Option<&'a CollectorStatus>,
    pub intelligence: Option<&'a IntelStatus>,
    pub canaries: &'a [CanaryStatus],
    pub sinks: &'a [SinkRow],
}

/// How long something takes, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StageQuantiles {
    pub stage: &'static str,
    pub quantiles: Quantiles,
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
        Ok(TextEncoder::new().encode_to_string(&self.registry()?.gather())?)
    }

    fn registry(&self) -> Result<Registry> {
        let registry = Registry::new();
        let events = counter(&registry, "weir_events_total", "Counts of each stage.", &["stage", "event"])?;
        for (stage, event, count) in self.counters {
            events.with_label_values(&[*stage, event.as_str()]).inc_by(*count);
        }
        let ledger = counter(
            &registry,
            "weir_ledger_total",
            "What entered and left each boundary.",
            &["unit", "side", "entry"],
        )?;
        for boundary in &self.ledger.boundaries {
            ledger
                .with_label_values(&[boundary.unit.as_str(), "entered", boundary.entered.name.as_str()])
                .inc_by(boundary.entered.count);
            for entry in &boundary.left {
                ledger
                    .with_label_values(&[boundary.unit.as_str(), "left", entry.name.as_str()])
                    .inc_by(entry.count);
            }
        }
        let balanced =
            IntGauge::new("weir_ledger_balanced", "1 when every boundary of the ledger balances.")?;
        balanced.set(i64::from(self.ledger.is_balanced()));
        registry.register(Box::new(balanced))?;
        let time = counter(
            &registry,
            "weir_stage_microseconds_total",
            "Wall time each stage spent on its batches.",
            &["stage"],
        )?;
        for (stage, times) in self.stages {
            time.with_label_values(&[stage])
                .inc_by(u64::try_from(times.total().as_micros()).unwrap_or(u64::MAX));
        }
        self.publish_quantiles(&registry)?;
        self.publish_interfaces(&registry)?;
        self.publish_canaries(&registry)?;
        if let Some(status) = self.collector {
            collector::publish(status, &registry)?;
        }
        if let Some(status) = self.intelligence {
            intel::publish(status, &registry)?;
        }
        if !self.sinks.is_empty() {
            sinks::publish(self.sinks, &registry)?;
        }
        Ok(registry)
    }

    fn publish_canaries(&self, registry: &Registry) -> Result<()> {
        let ages = IntGaugeVec::new(
            Opts::new(
                "weir_canary_age_seconds",
                "Since the last canary of each thread came through to the desk.",
            ),
            &["thread"],
        )?;
        for canary in self.canaries {
            let age = i64::try_from(canary.age_seconds).unwrap_or(i64::MAX);
            ages.with_label_values(&[canary.thread.as_str()]).set(age);
        }
        Ok(registry.register(Box::new(ages))?)
    }

    fn publish_quantiles(&self, registry: &Registry) -> Result<()> {
        let gauges = IntGaugeVec::new(
            Opts::new(
                "weir_latency_microseconds",
                "Packet to message durable, and time of each stage per batch.",
            ),
            &["of", "quantile"],
        )?;
        let counts = counter(registry, "weir_latency_count_total", "How many were measured.", &["of"])?;
        for StageQuantiles { stage, quantiles } in self.quantiles {
            let shown = [
                ("0.5", quantiles.p50_us),
                ("0.99", quantiles.p99_us),
                ("0.999", quantiles.p999_us),
                ("1", quantiles.max_us),
            ];
            for (quantile, us) in shown.into_iter().filter(|_| quantiles.count > 0) {
                gauges.with_label_values(&[*stage, quantile]).set(i64::try_from(us).unwrap_or(i64::MAX));
            }
            counts.with_label_values(&[*stage]).inc_by(quantiles.count);
        }
        Ok(registry.register(Box::new(gauges))?)
    }

    /// Names of interfaces are the operator's own.
    fn publish_interfaces(&self, registry: &Registry) -> Result<()> {
        let up = IntGaugeVec::new(
            Opts::new("weir_interface_up", "1 while the interface is captured from."),
            &["interface"],
        )?;
        let events = counter(
            registry,
            "weir_interface_total",
            "Frames and events of each interface.",
            &["interface", "event"],
        )?;
        for interface in self.interfaces {
            let name = interface.name.as_str();
            up.with_label_values(&[name]).set(i64::from(interface.is_up));
            for (event, count) in [
                ("received", interface.packets),
                ("kernel_dropped", interface.kernel_drops),
                ("before_joining", interface.before_joining),
                ("interface_dropped", interface.interface_drops),
                ("freezes", interface.freezes),
                ("went_down", interface.went_down),
            ] {
                events.with_label_values(&[name, event]).inc_by(count);
            }
        }
        Ok(registry.register(Box::new(up))?)
    }
}

fn counter(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec> {
    let vector = IntCounterVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(vector.clone()))?;
    Ok(vector)
}

fn gauge(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec> {
    let vector = IntGaugeVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(vector.clone()))?;
    Ok(vector)
}
