//! Sinks and the spool before them, in series; names of sinks are the operator's own, and few.

use super::declared as of;
use super::series::Series;
use crate::sinks::{FreightRow, SinkRow};
use crate::status::{SpoolStatus, Status};

/// Adds the series.
pub(super) fn publish(status: &Status, series: &mut Series) {
    for sink in &status.sinks {
        messages(sink, series);
        state(sink, series);
        for freight in &sink.freight {
            publish_freight(&sink.name, freight, series);
        }
        let metrics = (&of::SINK_LATENCY, &of::SINK_LATENCY_QUANTILES);
        series.distribution(metrics, &[&sink.name], &sink.distribution);
    }
    if let Some(spool) = &status.spool {
        publish_spool(spool, series);
    }
    if let Some(disk) = &status.disk {
        series.measure_whole(&of::STATE_FREE, &[], disk.free_bytes);
        series.measure_whole(&of::STATE_SIZE, &[], disk.size_bytes);
    }
}

fn messages(sink: &SinkRow, series: &mut Series) {
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
        series.count(&of::SINK_MESSAGES, &[&sink.name, became], count);
    }
}

fn state(sink: &SinkRow, series: &mut Series) {
    let name = [sink.name.as_str()];
    series.measure_whole(&of::SINK_WAITING, &name, sink.waiting);
    series.measure_whole(&of::SINK_OLDEST, &name, sink.oldest_seconds.unwrap_or(0));
    series.tell(&of::SINK_FAILING, &name, sink.failing_since.is_some());
    series.count(&of::SINK_BREAKDOWNS, &name, sink.breakdowns);
}

fn publish_freight(sink: &str, row: &FreightRow, series: &mut Series) {
    let kind = row.name.as_str();
    for (became, count) in [
        ("sent", row.offered),
        ("delivered", row.delivered),
        ("refused", row.refused),
        ("lost", row.lost),
        ("expired", row.expired),
    ] {
        series.count(&of::SINK_FREIGHT, &[sink, kind, became], count);
    }
    series.measure_whole(&of::SINK_FREIGHT_WAITING, &[sink, kind], row.waiting);
}

fn publish_spool(spool: &SpoolStatus, series: &mut Series) {
    series.measure_whole(&of::SPOOL_BYTES, &[], spool.bytes);
    series.measure_whole(&of::SPOOL_LIMIT, &[], spool.limit_bytes);
    series.measure_whole(&of::SPOOL_MESSAGES, &[], spool.messages);
    series.measure_whole(&of::SPOOL_OLDEST, &[], spool.oldest_seconds.unwrap_or(0));
    series.count(&of::SPOOL_APPENDED, &[], spool.appended);
    series.count(&of::SPOOL_EXPIRED, &[], spool.expired);
}
