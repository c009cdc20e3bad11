//! What listens to routers, in series: one for each address at which it listens, and for each exporter that is named in the settings.
//! All other exporters are one series together: whoever forges sources makes no more of them.

use super::declared as of;
use super::metric::OTHER;
use super::series::Series;
use crate::status::{CollectorStatus, ExporterRow};

/// Adds the series.
pub(super) fn publish(status: &CollectorStatus, series: &mut Series) {
    sockets(status, series);
    series.count(&of::COLLECTOR_STRANGERS, &[], status.not_in_list);
    series.measure_whole(&of::EXPORTERS, &["yes"], status.exporters.len() as u64);
    series.measure_whole(&of::EXPORTERS, &["no"], status.others_known);
    for exporter in &status.exporters {
        publish_exporter(&exporter.exporter, exporter, series);
    }
    publish_exporter(OTHER, &status.other, series);
}

/// Where it listens is the operator's own choice.
fn sockets(status: &CollectorStatus, series: &mut Series) {
    for socket in &status.sockets {
        let name = [socket.name.as_str()];
        series.count(&of::SOCKET_DATAGRAMS, &name, socket.datagrams);
        series.count(&of::SOCKET_BYTES, &name, socket.bytes);
        series.count(&of::SOCKET_DROPPED, &name, socket.kernel_drops);
        series.count(&of::SOCKET_CUT_OFF, &name, socket.cut_off);
        for (metric, value) in
            [(&of::SOCKET_BUFFER, socket.buffer_bytes), (&of::SOCKET_SESSIONS, socket.sessions)]
        {
            if let Some(value) = value {
                series.measure_whole(metric, &name, value);
            }
        }
    }
}

fn publish_exporter(name: &str, exporter: &ExporterRow, series: &mut Series) {
    let labels = [name];
    for (metric, count) in [
        (&of::EXPORTER_DATAGRAMS, exporter.datagrams),
        (&of::EXPORTER_BYTES, exporter.bytes),
        (&of::EXPORTER_RECORDS, exporter.records),
        (&of::EXPORTER_SAMPLES, exporter.samples),
        (&of::EXPORTER_LOST, exporter.lost),
        (&of::EXPORTER_RESTARTS, exporter.restarts),
        (&of::EXPORTER_UNTEMPLATED, exporter.without_template),
    ] {
        series.count(metric, &labels, count);
    }
    for reason in &exporter.refused {
        series.count(&of::EXPORTER_REFUSED, &[name, &reason.name], reason.count);
    }
    series.measure_whole(&of::EXPORTER_TEMPLATES, &labels, exporter.templates);
    series.measure_whole(&of::EXPORTER_WAITING, &labels, exporter.waiting_bytes);
    if let Some(one_in) = exporter.sampled_one_in {
        series.measure_whole(&of::EXPORTER_SAMPLING, &labels, u64::from(one_in));
    }
    if let Some(seconds) = exporter.silent_seconds {
        series.measure_whole(&of::EXPORTER_SILENT, &labels, seconds);
        series.measure(&of::EXPORTER_CLOCK_SKEW, &labels, exporter.clock_skew_ms as f64 / 1_000.0);
    }
}
