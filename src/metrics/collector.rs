//! What listens to routers, in series: one for each address at which it listens, and for each exporter that is named in the settings.
//! All other exporters are one series together: whoever forges sources makes no more of them.

use super::{counter, gauge};
use crate::status::{CollectorStatus, ExporterRow};
use anyhow::Result;
use prometheus::Registry;

/// Adds the series.
pub(super) fn publish(status: &CollectorStatus, registry: &Registry) -> Result<()> {
    sockets(status, registry)?;
    let exporters: Vec<_> = status.exporters.iter().chain([&status.other]).collect();
    exporter_counters(&exporters, registry)?;
    exporter_gauges(&exporters, registry)
}

/// Where it listens is the operator's own choice.
fn sockets(status: &CollectorStatus, registry: &Registry) -> Result<()> {
    let events = counter(
        registry,
        "weir_socket_total",
        "Datagrams (of streams: messages), and what became of them, at each address.",
        &["socket", "event"],
    )?;
    let buffers = gauge(
        registry,
        "weir_socket_buffer_bytes",
        "Receive buffer that the kernel granted to each socket.",
        &["socket"],
    )?;
    let sessions = gauge(registry, "weir_socket_sessions", "Streams that are open.", &["socket"])?;
    for socket in &status.sockets {
        let name = socket.name.as_str();
        for (event, count) in [
            ("datagrams", socket.datagrams),
            ("bytes", socket.bytes),
            ("kernel_dropped", socket.kernel_drops),
            ("cut_off", socket.cut_off),
        ] {
            events.with_label_values(&[name, event]).inc_by(count);
        }
        for (gauge, value) in [(&buffers, socket.buffer_bytes), (&sessions, socket.sessions)] {
            if let Some(value) = value {
                gauge.with_label_values(&[name]).set(signed(value));
            }
        }
    }
    Ok(())
}

fn exporter_counters(exporters: &[&ExporterRow], registry: &Registry) -> Result<()> {
    let events = counter(
        registry,
        "weir_exporter_total",
        "Datagrams, records and losses of each exporter that is named in the settings, and of all others together.",
        &["exporter", "event"],
    )?;
    let refused = counter(
        registry,
        "weir_exporter_refused_total",
        "Datagrams, and parts of them, that were not taken, by reason.",
        &["exporter", "reason"],
    )?;
    for exporter in exporters {
        let name = exporter.exporter.as_str();
        for (event, count) in [
            ("datagrams", exporter.datagrams),
            ("bytes", exporter.bytes),
            ("records", exporter.records),
            ("samples", exporter.samples),
            ("lost_by_sequence", exporter.lost),
            ("restarts", exporter.restarts),
            ("data_sets_without_template", exporter.without_template),
        ] {
            events.with_label_values(&[name, event]).inc_by(count);
        }
        for reason in &exporter.refused {
            refused.with_label_values(&[name, reason.name.as_str()]).inc_by(reason.count);
        }
    }
    Ok(())
}

fn exporter_gauges(exporters: &[&ExporterRow], registry: &Registry) -> Result<()> {
    let gauge = |name, help| gauge(registry, name, help, &["exporter"]);
    let templates = gauge("weir_exporter_templates", "Templates that are known.")?;
    let waiting = gauge("weir_exporter_waiting_bytes", "Bytes of data that wait for their template.")?;
    let sampling = gauge(
        "weir_exporter_sampled_one_in",
        "It looks at one packet in so many; absent while that is not known.",
    )?;
    let skew = gauge("weir_exporter_clock_skew_milliseconds", "The exporter's clock less ours.")?;
    let silent = gauge("weir_exporter_silent_seconds", "Since its last datagram; absent before the first.")?;
    for exporter in exporters {
        let name = [exporter.exporter.as_str()];
        templates.with_label_values(&name).set(signed(exporter.templates));
        waiting.with_label_values(&name).set(signed(exporter.waiting_bytes));
        if let Some(one_in) = exporter.sampled_one_in {
            sampling.with_label_values(&name).set(i64::from(one_in));
        }
        if let Some(seconds) = exporter.silent_seconds {
            silent.with_label_values(&name).set(signed(seconds));
            skew.with_label_values(&name).set(exporter.clock_skew_ms);
        }
    }
    Ok(())
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
