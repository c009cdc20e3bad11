//! The keeper of intelligence: a thread of `weir run` that asks each source at its time, makes a set of what they say, and arms it.
//!
//! ```text
//!   schedule, changed files, pushes, orders ──> ask a source ──> library ──> set ──> armed ──> snapshot for the next start
//! ```
//!
//! A source that fails stops nothing: the library keeps what it said, and the others are asked. The set is made anew when a source said
//! something, and when something in it expired.

mod turning;

use super::asking::Asker;
use super::crier::Crier;
use super::job::{Answer, Job};
use super::report::{SyncOutcome, SyncRow};
use super::schedule::Turn;
use super::shelf::{Shelf, seconds, status};
use super::snapshot;
use super::view::{Order, View};
use super::watching::Watching;
use crate::canary;
use crate::config::{IntelSettings, SourceSettings};
use crate::output::complain;
use crate::run::{Arming, now};
use crate::state::State;
use crate::status::{Count, Health, IntelStatus, SetStatus, SourceStatus};
use crate::supervisor;
use anyhow::Context as _;
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use weir_intel::library::SourceState;
use weir_intel::{SyncError, SyncErrorKind};
use weir_model::notice::Matter;
use weir_model::{SourceNotice, Timestamp};
use weir_rules::screen::Screen;
use weir_rules::{IndicatorSet, Site};

/// Sources asked at once, a thread each: a server that is slow shall not keep others waiting, and a start not ask fifty at the same moment.
const MAX_ASKED_AT_ONCE: usize = 4;
/// How long it sleeps at most: files are looked at, and the end of the run is seen, as often as this.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// What expires is gone within a minute: a set is made for it at most this often.
const EXPIRY_EVERY: Duration = Duration::from_secs(30);
/// A source is stale when nothing came from it for so many of its intervals,
const STALE_AFTER_INTERVALS: u32 = 4;
/// and for as long as this.
const STALE_AFTER: Duration = Duration::from_mins(10);

/// Keeps intelligence while packets flow.
pub(crate) struct Keeper {
    /// Where there are sources.
    shelf: Option<Shelf>,
    state: Arc<State>,
    arming: Arc<Arming>,
    view: Arc<View>,
    orders: Receiver<Order>,
    changes: Receiver<Change>,
    notices: Sender<SourceNotice>,
    crier: Crier,
    sources: Vec<Kept>,
    /// Those that are not in the settings any more, while they are being asked.
    leaving: Vec<Kept>,
    /// How they fare by what the library knows, as it was when somebody was last asked.
    states: BTreeMap<String, SourceState>,
    /// When something in the set counts no longer.
    next_expiry: Option<Timestamp>,
    set: SetStatus,
    is_over: Arc<AtomicBool>,
    answers: (Sender<Answer>, Receiver<Answer>),
    /// Orders that are done as soon as what came of them counts.
    finished: Vec<u64>,
    started: Instant,
    /// When the set was made, since the start, and whether it is to be made anew.
    made: Option<Duration>,
    is_outdated: bool,
    begun: Timestamp,
}

/// A source, and when it is asked.
pub(super) struct Kept {
    pub settings: SourceSettings,
    /// With the thread that asks, while it does.
    pub asker: Asker,
    is_asked: bool,
    /// Whoever asks it is to stop.
    is_stopped: Arc<AtomicBool>,
    /// It is asked what other settings say: the answer is of no use.
    is_outdated: bool,
    turn: Turn,
    watching: Watching,
    /// It may say something new, and was not asked since.
    has_changed: bool,
    errors: u64,
    took: Duration,
    /// Who ordered it.
    tickets: Vec<u64>,
    problem: Option<(Health, String)>,
}

/// What the keeper works with.
pub(crate) struct Tools {
    pub state: Arc<State>,
    pub arming: Arc<Arming>,
    pub view: Arc<View>,
    pub orders: Receiver<Order>,
    pub changes: Receiver<Change>,
    /// What people are to be told goes here.
    pub notices: Sender<SourceNotice>,
}

/// Other settings, and what was found out for them beforehand.
pub(crate) struct Change {
    pub settings: IntelSettings,
    pub screen: Arc<Screen>,
    /// What counts where there are no sources.
    pub files: Option<Arc<IndicatorSet>>,
    /// Sources that were there before, and are told something else.
    pub changed: Vec<String>,
    pub site: Arc<Site>,
    /// Who waits for it.
    pub done: Sender<anyhow::Result<()>>,
}

impl Keeper {
    /// Keeps what is on the shelf.
    #[expect(clippy::disallowed_methods, reason = "sources are asked by the clock")]
    pub(crate) fn new(shelf: Option<Shelf>, tools: Tools, is_over: Arc<AtomicBool>) -> Self {
        let Tools { state, arming, view, orders, changes, notices } = tools;
        let crier = Crier::load(&state);
        let (set, started) = (SetStatus::default(), Instant::now());
        let mut keeper = Self {
            shelf,
            state,
            arming,
            view,
            orders,
            changes,
            notices,
            crier,
            sources: Vec::new(),
            leaving: Vec::new(),
            states: BTreeMap::new(),
            next_expiry: None,
            set,
            is_over,
            answers: unbounded(),
            finished: Vec::new(),
            started,
            made: None,
            is_outdated: false,
            begun: now(),
        };
        keeper.take_up_sources(&[]);
        // A library that is new or was lost is no reason to give up what the snapshot has.
        keeper.is_outdated = keeper.states.values().any(|state| state.succeeded.is_some());
        keeper
    }

    /// Works until the run is over.
    pub(crate) fn run(mut self) {
        self.show();
        let pulse = supervisor::pulse("keeper");
        while !self.is_over.load(Ordering::Relaxed) {
            pulse.beat();
            self.take_orders();
            self.take_change();
            self.look_for_changes();
            self.ask_those_due();
            self.take_answers();
            self.renew_when_due();
            self.tell_stale();
            if let Err(error) = self.crier.save(&self.state) {
                complain(&format!("{error:#}"));
            }
        }
        self.sources.iter().chain(&self.leaving).for_each(Kept::stop);
    }

    /// Sleeps until somebody wants something, or for a moment.
    fn take_orders(&mut self) {
        match self.orders.recv_timeout(LOOK_EVERY) {
            Ok(order) => self.take(order),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(LOOK_EVERY),
        }
        while let Ok(order) = self.orders.try_recv() {
            self.take(order);
        }
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Release { ticket, source } => {
                let sources = vec![source];
                let name = sources.first().map_or("", String::as_str);
                let shelf = self.shelf.as_mut().context("there are no sources");
                match shelf.and_then(|shelf| shelf.release(name)) {
                    Ok(()) => self.take(Order::Sync { ticket, sources }),
                    Err(error) => {
                        let error = SyncError::new(SyncErrorKind::Held, format!("{error:#}"));
                        for source in &sources {
                            self.view.put_row(ticket, SyncRow::failed(source, &error));
                        }
                        self.view.put_done(ticket);
                    }
                }
            }
            Order::Sync { ticket, sources } => {
                for kept in self.sources.iter_mut().filter(|kept| kept.is_meant_by(&sources)) {
                    kept.tickets.push(ticket);
                }
                if !self.sources.iter().any(|kept| kept.tickets.contains(&ticket)) {
                    self.view.put_done(ticket);
                }
            }
        }
    }

    fn look_for_changes(&mut self) {
        for kept in self.sources.iter_mut().filter(|kept| kept.settings.is_enabled) {
            kept.has_changed |= kept.watching.has_changed();
        }
    }

    fn ask_those_due(&mut self) {
        for index in 0..self.sources.len() {
            let now = self.started.elapsed();
            let under_way = self.sources.iter().filter(|kept| kept.is_asked).count();
            let Some(kept) = self.sources.get_mut(index) else { continue };
            if under_way >= MAX_ASKED_AT_ONCE || kept.is_asked || !kept.is_due(now) {
                continue;
            }
            let Some(shelf) = &self.shelf else { continue };
            kept.is_stopped = Arc::default();
            match Job::new(kept, shelf, &self.view, Arc::clone(&kept.is_stopped)) {
                Ok(job) => {
                    kept.is_asked = true;
                    kept.has_changed = false;
                    let answers = self.answers.0.clone();
                    // A thread that cannot be had drops the job: its source is then told to have failed below.
                    let thread = std::thread::Builder::new().name(format!("ask {}", kept.settings.name));
                    if let Err(error) = thread.spawn(move || drop(answers.send(job.run()))) {
                        kept.is_asked = false;
                        kept.turn.failed(now);
                        complain(&format!("source {}: no thread to ask it: {error}", kept.settings.name));
                    }
                }
                Err(error) => {
                    kept.turn.failed(now);
                    complain(&format!("source {}: {error:#}", kept.settings.name));
                }
            }
        }
    }

    /// Takes what came of asking.
    fn take_answers(&mut self) {
        let mut any = false;
        while let Ok(Answer { source, row, asker }) = self.answers.1.try_recv() {
            any = true;
            let now = self.started.elapsed();
            let Some(kept) = self.sources.iter_mut().find(|kept| kept.settings.name == source) else {
                self.has_left(&source);
                continue;
            };
            if std::mem::take(&mut kept.is_outdated) {
                (kept.is_asked, kept.has_changed) = (false, true);
                continue;
            }
            kept.asker = asker;
            kept.answered(&row, now);
            self.is_outdated |= row.outcome == SyncOutcome::Synced;
            let tickets = std::mem::take(&mut kept.tickets);
            self.tell_outcome(&row);
            for ticket in tickets {
                self.view.put_row(ticket, row.clone());
                if !self.sources.iter().any(|kept| kept.tickets.contains(&ticket)) {
                    self.finished.push(ticket);
                }
            }
        }
        if any {
            self.show();
        }
    }
}

impl Keeper {
    /// Makes a set of what the library has, if there is a reason to, and arms it.
    fn renew_when_due(&mut self) {
        let since_start = self.started.elapsed();
        let may_expire = self.made.is_none_or(|made| since_start.saturating_sub(made) >= EXPIRY_EVERY);
        let has_expired = || may_expire && self.next_expiry.is_some_and(|next| next <= now());
        if self.is_outdated || has_expired() {
            self.renew_or_complain(since_start);
        }
        for ticket in std::mem::take(&mut self.finished) {
            self.view.put_done(ticket);
        }
    }

    fn renew_or_complain(&mut self, since_start: Duration) {
        self.made = Some(since_start);
        if let Err(error) = self.renew(None) {
            complain(&format!("no set could be made, so the one before stays: {error:#}"));
        }
        self.is_outdated = false;
        self.show();
    }

    #[expect(clippy::disallowed_methods, reason = "how long it takes is told")]
    fn renew(&mut self, site: Option<Arc<Site>>) -> anyhow::Result<()> {
        let Some(shelf) = &self.shelf else { return Ok(()) };
        let began = Instant::now();
        let time = now();
        let made = shelf.make(time)?;
        let set = Arc::new(made.set);
        self.next_expiry = made.filled.next_expiry;
        let generation = self.arming.arm_both(Some(Arc::clone(&set)), site);
        self.set = SetStatus {
            generation,
            indicators: canary::kinds(&set).into_iter().map(of_kind).collect(),
            memory_bytes: set.memory_bytes() as u64,
            made: Some(seconds(time)),
            made_in_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            kept_out: counts(made.filled.kept_out),
        };
        for notice in made.filled.listed {
            self.send(notice);
        }
        let saved = snapshot::save(&self.state, &set);
        match &saved {
            Ok(()) => {}
            Err(error) => self.tell("", Matter::NotSaved { reason: format!("{error:#}").into() }),
        }
        saved
    }

    fn tell_outcome(&mut self, row: &SyncRow) {
        let source = row.source.as_str();
        match (&row.held, row.outcome) {
            (Some(held), _) => {
                let (before, brought) = (held.before, held.brought);
                self.tell(source, Matter::Held { reason: held.reason.as_str().into(), before, brought });
            }
            (None, SyncOutcome::Synced | SyncOutcome::Unchanged) => {
                self.tell(source, Matter::Released);
                self.tell(source, Matter::Recovered);
            }
            _ => {}
        }
    }

    /// Nothing has come from a source for too long.
    fn tell_stale(&mut self) {
        let time = now();
        let stale: Vec<_> =
            self.sources.iter().filter_map(|kept| kept.stale(&self.states, time, self.begun)).collect();
        for (source, matter) in stale {
            self.tell(&source, matter);
        }
    }

    fn tell(&mut self, source: &str, matter: Matter) {
        let source = (!source.is_empty()).then(|| source.into());
        self.send(SourceNotice { time: now(), source, matter });
    }

    fn send(&mut self, notice: SourceNotice) {
        if let Some(notice) = self.crier.tell(notice) {
            // The desk has left: the run is ending.
            drop(self.notices.send(notice));
        }
    }

    /// Puts up how everything is.
    fn show(&mut self) {
        self.states = self.shelf.as_ref().map(Shelf::states).unwrap_or_default();
        let status = |kept: &Kept| kept.status(self.states.get(&kept.settings.name), self.begun);
        let sources = self.sources.iter().map(status).collect();
        self.view.put(IntelStatus { now: seconds(now()), set: self.set.clone(), sources });
    }
}

impl Kept {
    /// `age` is that of what it said last.
    fn new(settings: &SourceSettings, base: &Path, age: Option<Duration>) -> Self {
        Self {
            // What happened to a file while nobody looked is not known.
            turn: Turn::new(
                &settings.name,
                settings.interval,
                age.filter(|_| settings.local_path().is_none()),
            ),
            watching: Watching::new(settings, base),
            settings: settings.clone(),
            asker: None,
            is_asked: false,
            is_stopped: Arc::default(),
            is_outdated: false,
            has_changed: false,
            errors: 0,
            took: Duration::ZERO,
            tickets: Vec::new(),
            problem: None,
        }
    }

    /// Whoever asks it shall stop.
    fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    fn is_due(&self, now: Duration) -> bool {
        let is_time = self.has_changed || self.turn.due() <= now;
        !self.tickets.is_empty() || (self.settings.is_enabled && is_time)
    }

    /// Takes note of what came of asking it.
    fn answered(&mut self, row: &SyncRow, now: Duration) {
        let name = &self.settings.name;
        self.is_asked = false;
        self.took = Duration::from_millis(row.took_ms);
        let before = self.problem.take();
        if !row.outcome.is_problem() {
            self.turn.succeeded(now);
            if before.is_some() {
                complain(&format!("source {name}: delivers again"));
            }
            return;
        }
        let health = if row.outcome == SyncOutcome::Held { Health::Held } else { Health::Failing };
        let problem = row.problem.as_ref().map_or(String::new(), |(_, text)| text.clone());
        self.errors += 1;
        self.turn.failed(now);
        let after = Some((health, problem));
        // The same thing is said once; then metrics, `weir intel sources` and the notice of a stale source tell it.
        if before != after && row.outcome == SyncOutcome::Failed {
            complain(&format!("source {name}: {}", after.as_ref().map_or("", |(_, problem)| problem)));
        }
        self.problem = after;
    }

    fn is_meant_by(&self, sources: &[String]) -> bool {
        if sources.is_empty() { self.settings.is_enabled } else { sources.contains(&self.settings.name) }
    }

    fn stale(
        &self,
        states: &BTreeMap<String, SourceState>,
        now: Timestamp,
        begun: Timestamp,
    ) -> Option<(String, Matter)> {
        let (Health::Failing, error) = self.problem.as_ref()? else { return None };
        let last_success = states.get(&self.settings.name).and_then(|state| state.succeeded);
        let patience = self.settings.interval.saturating_mul(STALE_AFTER_INTERVALS).max(STALE_AFTER);
        let is_stale = now.since(last_success.unwrap_or(begun)) >= patience;
        let matter = Matter::Stale { last_success, error: Some(error.as_str().into()) };
        is_stale.then(|| (self.settings.name.clone(), matter))
    }

    /// `begun` is when the program started, from which `due` counts.
    fn status(&self, state: Option<&SourceState>, begun: Timestamp) -> SourceStatus {
        let known = status(&self.settings, state);
        let (health, problem) = match &self.problem {
            Some((health, problem)) => (*health, Some(problem.clone())),
            None => (known.health, known.problem.clone()),
        };
        let next = self.settings.is_enabled.then(|| seconds(begun + self.turn.due()));
        let took_ms = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX);
        SourceStatus { health, problem, next, errors: self.errors, took_ms, ..known }
    }
}

/// Kinds without any are told as well: so it is seen that there is nothing.
fn of_kind((name, count): (&str, u64)) -> Count {
    Count { name: name.to_owned(), count }
}

fn counts<N: Into<String>>(counted: impl IntoIterator<Item = (N, u64)>) -> Vec<Count> {
    let counts = counted.into_iter().filter(|(_, count)| *count > 0);
    counts.map(|(name, count)| Count { name: name.into(), count }).collect()
}
