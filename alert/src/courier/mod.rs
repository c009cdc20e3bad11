//! From the spool to a sink: a courier, which is a thread, for each way out.
//!
//! ```text
//!   spool --cursor--> wanted? (Terms, Outlet::takes) --> what may leave (marking) --> format --> Sink::deliver --> settle
//!   clerk --bounded queue, or depot on the disk (Hatch)--> flows, names, ledger -----------------^
//! ```
//!
//! A message is settled when the sink has taken or refused it, or when it is not wanted or must not leave; until then it waits in the
//! spool. What fails is tried again, with pauses that double from a second to a minute. Behind a message that failed, none with its key counts
//! as delivered. What a sink missed comes at a bounded rate ([`Terms::rate`]); what is told while it keeps up comes at once.
//!
//! A sink that panics is opened anew after such a pause; nothing that it was given counts as delivered.

mod freight;
mod pace;
mod parcels;
mod round;
mod terms;
#[cfg(test)]
mod tests;
mod watch;

pub use freight::{Bundle, Freight, FreightCounts, Hatch, Spooling, hatch};
pub use terms::Terms;
pub use watch::{Watch, Watched};

use crate::marking::StripKey;
use crate::sinks::{Outcome, Outlet, Parcel, Sink};
use crate::spool::{Cursor, Settled, Spool, SpoolError, Spooled};
use pace::{Pace, Pauses};
use round::Round;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use weir_model::Timestamp;
use weir_net::NetError;

/// Messages that are handed over at once while a sink keeps up.
const MOST_AT_ONCE: usize = 512;
/// Their bytes as they are stored; one message may have more.
const MOST_BYTES_AT_ONCE: usize = 8 << 20;
/// How long a sink may take for them. What is not acknowledged by then comes again.
const PATIENCE: Duration = Duration::from_secs(30);
/// With nothing to do, a courier looks up so often.
const REST: Duration = Duration::from_millis(100);
/// A sink with nothing to do is asked so often whether anything is due.
const IDLE_EVERY: Duration = Duration::from_secs(1);

/// Opens a way out again after its sink broke down.
pub type Reopen = Box<dyn FnMut() -> Result<Outlet, NetError> + Send>;

/// All that a courier needs.
pub struct Post {
    /// What the sink wants, and how.
    pub terms: Terms,
    /// Makes identifiers of what is stripped.
    pub key: StripKey,
    /// Where messages wait.
    pub spool: Spool,
    /// The sink's place in it.
    pub cursor: Cursor,
    /// Whether messages that wait are still there after the program ends.
    pub is_kept: bool,
    /// The way out.
    pub outlet: Outlet,
    /// How it is opened again.
    pub reopen: Reopen,
    /// Flows, names and the ledger, if the sink gets any.
    pub freight: Option<Freight>,
    /// Where the courier says how it goes.
    pub watch: Arc<Watch>,
    /// Who looks on.
    pub onlooker: Box<dyn Onlooker>,
    /// The time of day.
    pub clock: fn() -> Timestamp,
}

/// Looks on while a courier works, on its thread.
pub trait Onlooker: Send {
    /// The courier goes on; said at least each half minute, also when there is nothing to do.
    fn turns(&mut self) {}

    /// A message was delivered that had waited so long in the spool.
    fn delivered(&mut self, waited: Duration);

    /// The sink has something to say that is no outcome, for people.
    fn remarked(&mut self, remark: &str);
}

/// When couriers are to end; the same for all of them. It is said when nothing is appended any more.
#[derive(Clone, Debug, Default)]
pub struct Ending(Arc<Mutex<Option<Instant>>>);

impl Ending {
    /// What waits may be delivered until then.
    pub fn end_by(&self, deadline: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(deadline);
    }

    /// Whether it was said.
    pub fn is_requested(&self) -> bool {
        self.deadline().is_some()
    }

    fn deadline(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes messages from the spool to a sink.
pub struct Courier {
    terms: Terms,
    key: StripKey,
    spool: Spool,
    cursor: Cursor,
    is_kept: bool,
    part: &'static str,
    takes: fn(&crate::Message) -> bool,
    gathers: Option<Duration>,
    /// None after it broke down.
    sink: Option<Box<dyn Sink>>,
    reopen: Reopen,
    freight: Option<Freight>,
    watch: Arc<Watch>,
    onlooker: Box<dyn Onlooker>,
    clock: fn() -> Timestamp,
    pauses: Pauses,
    patience: Duration,
    pace: Pace,
    idled: Instant,
    /// Nothing is tried before.
    rests_until: Option<Instant>,
    /// The last message in the spool when nothing waited: without a later one there is nothing to look for.
    emptied_at: Option<u64>,
}

/// What came of a look at the spool and the freight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looked {
    /// There was something to do.
    Worked,
    /// There was nothing.
    Idle,
    /// There is something, but not before this.
    Later(Instant),
}

impl Courier {
    /// Has done nothing.
    pub fn new(post: Post) -> Self {
        let Post { terms, key, spool, cursor, is_kept, outlet, reopen, freight, watch, onlooker, clock } =
            post;
        let Outlet { part, takes, gathers, sink } = outlet;
        let pace = Pace::new(terms.rate);
        Self {
            terms,
            key,
            spool,
            cursor,
            is_kept,
            part,
            takes,
            gathers,
            sink: Some(sink),
            reopen,
            freight,
            watch,
            onlooker,
            clock,
            pauses: Pauses::default(),
            patience: PATIENCE,
            pace,
            idled: instant(),
            rests_until: None,
            emptied_at: None,
        }
    }

    /// Works until it is told to end and has delivered all, or may not any more.
    pub fn run(mut self, ending: &Ending) {
        let mut is_ending = false;
        loop {
            self.onlooker.turns();
            let deadline = ending.deadline();
            if deadline.is_some() && !std::mem::replace(&mut is_ending, true) {
                // Whatever was being waited for: there is no later.
                self.rests_until = None;
                self.pauses.reset();
            }
            let now = instant();
            if deadline.is_some_and(|deadline| now >= deadline) {
                return;
            }
            if let Some(until) = self.rests_until.filter(|until| now < *until) {
                self.rest(until);
                continue;
            }
            let appended = self.spool.last_sequence();
            match self.look(now, deadline, appended) {
                Looked::Worked => self.rests_until = None,
                Looked::Later(until) => self.rests_until = Some(until),
                Looked::Idle if is_ending => return,
                Looked::Idle => {
                    self.spool.wait(appended, now + REST);
                    self.idle();
                }
            }
        }
    }

    /// One batch of messages, and one of freight.
    fn look(&mut self, now: Instant, deadline: Option<Instant>, appended: u64) -> Looked {
        if self.sink.is_none() && !self.reopened() {
            return Looked::Later(now + self.pauses.after_failure());
        }
        let until = deadline.map_or(now + self.patience, |deadline| deadline.min(now + self.patience));
        let messages = match self.messages(until, deadline.is_some(), appended) {
            Ok(looked) => looked,
            Err(error) => {
                self.watch.failed((self.clock)(), &error.to_string());
                return Looked::Later(instant() + self.pauses.after_failure());
            }
        };
        match (messages, self.freight(until)) {
            (Looked::Later(at), Looked::Later(other)) => Looked::Later(at.min(other)),
            (Looked::Later(at), _) | (_, Looked::Later(at)) => Looked::Later(at),
            (Looked::Idle, Looked::Idle) => Looked::Idle,
            _ => Looked::Worked,
        }
    }

    fn messages(&mut self, until: Instant, is_ending: bool, appended: u64) -> Result<Looked, SpoolError> {
        if self.emptied_at == Some(appended) {
            return Ok(Looked::Idle);
        }
        let most = if self.gathers.is_some() { MOST_AT_ONCE } else { self.pace.most(MOST_AT_ONCE) };
        let spooled = self.cursor.next(most, MOST_BYTES_AT_ONCE)?;
        if spooled.is_empty() {
            self.emptied_at = Some(appended);
            self.pace.keeps_up();
            self.watch.waits_since(None);
            return Ok(Looked::Idle);
        }
        let (wanted, filtered): (Vec<_>, Vec<_>) =
            spooled.into_iter().partition(|spooled| self.is_wanted(&spooled.message));
        let filtered: Vec<_> = filtered.iter().map(|spooled| (spooled.sequence, Settled::Filtered)).collect();
        self.cursor.settle(&filtered)?;
        let Some(oldest) = wanted.iter().map(|spooled| spooled.time).min() else {
            return Ok(Looked::Worked);
        };
        self.watch.waits_since(Some(oldest));
        match self.gathering(oldest, is_ending) {
            Some(_) if is_ending => Ok(Looked::Idle),
            Some(until) => Ok(Looked::Later(until)),
            None => self.hand_over(&wanted, until),
        }
    }

    fn is_wanted(&self, message: &crate::Message) -> bool {
        (self.takes)(message) && self.terms.wants(message)
    }

    /// Until when messages are gathered, of which the oldest is this old. At the end, what would be lost otherwise is not gathered longer.
    fn gathering(&self, oldest: Timestamp, is_ending: bool) -> Option<Instant> {
        let gathers = self.gathers.filter(|_| !is_ending || self.is_kept)?;
        let left = gathers.checked_sub((self.clock)().since(oldest)).filter(|left| !left.is_zero())?;
        Some(instant() + left)
    }

    /// Writes messages and hands them over.
    fn hand_over(&mut self, wanted: &[Spooled], until: Instant) -> Result<Looked, SpoolError> {
        let round = Round::prepare(wanted, &self.terms, &self.key);
        let outcomes = self.deliver(round.parcels(), until);
        let verdict = round.judge(&outcomes);
        let settled = self.cursor.settle(&verdict.settled);
        let (now, time) = (instant(), (self.clock)());
        for spooled in wanted.iter().filter(|spooled| verdict.delivered.contains(&spooled.sequence)) {
            self.onlooker.delivered(time.since(spooled.time));
        }
        let looked = self.note(&verdict.outcome, now, time);
        if self.gathers.is_none() {
            self.pace.handed(wanted.iter().map(|spooled| time.since(spooled.time)), now);
        }
        settled?;
        Ok(match (looked, self.pace.rests(now)) {
            (Looked::Worked, Some(until)) => Looked::Later(until),
            (looked, _) => looked,
        })
    }

    /// One bundle of flows, names or ledger. What failed is kept, and those behind it wait in the queue until that is full.
    fn freight(&mut self, until: Instant) -> Looked {
        let Some(mut freight) = self.freight.take() else { return Looked::Idle };
        let looked = match freight.bundle() {
            Ok(None) => Ok(Looked::Idle),
            Ok(Some(parcels)) => {
                let outcomes = self.deliver(&parcels, until);
                let settled = freight.settle(&parcels, &outcomes);
                settled.map(|went| self.note(&went, instant(), (self.clock)()))
            }
            Err(error) => Err(error),
        };
        self.freight = Some(freight);
        looked.unwrap_or_else(|error| {
            self.watch.failed((self.clock)(), &error.to_string());
            Looked::Later(instant() + self.pauses.after_failure())
        })
    }

    /// How it went, to those who look on; and when to go on.
    fn note(&mut self, outcome: &round::Went, now: Instant, time: Timestamp) -> Looked {
        if let Some(why) = &outcome.refused {
            self.watch.refused(time, why);
        }
        if outcome.worked {
            self.pauses.reset();
            if outcome.failed.is_none() {
                self.watch.worked();
            }
        }
        let Some(why) = &outcome.failed else { return Looked::Worked };
        self.watch.failed(time, why);
        self.pace.falls_behind();
        Looked::Later(now + self.pauses.after_failure())
    }

    /// What became of parcels; after a panic all have failed, and the sink is gone.
    fn deliver(&mut self, parcels: &[Parcel], until: Instant) -> Vec<Outcome> {
        if parcels.is_empty() {
            return Vec::new();
        }
        let Some(sink) = &mut self.sink else { return Vec::new() };
        let outcomes = catch_unwind(AssertUnwindSafe(|| sink.deliver(parcels, until)));
        let said = catch_unwind(AssertUnwindSafe(|| (sink.is_over(), sink.remarks())));
        let (is_over, remarks) = said.unwrap_or_default();
        self.remarked(&remarks);
        self.watch.over(is_over);
        self.idled = instant();
        outcomes.unwrap_or_else(|_| {
            self.broke_down();
            vec![Outcome::Failed("the sink broke down".to_owned()); parcels.len()]
        })
    }

    fn idle(&mut self) {
        if self.idled.elapsed() < IDLE_EVERY {
            return;
        }
        self.idled = instant();
        let Some(sink) = &mut self.sink else { return };
        let idled = catch_unwind(AssertUnwindSafe(|| {
            sink.idle();
            sink.remarks()
        }));
        match idled {
            Ok(remarks) => self.remarked(&remarks),
            Err(_) => self.broke_down(),
        }
    }

    fn remarked(&mut self, remarks: &[String]) {
        for remark in remarks {
            self.onlooker.remarked(remark);
        }
    }

    /// Lets go of a sink that panicked; it is not to be trusted, even with its own end.
    fn broke_down(&mut self) {
        let sink = self.sink.take();
        drop(catch_unwind(AssertUnwindSafe(|| drop(sink))));
        self.watch.broke_down();
    }

    fn reopened(&mut self) -> bool {
        let opened = catch_unwind(AssertUnwindSafe(|| (self.reopen)()));
        match opened {
            Ok(Ok(outlet)) => self.sink = Some(outlet.sink),
            Ok(Err(error)) => self.watch.failed((self.clock)(), &error.text),
            Err(_) => self.watch.broke_down(),
        }
        self.sink.is_some()
    }

    /// Sleeps until then, but not so long that the end or what a sink has to do by time would be missed.
    fn rest(&mut self, until: Instant) {
        std::thread::sleep(until.saturating_duration_since(instant()).min(REST));
        self.idle();
    }

    /// Which of the sink's ways out it serves.
    pub const fn part(&self) -> &'static str {
        self.part
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "couriers wait by the clock, and decide nothing of messages by it"
)]
fn instant() -> Instant {
    Instant::now()
}
