//! What is told at the end of a run: the ledger, the summary, the metrics.

use crate::alerts::{self, AlertCounts};
use crate::collect::{CollectorReport, FileCollectorReport, Heard, books};
use crate::config::{HomeNet, Settings, Verbosity};
use crate::latency::Quantiles;
use crate::ledger::{Entry, Ledger};
use crate::metrics::Published;
use crate::output;
use crate::pipeline::{Census, NAME_KINDS, PROTOCOL_KINDS, Reports};
use crate::summary::{ExportedPart, Summary, Tally, number};
use anyhow::Result;
use std::cmp::Reverse;
use std::time::Duration;
use weir_intel::Loaded;
use weir_model::{Alert, Direction, Grade};
use weir_rules::{IncidentStats, IndicatorSet};
use weir_wire::export::Reasons;

/// Hosts in the list of top talkers.
pub(crate) const TOP_TALKERS: usize = 5;
/// Refused lines that the summary shows; all of them are counted.
const REFUSED_SHOWN: usize = 5;
/// Ports that a warning suggests.
const LIKELY_PORTS_SHOWN: usize = 5;
/// With more flows than this share, one in so many, that have no end inside, `--home-net` is probably wrong.
const OUTSIDE_FLOWS_ONE_IN: u64 = 10;

/// Everything known at the end of a run.
pub(crate) struct Report<'a> {
    pub settings: &'a Settings,
    pub set: &'a IndicatorSet,
    pub loaded: &'a Loaded,
    pub reports: &'a Reports,
    pub alerts: &'a [Alert],
    pub alerts_written: AlertCounts,
    pub elapsed: Duration,
}

impl Report<'_> {
    /// Writes the metrics where wanted and the summary where not unwanted.
    pub(crate) fn tell(&self) -> Result<()> {
        let ledger = self.ledger();
        let Reports { reader, worker, workers, desk, .. } = self.reports;
        let walk = if *workers > 1 { "deal" } else { "read" };
        let stages = [(walk, &reader.times), ("work", &worker.times), ("write", &desk.times)];
        if let Some(path) = &self.settings.metrics {
            let counters = self.counters();
            Published { ledger: &ledger, counters: &counters, stages: &stages, running: None }.write(path)?;
        }
        match self.settings.verbosity {
            Verbosity::Normal if !self.is_in_vain() => output::say(&self.summary(&ledger, &stages).render()),
            Verbosity::Normal | Verbosity::Quiet => {
                self.problems().iter().for_each(|problem| output::complain(problem));
                if !ledger.is_balanced() {
                    output::complain("the ledger does not balance; please report this");
                }
            }
        }
        Ok(())
    }

    /// The books of the run, in the order of the way of the data.
    fn ledger(&self) -> Ledger {
        let Reports { reader, worker, desk, incidents, .. } = self.reports;
        let (read, decode, flow) = (&reader.stats, &worker.decode, &worker.flow);
        let mut ledger = Ledger::default();
        ledger.add(
            "frames",
            Entry::new("read", read.frames_read),
            [Entry::new("filtered", read.frames_filtered), Entry::new("delivered", read.frames_delivered)],
        );
        let lost = decode.counters().filter(|(name, _)| ["not_ip", "undecodable"].contains(&name.group));
        let lost = lost.map(|(name, count)| Entry::new(name.to_string(), count));
        let kept = [
            Entry::new("in packets", decode.packet_frames),
            Entry::held("fragments held", decode.fragments.held_frames),
        ];
        ledger.add("frames", Entry::new("delivered", read.frames_delivered), kept.into_iter().chain(lost));
        ledger.add(
            "frames",
            Entry::new("in packets", decode.packet_frames),
            [
                Entry::new("counted into flows", flow.frames_ended),
                Entry::new("of networks that are left out", flow.left_out_frames),
            ],
        );
        if let Some(collected) = &desk.collected {
            enter_collected(&mut ledger, collected, &worker.heard);
        }
        let collected = desk.collected.as_ref().map(|collected| &collected.collector);
        let of_records = collected.map(|collected| collected.watch).unwrap_or_default();
        let hits_of_gone = collected.map_or(0, |collected| collected.hits_of_gone);
        let ended = worker.watch.ended + of_records.ended;
        ledger.add(
            "flows",
            Entry::new("begun", worker.watch.began + of_records.began),
            [Entry::new("ended", ended)],
        );
        if let Some(lines) = desk.flow_lines {
            ledger.add("flows", Entry::new("ended", ended), [Entry::new("written", lines)]);
        }
        let stats = incidents.stats();
        let of_gone = Entry::new("of flows that another thread ended", hits_of_gone);
        ledger.add_hits(Entry::new("matched", worker.watch.hits + of_records.hits), stats, [of_gone]);
        ledger.add_incidents(stats);
        ledger.add(
            "alerts",
            Entry::new("notified", stats.incidents_notified),
            alerts::entries(&self.alerts_written),
        );
        ledger
    }

    fn counters(&self) -> Vec<(&'static str, String, u64)> {
        let Reports { reader, worker, incidents, desk, .. } = self.reports;
        let capture = reader.stats.iter().map(|(name, count)| ("capture", name.to_owned(), count));
        let wire = worker.decode.counters().map(|(name, count)| ("wire", name.to_string(), count));
        let flow = worker.flow.iter().map(|(name, count)| ("flow", name.to_owned(), count));
        let rules = incidents.stats().iter().map(|(name, count)| ("rules", name.to_owned(), count));
        let exported =
            desk.collected.iter().flat_map(|collected| books::counters(&collected.collector.decode));
        let exported = exported.map(|(name, count)| ("export", name, count));
        let of_records =
            desk.collected.iter().flat_map(|collected| books::flow_counters(&collected.collector.flows));
        let of_records = of_records.map(|(name, count)| ("exported_flow", name.to_owned(), count));
        capture.chain(wire).chain(flow).chain(exported).chain(of_records).chain(rules).collect()
    }

    fn summary<'a>(
        &'a self,
        ledger: &'a Ledger,
        stages: &'a [(&'static str, &'a crate::latency::StageTimes)],
    ) -> Summary<'a> {
        let Reports { reader, worker, incidents, desk, .. } = self.reports;
        let census = self.census();
        let mut names = worker.watch;
        if let Some(collected) = &desk.collected {
            names.add(&collected.collector.watch);
        }
        let by_grade =
            |grade: &Grade| self.alerts.iter().filter(|alert| alert.grade == *grade).count() as u64;
        let by_direction = |direction: &Direction| {
            self.alerts.iter().filter(|alert| alert.direction == *direction).count() as u64
        };
        let refused = &self.loaded.stats.refused_by_reason;
        Summary {
            inputs: inputs(self.settings),
            span: worker.span,
            frames: reader.stats.frames_read,
            frame_bytes: reader.stats.bytes_read,
            flows: Tally(PROTOCOL_KINDS.iter().copied().zip(worker.census.by_protocol).collect()),
            names: Tally(NAME_KINDS.iter().copied().zip(names.names).collect()),
            indicators: Tally(self.set.kinds().collect()),
            refused: Tally(refused.iter().map(|(reason, count)| (reason.keyword(), *count)).collect()),
            refused_examples: self
                .loaded
                .refused
                .iter()
                .take(REFUSED_SHOWN)
                .map(ToString::to_string)
                .collect(),
            talkers: census.talkers.top(TOP_TALKERS),
            grades: Tally(Grade::ALL.iter().rev().map(|grade| (grade.keyword(), by_grade(grade))).collect()),
            directions: Tally(Direction::ALL.iter().map(|way| (way.keyword(), by_direction(way))).collect()),
            suppressed: Tally(not_notified(incidents.stats())),
            latency: Quantiles::default(),
            ledger,
            stages,
            elapsed: self.elapsed,
            is_live: false,
            exported: self.reports.desk.collected.as_ref().map(|collected| exported(&collected.collector)),
            problems: self.problems(),
            warnings: self.warnings(),
        }
    }

    /// Of all flows, those of packets and those of records.
    fn census(&self) -> Census {
        let Reports { worker, desk, .. } = self.reports;
        let mut census = worker.census.clone();
        if let Some(collected) = &desk.collected {
            census.add(&collected.collector.census);
        }
        census
    }

    /// Whether nothing could be read: then what was wrong is all there is to say.
    fn is_in_vain(&self) -> bool {
        let Reports { reader, desk, .. } = self.reports;
        let datagrams = desk.collected.as_ref().map_or(0, |collected| collected.collector.decode.datagrams);
        !self.problems().is_empty() && reader.stats.frames_read == 0 && datagrams == 0
    }

    /// Inputs that could not be read, or not to their end.
    fn problems(&self) -> Vec<String> {
        let Reports { reader, desk, .. } = self.reports;
        let of_files = desk.collected.iter().flat_map(|collected| collected.problems.iter().cloned());
        reader.problems.iter().map(ToString::to_string).chain(of_files).collect()
    }

    fn warnings(&self) -> Vec<String> {
        let Reports { reader, worker, .. } = self.reports;
        let mut warnings: Vec<_> = census_warning(&self.census(), self.settings).into_iter().collect();
        if reader.stats.steps_backwards > 0 {
            let steps = number(reader.stats.steps_backwards);
            warnings.push(format!("time steps backwards {steps} times (it is taken to stand still)"));
        }
        if reader.stats.frames_snapped > 0 {
            let snapped = number(reader.stats.frames_snapped);
            warnings.push(format!(
                "{snapped} packets were cut when captured; names in the cut part are not seen"
            ));
        }
        let ports = &self.settings.exported.ports;
        warnings.extend(unheard(ports, &worker.heard));
        if self.set.is_empty() {
            warnings.push("no indicators: nothing can be found bad (--indicators)".to_owned());
        }
        if reader.stats.skipped() > 0 {
            warnings.push(format!(
                "{} files in the folders are no captures and were skipped",
                reader.stats.skipped()
            ));
        }
        warnings
    }
}

/// Enters exported records: where datagrams came from, and what became of them.
fn enter_collected(ledger: &mut Ledger, collected: &FileCollectorReport, heard: &Heard) {
    let FileCollectorReport { collector, from_packets, from_files, .. } = collected;
    ledger.add(
        "exports in packets",
        Entry::new("found", heard.datagrams()),
        [Entry::new("handed to the collector", *from_packets)],
    );
    ledger.add(
        "exported datagrams",
        Entry::new("received", collector.decode.datagrams),
        [Entry::new("in packets", *from_packets), Entry::new("in files", *from_files)],
    );
    books::enter(ledger, collector);
}

/// What the summary says of exported records.
pub(crate) fn exported(collected: &CollectorReport) -> ExportedPart {
    let decode = &collected.decode;
    let reasons =
        |reasons: &Reasons| Tally(reasons.iter().map(|(reason, count)| (reason.name(), count)).collect());
    ExportedPart {
        datagrams: decode.datagrams,
        bytes: decode.bytes,
        kinds: Tally(vec![
            ("records", decode.records),
            ("sampled packets", decode.frames),
            ("records of options", decode.option_records),
            ("counter samples", decode.counter_samples),
        ]),
        flows: Tally(PROTOCOL_KINDS.iter().copied().zip(collected.census.by_protocol).collect()),
        refused: reasons(&decode.refused),
        faults: reasons(&decode.faults),
        exporters: books::exporters(&collected.exporters),
    }
}

/// Says so when nothing came to any of the ports that were named, and which others look as if they were meant.
fn unheard(ports: &[u16], heard: &Heard) -> Option<String> {
    let mut likely: Vec<_> = heard.others.iter().collect();
    likely.sort_by_key(|(port, count)| (Reverse(**count), **port));
    let likely: Vec<_> = likely.iter().take(LIKELY_PORTS_SHOWN).map(|(port, _)| port.to_string()).collect();
    let likely = likely.join(", ");
    let named: Vec<_> = ports.iter().map(u16::to_string).collect();
    let nothing = format!("no datagram to UDP port {} in this capture", named.join(" or "));
    match (heard.datagrams() == 0 && !ports.is_empty(), likely.is_empty()) {
        (true, true) => Some(nothing),
        (true, false) => Some(format!("{nothing}; UDP ports that look like exports: {likely}")),
        (false, true) => None,
        (false, false) => {
            Some(format!("UDP ports that look like exports, too, and were not named: {likely}"))
        }
    }
}

/// Many flows without an end inside tell that the networks inside are not said rightly.
pub(crate) fn census_warning(census: &Census, settings: &Settings) -> Option<String> {
    let what = match settings.home {
        HomeNet::PrivateRanges => "private ranges are taken for inside; say --home-net",
        HomeNet::Configured(_) => "is --home-net complete?",
    };
    let (outside, all) = (number(census.outside_flows), number(census.flows));
    (census.outside_flows * OUTSIDE_FLOWS_ONE_IN > census.flows)
        .then(|| format!("{outside} of {all} flows have no end inside: {what}"))
}

/// Hits of which nobody is told, by reason.
pub(crate) fn not_notified(stats: &IncidentStats) -> Vec<(&'static str, u64)> {
    let told = ["hits_open", "hits_notified"];
    let untold = stats.hits_went().filter(|(name, _)| !told.contains(name));
    untold.map(|(name, count)| (name.trim_start_matches("hits_"), count)).collect()
}

fn inputs(settings: &Settings) -> String {
    let folders = settings.exported.folders.iter().map(|folder| &folder.path);
    let all: Vec<_> = settings.captures.iter().chain(folders).collect();
    match all.as_slice() {
        [one] if one.as_os_str() == "-" => "standard input".to_owned(),
        [one] => one.display().to_string(),
        [first, rest @ ..] => format!("{} and {} more", first.display(), rest.len()),
        [] => String::new(),
    }
}
