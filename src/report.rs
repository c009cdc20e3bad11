//! What is told at the end of a run: the ledger, the summary, the metrics.

use crate::config::{HomeNet, Settings, Verbosity};
use crate::latency::Quantiles;
use crate::ledger::{Entry, Ledger};
use crate::metrics::{Published, StageQuantiles};
use crate::output;
use crate::pipeline::{Census, NAME_KINDS, PROTOCOL_KINDS, Reports};
use crate::summary::{Summary, Tally, number};
use anyhow::Result;
use std::time::Duration;
use weir_intel::Loaded;
use weir_model::{Alert, Direction, Grade};
use weir_rules::{IncidentStats, IndicatorSet};

/// Hosts in the list of top talkers.
pub(crate) const TOP_TALKERS: usize = 5;
/// Refused lines that the summary shows; all of them are counted.
const REFUSED_SHOWN: usize = 5;
/// With more flows than this share, one in so many, that have no end inside, `--home-net` is probably wrong.
const OUTSIDE_FLOWS_ONE_IN: u64 = 10;

/// Everything known at the end of a run.
pub(crate) struct Report<'a> {
    pub settings: &'a Settings,
    pub set: &'a IndicatorSet,
    pub loaded: &'a Loaded,
    pub reports: &'a Reports,
    pub alerts: &'a [Alert],
    pub alerts_written: u64,
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
            let quantiles =
                stages.map(|(stage, times)| StageQuantiles { stage, quantiles: times.quantiles() });
            Published {
                ledger: &ledger,
                counters: &counters,
                stages: &stages,
                quantiles: &quantiles,
                interfaces: &[],
            }
            .write(path)?;
        }
        match self.settings.verbosity {
            Verbosity::Normal => output::say(&self.summary(&ledger, &stages).render()),
            Verbosity::Quiet => {
                reader.problems.iter().for_each(|problem| output::complain(&problem.to_string()));
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
            Entry::new("fragments held", decode.fragments.held_frames),
        ];
        ledger.add("frames", Entry::new("delivered", read.frames_delivered), kept.into_iter().chain(lost));
        ledger.add(
            "frames",
            Entry::new("in packets", decode.packet_frames),
            [Entry::new("counted into flows", flow.frames_ended)],
        );
        ledger.add(
            "flows",
            Entry::new("begun", worker.watch.began),
            [Entry::new("ended", worker.watch.ended)],
        );
        if let Some(lines) = desk.flow_lines {
            ledger.add("flows", Entry::new("ended", worker.watch.ended), [Entry::new("written", lines)]);
        }
        let stats = incidents.stats();
        let went = stats.hits_went().map(|(name, count)| Entry::new(name.trim_start_matches("hits_"), count));
        ledger.add("hits", Entry::new("matched", worker.watch.hits), went);
        ledger.add_incidents(stats);
        ledger.add(
            "alerts",
            Entry::new("notified", stats.incidents_notified),
            [Entry::new("written", self.alerts_written)],
        );
        ledger
    }

    fn counters(&self) -> Vec<(&'static str, String, u64)> {
        let Reports { reader, worker, incidents, .. } = self.reports;
        let capture = reader.stats.iter().map(|(name, count)| ("capture", name.to_owned(), count));
        let wire = worker.decode.counters().map(|(name, count)| ("wire", name.to_string(), count));
        let flow = worker.flow.iter().map(|(name, count)| ("flow", name.to_owned(), count));
        let rules = incidents.stats().iter().map(|(name, count)| ("rules", name.to_owned(), count));
        capture.chain(wire).chain(flow).chain(rules).collect()
    }

    fn summary<'a>(
        &'a self,
        ledger: &'a Ledger,
        stages: &'a [(&'static str, &'a crate::latency::StageTimes)],
    ) -> Summary<'a> {
        let Reports { reader, worker, incidents, .. } = self.reports;
        let census = &worker.census;
        let by_grade =
            |grade: &Grade| self.alerts.iter().filter(|alert| alert.grade == *grade).count() as u64;
        let by_direction = |direction: &Direction| {
            self.alerts.iter().filter(|alert| alert.direction == *direction).count() as u64
        };
        let refused = &self.loaded.stats.refused_by_reason;
        Summary {
            inputs: inputs(&self.settings.captures),
            span: worker.span,
            frames: reader.stats.frames_read,
            frame_bytes: reader.stats.bytes_read,
            flows: Tally(PROTOCOL_KINDS.iter().copied().zip(census.by_protocol).collect()),
            names: Tally(NAME_KINDS.iter().copied().zip(worker.watch.names).collect()),
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
            problems: reader.problems.iter().map(ToString::to_string).collect(),
            warnings: self.warnings(),
        }
    }

    fn warnings(&self) -> Vec<String> {
        let Reports { reader, worker, .. } = self.reports;
        let census = &worker.census;
        let mut warnings: Vec<_> = census_warning(census, self.settings).into_iter().collect();
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

fn inputs(captures: &[std::path::PathBuf]) -> String {
    match captures {
        [one] if one.as_os_str() == "-" => "standard input".to_owned(),
        [one] => one.display().to_string(),
        [first, rest @ ..] => format!("{} and {} more", first.display(), rest.len()),
        [] => String::new(),
    }
}
