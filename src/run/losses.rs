//! When something was last lost.

use crate::status::{Loss, Status};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often it is looked, also when nobody asks.
const EVERY: Duration = Duration::from_secs(10);

/// What was lost, as it was seen last. There is an entry for each interface, socket, queue and sink that ever lost something.
#[derive(Default)]
pub(super) struct Losses {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// How much, and when it was seen to grow.
    lost: BTreeMap<String, (u64, Instant)>,
    looked: Option<Instant>,
}

impl Losses {
    /// Whether it is time to look.
    pub(super) fn are_due(&self, now: Instant) -> bool {
        self.lock().looked.is_none_or(|looked| now.saturating_duration_since(looked) >= EVERY)
    }

    /// Takes in what was lost until now, and gives all of it.
    pub(super) fn look(&self, status: &Status, now: Instant) -> Vec<Loss> {
        let mut known = self.lock();
        known.looked = Some(now);
        for (what, count) in status.lost_so_far() {
            let before = known.lost.get(&what).map_or(0, |(count, _)| *count);
            if count > before {
                known.lost.insert(what, (count, now));
            }
        }
        let loss = |(what, (count, grew)): (&String, &(u64, Instant))| Loss {
            what: what.clone(),
            count: *count,
            seconds_ago: now.saturating_duration_since(*grew).as_secs(),
        };
        known.lost.iter().map(loss).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Count;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a moment to begin with")]
    fn it_is_known_when_something_was_last_lost() {
        let (losses, start) = (Losses::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        let with = |count| Status { lost: vec![Count { name: "hits".into(), count }], ..Status::default() };
        assert!(losses.are_due(start));
        assert!(losses.look(&with(0), start).is_empty());
        assert!(!losses.are_due(after(9)) && losses.are_due(after(10)));
        let of = |count, seconds_ago| vec![Loss { what: "queue of hits".into(), count, seconds_ago }];
        assert_eq!(losses.look(&with(5), after(20)), of(5, 0));
        assert_eq!(losses.look(&with(5), after(80)), of(5, 60));
        assert_eq!(losses.look(&with(6), after(90)), of(6, 0));
    }
}
