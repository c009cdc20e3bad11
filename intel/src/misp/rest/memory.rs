//! What is remembered of an instance from one delivery to the next.

use super::row::Standing;
use crate::{Delivery, SyncError};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use uuid::Uuid;

/// Most events that are being edited at once. Adversary: an instance with ever new events; a busy one has some hundred. One that is
/// beyond it has no grace: it is withdrawn as soon as it is seen to be unpublished.
pub(super) const MAX_EDITED_EVENTS: usize = 100_000;

const INSTANCE: &str = "instance";
const CURSOR: &str = "cursor";
const RECONCILED: &str = "reconciled";
const EDITED: &str = "edited/";

/// All times are seconds since 1970.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The newest change at the server that is known; absent before the first delivery.
    pub(super) cursor: Option<u64>,
    /// When all UUIDs were compared last.
    pub(super) reconciled: u64,
    /// Events that were published once and are not: since when.
    edited: BTreeMap<Uuid, u64>,
    /// Those for which there is no room.
    without_grace: BTreeSet<Uuid>,
    /// What was remembered of them before.
    known: BTreeMap<Uuid, u64>,
}

/// What follows from how an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventState {
    Published,
    /// It was published, and is being edited: what was published last counts.
    Edited,
    /// It was published, too long ago for the grace.
    Withdrawn,
    /// It never was.
    Draft,
}

impl Memory {
    /// Nothing, if it is of another instance.
    pub(super) fn recall(delivery: &mut dyn Delivery, instance: &str) -> Result<Self, SyncError> {
        let mut memory = Self::default();
        for (key, value) in delivery.recall_all(EDITED)? {
            let event = key.strip_prefix(EDITED).and_then(|event| Uuid::parse_str(event).ok());
            if let (Some(event), Ok(since)) = (event, value.parse()) {
                memory.known.insert(event, since);
            }
        }
        if delivery.recall(INSTANCE)?.as_deref() != Some(instance) {
            return Ok(memory);
        }
        let mut number = |key| Ok::<_, SyncError>(delivery.recall(key)?.and_then(|value| value.parse().ok()));
        memory.cursor = number(CURSOR)?;
        memory.reconciled = number(RECONCILED)?.unwrap_or(0);
        memory.edited = memory.known.clone();
        Ok(memory)
    }

    pub(super) fn remember(&self, delivery: &mut dyn Delivery, instance: &str) -> Result<(), SyncError> {
        delivery.remember(INSTANCE, Some(instance))?;
        delivery.remember(CURSOR, self.cursor.map(|cursor| cursor.to_string()).as_deref())?;
        delivery.remember(RECONCILED, Some(&self.reconciled.to_string()))?;
        for event in self.known.keys().filter(|event| !self.edited.contains_key(*event)) {
            delivery.remember(&format!("{EDITED}{event}"), None)?;
        }
        for (event, since) in &self.edited {
            if self.known.get(event) != Some(since) {
                delivery.remember(&format!("{EDITED}{event}"), Some(&since.to_string()))?;
            }
        }
        Ok(())
    }

    /// Takes note of how an event stands at `now`.
    pub(super) fn note(&mut self, event: Uuid, standing: Standing, now: u64, grace: Duration) -> EventState {
        if standing.is_published {
            self.edited.remove(&event);
            self.without_grace.remove(&event);
            return EventState::Published;
        }
        if standing.published_at == 0 {
            return EventState::Draft;
        }
        let has_room = self.edited.len() < MAX_EDITED_EVENTS;
        let since = match self.edited.entry(event) {
            Entry::Occupied(known) => *known.get(),
            // It was taken out of publication when it was changed last, or before.
            Entry::Vacant(place) if has_room => {
                *place.insert(standing.event_changed.max(standing.published_at).min(now))
            }
            Entry::Vacant(_) => {
                self.without_grace.insert(event);
                return EventState::Withdrawn;
            }
        };
        if is_over(since, now, grace) { EventState::Withdrawn } else { EventState::Edited }
    }

    /// The events whose grace is over, which are then forgotten.
    pub(super) fn take_withdrawn(&mut self, now: u64, grace: Duration) -> BTreeSet<Uuid> {
        let mut withdrawn = std::mem::take(&mut self.without_grace);
        withdrawn.extend(
            self.edited.extract_if(.., |_, since| is_over(*since, now, grace)).map(|(event, _)| event),
        );
        withdrawn
    }
}

fn is_over(since: u64, now: u64, grace: Duration) -> bool {
    since.saturating_add(grace.as_secs()) <= now
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An instance with ever new events fills no memory: those beyond have no grace.
    #[test]
    fn the_number_of_edited_events_is_bounded() {
        let standing = Standing { changed: 5, event_changed: 5, published_at: 1, is_published: false };
        let grace = Duration::from_secs(10);
        let mut memory = Memory::default();
        let mut note = |event: usize| memory.note(Uuid::from_u128(event as u128), standing, 8, grace);
        assert!((0..MAX_EDITED_EVENTS).all(|event| note(event) == EventState::Edited));
        assert_eq!(note(MAX_EDITED_EVENTS), EventState::Withdrawn);
        assert_eq!(memory.take_withdrawn(8, grace).len(), 1);
        assert_eq!(memory.take_withdrawn(15, grace).len(), MAX_EDITED_EVENTS);
    }
}
