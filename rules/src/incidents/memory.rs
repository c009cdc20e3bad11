//! Incidents told of, remembered so that the next one with the same key is linked to the one before, and so that one that was
//! open when Weir ended goes on.

use super::live::Told;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::time::Duration;
use uuid::Uuid;
use weir_model::Timestamp;

/// Incidents remembered, the last one of each key: about 150 bytes each, with a long URL two kilobytes. Beyond it the next
/// one comes without link. The adversary spoofs packets of ever new listed addresses.
pub const MAX_TOLD: usize = 1 << 18;

/// How long after its last packet an incident is remembered, by packet time.
const REMEMBERED: Duration = Duration::from_hours(31 * 24);

/// What is remembered of an incident that was told of: what [`super::Incidents`] gives and takes to be kept between runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// What makes two incidents follow each other, as text: `host 10.1.2.3 domain evil.example`. It is part of identifiers, so
    /// its form never changes.
    pub key: String,
    /// First hit.
    pub opened: Timestamp,
    /// Last packet.
    pub last: Timestamp,
    /// The incident.
    pub incident: Uuid,
    /// The incident before it.
    pub previous: Option<Uuid>,
    /// It is not over, and these notices of it were given.
    pub told: Option<Told>,
}

impl Remembered {
    /// Its identifier, where it is the predecessor of one that opened then.
    fn as_previous(&self, opened: Timestamp) -> Option<Uuid> {
        (self.opened < opened && self.is_remembered(opened)).then_some(self.incident)
    }

    /// Of two states of the same incident the later one is greater; one that opened later is greater than both.
    fn how_far(&self) -> (Timestamp, bool, u32, u32) {
        let told = self.told.map(|told| (told.notices, told.unsent));
        let (notices, unsent) = told.unwrap_or_default();
        (self.opened, told.is_none(), notices, unsent)
    }

    fn is_remembered(&self, now: Timestamp) -> bool {
        now.since(self.last) < REMEMBERED
    }
}

/// The last incident of each key that was told of.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    told: HashMap<String, Remembered, RandomState>,
}

impl Memory {
    /// Remembers an incident that is over, if it is the latest of its key, and says which one came before. What was told of
    /// already, as when a capture is read twice, has the predecessor that it had then.
    pub(super) fn tell(&mut self, mut told: Remembered) -> Option<Uuid> {
        let Some(known) = self.told.get_mut(&told.key) else {
            let previous = told.previous;
            self.remember(told);
            return previous;
        };
        if known.incident == told.incident {
            known.last = known.last.max(told.last);
            known.told = told.told;
            return known.previous;
        }
        // What is remembered from far ahead had a wrong clock, or the input is old: it must not stand in the way for ever.
        let is_far_ahead = known.opened.since(told.last) >= REMEMBERED;
        if known.opened < told.opened || is_far_ahead {
            told.previous = known.as_previous(told.opened);
            *known = told;
            return known.previous;
        }
        None
    }

    /// The incident told of that came before one which opened then.
    pub(super) fn before(&self, key: &str, opened: Timestamp) -> Option<Uuid> {
        self.told.get(key).and_then(|known| known.as_previous(opened))
    }

    /// The incident that a meeting goes on with, which an earlier run told of and did not close.
    pub(super) fn resume(&self, key: &str, first: Timestamp, quiet: Duration) -> Option<&Remembered> {
        let is_near = |known: &&Remembered| known.told.is_some() && first.since(known.last) <= quiet;
        self.told.get(key).filter(is_near)
    }

    /// What is remembered of a key.
    pub(super) fn of(&self, key: &str) -> Option<&Remembered> {
        self.told.get(key)
    }

    /// Takes up what an earlier run remembered; of one key, what opened last, and of one incident, what says most of it.
    pub(super) fn remember(&mut self, told: Remembered) {
        let room = self.told.len() < MAX_TOLD;
        match self.told.get_mut(&told.key) {
            Some(known) if known.how_far() >= told.how_far() => {}
            Some(known) => *known = told,
            None if room => drop(self.told.insert(told.key.clone(), told)),
            None => {}
        }
    }

    /// Remembers an incident that is not over in place of what was remembered of its key.
    pub(super) fn replace(&mut self, open: Remembered) {
        if self.told.len() < MAX_TOLD || self.told.contains_key(&open.key) {
            self.told.insert(open.key.clone(), open);
        }
    }

    /// Forgets what has been over for long.
    pub(super) fn forget(&mut self, now: Timestamp) {
        self.told.retain(|_, told| told.is_remembered(now));
    }

    /// All, by key.
    pub(super) fn all(&self) -> Vec<Remembered> {
        let mut all: Vec<_> = self.told.values().cloned().collect();
        all.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(key: &str, second: u64) -> Remembered {
        let opened = Timestamp::new(second, 0);
        let incident = id(u128::from(second));
        Remembered { key: key.to_owned(), opened, last: opened, incident, previous: None, told: None }
    }

    fn id(second: u128) -> Uuid {
        Uuid::from_u128(second)
    }

    #[test]
    fn each_is_linked_to_the_one_before_and_never_to_itself_or_a_later_one() {
        let mut memory = Memory::default();
        assert_eq!(memory.tell(told("a", 100)), None);
        assert_eq!(memory.tell(told("b", 150)), None);
        assert_eq!(memory.tell(told("a", 200)), Some(id(100)));
        assert_eq!(memory.tell(told("a", 200)), Some(id(100)), "told again");
        assert_eq!(memory.tell(told("a", 50)), None, "was before what is remembered");
        let time = |second| Timestamp::new(second, 0);
        assert_eq!((memory.before("a", time(200)), memory.before("a", time(201))), (None, Some(id(200))));
        let keys: Vec<_> = memory.all().into_iter().map(|told| (told.key, told.incident)).collect();
        assert_eq!(keys, [("a".to_owned(), id(200)), ("b".to_owned(), id(150))]);
    }

    #[test]
    fn a_wrong_clock_does_not_stand_in_the_way() {
        let month = REMEMBERED.as_secs();
        let mut memory = Memory::default();
        memory.tell(told("a", 100 + month));
        assert_eq!(memory.tell(told("a", 101)), None);
        assert_eq!(memory.all()[0].opened, Timestamp::new(100 + month, 0), "not far ahead yet");
        assert_eq!(memory.tell(told("a", 100)), None);
        assert_eq!(memory.tell(told("a", 102)), Some(id(100)));
    }

    #[test]
    fn what_is_remembered_twice_is_the_later_one() {
        let mut memory = Memory::default();
        for second in [100, 300, 200] {
            memory.remember(told("a", second));
        }
        assert_eq!(memory.tell(told("a", 400)), Some(id(300)));
    }

    #[test]
    fn a_month_later_it_is_forgotten() {
        let mut memory = Memory::default();
        memory.tell(told("a", 100));
        let after = |duration| Timestamp::new(100, 0) + duration;
        let nearly = after(REMEMBERED.saturating_sub(Duration::from_secs(1)));
        assert_eq!(
            (memory.before("a", nearly), memory.before("a", after(REMEMBERED))),
            (Some(id(100)), None)
        );
        memory.forget(nearly);
        assert_eq!(memory.all().len(), 1);
        memory.forget(after(REMEMBERED));
        assert_eq!(memory.all().len(), 0);
    }
}
