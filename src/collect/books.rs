//! What is told of exported records: their books, and a line for each exporter.

use super::collector::CollectorReport;
use crate::ledger::{Entry, Ledger};
use crate::summary::number;
use std::time::Duration;
use weir_flow::ExportedFlowStats;
use weir_model::ExportVersion;
use weir_wire::export::{ExportStats, ExporterStatus};

/// Exporters that the summary lists; all are counted.
const EXPORTERS_SHOWN: usize = 10;

/// Enters what became of datagrams, of what was in them, and what their numbers tell.
pub(crate) fn enter(ledger: &mut Ledger, report: &CollectorReport) {
    enter_decoded(ledger, &report.decode);
    enter_flows(ledger, report);
}

/// Enters what became of datagrams, and what their numbers tell: this balances at any moment.
pub(crate) fn enter_decoded(ledger: &mut Ledger, decode: &ExportStats) {
    let refused = decode.refused.iter().map(|(reason, count)| Entry::new(format!("refused {reason}"), count));
    ledger.add(
        "exported datagrams",
        Entry::new("received", decode.datagrams),
        std::iter::once(Entry::new("decoded", decode.decoded)).chain(refused),
    );
    ledger.add(
        "exported data sets",
        Entry::new("received", decode.data_sets),
        [
            Entry::new("decoded", decode.data_sets_decoded),
            Entry::new("cut short", decode.data_sets_cut),
            Entry::held("waiting for a template", decode.waiting_now()),
            Entry::new("expired waiting", decode.data_sets_expired),
            Entry::new("dropped without room to wait", decode.data_sets_dropped),
        ],
    );
    let sequence = &decode.sequence;
    ledger.add(
        "units numbered by exporters",
        Entry::new("announced or repeated", sequence.announced + sequence.repeated),
        [
            Entry::new("received", sequence.received),
            Entry::new("unread", sequence.unread),
            Entry::new("lost", sequence.lost),
        ],
    );
}

/// Enters what became of records and of sampled frames.
fn enter_flows(ledger: &mut Ledger, report: &CollectorReport) {
    let CollectorReport { decode, frames, flows, canaries, .. } = report;
    let lost = frames.counters().filter(|(name, _)| ["not_ip", "undecodable"].contains(&name.group));
    ledger.add(
        "sampled frames",
        Entry::new("received", decode.frames),
        [
            Entry::new("in packets", frames.packet_frames),
            Entry::held("fragments held", frames.fragments.held_frames),
        ]
        .into_iter()
        .chain(lost.map(|(name, count)| Entry::new(name.to_string(), count))),
    );
    ledger.add(
        "records and sampled packets",
        match canaries {
            0 => Entry::new("received", decode.records + frames.packets),
            _ => Entry::new("received or canaries", decode.records + frames.packets + canaries),
        },
        [
            Entry::new("counted into flows", flows.merged),
            Entry::new("of further observers of a flow", flows.repeated),
            Entry::new("of more observers than are kept", flows.uncounted),
            Entry::new("without addresses", flows.without_addresses),
            Entry::new("of networks that are left out", flows.left_out),
        ],
    );
    ledger.add(
        "flows of records",
        Entry::new("begun", flows.begun),
        [Entry::new("ended", flows.ended.total()), Entry::held("open", flows.open)],
    );
}

/// Each count of flows of records with its name, always in this order.
pub(crate) fn flow_counters(stats: &ExportedFlowStats) -> impl Iterator<Item = (&'static str, u64)> {
    [
        ("records", stats.records),
        ("sampled_packets", stats.sampled),
        ("records_merged", stats.merged),
        ("records_of_further_observers", stats.repeated),
        ("records_of_uncounted_observers", stats.uncounted),
        ("records_without_addresses", stats.without_addresses),
        ("records_left_out", stats.left_out),
        ("flows_begun", stats.begun),
        ("flows_ended_fin", stats.ended.fin),
        ("flows_ended_rst", stats.ended.rst),
        ("flows_ended_idle", stats.ended.idle),
        ("flows_ended_active", stats.ended.active),
        ("flows_ended_evicted", stats.ended.evicted),
        ("flows_ended_end_of_input", stats.ended.end_of_input),
        ("flows_open", stats.open),
        ("facts", stats.facts),
        ("facts_not_kept", stats.facts_not_kept),
        ("names_dropped", stats.names_dropped),
        ("names_refused", stats.names_refused),
        ("flows_named", stats.named),
        ("dns_answers_refused", stats.dns_answers_refused),
        ("clocks_corrected", stats.clocks_corrected),
    ]
    .into_iter()
}

/// Each count of the decoder with its name, always in this order; of reasons those that occurred.
pub(crate) fn counters(stats: &ExportStats) -> Vec<(String, u64)> {
    let sequence = &stats.sequence;
    let plain = [
        ("datagrams", stats.datagrams),
        ("bytes", stats.bytes),
        ("decoded", stats.decoded),
        ("records", stats.records),
        ("sampled_frames", stats.frames),
        ("option_records", stats.option_records),
        ("counter_samples", stats.counter_samples),
        ("other_samples", stats.other_samples),
        ("counts_that_lie", stats.counts_that_lie),
        ("templates", stats.templates),
        ("templates_refreshed", stats.templates_refreshed),
        ("templates_redefined", stats.templates_redefined),
        ("templates_withdrawn", stats.templates_withdrawn),
        ("withdrawals_ignored", stats.withdrawals_ignored),
        ("templates_expired", stats.templates_expired),
        ("templates_evicted", stats.templates_evicted),
        ("data_sets", stats.data_sets),
        ("data_sets_decoded", stats.data_sets_decoded),
        ("data_sets_cut", stats.data_sets_cut),
        ("data_sets_waited", stats.data_sets_waited),
        ("data_sets_late", stats.data_sets_late),
        ("data_sets_expired", stats.data_sets_expired),
        ("data_sets_dropped", stats.data_sets_dropped),
        ("options_refused", stats.options_refused),
        ("domains_evicted", stats.domains_evicted),
        ("exporters_evicted", stats.exporters_evicted),
        ("clock_skewed", stats.clock_skewed),
        ("sequence_announced", sequence.announced),
        ("sequence_received", sequence.received),
        ("sequence_unread", sequence.unread),
        ("sequence_lost", sequence.lost),
        ("sequence_repeated", sequence.repeated),
        ("sequence_reordered", sequence.reordered),
        ("sequence_restarts", sequence.restarts),
    ];
    let plain = plain.into_iter().map(|(name, count)| (name.to_owned(), count));
    let refused = stats.refused.iter().map(|(reason, count)| (format!("refused_{reason}"), count));
    let faults = stats.faults.iter().map(|(reason, count)| (format!("fault_{reason}"), count));
    plain.chain(refused).chain(faults).collect()
}

/// A table of exporters, those with the most records first.
pub(crate) fn exporters(exporters: &[ExporterStatus]) -> Vec<String> {
    let mut by_records: Vec<_> = exporters.iter().collect();
    by_records.sort_by_key(|exporter| std::cmp::Reverse(told(exporter)));
    let title = ["exporter", "version", "domains", "records", "lost", "sampled", "clock"].map(str::to_owned);
    let rows = by_records.iter().take(EXPORTERS_SHOWN).map(|exporter| row(exporter));
    let mut lines = table(&std::iter::once(title).chain(rows).collect::<Vec<_>>());
    if let Some(more) = exporters.len().checked_sub(EXPORTERS_SHOWN).filter(|more| *more > 0) {
        lines.push(format!("and {} more", number(more as u64)));
    }
    lines
}

fn told(exporter: &ExporterStatus) -> u64 {
    exporter.stats.records + exporter.stats.frames
}

fn row(exporter: &ExporterStatus) -> [String; 7] {
    let versions: Vec<_> = exporter.versions().map(ExportVersion::name).collect();
    let sampled = exporter.sampling.filter(|sampling| sampling.is_partial());
    [
        exporter.address.to_string(),
        versions.join(" "),
        number(exporter.domains as u64),
        number(told(exporter)),
        number(exporter.stats.sequence.lost),
        sampled
            .map_or_else(|| "-".to_owned(), |sampling| format!("1 in {}", number(sampling.one_in().into()))),
        clock(exporter.clock_skew),
    ]
}

/// `right` within a second, else how far it is ahead of ours or behind.
fn clock(skew_nanos: i64) -> String {
    let size = Duration::from_nanos(skew_nanos.unsigned_abs());
    if size < Duration::from_secs(1) {
        return "right".to_owned();
    }
    let days = size.as_secs() / 86_400;
    let size = if days > 1 { format!("{} days", number(days)) } else { crate::summary::time(size) };
    format!("{}{size}", if skew_nanos < 0 { "-" } else { "+" })
}

/// Cells under each other: the first two columns to the left, numbers to the right.
fn table<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> Vec<String> {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..COLUMNS).map(width).collect();
    let line = |row: &[String; COLUMNS]| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column < 2 { format!("{cell:width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_and_tables_for_people() {
        assert_eq!(clock(-400_000_000), "right");
        assert_eq!(clock(3_600_000_000_000), "+60 min 0 s");
        assert_eq!(clock(-200_000_000_000_000), "-2 days");
        assert_eq!(clock(-2_500_000_000), "-2.5 s");
        let cells = |row: [&str; 3]| row.map(str::to_owned);
        assert_eq!(
            table(&[cells(["a", "bb", "1"]), cells(["ccc", "d", "10"])]),
            ["a    bb   1", "ccc  d   10"]
        );
    }
}
