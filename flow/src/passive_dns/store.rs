//! Dated answers, kept per key within a budget.

use super::ROUND_PACKETS;
use arrayvec::ArrayVec;
use dashmap::DashMap;
use foldhash::fast::RandomState;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use weir_model::flow::{FlowName, NameSource, PassiveName};
use weir_model::{Name, Timestamp};

/// Most different names per key that a packet is told from. An address of a content network has hundreds; the latest
/// explain a flow best.
pub(super) const MAX_NAMES_PER_KEY: usize = 8;

/// Most dated answers of one round held per key. Few keys get as many; the adversary repeats one. When it is reached, the
/// oldest of that round goes, counted: always the same, in whatever order the answers came.
pub(super) const MAX_ANSWERS_PER_ROUND: usize = 512;

/// Most dated answers held per key, settled or not: those of eight rounds, more than files are ever read ahead. On a tap, where
/// a worker may be late, the adversary repeats answers meanwhile. When it is reached, the oldest goes, counted.
pub(super) const MAX_ANSWERS_PER_KEY: usize = 8 * MAX_ANSWERS_PER_ROUND;

/// What an entry costs besides its names: key, queue and map overhead.
const ENTRY_OVERHEAD_BYTES: usize = 192;

/// Number of shards of each map; fixed, so that nothing depends on the machine.
const SHARDS: usize = 64;

/// Most entries that are looked at to find one to drop.
const MAX_SECOND_CHANCES: usize = 16;

/// As of what names are asked for.
pub(super) struct Asked {
    pub(super) time: Timestamp,
    pub(super) packet: u64,
    /// See [`super::PassiveDns::names_known_by`].
    pub(super) known_by: u64,
    pub(super) grace: Duration,
}

/// A name that an address had for some time.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) packet: u64,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) name: Name,
    pub(super) aliases: Vec<Name>,
}

impl Answer {
    const fn round(&self) -> u64 {
        self.packet.saturating_sub(1) / ROUND_PACKETS
    }

    fn cost(&self) -> u64 {
        let text: usize = self.aliases.iter().chain([&self.name]).map(|name| name.as_str().len() + 32).sum();
        (size_of::<Self>() + text) as u64
    }

    pub(super) fn named(self, address: IpAddr, source: NameSource) -> PassiveName {
        let name = FlowName { name: self.name, source, time: self.from, aliases: self.aliases };
        PassiveName { address, name }
    }
}

/// Dated answers per key, within a budget.
#[derive(Debug)]
pub(super) struct Store<K: Hash + Eq> {
    entries: DashMap<K, Entry, RandomState>,
    /// Keys in the order in which they were first learnt.
    order: Mutex<VecDeque<K>>,
    pub(super) bytes: AtomicU64,
    pub(super) learnt: AtomicU64,
    pub(super) evicted: AtomicU64,
    pub(super) settled: AtomicU64,
    pub(super) dropped: AtomicU64,
}

type Answers = SmallVec<[Answer; 1]>;

#[derive(Debug, Default)]
struct Entry {
    /// By packet, those of one packet by name.
    answers: Answers,
    /// Learnt again since it last was considered for dropping.
    renewed: bool,
}

impl Entry {
    fn cost(&self) -> u64 {
        self.answers.iter().map(Answer::cost).sum::<u64>() + ENTRY_OVERHEAD_BYTES as u64
    }
}

impl<K: Hash + Eq + Copy> Store<K> {
    pub(super) fn new() -> Self {
        Self {
            entries: DashMap::with_hasher_and_shard_amount(RandomState::default(), SHARDS),
            order: Mutex::default(),
            bytes: AtomicU64::new(0),
            learnt: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            settled: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    /// Keys held.
    pub(super) fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The answers held of each key, and what all of it costs.
    #[cfg(test)]
    pub(super) fn held(&self) -> (Vec<usize>, u64) {
        let answers = self.entries.iter().map(|entry| entry.answers.len()).collect();
        (answers, self.entries.iter().map(|entry| entry.cost()).sum())
    }

    pub(super) fn insert(&self, key: K, answer: Answer, (settled, max_bytes): (u64, usize)) {
        self.learnt.fetch_add(1, Ordering::Relaxed);
        let added = answer.cost();
        let (is_new, removed) = {
            let mut entry = self.entries.entry(key).or_default();
            let (is_new, round) = (entry.answers.is_empty(), answer.round());
            entry.insert(answer);
            entry.renewed = !is_new;
            (is_new, self.make_room(&mut entry.answers, round, settled))
        };
        self.bytes.fetch_add(added, Ordering::Relaxed);
        self.bytes.fetch_sub(removed, Ordering::Relaxed);
        if is_new {
            self.bytes.fetch_add(ENTRY_OVERHEAD_BYTES as u64, Ordering::Relaxed);
            self.order.lock().unwrap_or_else(PoisonError::into_inner).push_back(key);
        }
        while self.bytes.load(Ordering::Relaxed) > max_bytes as u64 && self.evict() {}
    }

    /// Drops answers that no packet behind `settled` is told from, and the oldest of `round`, in which one came, and of all while there
    /// are too many; what they cost.
    fn make_room(&self, answers: &mut Answers, round: u64, settled: u64) -> u64 {
        let mut removed = 0;
        let old = answers.partition_point(|answer| answer.packet <= settled);
        if old > MAX_NAMES_PER_KEY {
            // The others will not be told of any more: a later answer with the same name, or as many with others, is preferred.
            let kept = latest(answers.get(..old).unwrap_or_default());
            let before = answers.len();
            let mut position = 0..;
            answers.retain(|answer| {
                let stays =
                    position.next().is_some_and(|position| position >= old || kept.contains(&position));
                removed += if stays { 0 } else { answer.cost() };
                stays
            });
            self.settled.fetch_add((before - answers.len()) as u64, Ordering::Relaxed);
        }
        let mut drop_at = |answers: &mut Answers, position| {
            removed += answers.remove(position).cost();
            self.dropped.fetch_add(1, Ordering::Relaxed);
        };
        if answers.len() > MAX_ANSWERS_PER_ROUND {
            let first = answers.partition_point(|answer| answer.round() < round);
            let behind = answers.partition_point(|answer| answer.round() <= round);
            if behind - first > MAX_ANSWERS_PER_ROUND {
                drop_at(answers, first);
            }
        }
        if answers.len() > MAX_ANSWERS_PER_KEY {
            drop_at(answers, 0);
        }
        removed
    }

    /// Drops the oldest key that was not learnt again; whether there was one.
    fn evict(&self) -> bool {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..MAX_SECOND_CHANCES {
            let Some(key) = order.front().copied() else {
                return false;
            };
            let renewed =
                self.entries.get_mut(&key).is_some_and(|mut entry| std::mem::take(&mut entry.renewed));
            if !renewed {
                break;
            }
            order.rotate_left(1);
        }
        let Some(key) = order.pop_front() else {
            return false;
        };
        if let Some((_, entry)) = self.entries.remove(&key) {
            self.bytes.fetch_sub(entry.cost(), Ordering::Relaxed);
            self.evicted.fetch_add(1, Ordering::Relaxed);
        }
        true
    }

    /// Of the latest answers, those before the packet that hold at its time, latest first, at most `limit`.
    pub(super) fn valid(&self, key: &K, asked: &Asked, limit: usize) -> Vec<Answer> {
        let Asked { time, packet, known_by, grace } = *asked;
        let Some(entry) = self.entries.get(key) else {
            return Vec::new();
        };
        let known = entry.answers.partition_point(|answer| answer.packet < known_by);
        // Captures step backwards a little: an answer in an earlier packet may bear a slightly later time.
        let holds =
            |answer: &Answer| answer.packet < packet && answer.from <= time + grace && time <= answer.until;
        let answers = entry.answers.get(..known).unwrap_or_default();
        let latest = latest(answers).into_iter().filter_map(|position| answers.get(position));
        latest.filter(|answer| holds(answer)).take(limit).cloned().collect()
    }
}

impl Entry {
    fn insert(&mut self, answer: Answer) {
        let order = |one: &Answer| (one.packet, one.from, one.until);
        let is_before = |other: &Answer| {
            order(other).cmp(&order(&answer)).then_with(|| other.name.cmp(&answer.name)).is_le()
        };
        // Nearly always behind all others.
        let position = match self.answers.last() {
            Some(last) if !is_before(last) => self.answers.partition_point(is_before),
            _ => self.answers.len(),
        };
        self.answers.insert(position, answer);
    }
}

/// Where the latest answers with different names are, latest first: as many as a packet is told from.
fn latest(answers: &[Answer]) -> ArrayVec<usize, MAX_NAMES_PER_KEY> {
    let mut latest = ArrayVec::new();
    let mut names = ArrayVec::<&Name, MAX_NAMES_PER_KEY>::new();
    for (position, answer) in answers.iter().enumerate().rev() {
        if names.is_full() {
            break;
        }
        if !names.contains(&&answer.name) {
            names.push(&answer.name);
            latest.push(position);
        }
    }
    latest
}
