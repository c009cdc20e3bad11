//! What is said when a run is over: the summary, the ledger, and how it ended.

use super::board::{CollectorView, Seen};
use super::books::{Books, Moment, Wanted};
use crate::Outcome;
use crate::canary;
use crate::config::{CollectorSettings, Settings, TapSettings, Verbosity};
use crate::output;
use crate::pipeline::{Census, NAME_KINDS, PROTOCOL_KINDS};
use crate::report::{TOP_TALKERS, census_warning, exported};
use crate::summary::{Summary, Tally, number};
use weir_intel::Loaded;
use weir_model::Timestamp;
use weir_rules::IndicatorSet;

/// Refused lines that the summary shows; all of them are counted.
const REFUSED_SHOWN: usize = 5;

/// Everything known at the end.
pub(super) struct Farewell<'a> {
    pub settings: &'a Settings,
    pub tap: &'a TapSettings,
    pub collector: &'a CollectorSettings,
    pub set: &'a IndicatorSet,
    pub loaded: &'a Loaded,
    pub wanted: Wanted,
    pub problem: Option<anyhow::Error>,
}

impl Farewell<'_> {
    /// Says it, and gives the exit code.
    pub(super) fn tell(self, seen: Seen) -> Outcome {
        let census = census(&seen);
        let flows = Tally(PROTOCOL_KINDS.iter().copied().zip(census.by_protocol).collect());
        let names = Tally(names(&seen));
        let span = span(&seen);
        let frame_bytes = seen.workers.iter().map(|worker| worker.report.bytes).sum();
        let elapsed = seen.running;
        let books = Books::new(seen, self.wanted, Moment::End);
        let ledger = books.ledger();
        let stages = books.stages();
        let stages: Vec<_> = stages.iter().map(|(stage, times)| (*stage, times)).collect();
        let alerts: Vec<_> = books.notices();
        let refused = &self.loaded.stats.refused_by_reason;
        let summary = Summary {
            exported: books.seen_collector().map(|collector| exported(&collector.report())),
            inputs: self.inputs(),
            span,
            frames: books.frames_received(),
            frame_bytes,
            flows,
            names,
            indicators: Tally(canary::kinds(self.set)),
            refused: Tally(refused.iter().map(|(reason, count)| (reason.keyword(), *count)).collect()),
            refused_examples: self
                .loaded
                .refused
                .iter()
                .take(REFUSED_SHOWN)
                .map(ToString::to_string)
                .collect(),
            talkers: census.talkers.top(TOP_TALKERS),
            grades: Tally(alerts),
            directions: Tally(Vec::new()),
            suppressed: Tally(books.not_notified()),
            latency: books.latency().quantiles(),
            ledger: &ledger,
            stages: &stages,
            elapsed,
            is_live: true,
            problems: self.problem.iter().map(|problem| format!("{problem:#}")).collect(),
            warnings: self.warnings(&books, &census),
        };
        let is_alerted = summary.grades.total() > 0;
        match self.settings.verbosity {
            Verbosity::Normal => output::say(&summary.render()),
            Verbosity::Quiet => {
                summary.problems.iter().for_each(|problem| output::complain(problem));
                self.left(&books).iter().for_each(|left| output::complain(left));
                if !ledger.is_balanced() {
                    output::complain("the ledger does not balance; please report this");
                }
            }
        }
        match (self.problem, is_alerted) {
            (Some(_), _) => Outcome::Incomplete,
            (None, true) => Outcome::Alerts,
            (None, false) => Outcome::Clean,
        }
    }

    /// Interfaces, and where routers are heard.
    fn inputs(&self) -> String {
        let listen = self.collector.listen.iter().map(ToString::to_string);
        self.tap.interfaces.iter().cloned().chain(listen).collect::<Vec<_>>().join(", ")
    }

    fn warnings(&self, books: &Books, census: &Census) -> Vec<String> {
        let mut warnings: Vec<_> = census_warning(census, self.settings).into_iter().collect();
        for interface in books.interfaces() {
            if interface.kernel_drops > 0 {
                let drops = number(interface.kernel_drops);
                warnings.push(format!(
                    "{drops} packets of {} were dropped by the kernel: more --workers or a larger --ring-size",
                    interface.name
                ));
            }
            if interface.interface_drops > 0 {
                let drops = number(interface.interface_drops);
                warnings
                    .push(format!("{drops} packets were dropped by the network card of {}", interface.name));
            }
        }
        if let Some(collector) = books.seen_collector().filter(|collector| collector.kernel_drops() > 0) {
            let drops = number(collector.kernel_drops());
            warnings.push(format!(
                "{drops} datagrams were dropped by the kernel: more --collectors or a larger --receive-buffer"
            ));
        }
        for lost in books.lost().iter().filter(|lost| lost.count > 0) {
            let count = number(lost.count);
            warnings.push(format!("{count} {} were lost, because what writes them was too slow", lost.name));
        }
        let messages = books.messages();
        if messages.lost > 0 {
            let count = number(messages.lost);
            warnings.push(format!("{count} messages were lost, because the spool could not take them"));
        }
        if messages.folded > 0 {
            let count = number(messages.folded);
            warnings.push(format!(
                "{count} messages were only counted, because there were too many: per_minute in [storm]"
            ));
        }
        if books.stayed() > 0 {
            let count = number(books.stayed());
            warnings.push(format!(
                "{count} packets or ICMP errors did not reach the worker of their flow, because its lane was full"
            ));
        }
        warnings.extend(self.left(books));
        if canary::kinds(self.set).iter().all(|(_, count)| *count == 0) {
            warnings.push("no indicators: nothing can be found bad (--indicators)".to_owned());
        }
        warnings
    }
}

impl Farewell<'_> {
    /// What sinks did not get in the time that they had.
    fn left(&self, books: &Books) -> Vec<String> {
        let is_kept = self.settings.state.is_some();
        books.sinks().iter().filter_map(|sink| sink.left(is_kept)).collect()
    }
}

/// Of workers and collectors.
fn census(seen: &Seen) -> Census {
    let mut all = Census::default();
    let workers = seen.workers.iter().map(|worker| &worker.report.census);
    let collectors = collectors(seen).map(|thread| &thread.report.census);
    workers.flatten().chain(collectors).for_each(|census| all.add(census));
    all
}

fn names(seen: &Seen) -> Vec<(&'static str, u64)> {
    let workers = || seen.workers.iter().map(|worker| &worker.report.watch);
    let all = || workers().chain(collectors(seen).map(|thread| &thread.report.watch));
    let count = |kind: usize| all().filter_map(|watch| watch.names.get(kind)).sum();
    NAME_KINDS.iter().enumerate().map(|(kind, name)| (*name, count(kind))).collect()
}

fn collectors(seen: &Seen) -> impl Iterator<Item = &CollectorView> {
    seen.collector.iter().flat_map(|collector| &collector.threads)
}

fn span(seen: &Seen) -> Option<(Timestamp, Timestamp)> {
    let spans = seen.workers.iter().filter_map(|worker| worker.report.span);
    spans.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
}
