//! The desk: hits to incidents, incidents to alerts, as they happen.

use super::board::{Board, DeskView};
use super::cage::Cage;
use super::clock;
use super::outbox::{HitNews, State as FlowState};
use super::tables::Peers;
use crate::alerts::{AlertCounts, AlertsOut};
use crate::canary::is_canary;
use crate::latency::{Latency, StageTimes};
use crate::memory;
use crate::output::complain;
use crate::state::State;
use anyhow::Result;
use crossbeam::channel::{Receiver, RecvTimeoutError};
use std::sync::Arc;
use std::time::{Duration, Instant};
use weir_model::alert::Notice;
use weir_model::{Alert, SourceNotice, Timestamp};
use weir_rules::{Hit, Incidents, RESOLVER_RINGS_AFTER};

/// With no hits, notices that are due for other reasons come this late at most.
const REST: Duration = Duration::from_millis(200);
/// News that are taken before alerts are written: a burst costs one look at what is due, and the first alert of it waits little.
const NEWS_AT_ONCE: usize = 256;

/// How often what was told of open incidents is kept, where that is wanted.
const KEEP_EVERY: Duration = Duration::from_mins(1);

/// Gathers incidents and writes alerts.
pub(super) struct Desk {
    incidents: Incidents,
    /// Where open incidents are remembered; without, they are closed at the end.
    state: Option<Arc<State>>,
    keeps: Instant,
    alerts: AlertsOut,
    /// What there is to tell of sources; among the alerts.
    notices: Receiver<SourceNotice>,
    view: DeskView,
    board: Arc<Board>,
    peers: Arc<Peers>,
}

impl Desk {
    /// Nothing gathered but what the incidents remember.
    #[expect(clippy::disallowed_methods, reason = "kept by the clock")]
    pub(super) fn new(
        (incidents, cage): (Incidents, Cage),
        state: Option<Arc<State>>,
        (alerts, notices): (AlertsOut, Receiver<SourceNotice>),
        board: Arc<Board>,
        peers: Arc<Peers>,
    ) -> Self {
        let view = DeskView {
            incidents: *incidents.stats(),
            hits: 0,
            written: AlertCounts::default(),
            cage,
            latency: Latency::new(),
            times: StageTimes::new(),
        };
        let keeps = Instant::now() + KEEP_EVERY;
        Self { incidents, state, keeps, alerts, notices, view, board, peers }
    }

    /// Works until all workers are done. `reader_left` is called when nobody reads the alerts any more.
    #[expect(clippy::needless_pass_by_value, reason = "when the desk gives up, the queue goes with it")]
    pub(super) fn run(mut self, hits: Receiver<HitNews>, reader_left: &impl Fn()) -> Result<()> {
        let told = self.work(&hits, reader_left);
        self.board.put_desk(self.view.clone());
        told
    }

    fn work(&mut self, hits: &Receiver<HitNews>, reader_left: &impl Fn()) -> Result<()> {
        loop {
            let first = match hits.recv_timeout(REST) {
                Ok(news) => Some(news),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let news: Vec<_> = first.into_iter().chain(hits.try_iter().take(NEWS_AT_ONCE - 1)).collect();
            self.take(&news)?;
            self.tell_of_sources()?;
            if self.alerts.reader_left() {
                reader_left();
            }
            self.board.put_desk(self.view.clone());
            self.tell_of_canaries()?;
            self.keep_when_due();
        }
        let last = if self.state.is_none() {
            self.incidents.close_all()
        } else {
            let now = self.peers.passed().unwrap_or(Timestamp::EPOCH);
            self.incidents.notices(now + RESOLVER_RINGS_AFTER)
        };
        self.write(&last, &[])?;
        self.state.as_ref().map_or(Ok(()), |state| memory::save(state, &self.incidents))
    }

    /// A program that is killed shall not ring again for what it has told.
    #[expect(clippy::disallowed_methods, reason = "kept by the clock")]
    fn keep_when_due(&mut self) {
        let now = Instant::now();
        if let Some(state) = self.state.as_ref().filter(|_| now >= self.keeps) {
            self.keeps = now + KEEP_EVERY;
            if let Err(error) = memory::save(state, &self.incidents) {
                complain(&format!("{error:#}"));
            }
        }
    }

    fn take(&mut self, news: &[HitNews]) -> Result<()> {
        if news.is_empty() {
            return self.tell_due(news);
        }
        let mut times = std::mem::replace(&mut self.view.times, StageTimes::new());
        let told = times.measure(|| {
            self.gather(news);
            self.tell_due(news)
        });
        self.view.times = times;
        told
    }

    fn gather(&mut self, news: &[HitNews]) {
        for HitNews { flow, hits, state, .. } in news {
            if is_canary(flow.id) {
                self.view.cage.take(flow, hits, *state);
                continue;
            }
            match state {
                FlowState::Open => self.incidents.stands(flow, hits),
                FlowState::Ended => {
                    self.view.hits += hits.matched();
                    self.incidents.fold(flow, hits);
                }
            }
        }
        self.view.incidents = *self.incidents.stats();
    }

    fn tell_due(&mut self, news: &[HitNews]) -> Result<()> {
        let due = self.peers.passed().map(|now| self.incidents.notices(now)).unwrap_or_default();
        self.write(&due, news)
    }

    fn tell_of_canaries(&mut self) -> Result<()> {
        for (text, notice) in self.view.cage.complaints(clock::now()) {
            complain(&text);
            if let Some(notice) = notice {
                self.alerts.notice(&notice)?;
                self.alerts.flush()?;
            }
        }
        Ok(())
    }

    fn tell_of_sources(&mut self) -> Result<()> {
        for notice in self.notices.try_iter() {
            self.alerts.notice(&notice)?;
            self.alerts.flush()?;
        }
        Ok(())
    }

    /// Writes alerts, so that their reader has them at once.
    fn write(&mut self, alerts: &[Alert], news: &[HitNews]) -> Result<()> {
        for alert in alerts {
            self.alerts.alert(alert)?;
        }
        if !alerts.is_empty() {
            self.alerts.flush()?;
        }
        let now = clock::now();
        for since in alerts.iter().filter_map(|alert| caused(alert, news)) {
            self.view.latency.record(now.since(since));
        }
        self.view.written = self.alerts.counts();
        self.view.incidents = *self.incidents.stats();
        Ok(())
    }
}

/// The time of the packet, or of the router's datagram, that caused a notice; those that are due by time alone, or that a new indicator
/// caused in an open flow, have none.
fn caused(alert: &Alert, news: &[HitNews]) -> Option<Timestamp> {
    if !matches!(alert.notice, Notice::Opened | Notice::Raised) {
        return None;
    }
    let of_alert = |hit: &&Hit| hit.indicator.value == alert.indicator.value;
    if news.iter().flat_map(|news| news.hits.hits()).any(|hit| of_alert(&hit) && hit.is_late) {
        return None;
    }
    let heard = news.iter().filter(|news| news.hits.hits().iter().any(|hit| of_alert(&hit)));
    if let Some(heard) = heard.filter_map(|news| news.heard).max() {
        return Some(heard);
    }
    let met = news.iter().flat_map(|news| news.hits.hits()).filter(of_alert).map(|hit| hit.time);
    match alert.notice {
        Notice::Opened => met.max().or(Some(alert.last)),
        _ => Some(alert.last),
    }
}
