//! Passive DNS: which name an address had, for whom and when.
//!
//! Shared by all workers. What it answers is decided by packet numbers and times, never by the order in which answers were
//! stored: of the answers before a packet, the latest few with different names are looked at, and of these those count that
//! hold at its time (from their own until their lifetime and a grace have passed: clients and browsers keep addresses
//! longer than the TTL says). What nobody will ask for any more is dropped: [`PassiveDns::settle`] says how far everybody
//! has asked already.
//!
//! An answer is a client's own when it was sent to that client. Who can forge packets towards a client can therefore put a
//! name on an address, but only where the question is out of view: the flow table refuses answers
//! that do not fit the questions that it saw.

use crate::answers::{self, Received};
use arrayvec::ArrayVec;
use dashmap::DashMap;
use foldhash::fast::RandomState;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::hash::{BuildHasher as _, Hash};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use weir_model::flow::{FlowName, NameSource, PassiveName};
use weir_model::{Name, Timestamp};

/// Most different names per key that a packet is told from. An address of a content network has hundreds; the latest
/// explain a flow best.
const MAX_NAMES_PER_KEY: usize = 8;

/// Packets of a round, counted from packet 1: who reads files settles round by round, see [`PassiveDns::settle`].
pub const ROUND_PACKETS: u64 = 4 * 1024;

/// Most dated answers of one round held per key. Few keys get as many; the adversary repeats one. When it is reached, the
/// oldest of that round goes, counted: always the same, in whatever order the answers came.
const MAX_ANSWERS_PER_ROUND: usize = 512;

/// Most dated answers held per key, settled or not: those of eight rounds, more than files are ever read ahead. On a tap, where
/// a worker may be late, the adversary repeats answers meanwhile. When it is reached, the oldest goes, counted.
const MAX_ANSWERS_PER_KEY: usize = 8 * MAX_ANSWERS_PER_ROUND;

/// Most names that one address gets from a client's own answers when a flow begins.
const MAX_OWN_NAMES: usize = 4;

/// What an entry costs besides its names: key, queue and map overhead.
const ENTRY_OVERHEAD_BYTES: usize = 192;

/// Number of shards of each map; fixed, so that nothing depends on the machine.
const SHARDS: usize = 64;

/// Most entries that are looked at to find one to drop.
const MAX_SECOND_CHANCES: usize = 16;

/// Lifetimes and limits.
#[derive(Clone, Debug)]
pub struct PassiveDnsConfig {
    /// An answer is valid at least this long, whatever its TTL: clients do not ask again for each connection.
    pub min_lifetime: Duration,
    /// An answer is valid at most this long, whatever its TTL.
    pub max_lifetime: Duration,
    /// And for this long after: connections are opened late, and caches are generous.
    pub grace: Duration,
    /// Budget in bytes for clients' own answers, and again for anybody's. The adversary asks for names without end. When
    /// it is reached, keys that were not learnt again lately are dropped, oldest first. Counted.
    pub max_bytes: usize,
}

impl Default for PassiveDnsConfig {
    fn default() -> Self {
        Self {
            min_lifetime: Duration::from_mins(1),
            max_lifetime: Duration::from_hours(24),
            grace: Duration::from_mins(5),
            max_bytes: 128 << 20,
        }
    }
}

/// What was learnt and dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassiveDnsStats {
    /// Addresses learnt as a client's own.
    pub own_learnt: u64,
    /// Addresses learnt as anybody's (each of a client's own, and hints and multicast answers).
    pub others_learnt: u64,
    /// Keys (client and address) held now.
    pub own_entries: u64,
    /// Keys (address) held now.
    pub others_entries: u64,
    /// Keys dropped at the budget.
    pub evicted: u64,
    /// Dated answers dropped because later ones had taken their place.
    pub answers_settled: u64,
    /// Dated answers dropped because their key had too many at a time.
    pub answers_dropped: u64,
}

/// The store.
#[derive(Debug)]
pub struct PassiveDns {
    config: PassiveDnsConfig,
    /// No packet up to this number will be asked for any more.
    settled: AtomicU64,
    /// Addresses that some answer named.
    heard_of: HeardOf,
    own: Store<(IpAddr, IpAddr)>,
    others: Store<IpAddr>,
}

impl PassiveDns {
    /// Nothing learnt.
    pub fn new(config: PassiveDnsConfig) -> Self {
        Self {
            config,
            settled: AtomicU64::new(0),
            heard_of: HeardOf::new(),
            own: Store::new(),
            others: Store::new(),
        }
    }

    /// Learns from an answer.
    pub fn learn(&self, received: Received<'_>) {
        for found in answers::addresses(received.message) {
            let ttl = Duration::from_secs(u64::from(found.ttl));
            let lifetime = ttl.clamp(self.config.min_lifetime, self.config.max_lifetime);
            let answer = Answer {
                packet: received.packet,
                from: received.time,
                until: received.time + lifetime + self.config.grace,
                name: found.name,
                aliases: found.aliases,
            };
            self.heard_of.add(found.address);
            let limits = (self.settled.load(Ordering::Relaxed), self.config.max_bytes);
            if !found.is_hint {
                self.own.insert((received.client, found.address), answer.clone(), limits);
            }
            self.others.insert(found.address, answer, limits);
        }
    }

    /// Says that everybody has learnt from all packets up to `packet`, and asked for all of them: nobody will for these again.
    pub fn settle(&self, packet: u64) {
        self.settled.fetch_max(packet, Ordering::Relaxed);
    }

    /// What the ends `a` and `b` of a flow that began with `packet` at `time` were called: names from the other end's own
    /// answers first, latest first; for an end without such, the latest from anybody's.
    pub fn names(&self, a: IpAddr, b: IpAddr, time: Timestamp, packet: u64) -> Vec<PassiveName> {
        self.names_known_by(a, b, (time, packet), packet)
    }

    /// As [`Self::names`], of what is known when all packets before number `known_by` have been learnt from: for packets handed on
    /// after their round, as what is left of a datagram whose other fragments never came. Of answers that everybody has
    /// asked for, only the latest are kept, so the others must not count whether or not they are still there.
    pub fn names_known_by(
        &self,
        a: IpAddr,
        b: IpAddr,
        (time, packet): (Timestamp, u64),
        known_by: u64,
    ) -> Vec<PassiveName> {
        let asked = Asked { time, packet, known_by: known_by.max(packet), grace: self.config.grace };
        let mut names = Vec::new();
        let mut unknown = SmallVec::<[IpAddr; 2]>::new();
        for (client, address) in [(a, b), (b, a)] {
            if !self.heard_of.has(address) {
                continue;
            }
            let own = self.own.valid(&(client, address), &asked, MAX_OWN_NAMES);
            if own.is_empty() {
                unknown.push(address);
            }
            names.extend(own.into_iter().map(|answer| answer.named(address, NameSource::PassiveDnsClient)));
        }
        for address in unknown {
            let others = self.others.valid(&address, &asked, 1);
            names.extend(others.into_iter().map(|answer| answer.named(address, NameSource::PassiveDnsOther)));
        }
        names
    }

    /// Counts so far.
    pub fn stats(&self) -> PassiveDnsStats {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PassiveDnsStats {
            own_learnt: count(&self.own.learnt),
            others_learnt: count(&self.others.learnt),
            own_entries: self.own.entries.len() as u64,
            others_entries: self.others.entries.len() as u64,
            evicted: count(&self.own.evicted) + count(&self.others.evicted),
            answers_settled: count(&self.own.settled) + count(&self.others.settled),
            answers_dropped: count(&self.own.dropped) + count(&self.others.dropped),
        }
    }
}

/// A Bloom filter of the addresses that were ever named, so that asking for others (clients, scanners, floods) costs one load and
/// no lock. It only ever says "not named": two bits of one word per address, 1 % of false hits with 100,000 addresses.
#[derive(Debug)]
struct HeardOf {
    seed: RandomState,
    words: Box<[AtomicU64]>,
}

/// 256 KiB, which caches hold.
const HEARD_OF_WORDS: usize = 1 << 15;

impl HeardOf {
    fn new() -> Self {
        Self { seed: RandomState::default(), words: (0..HEARD_OF_WORDS).map(|_| AtomicU64::new(0)).collect() }
    }

    fn add(&self, address: IpAddr) {
        let (word, bits) = self.place(address);
        if let Some(word) = self.words.get(word) {
            word.fetch_or(bits, Ordering::Relaxed);
        }
    }

    fn has(&self, address: IpAddr) -> bool {
        let (word, bits) = self.place(address);
        self.words.get(word).is_some_and(|word| word.load(Ordering::Relaxed) & bits == bits)
    }

    fn place(&self, address: IpAddr) -> (usize, u64) {
        let hash = self.seed.hash_one(address);
        let bits = 1 << (hash >> 58) | 1 << (hash >> 52 & 63);
        (hash as usize % HEARD_OF_WORDS, bits)
    }
}

/// As of what names are asked for.
struct Asked {
    time: Timestamp,
    packet: u64,
    /// See [`PassiveDns::names_known_by`].
    known_by: u64,
    grace: Duration,
}

/// A name that an address had for some time.
#[derive(Clone, Debug)]
struct Answer {
    packet: u64,
    from: Timestamp,
    until: Timestamp,
    name: Name,
    aliases: Vec<Name>,
}

impl Answer {
    const fn round(&self) -> u64 {
        self.packet.saturating_sub(1) / ROUND_PACKETS
    }

    fn cost(&self) -> u64 {
        let text: usize = self.aliases.iter().chain([&self.name]).map(|name| name.as_str().len() + 32).sum();
        (size_of::<Self>() + text) as u64
    }

    fn named(self, address: IpAddr, source: NameSource) -> PassiveName {
        let name = FlowName { name: self.name, source, time: self.from, aliases: self.aliases };
        PassiveName { address, name }
    }
}

/// Dated answers per key, within a budget.
#[derive(Debug)]
struct Store<K: Hash + Eq> {
    entries: DashMap<K, Entry, RandomState>,
    /// Keys in the order in which they were first learnt.
    order: Mutex<VecDeque<K>>,
    bytes: AtomicU64,
    learnt: AtomicU64,
    evicted: AtomicU64,
    settled: AtomicU64,
    dropped: AtomicU64,
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
    fn new() -> Self {
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

    fn insert(&self, key: K, answer: Answer, (settled, max_bytes): (u64, usize)) {
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
    fn valid(&self, key: &K, asked: &Asked, limit: usize) -> Vec<Answer> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::tests::{a, answer, cname, name};
    use weir_model::observation::DnsMessage;

    const CLIENT: [u8; 4] = [10, 0, 0, 1];
    const OTHER_CLIENT: [u8; 4] = [10, 0, 0, 2];
    const SERVER: [u8; 4] = [192, 0, 2, 1];

    fn learn(store: &PassiveDns, message: &DnsMessage, client: [u8; 4], seconds: u64, packet: u64) {
        store.learn(Received { message, client: client.into(), time: Timestamp::new(seconds, 0), packet });
    }

    fn ask(store: &PassiveDns, client: [u8; 4], seconds: u64, packet: u64) -> Vec<(String, NameSource)> {
        let names = store.names(client.into(), SERVER.into(), Timestamp::new(seconds, 0), packet);
        names.into_iter().map(|named| (named.name.name.to_string(), named.name.source)).collect()
    }

    fn store() -> PassiveDns {
        PassiveDns::new(PassiveDnsConfig::default())
    }

    fn own(name: &str) -> (String, NameSource) {
        (name.to_owned(), NameSource::PassiveDnsClient)
    }

    fn others(name: &str) -> (String, NameSource) {
        (name.to_owned(), NameSource::PassiveDnsOther)
    }

    #[test]
    fn own_answers_outrank_those_of_others() {
        let store = store();
        learn(&store, &answer("mine.example", vec![a("mine.example", 60, SERVER)]), CLIENT, 1_000, 1);
        learn(
            &store,
            &answer("theirs.example", vec![a("theirs.example", 60, SERVER)]),
            OTHER_CLIENT,
            1_001,
            2,
        );
        assert_eq!(ask(&store, CLIENT, 1_010, 3), [own("mine.example")]);
        assert_eq!(ask(&store, OTHER_CLIENT, 1_010, 3), [own("theirs.example")]);
        assert_eq!(ask(&store, [10, 0, 0, 3], 1_010, 3), [others("theirs.example")], "the latest");
        let reverse = store.names(SERVER.into(), CLIENT.into(), Timestamp::new(1_010, 0), 3);
        assert_eq!(reverse[0].address, IpAddr::from(SERVER), "whoever sent the first packet");
    }

    #[test]
    fn valid_from_the_packet_behind_it_until_lifetime_and_grace_have_passed() {
        let store = store();
        learn(&store, &answer("www.example", vec![a("www.example", 600, SERVER)]), CLIENT, 1_000, 5);
        assert_eq!(ask(&store, CLIENT, 1_000, 5), []);
        assert_eq!(ask(&store, CLIENT, 1_000, 4), []);
        assert_eq!(ask(&store, CLIENT, 1_000, 6), [own("www.example")]);
        assert_eq!(ask(&store, CLIENT, 1_900, 7), [own("www.example")]);
        assert_eq!(ask(&store, CLIENT, 1_901, 8), []);
        assert_eq!(ask(&store, CLIENT, 699, 9), [], "long before it");
    }

    #[test]
    fn lifetimes_are_clamped() {
        let store = store();
        learn(&store, &answer("short.example", vec![a("short.example", 0, SERVER)]), CLIENT, 1_000, 1);
        assert_eq!(ask(&store, CLIENT, 1_360, 2), [own("short.example")]);
        assert_eq!(ask(&store, CLIENT, 1_361, 2), []);
        learn(&store, &answer("long.example", vec![a("long.example", u32::MAX, SERVER)]), CLIENT, 1_000, 3);
        assert_eq!(ask(&store, CLIENT, 87_700, 4), [own("long.example")]);
        assert_eq!(ask(&store, CLIENT, 87_701, 4), []);
    }

    #[test]
    fn what_was_true_at_a_packet_is_still_known_later() {
        let store = store();
        for (number, text) in [(10, "first.example"), (20, "second.example"), (30, "first.example")] {
            learn(&store, &answer(text, vec![a(text, 60, SERVER)]), CLIENT, 1_000 + number, number);
        }
        assert_eq!(ask(&store, CLIENT, 1_015, 15), [own("first.example")]);
        assert_eq!(ask(&store, CLIENT, 1_025, 25), [own("second.example"), own("first.example")]);
        assert_eq!(ask(&store, CLIENT, 1_035, 35), [own("first.example"), own("second.example")]);
    }

    #[test]
    fn aliases_come_along_and_hints_are_nobodys_own() {
        let store = store();
        let mut message =
            answer("www.example", vec![cname("www.example", 60, "x.cdn"), a("x.cdn", 60, SERVER)]);
        learn(&store, &message, CLIENT, 1_000, 1);
        let names = store.names(CLIENT.into(), SERVER.into(), Timestamp::new(1_001, 0), 2);
        assert_eq!(names[0].name.aliases, [name("x.cdn")]);
        let store = self::store();
        message.link_local = true;
        learn(&store, &message, CLIENT, 1_000, 1);
        assert_eq!(ask(&store, CLIENT, 1_001, 2), [others("www.example")]);
    }

    #[test]
    fn repeated_answers_do_not_push_out_others() {
        let store = store();
        learn(&store, &answer("rare.example", vec![a("rare.example", 86_400, SERVER)]), CLIENT, 1_000, 1);
        for number in 2..100 {
            let message = answer("busy.example", vec![a("busy.example", 60, SERVER)]);
            learn(&store, &message, CLIENT, 1_000 + number, number);
            store.settle(number - 1);
        }
        assert_eq!(ask(&store, CLIENT, 1_100, 100), [own("busy.example"), own("rare.example")]);
        assert!(store.stats().answers_settled > 0);
        assert!(store.others.entries.iter().all(|entry| entry.answers.len() <= MAX_NAMES_PER_KEY + 1));
    }

    #[test]
    fn a_flood_of_answers_that_nobody_settles_is_bounded() {
        let store = store();
        let busy = answer("busy.example", vec![a("busy.example", 60, SERVER)]);
        let most = || store.others.entries.iter().map(|entry| entry.answers.len()).max();
        (1..=ROUND_PACKETS).for_each(|number| learn(&store, &busy, CLIENT, 1_000, number));
        assert_eq!(most(), Some(MAX_ANSWERS_PER_ROUND));
        let later = (1..10 * ROUND_PACKETS).step_by(4);
        later.for_each(|number| learn(&store, &busy, CLIENT, 1_000, number));
        assert_eq!(most(), Some(MAX_ANSWERS_PER_KEY));
        assert_eq!(ask(&store, CLIENT, 1_000, 10 * ROUND_PACKETS), [own("busy.example")]);
        assert!(store.stats().answers_dropped > 0);
    }

    #[test]
    fn who_asks_late_is_told_the_same_whether_or_not_answers_were_settled() {
        let (kept, settled) = (store(), store());
        for number in 1..=200 {
            let text = format!("n{}.example", number % 10);
            let message = answer(&text, vec![a(&text, 60, SERVER)]);
            for store in [&kept, &settled] {
                learn(store, &message, CLIENT, 1_000, number);
            }
            settled.settle(number - 1);
        }
        assert!(settled.stats().answers_settled > 0 && kept.stats().answers_settled == 0);
        let late = |store: &PassiveDns, packet| {
            store.names_known_by(CLIENT.into(), SERVER.into(), (Timestamp::new(1_000, 0), packet), 201)
        };
        for packet in 1..=201 {
            assert_eq!(late(&kept, packet), late(&settled, packet), "{packet}");
        }
        assert_eq!(late(&kept, 201).len(), MAX_OWN_NAMES);
        assert_eq!(late(&kept, 196).len(), 3, "those later than the packet do not count");
    }

    /// Workers that are ahead by as many rounds as may be under way push nothing out that another still asks for.
    #[test]
    fn what_is_dropped_does_not_depend_on_the_order_in_which_answers_came() {
        let numbers = || (1..5 * ROUND_PACKETS).filter(|number| number % 5 != 0);
        let learnt = |store: &PassiveDns, number: u64| {
            let text = format!("n{}.example", number % 7);
            learn(store, &answer(&text, vec![a(&text, 60, SERVER)]), CLIENT, 1_000, number);
        };
        let (in_turn, ahead) = (store(), store());
        numbers().for_each(|number| learnt(&in_turn, number));
        numbers().filter(|number| number % 3 == 0).for_each(|number| learnt(&ahead, number));
        numbers().filter(|number| number % 3 != 0).for_each(|number| learnt(&ahead, number));
        assert!(in_turn.stats().answers_dropped > 0);
        for packet in (1..5 * ROUND_PACKETS).step_by(97) {
            assert_eq!(ask(&in_turn, CLIENT, 1_000, packet), ask(&ahead, CLIENT, 1_000, packet), "{packet}");
        }
    }

    #[test]
    fn bounded_in_bytes_and_kind_to_what_is_learnt_again() {
        let store = PassiveDns::new(PassiveDnsConfig { max_bytes: 100_000, ..PassiveDnsConfig::default() });
        let keep = answer("keep.example", vec![a("keep.example", 60, SERVER)]);
        for number in 0..5_000_u32 {
            let [_, x, y, z] = number.to_be_bytes();
            let text = format!("flood{number}.example");
            let message = answer(&text, vec![a(&text, 60, [198, x, y, z])]);
            learn(&store, &message, CLIENT, 1_000, u64::from(number) * 2);
            if number % 50 == 0 {
                learn(&store, &keep, CLIENT, 1_000, u64::from(number) * 2 + 1);
            }
        }
        let stats = store.stats();
        assert!(stats.own_entries < 500 && stats.own_entries > 100, "{stats:?}");
        assert_eq!(stats.own_learnt, 5_100);
        assert_eq!(stats.evicted + stats.own_entries + stats.others_entries, 2 * 5_001);
        assert_eq!(ask(&store, CLIENT, 1_001, 20_000), [own("keep.example")]);
        let held: u64 = store.own.entries.iter().map(|entry| entry.cost()).sum();
        assert_eq!(held, store.own.bytes.load(Ordering::Relaxed));
    }
}
