//! Sinks, in series; their names are the operator's own, and few.

use super::{counter, gauge};
use crate::latency::Quantiles;
use crate::sinks::SinkRow;
use anyhow::Result;
use prometheus::Registry;

/// Adds the series.
pub(super) fn publish(sinks: &[SinkRow], registry: &Registry) -> Result<()> {
    messages(sinks, registry)?;
    freight(sinks, registry)?;
    states(sinks, registry)?;
    latency(sinks, registry)
}

fn messages(sinks: &[SinkRow], registry: &Registry) -> Result<()> {
    let help = "What became of messages for a sink, since it was first configured.";
    let messages = counter(registry, "weir_sink_messages_total", help, &["sink", "became"])?;
    for sink in sinks {
        for (became, count) in [
            ("spooled", sink.spooled),
            ("delivered", sink.delivered),
            ("delivered_in_part", sink.in_part),
            ("delivered_stripped", sink.stripped),
            ("filtered", sink.filtered),
            ("withheld", sink.withheld),
            ("refused", sink.refused),
            ("expired", sink.expired),
        ] {
            messages.with_label_values(&[sink.name.as_str(), became]).inc_by(count);
        }
    }
    Ok(())
}

fn freight(sinks: &[SinkRow], registry: &Registry) -> Result<()> {
    let help = "What became of flows, names and ledgers for a sink.";
    let freight = counter(registry, "weir_sink_freight_total", help, &["sink", "kind", "became"])?;
    for (sink, row) in sinks.iter().flat_map(|sink| sink.freight.iter().map(move |row| (sink, row))) {
        for (became, count) in [
            ("sent", row.offered),
            ("delivered", row.delivered),
            ("refused", row.refused),
            ("lost", row.lost),
            ("expired", row.expired),
        ] {
            freight.with_label_values(&[sink.name.as_str(), row.name.as_str(), became]).inc_by(count);
        }
    }
    Ok(())
}

fn states(sinks: &[SinkRow], registry: &Registry) -> Result<()> {
    let of = |name: &str, help: &str| gauge(registry, name, help, &["sink"]);
    let waiting = of("weir_sink_waiting", "Messages that wait for the sink.")?;
    let oldest = of("weir_sink_oldest_waiting_seconds", "How long the oldest of them has waited.")?;
    let failing = of("weir_sink_failing", "1 while the sink does not take messages.")?;
    let breakdowns = counter(
        registry,
        "weir_sink_breakdowns_total",
        "How often the sink broke down, and was opened again.",
        &["sink"],
    )?;
    for sink in sinks {
        let name = [sink.name.as_str()];
        let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        waiting.with_label_values(&name).set(signed(sink.waiting));
        oldest.with_label_values(&name).set(signed(sink.oldest_seconds.unwrap_or(0)));
        failing.with_label_values(&name).set(i64::from(sink.failing_since.is_some()));
        breakdowns.with_label_values(&name).inc_by(sink.breakdowns);
    }
    Ok(())
}

fn latency(sinks: &[SinkRow], registry: &Registry) -> Result<()> {
    let gauges = gauge(
        registry,
        "weir_sink_latency_microseconds",
        "From the spool to the receiver, of messages delivered in this run.",
        &["sink", "quantile"],
    )?;
    for sink in sinks.iter().filter(|sink| sink.latency.count > 0) {
        let Quantiles { p50_us, p99_us, p999_us, max_us, .. } = sink.latency;
        for (quantile, us) in [("0.5", p50_us), ("0.99", p99_us), ("0.999", p999_us), ("1", max_us)] {
            let us = i64::try_from(us).unwrap_or(i64::MAX);
            gauges.with_label_values(&[sink.name.as_str(), quantile]).set(us);
        }
    }
    Ok(())
}
