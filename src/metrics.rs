//! The counters of a run in Prometheus text format.

use crate::latency::StageTimes;
use crate::ledger::Ledger;
use anyhow::{Context as _, Result};
use prometheus::{IntCounterVec, IntGauge, Opts, Registry, TextEncoder};
use std::path::Path;

/// Everything that a run publishes. Labels come from tables in the code, never from what was read.
#[derive(Debug)]
pub(crate) struct Published<'a> {
    pub ledger: &'a Ledger,
    /// Counts of a stage: (stage, counter, value).
    pub counters: &'a [(&'static str, String, u64)],
    pub stages: &'a [(&'static str, &'a StageTimes)],
}

impl Published<'_> {
    /// Writes the text format to `path`, whole or not at all, as node_exporter's textfile collector asks.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let text = TextEncoder::new().encode_to_string(&self.registry()?.gather())?;
        let fresh = path.with_extension("prom.new");
        std::fs::write(&fresh, text)
            .and_then(|()| std::fs::rename(&fresh, path))
            .with_context(|| format!("cannot write the metrics {}", path.display()))
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
                .with_label_values(&[boundary.unit, "entered", &boundary.entered.name])
                .inc_by(boundary.entered.count);
            for entry in &boundary.left {
                ledger.with_label_values(&[boundary.unit, "left", &entry.name]).inc_by(entry.count);
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
        Ok(registry)
    }
}

fn counter(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec> {
    let vector = IntCounterVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(vector.clone()))?;
    Ok(vector)
}
