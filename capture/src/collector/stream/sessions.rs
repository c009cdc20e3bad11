//! The sessions of one worker.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Streams;
use super::counts::Ending;
use super::session::{Scratch, Session};
use crate::collector::batch::DatagramBatch;
use crate::collector::waiting::{Ready, Waiter};
use crate::collector::{Collector, Heard, clock, locked};

/// Sessions are known to the waiter by their place and this.
const SESSION: u64 = 1 << 32;

/// Time between two looks at whose time is over.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long sessions are still read when the collector is stopped, while there is something to read.
const READ_AFTER_STOP: Duration = Duration::from_secs(2);

/// What a worker reads.
#[derive(Debug)]
pub(in crate::collector) struct Sessions {
    /// Which worker.
    index: usize,
    slots: Vec<Option<Session>>,
    /// Those that may have more than was read, whatever the waiter says; each is in it at most once.
    unfinished: Vec<u64>,
    scratch: Scratch,
    next_look: Instant,
    stopping_since: Option<Instant>,
}

impl Sessions {
    pub(in crate::collector) fn new(index: usize) -> Self {
        Self {
            index,
            slots: Vec::new(),
            unfinished: Vec::new(),
            scratch: Session::scratch(),
            next_look: clock(),
            stopping_since: None,
        }
    }

    /// Whether `number` is a session's.
    pub(in crate::collector) const fn knows(number: u64) -> bool {
        number & SESSION != 0 && number != u64::MAX
    }

    /// Whether there is none.
    pub(in crate::collector) fn is_empty(&self) -> bool {
        self.slots.iter().all(Option::is_none)
    }

    /// How long may be waited although `wait` was asked for: not where something is left to read, nor beyond the next look.
    pub(in crate::collector) fn wait(&self, wait: Duration) -> Duration {
        match (self.unfinished.is_empty(), self.is_empty()) {
            (false, _) => Duration::ZERO,
            (true, true) => wait,
            (true, false) => wait.min(LOOK_EVERY),
        }
    }

    /// Takes up what the gate put into the inbox.
    pub(in crate::collector) fn take_up(&mut self, streams: &Streams, waiter: &Waiter) {
        let arriving = streams.inboxes.get(self.index).map(|inbox| std::mem::take(&mut *locked(inbox)));
        for arriving in arriving.into_iter().flatten() {
            let mut session = Session::new(arriving);
            let free = self.slots.iter().position(Option::is_none).unwrap_or_else(|| {
                self.slots.push(None);
                self.slots.len() - 1
            });
            let number = SESSION | free as u64;
            if let Err(error) = waiter.add(&session.channel, number) {
                session.over = Some(Ending::Broken);
                session.detail = Some(error.to_string());
            }
            // TLS may have decrypted something already, of which no waiter knows.
            self.unfinished.push(number);
            if let Some(slot) = self.slots.get_mut(free) {
                *slot = Some(session);
            }
        }
    }

    /// Adds the unfinished to what is ready, as far as there is room, and those whose time is over.
    pub(in crate::collector) fn add_to(&mut self, ready: &mut Ready, streams: &Streams) {
        if self.is_empty() {
            return;
        }
        let now = clock();
        if now >= self.next_look {
            self.next_look = now + LOOK_EVERY.min(streams.options.message_time / 4);
            self.cut_off(now, ready);
        }
        self.unfinished.retain(|number| !ready.contains(number) && ready.try_push(*number).is_err());
    }

    /// Who has something to read, or has not been read to the end, waits for us; not we for him.
    fn cut_off(&mut self, now: Instant, ready: &Ready) {
        for (place, session) in self.slots.iter_mut().enumerate() {
            let number = SESSION | place as u64;
            let Some(session) = session else { continue };
            let waits = ready.contains(&number) || self.unfinished.contains(&number);
            if session.over.is_none() && !waits {
                session.over = session.overdue(now);
                if session.over.is_some() {
                    self.unfinished.push(number);
                }
            }
        }
    }

    /// The collector was stopped: what is there is read, and then each session ends.
    pub(in crate::collector) fn stop(&mut self, streams: &Streams, waiter: &Waiter) {
        self.take_up(streams, waiter);
        self.stopping_since.get_or_insert_with(clock);
        self.unfinished = self.numbers().collect();
    }

    fn numbers(&self) -> impl Iterator<Item = u64> {
        let taken = self.slots.iter().enumerate().filter(|(_, slot)| slot.is_some());
        taken.map(|(place, _)| SESSION | place as u64)
    }

    /// Reads a session into the batch.
    pub(in crate::collector) fn read(
        &mut self,
        number: u64,
        collector: &Collector,
        batch: &mut DatagramBatch,
    ) {
        let place = (number & !SESSION) as usize;
        let Some(Some(session)) = self.slots.get_mut(place) else { return };
        let streams = &collector.streams;
        let Some(listener) = streams.listeners.get(session.listener) else { return };
        let now = clock();
        let mut unfinished = false;
        if session.over.is_none() {
            let turn = session.turn(listener.listen, &mut self.scratch, batch, now, &streams.options);
            listener.counts.messages.fetch_add(turn.messages, Ordering::Relaxed);
            listener.counts.bytes.fetch_add(turn.bytes, Ordering::Relaxed);
            unfinished = turn.unfinished;
            if session.over.is_none() && !unfinished {
                session.over = session.overdue(now);
            }
        }
        if let Some(since) = self.stopping_since
            && session.over.is_none()
            && (!unfinished || now >= since + READ_AFTER_STOP)
        {
            session.over = Some(Ending::Stopped);
        }
        if session.over.is_some() {
            unfinished = !self.end(place, collector, batch);
        }
        if unfinished && !self.unfinished.contains(&number) {
            self.unfinished.push(number);
        }
    }

    /// Nobody reads any more.
    pub(in crate::collector) fn abandon(&mut self, collector: &Collector) {
        for session in self.slots.drain(..).flatten() {
            collector.session_ended(session.listener, session.from, Ending::Stopped, None);
        }
    }

    /// Tells of the end of a session, if there is room for that.
    fn end(&mut self, place: usize, collector: &Collector, batch: &mut DatagramBatch) -> bool {
        if batch.room() == 0 {
            return false;
        }
        let Some(mut session) = self.slots.get_mut(place).and_then(Option::take) else { return true };
        let why = session.over.unwrap_or(Ending::Closed);
        let exporter = session.from.ip();
        batch.session_ended(exporter, session.id);
        session.channel.close();
        collector.session_ended(session.listener, session.from, why, session.detail.take());
        true
    }
}

impl Collector {
    /// Counts and tells of the end of a session, or of a handshake that did not lead to one.
    pub(super) fn session_ended(
        &self,
        listener: usize,
        from: std::net::SocketAddr,
        why: Ending,
        detail: Option<String>,
    ) {
        let Some(listener) = self.streams.listeners.get(listener) else { return };
        listener.counts.ended(why);
        if why.is_wrong() && self.cut_off.meet((from.ip(), why)) {
            self.tell(Heard::CutOff { exporter: from.ip(), listen: listener.listen, why, detail });
        }
    }
}
