//! The desk: hits to incidents, incidents to messages, messages into the spool, as they happen.

use super::arming::Arming;
use super::board::{Board, DeskView, MessageCounts};
use super::cage::Cage;
use super::causes::Causes;
use super::clock;
use super::dials::Dials;
use super::memory_keeper::MemoryKeeper;
use super::outbox::{HitNews, State as FlowState};
use super::tables::Peers;
use super::tray::{Held, Tray};
use crate::canary::is_canary;
use crate::latency::{Latency, StageTimes};
use crate::memory;
use crate::mute::Mutes;
use crate::output::complain;
use crate::state::State;
use crate::storm::{Sketch, Storm};
use crate::supervisor;
use anyhow::Result;
use crossbeam::channel::{Receiver, RecvTimeoutError};
use std::sync::Arc;
use std::time::{Duration, Instant};
use weir_alert::spool::{Spool, SpoolEntry};
use weir_model::{Alert, SourceNotice, Timestamp};
use weir_rules::{Incidents, RESOLVER_RINGS_AFTER, Site};

/// With no hits, notices that are due for other reasons come this late at most.
const REST: Duration = Duration::from_millis(200);
/// News that are taken before it is looked what is to be told: a flood costs one look for so many, and what comes alone is told at once.
const NEWS_AT_ONCE: usize = 4_096;

/// How often what was told of open incidents is kept, where that is wanted.
const KEEP_EVERY: Duration = Duration::from_mins(1);

/// At the end, a spool that takes nothing is asked so often, and so long lies between.
const LAST_OFFERS: u32 = 3;
const BETWEEN_LAST_OFFERS: Duration = Duration::from_secs(1);

/// What decides what is told, and what there is to tell besides incidents.
pub(super) struct Telling {
    pub mutes: Arc<Mutes>,
    pub dials: Arc<Dials>,
    /// Which networks are ours.
    pub arming: Arc<Arming>,
    /// Of sources.
    pub notices: Receiver<SourceNotice>,
}

/// Gathers incidents and has the spool keep what is to be told of them.
pub(super) struct Desk {
    incidents: Incidents,
    /// By what they judge.
    site: Arc<Site>,
    storm: Storm,
    /// Keeps what is remembered of open incidents; without a place for it, they are closed at the end.
    keeper: MemoryKeeper,
    keeps: Instant,
    telling: Telling,
    tray: Tray,
    spool: Spool,
    view: DeskView,
    board: Arc<Board>,
    peers: Arc<Peers>,
    clock: clock::Watch,
}

impl Desk {
    /// Nothing gathered but what the incidents remember.
    #[expect(clippy::disallowed_methods, reason = "kept by the clock")]
    pub(super) fn new(
        (incidents, cage): (Incidents, Cage),
        state: Option<Arc<State>>,
        (telling, spool): (Telling, Spool),
        board: Arc<Board>,
        peers: Arc<Peers>,
    ) -> Self {
        let view = DeskView {
            incidents: *incidents.stats(),
            hits: 0,
            messages: MessageCounts::default(),
            cage,
            latency: Latency::new(),
            times: StageTimes::new(),
            waiting: 0,
        };
        let (started, mut clock) = (Instant::now(), clock::Watch::default());
        clock.look_when_due(started);
        let keeps = started + KEEP_EVERY;
        let (tray, keeper) = (Tray::default(), MemoryKeeper::new(state, Arc::clone(&telling.mutes)));
        let site = Arc::clone(&telling.arming.current().site);
        let storm = Storm::new(telling.dials.storm());
        Self { incidents, site, storm, keeper, keeps, telling, tray, spool, view, board, peers, clock }
    }

    /// Works until all workers are done.
    #[expect(clippy::needless_pass_by_value, reason = "when the desk gives up, the queue goes with it")]
    pub(super) fn run(mut self, hits: Receiver<HitNews>) -> Result<()> {
        self.work(&hits);
        let ended = self.finish();
        self.put_up();
        ended
    }

    fn work(&mut self, hits: &Receiver<HitNews>) {
        let pulse = supervisor::pulse("desk");
        loop {
            pulse.beat();
            let first = match hits.recv_timeout(REST) {
                Ok(news) => Some(news),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            self.follow();
            let news: Vec<_> = first.into_iter().chain(hits.try_iter().take(NEWS_AT_ONCE - 1)).collect();
            self.view.waiting = hits.len();
            self.take(&news);
            self.put_up();
            self.keep_when_due();
        }
    }

    /// Goes by what counts at this moment.
    #[expect(clippy::disallowed_methods, reason = "how right the clock is is looked at by the clock")]
    fn follow(&mut self) {
        self.clock.look_when_due(Instant::now());
        self.storm.set_cap(self.telling.dials.storm());
        let armed = self.telling.arming.current();
        if !Arc::ptr_eq(&armed.site, &self.site) {
            self.site = Arc::clone(&armed.site);
            self.incidents.set_site((*self.site).clone());
        }
    }

    fn take(&mut self, news: &[HitNews]) {
        if news.is_empty() {
            return self.tell(news);
        }
        let mut times = std::mem::replace(&mut self.view.times, StageTimes::new());
        times.measure(|| {
            self.gather(news);
            self.tell(news);
        });
        self.view.times = times;
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
    }

    /// Tells what there is to tell. What the spool cannot take comes first: until it is durable no more notices are asked for, so that
    /// incidents gather what happens meanwhile.
    fn tell(&mut self, news: &[HitNews]) {
        self.offer();
        if !self.tray.is_empty() {
            return;
        }
        let now = clock::now();
        self.tell_of_weir(now);
        let due = self.peers.passed().map(|passed| self.incidents.notices(passed)).unwrap_or_default();
        let causes = Causes::of(news, !due.is_empty());
        self.tell_of_incidents(due, &causes, now);
        self.offer();
    }

    /// Of sources, of canaries, and of what storm control folded.
    fn tell_of_weir(&mut self, now: Timestamp) {
        let mut notices: Vec<SourceNotice> = self.telling.notices.try_iter().collect();
        for (text, notice) in self.view.cage.complaints(now) {
            complain(&text);
            notices.extend(notice);
        }
        notices.extend(self.storm.turn(now));
        for notice in notices {
            self.tell_notice(notice);
        }
    }

    fn tell_notice(&mut self, notice: SourceNotice) {
        self.view.messages.of_weir += 1;
        self.tray.put(Held { message: notice.into(), note: None, caused: None });
    }

    fn tell_of_incidents(&mut self, due: Vec<Alert>, causes: &Causes<'_>, now: Timestamp) {
        let is_muted = |alert: &Alert| self.telling.mutes.is_muted(alert, now);
        let (muted, due): (Vec<_>, Vec<_>) = due.into_iter().partition(is_muted);
        self.view.messages.muted += muted.len() as u64;
        for alert in &muted {
            self.incidents.was_not_sent(alert);
        }
        if due.is_empty() {
            return;
        }
        let sketches: Vec<Sketch> = due.iter().map(Sketch::from).collect();
        for (alert, is_told) in due.into_iter().zip(self.storm.admit(&sketches, now)) {
            if is_told {
                let alert = Alert { clock: self.clock.quality(), ..alert };
                let note = self.incidents.remembered_of(&alert).map(memory::note);
                let caused = causes.caused(&alert);
                self.tray.put(Held { message: alert.into(), note, caused });
            } else {
                self.view.messages.folded += 1;
                self.incidents.was_not_sent(&alert);
            }
        }
    }

    /// Has the spool take what is to be told.
    #[expect(clippy::disallowed_methods, reason = "a spool that cannot is asked again by the clock")]
    fn offer(&mut self) {
        let now = clock::now();
        let append = |entries: &[SpoolEntry<'_>]| self.spool.append(entries, now).map(drop);
        if let Some(said) = self.tray.offer((now, Instant::now()), &mut self.view.latency, append) {
            complain(&said.text);
            said.notice.into_iter().for_each(|notice| self.tell_notice(notice));
        }
    }

    fn put_up(&mut self) {
        self.view.incidents = *self.incidents.stats();
        let messages = &mut self.view.messages;
        (messages.held, messages.spooled, messages.lost) =
            (self.tray.held(), self.tray.spooled(), self.tray.lost());
        self.board.put_desk(self.view.clone());
    }

    /// A program that is killed shall not ring again for what it has told, and the spool keeps notes for it no longer than it must.
    #[expect(clippy::disallowed_methods, reason = "kept by the clock")]
    fn keep_when_due(&mut self) {
        let now = Instant::now();
        if now >= self.keeps && self.tray.is_empty() {
            self.keeps = now + KEEP_EVERY;
            self.keeper.begin(&self.incidents, &self.spool);
        }
    }

    /// The last notices. Incidents that go on are kept, unless there is nowhere to keep them: then they are closed.
    fn finish(&mut self) -> Result<()> {
        let nothing = Causes::of(&[], false);
        self.offer_at_last();
        loop {
            let now = clock::now();
            let due = if !self.keeper.has_place() {
                self.incidents.close_all()
            } else if self.tray.is_empty() {
                let passed = self.peers.passed().unwrap_or(Timestamp::EPOCH);
                self.incidents.notices(passed + RESOLVER_RINGS_AFTER)
            } else {
                Vec::new()
            };
            let is_all = due.is_empty();
            self.tell_of_weir(now);
            self.tell_of_incidents(due, &nothing, now);
            if is_all {
                break;
            }
            self.offer_at_last();
        }
        if let Some(summary) = self.storm.end(clock::now()) {
            self.tell_notice(summary);
        }
        self.offer_at_last();
        match self.tray.give_up() {
            // The next run does not know of these, and tells again.
            Some(said) => complain(&said),
            None => self.keeper.finish(&self.incidents, &self.spool)?,
        }
        Ok(())
    }

    fn offer_at_last(&mut self) {
        for _ in 0..LAST_OFFERS {
            self.offer();
            if self.tray.is_empty() {
                return;
            }
            std::thread::sleep(BETWEEN_LAST_OFFERS);
        }
    }
}
