//! Where workers get what to do, and wait when there is nothing.

use super::dealer::Dealer;
use super::part::Part;
use crate::pipeline::round;
use crossbeam::queue::ArrayQueue;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use weir_flow::PassiveDns;

/// A worker deals when fewer parts than this are left in its inbox, so that the others seldom have to wait for it.
const LOW_WATER: usize = 8;

/// Nobody deals while an inbox has this many parts: up to 256 frames each. A capture of one large flow is then dealt as fast as one
/// worker takes it.
const HIGH_WATER: usize = 32;

/// Rounds that are dealt before all workers have resolved the first of them. A worker that has to wait for its core does not keep
/// the others from working, and passive DNS need not keep many answers apart.
const ROUNDS_AHEAD: u64 = 4;

/// Parts kept to be filled again.
const SPARE_PARTS: usize = 256;

/// Where the workers meet.
pub(super) struct Lanes {
    state: Mutex<State>,
    changed: Condvar,
    spare: Arc<ArrayQueue<Part>>,
    passive_dns: Arc<PassiveDns>,
}

/// What a worker is to do next.
pub(super) enum Task {
    /// Take packets.
    Part(Part),
    /// Name the flows that began in this round: every worker has closed it.
    Resolve(u64),
    /// Nothing: the input is over, and all rounds are resolved.
    Over,
}

struct State {
    /// Absent while somebody deals.
    dealer: Option<Dealer>,
    is_dealt: bool,
    /// Rounds whose end is dealt.
    rounds_dealt: u64,
    is_aborted: bool,
    waiting: usize,
    lanes: Vec<Lane>,
}

/// One worker's.
#[derive(Default)]
struct Lane {
    inbox: VecDeque<Part>,
    /// Rounds that it has closed, and resolved.
    closed: u64,
    resolved: u64,
}

/// Ends the work of the others when a worker breaks down: they would wait for it for ever.
pub(super) struct Guard<'a>(&'a Lanes);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.abort();
        }
    }
}

impl Lanes {
    pub(super) fn new(mut dealer: Dealer, workers: usize, passive_dns: Arc<PassiveDns>) -> Self {
        let spare = Arc::new(ArrayQueue::new(SPARE_PARTS));
        dealer.take_spare_from(Arc::clone(&spare));
        let lanes = std::iter::repeat_with(Lane::default).take(workers).collect();
        let state = State {
            dealer: Some(dealer),
            is_dealt: false,
            rounds_dealt: 0,
            is_aborted: false,
            waiting: 0,
            lanes,
        };
        Self { state: Mutex::new(state), changed: Condvar::new(), spare, passive_dns }
    }

    /// What the worker is to do next; waits where there is nothing, and deals where that is what there is to do.
    pub(super) fn next(&self, worker: usize) -> Task {
        let mut state = self.lock();
        loop {
            if let Some(task) = state.task(worker, &self.changed) {
                return task;
            }
            state = if state.may_deal(worker) { self.deal(state) } else { self.wait(state) };
        }
    }

    /// The worker has closed so many rounds.
    pub(super) fn closed(&self, worker: usize, rounds: u64) {
        let mut state = self.lock();
        if let Some(lane) = state.lanes.get_mut(worker) {
            lane.closed = rounds;
        }
        self.tell(&state);
    }

    /// The worker has resolved so many rounds. When all have, nobody will ask about their packets any more.
    pub(super) fn resolved(&self, worker: usize, rounds: u64) {
        let mut state = self.lock();
        if let Some(lane) = state.lanes.get_mut(worker) {
            lane.resolved = rounds;
        }
        let by_all = state.resolved_by_all();
        self.tell(&state);
        drop(state);
        if let Some(round) = by_all.checked_sub(1) {
            self.passive_dns.settle(round::last_packet(round));
        }
    }

    /// Nothing more is to be done.
    pub(super) fn abort(&self) {
        self.lock().is_aborted = true;
        self.changed.notify_all();
    }

    /// For a worker's thread to hold.
    pub(super) const fn guard(&self) -> Guard<'_> {
        Guard(self)
    }

    /// Takes a part back that is done with.
    pub(super) fn give_back(&self, mut part: Part) {
        part.clear();
        // A pool that is full already has as many as are ever on the way.
        drop(self.spare.push(part));
    }

    /// The dealer, for its books; `None` if it was lost with the worker that was dealing.
    pub(super) fn into_dealer(self) -> Option<Dealer> {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).dealer
    }

    fn deal<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let Some(mut dealer) = state.dealer.take() else {
            return state;
        };
        drop(state);
        let (parts, more) = dealer.deal();
        let mut state = self.lock();
        for (worker, part) in parts {
            if let Some(end) = part.closes() {
                state.rounds_dealt = end.round + 1;
            }
            if let Some(lane) = state.lanes.get_mut(worker) {
                lane.inbox.push_back(part);
            }
        }
        state.is_dealt = !more;
        state.dealer = Some(dealer);
        self.tell(&state);
        state
    }

    fn wait<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.waiting += 1;
        let mut state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state
    }

    /// Wakes those who wait, if somebody does.
    fn tell(&self, state: &State) {
        if state.waiting > 0 {
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn task(&mut self, worker: usize, changed: &Condvar) -> Option<Task> {
        if self.is_aborted {
            return Some(Task::Over);
        }
        let closed_by_all = self.lanes.iter().map(|lane| lane.closed).min().unwrap_or(0);
        let must_deal = self.may_deal(worker);
        let lane = self.lanes.get_mut(worker)?;
        if lane.resolved < closed_by_all {
            return Some(Task::Resolve(lane.resolved));
        }
        if must_deal {
            return None;
        }
        if let Some(part) = lane.inbox.pop_front() {
            if lane.inbox.len() + 1 == HIGH_WATER && self.waiting > 0 {
                changed.notify_all();
            }
            return Some(Task::Part(part));
        }
        (self.is_dealt && lane.resolved == lane.closed).then_some(Task::Over)
    }

    /// Whether the worker should deal: its inbox is low, nobody else deals, all inboxes have room, and nobody is far behind.
    fn may_deal(&self, worker: usize) -> bool {
        let has_room = |lane: &Lane| lane.inbox.len() < HIGH_WATER;
        let is_low = self.lanes.get(worker).is_some_and(|lane| lane.inbox.len() < LOW_WATER);
        let is_near = self.rounds_dealt < self.resolved_by_all() + ROUNDS_AHEAD;
        is_low && is_near && self.dealer.is_some() && !self.is_dealt && self.lanes.iter().all(has_room)
    }

    fn resolved_by_all(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.resolved).min().unwrap_or(0)
    }
}
