//! The last thread: lines to files, hits to incidents. It orders what the workers learnt, so that nothing depends on which of them
//! was faster.

use super::rendered::{self, Rendered};
use super::round::News;
use super::watch::Learnt;
use crate::collect::{FileCollector, FileCollectorReport};
use crate::latency::StageTimes;
use crate::output::Sink;
use anyhow::{Context as _, Result};
use crossbeam::channel::Receiver;
use crossbeam::queue::ArrayQueue;
use std::collections::BTreeMap;
use weir_alert::JsonLines;
use weir_rules::Incidents;

/// Where everything that the workers learnt ends up.
pub(crate) struct Desk {
    outlets: Outlets,
    /// Where exports are decoded.
    collector: Option<FileCollector>,
    times: StageTimes,
}

/// Where what was learnt goes.
struct Outlets {
    incidents: Incidents,
    flows: Option<JsonLines<Sink>>,
    names: Option<JsonLines<Sink>>,
}

/// What the desk has to say at the end.
#[derive(Debug)]
pub(crate) struct DeskReport {
    /// Lines of flows, also those that nobody read; `None` where nobody wanted them.
    pub flow_lines: Option<u64>,
    /// What there was of exports, where they were decoded.
    pub collected: Option<FileCollectorReport>,
    pub times: StageTimes,
}

impl Desk {
    /// A desk that writes flows and names where somebody wants them, and has exports decoded where there is a collector.
    pub(crate) fn new(
        incidents: Incidents,
        flows: Option<Sink>,
        names: Option<Sink>,
        collector: Option<FileCollector>,
    ) -> Self {
        let [flows, names] = [flows, names].map(|sink| sink.map(JsonLines::new));
        Self { outlets: Outlets { incidents, flows, names }, collector, times: StageTimes::new() }
    }

    /// Takes what the workers learnt until they are done; then the incidents are whole. What was read goes to `spare`.
    pub(super) fn run(
        mut self,
        learnt: Receiver<News>,
        workers: usize,
        spare: &ArrayQueue<Learnt>,
    ) -> Result<(Incidents, DeskReport)> {
        // Workers tell of their rounds in order and never run far ahead of each other, so these are few.
        let mut rounds = BTreeMap::<u64, Vec<Learnt>>::new();
        // The first round that each of them may still tell of.
        let mut next = vec![0; workers];
        for News { worker, round, learnt } in learnt {
            if let Some(next) = next.get_mut(worker) {
                *next = round.saturating_add(1);
            }
            rounds.entry(round).or_default().push(learnt);
            let first_open = next.iter().copied().min().unwrap_or(0);
            while let Some(whole) = rounds.first_entry().filter(|first| *first.key() < first_open) {
                self.take(whole.remove(), spare)?;
            }
        }
        let collected = self.finish_collecting()?;
        let Outlets { incidents, mut flows, mut names } = self.outlets;
        for lines in [&mut flows, &mut names].into_iter().flatten() {
            lines.flush().context("cannot write flows or names")?;
        }
        let flow_lines = flows.map(|lines| lines.stats().lines + lines.stats().unread);
        Ok((incidents, DeskReport { flow_lines, collected, times: self.times }))
    }

    /// Takes what all workers learnt in a round.
    fn take(&mut self, mut round: Vec<Learnt>, spare: &ArrayQueue<Learnt>) -> Result<()> {
        let Self { outlets, collector, times } = self;
        times.measure(|| {
            outlets.tell(&mut round)?;
            if let Some(collector) = collector {
                outlets.tell(&mut [collector.datagrams(round.iter().map(|learnt| &learnt.datagrams))])?;
            }
            for mut learnt in round {
                learnt.clear();
                // A pool that is full already has as many as are ever on the way.
                drop(spare.push(learnt));
            }
            Ok(())
        })
    }

    /// The input is over: what is in folders is collected, and all flows of exports end.
    fn finish_collecting(&mut self) -> Result<Option<FileCollectorReport>> {
        let Self { outlets, collector: Some(collector), times } = self else { return Ok(None) };
        while let Some(learnt) = times.measure(|| collector.next_of_rest()) {
            times.measure(|| outlets.tell(&mut [learnt]))?;
        }
        Ok(Some(collector.report()))
    }
}

impl Outlets {
    /// Writes lines, and folds hits into incidents.
    fn tell(&mut self, learnt: &mut [Learnt]) -> Result<()> {
        let Self { incidents, flows, names } = self;
        write(names, learnt.iter().map(|learnt| &learnt.name_lines)).context("cannot write names")?;
        write(flows, learnt.iter().map(|learnt| &learnt.flow_lines)).context("cannot write flows")?;
        let mut ended: Vec<_> = learnt.iter_mut().flat_map(|learnt| learnt.ended.drain(..)).collect();
        ended.sort_by_key(|(flow, _)| flow.id);
        for (flow, hits) in ended {
            incidents.fold(&flow, &hits);
        }
        Ok(())
    }
}

fn write<'a>(
    lines: &mut Option<JsonLines<Sink>>,
    rendered: impl Iterator<Item = &'a Rendered>,
) -> std::io::Result<()> {
    let Some(lines) = lines else {
        return Ok(());
    };
    for line in rendered::in_order(rendered) {
        lines.append_line(line)?;
    }
    Ok(())
}
