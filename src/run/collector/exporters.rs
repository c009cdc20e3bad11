//! What is known of exporters, in the rows that people and Prometheus read.

use super::watchman::{SILENT_AFTER, Trouble};
use crate::status::{Count, ExporterRow};
use std::cmp::Reverse;
use std::net::IpAddr;
use std::time::Duration;
use weir_model::{Sampling, Timestamp};
use weir_wire::export::{ExportDecoder, ExportLimits, ExportStats, ExporterStatus};

/// Exporters that are not named in the settings and are shown one by one: the largest. Nobody makes them a label of a metric.
const MOST_OTHERS: usize = 16;

/// An exporter as its thread knows it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    status: ExporterStatus,
    /// Templates that its data has been waiting for, for longer than exporters should need.
    missing: Vec<u16>,
}

/// The exporters of a thread, as they are put up.
#[derive(Clone, Debug, Default)]
pub(in crate::run) struct Exporters {
    /// Those that are named in the settings and were heard.
    named: Vec<Known>,
    /// The largest of the others.
    largest: Vec<Known>,
    /// How many others there are.
    others: u64,
}

impl Exporters {
    /// As they stand; `named` is sorted.
    pub(in crate::run) fn of(decoder: &ExportDecoder, named: &[IpAddr], now: Timestamp) -> Self {
        let all = decoder.exporters().into_iter();
        let (mine, mut others): (Vec<_>, Vec<_>) =
            all.partition(|exporter| named.binary_search(&exporter.address).is_ok());
        let count = others.len() as u64;
        others.sort_by_key(|exporter| (Reverse(told(&exporter.stats)), exporter.address));
        others.truncate(MOST_OTHERS);
        let known = |status: ExporterStatus| Known {
            missing: match status.waiting_bytes {
                0 => Vec::new(),
                _ => decoder.missing_templates(status.address, now - SILENT_AFTER),
            },
            status,
        };
        Self {
            named: mine.into_iter().map(known).collect(),
            largest: others.into_iter().map(known).collect(),
            others: count,
        }
    }
}

/// Rows, each with what is wrong there.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// For every exporter that is named in the settings.
    pub named: Vec<(ExporterRow, Option<Trouble>)>,
    pub others: Vec<(ExporterRow, Option<Trouble>)>,
    pub others_known: u64,
    /// All that are not named together.
    pub other: ExporterRow,
}

impl Rows {
    /// Of all threads, `running` after the start.
    pub(super) fn of(
        threads: &[(&Exporters, &ExportStats)],
        named: &[IpAddr],
        running: Duration,
        now: Timestamp,
    ) -> Self {
        let row = |address: &IpAddr| {
            // An exporter that also has a stream may be known to several threads.
            let known = threads.iter().flat_map(|(exporters, _)| &exporters.named);
            let known: Vec<_> = known.filter(|known| known.status.address == *address).collect();
            let row = row(address.to_string(), &known, now);
            let trouble = trouble(&row, &known, running);
            (told_trouble(row, trouble.as_ref()), trouble)
        };
        let named: Vec<_> = named.iter().map(row).collect();
        let mut largest: Vec<_> = threads.iter().flat_map(|(exporters, _)| &exporters.largest).collect();
        largest.sort_by_key(|known| (Reverse(told(&known.status.stats)), known.status.address));
        let others = largest.into_iter().take(MOST_OTHERS).map(|known| {
            let row = self::row(known.status.address.to_string(), &[known], now);
            // Who is not named may come and go.
            let trouble = trouble_heard(&[known]);
            (told_trouble(row, trouble.as_ref()), trouble)
        });
        let others: Vec<_> = others.collect();
        let mut all = ExportStats::default();
        for (_, stats) in threads {
            all.add(stats);
        }
        Self {
            other: less(counts("other".to_owned(), &all), named.iter().map(|(row, _)| row)),
            others_known: threads.iter().map(|(exporters, _)| exporters.others).sum(),
            named,
            others,
        }
    }
}

fn told(stats: &ExportStats) -> u64 {
    stats.records + stats.frames
}

fn told_trouble(row: ExporterRow, trouble: Option<&Trouble>) -> ExporterRow {
    ExporterRow { trouble: trouble.map(Trouble::text), ..row }
}

fn row(name: String, known: &[&Known], now: Timestamp) -> ExporterRow {
    let mut stats = ExportStats::default();
    for known in known {
        stats.add(&known.status.stats);
    }
    let latest = known.iter().max_by_key(|known| known.status.last_seen).map(|known| &known.status);
    let sum =
        |count: fn(&ExporterStatus) -> usize| known.iter().map(|known| count(&known.status) as u64).sum();
    ExporterRow {
        silent_seconds: latest.map(|status| now.since(status.last_seen).as_secs()),
        sampled_one_in: latest.and_then(|status| status.sampling).map(Sampling::one_in),
        clock_skew_ms: latest.map_or(0, |status| status.clock_skew / 1_000_000),
        templates: sum(|status| status.templates),
        waiting_bytes: sum(|status| status.waiting_bytes),
        ..counts(name, &stats)
    }
}

/// What only counters tell.
fn counts(exporter: String, stats: &ExportStats) -> ExporterRow {
    let refused = stats.refused.iter().map(|(reason, count)| (reason.name().to_owned(), count));
    let faults = stats.faults.iter().map(|(reason, count)| (format!("part_{}", reason.name()), count));
    ExporterRow {
        exporter,
        datagrams: stats.datagrams,
        bytes: stats.bytes,
        records: stats.records,
        samples: stats.frames,
        lost: stats.sequence.lost,
        restarts: stats.sequence.restarts,
        without_template: stats.data_sets_dropped + stats.data_sets_expired,
        refused: refused.chain(faults).map(|(name, count)| Count { name, count }).collect(),
        ..ExporterRow::default()
    }
}

/// What is left of counts without those of some exporters.
fn less<'a>(mut all: ExporterRow, some: impl Iterator<Item = &'a ExporterRow>) -> ExporterRow {
    for one in some {
        for (count, part) in [
            (&mut all.datagrams, one.datagrams),
            (&mut all.bytes, one.bytes),
            (&mut all.records, one.records),
            (&mut all.samples, one.samples),
            (&mut all.lost, one.lost),
            (&mut all.restarts, one.restarts),
            (&mut all.without_template, one.without_template),
        ] {
            *count = count.saturating_sub(part);
        }
        for refused in &mut all.refused {
            let part = one.refused.iter().find(|part| part.name == refused.name).map_or(0, |part| part.count);
            refused.count = refused.count.saturating_sub(part);
        }
    }
    all.refused.retain(|refused| refused.count > 0);
    all
}

fn trouble(row: &ExporterRow, known: &[&Known], running: Duration) -> Option<Trouble> {
    let silent = row.silent_seconds.map(Duration::from_secs);
    if silent.is_none() && running >= SILENT_AFTER {
        return Some(Trouble::NeverHeard);
    }
    if let Some(silent) = silent.filter(|silent| *silent >= SILENT_AFTER && running >= SILENT_AFTER) {
        return Some(Trouble::Silent(silent));
    }
    trouble_heard(known)
}

/// What is wrong with what is heard.
fn trouble_heard(known: &[&Known]) -> Option<Trouble> {
    let mut missing: Vec<_> = known.iter().flat_map(|known| known.missing.iter().copied()).collect();
    if !missing.is_empty() {
        missing.sort_unstable();
        missing.dedup();
        return Some(Trouble::Templates(missing));
    }
    let limit = ExportLimits::default().clock_skew;
    let skew = known.iter().map(|known| known.status.clock_skew).max_by_key(|skew| skew.unsigned_abs());
    skew.filter(|skew| Duration::from_nanos(skew.unsigned_abs()) > limit).map(Trouble::Clock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_wire::export::ExportSink;

    struct Nowhere;

    impl ExportSink for Nowhere {
        fn record(&mut self, _: &weir_model::ExportedRecord<'_>) {}
        fn sampled(&mut self, _: &weir_model::SampledFrame<'_>) {}
    }

    const SECOND: u64 = 1_700_000_000;

    fn address(number: u32) -> IpAddr {
        IpAddr::V4((0xc000_0200 + number).into())
    }

    /// An IPFIX message with data for a template that was never announced.
    fn data() -> Vec<u8> {
        let mut message = vec![0, 10, 0, 24];
        message.extend((SECOND as u32).to_be_bytes());
        message.extend([0, 0, 0, 0, 0, 0, 0, 7, 1, 1, 0, 8, 1, 2, 3, 4]);
        message
    }

    fn rows(decoder: &ExportDecoder, named: &[IpAddr], minutes: u64) -> Rows {
        let now = Timestamp::new(SECOND, 0) + Duration::from_mins(minutes);
        let exporters = Exporters::of(decoder, named, now);
        Rows::of(&[(&exporters, &decoder.stats())], named, Duration::from_mins(minutes), now)
    }

    #[test]
    fn every_named_exporter_has_a_row_and_all_others_one_together() {
        let mut decoder = ExportDecoder::default();
        let now = Timestamp::new(SECOND, 0);
        for number in 0..100 {
            let _ = decoder.datagram(address(number), now, &data(), &mut Nowhere);
            let _ = decoder.datagram(address(number), now, b"xx", &mut Nowhere);
        }
        let named = [address(5), address(7), address(200)];
        let rows = rows(&decoder, &named, 1);
        let datagrams: Vec<_> = rows.named.iter().map(|(row, _)| row.datagrams).collect();
        assert_eq!(datagrams, [2, 2, 0]);
        assert_eq!((rows.others.len(), rows.others_known), (MOST_OTHERS, 98));
        assert_eq!((rows.other.datagrams, rows.other.exporter.as_str()), (196, "other"));
        let refused: Vec<_> =
            rows.other.refused.iter().map(|count| (count.name.as_str(), count.count)).collect();
        assert_eq!(refused, [("unknown_version", 98)]);
        assert!(rows.named.iter().all(|(_, trouble)| trouble.is_none()));
    }

    #[test]
    fn trouble_shows_when_exporters_have_had_their_time() {
        let mut decoder = ExportDecoder::default();
        let named = [address(1), address(2)];
        for minutes in [0, 9, 10] {
            let now = Timestamp::new(SECOND, 0) + Duration::from_mins(minutes);
            let _ = decoder.datagram(address(1), now, &data(), &mut Nowhere);
        }
        let of = |rows: &Rows| rows.named.iter().map(|(_, trouble)| trouble.clone()).collect::<Vec<_>>();
        assert_eq!(
            of(&rows(&decoder, &named, 10)),
            [Some(Trouble::Templates(vec![257])), Some(Trouble::NeverHeard)]
        );
        let silent = Trouble::Silent(Duration::from_mins(11));
        assert_eq!(of(&rows(&decoder, &named, 21)), [Some(silent), Some(Trouble::NeverHeard)]);
        assert!(
            rows(&decoder, &[], 21).others[0].1.is_some(),
            "a template that others do not announce is told, too"
        );
    }
}
