//! Signs of life of threads.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The threads that are waited for.
#[derive(Debug)]
pub(super) struct Pulses(Mutex<Vec<Watched>>);

/// A thread's own end of it.
#[derive(Debug)]
pub(crate) struct Pulse(Arc<Beat>);

#[derive(Debug)]
struct Beat {
    name: String,
    /// Turns that the thread has made.
    turns: AtomicU64,
    /// It ended in order, and nobody waits for it any more.
    is_over: AtomicBool,
}

/// A thread as the watchdog sees it.
#[derive(Debug)]
struct Watched {
    beat: Arc<Beat>,
    /// When it was seen last that it had gone on, and its turns then.
    went_on: Instant,
    seen: u64,
    /// Its turns when the service manager was last told that all is well.
    told: u64,
}

impl Pulse {
    /// A turn is done, also one in which nothing was to do. Costs one store, and no other thread's cache.
    pub(crate) fn beat(&self) {
        // Only this thread writes.
        self.0.turns.store(self.0.turns.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        // A thread that broke down stays in the list: it makes no progress, and never will.
        self.0.is_over.store(!std::thread::panicking(), Ordering::Relaxed);
    }
}

impl Pulses {
    /// No threads.
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// One more thread; what is returned is its own.
    #[expect(clippy::disallowed_methods, reason = "whether a thread goes on is told by the clock")]
    pub(super) fn begin(&self, name: String) -> Pulse {
        let beat = Arc::new(Beat { name, turns: AtomicU64::new(1), is_over: AtomicBool::new(false) });
        self.lock().push(Watched { beat: Arc::clone(&beat), went_on: Instant::now(), seen: 0, told: 0 });
        Pulse(beat)
    }

    /// Whether every thread has gone on since this last said so.
    pub(super) fn have_all_gone_on(&self, now: Instant) -> bool {
        let mut threads = self.lock();
        threads.retain(|thread| !thread.beat.is_over.load(Ordering::Relaxed));
        threads.iter_mut().for_each(|thread| thread.look(now));
        let have_all = threads.iter().all(|thread| thread.seen != thread.told);
        if have_all {
            threads.iter_mut().for_each(|thread| thread.told = thread.seen);
        }
        have_all
    }

    /// Those that had not gone on for so long when they were last looked at.
    #[expect(clippy::disallowed_methods, reason = "whether a thread goes on is told by the clock")]
    pub(super) fn stalled(&self, patience: Duration) -> Vec<(String, Duration)> {
        let (mut threads, now) = (self.lock(), Instant::now());
        threads.iter_mut().for_each(|thread| thread.look(now));
        let is_over = |thread: &&Watched| thread.beat.is_over.load(Ordering::Relaxed);
        let stalled = threads.iter().filter(|thread| !is_over(thread)).filter_map(|thread| {
            let time = now.saturating_duration_since(thread.went_on);
            (time >= patience).then(|| (thread.beat.name.clone(), time))
        });
        stalled.collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Watched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn look(&mut self, now: Instant) {
        let turns = self.beat.turns.load(Ordering::Relaxed);
        if turns != self.seen {
            (self.seen, self.went_on) = (turns, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a moment to begin with")]
    fn every_thread_must_go_on_between_two_times() {
        let (pulses, now) = (Pulses::new(), Instant::now());
        let (one, other) = (pulses.begin("one".into()), pulses.begin("other".into()));
        assert!(pulses.have_all_gone_on(now), "both have begun");
        one.beat();
        assert!(!pulses.have_all_gone_on(now), "the other has not gone on");
        assert!(pulses.stalled(Duration::from_hours(1)).is_empty());
        other.beat();
        assert!(pulses.have_all_gone_on(now) && !pulses.have_all_gone_on(now));
        drop(other);
        one.beat();
        assert!(pulses.have_all_gone_on(now), "nobody waits for who ended in order");
        let stalled = pulses.stalled(Duration::ZERO);
        assert_eq!(stalled.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["one"]);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a moment to begin with")]
    fn a_thread_that_broke_down_is_waited_for_in_vain() {
        let pulses = Pulses::new();
        let pulse = pulses.begin("one".into());
        assert!(pulses.have_all_gone_on(Instant::now()));
        let thread = std::thread::spawn(move || {
            let _pulse = pulse;
            panic!("as a test");
        });
        assert!(thread.join().is_err());
        assert!(!pulses.have_all_gone_on(Instant::now()));
    }
}
