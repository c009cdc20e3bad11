//! Days of several sources, against the oracle: the same set at every step.

use super::oracle::{Act, Ending, Oracle};
use super::{Says, Shelf, at};
use crate::library::values::key;
use crate::library::{Decay, Filter, Library, Lifetimes, Policies, Policy, Standing, Wanted};
use crate::{Delivery, Entry, Extent, Place, Refusal, RefusalReason, SyncError, SyncErrorKind};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use weir_model::indicator::Report;
use weir_model::{Context, Further, IndicatorValue, Name, Tlp};

/// A day in half hours, ten thousand values of which each source says a part.
#[test]
fn a_day_of_life_is_what_the_oracle_says() {
    let size = Size { values: 10_000, ids: 4_000, groups: 400, at_first: 1_500, changes: 60 };
    Day::new(1, size).live(48);
}

/// The same few values, ids and groups again and again, so that all that can meet does.
#[test]
fn many_small_days_are_what_the_oracle_says() {
    let size = Size { values: 6, ids: 5, groups: 2, at_first: 5, changes: 4 };
    (0..12).for_each(|seed| Day::new(seed, size).live(25));
}

#[test]
#[ignore = "minutes: cargo test --release -p weir-intel days_of_all_sizes -- --ignored"]
fn days_of_all_sizes_are_what_the_oracle_says() {
    for seed in 0..300 {
        Day::new(seed, Size { values: 6, ids: 5, groups: 2, at_first: 5, changes: 4 }).live(50);
        Day::new(seed, Size { values: 300, ids: 100, groups: 10, at_first: 120, changes: 20 }).live(30);
    }
    for seed in 100..105 {
        Day::new(seed, Size { values: 30_000, ids: 20_000, groups: 900, at_first: 10_000, changes: 300 })
            .live(96);
    }
}

#[derive(Clone, Copy)]
struct Size {
    values: u64,
    ids: u64,
    groups: u64,
    /// What a source says at first.
    at_first: u64,
    /// How much of it changes each time.
    changes: u64,
}

/// A source, as it really is: what of it is delivered is another matter.
struct Day {
    shelf: Shelf,
    oracle: Oracle,
    policies: Policies,
    random: Random,
    size: Size,
    /// What lists hold, by their names.
    lists: BTreeMap<&'static str, Vec<Entry>>,
    now: u64,
}

const LISTS: [&str; 3] = ["abuse", "blocklist", "small"];
const STREAMS: [&str; 2] = ["misp", "taxii"];

impl Day {
    fn new(seed: u64, size: Size) -> Self {
        Self {
            shelf: Shelf::new(),
            oracle: Oracle::default(),
            policies: policies(),
            random: Random(seed * 2 + 1),
            size,
            lists: BTreeMap::new(),
            now: 0,
        }
    }

    fn live(&mut self, steps: u64) {
        for step in 0..steps {
            self.now = step * 1_800;
            for name in LISTS {
                if step == 0 || self.random.chance(3) {
                    self.list(name);
                }
            }
            for name in STREAMS {
                self.stream(name, step == 0);
            }
            if step == steps / 2 {
                let unwanted = Wanted { never: vec!["noise".into()], ..Wanted::default() };
                self.policies.default.filter = Filter { tags: unwanted, ..Filter::default() };
            }
            if self.random.chance(10) {
                self.shelf.library = Library::open(&self.shelf.path()).unwrap();
            }
            self.compare();
        }
    }

    /// A list is delivered whole: some of it is other than before, and sometimes nothing, or an error, or an empty page comes.
    fn list(&mut self, name: &'static str) {
        let mut list = self.lists.remove(name).unwrap_or_default();
        let most = if name == "small" { 3 } else { self.size.at_first };
        let (gone, more) =
            if list.is_empty() { (0, most) } else { (self.size.changes, self.size.changes.min(most)) };
        for _ in 0..self.random.below(gone + 1).min(list.len() as u64) {
            let index = self.random.below(list.len() as u64) as usize;
            list.remove(index);
        }
        for _ in 0..more {
            list.push(self.entry(name));
        }
        let mut acts: Vec<Act> = list.iter().cloned().map(Act::Put).collect();
        acts.extend((0..self.random.below(4)).map(|_| Act::Refuse(None, RefusalReason::BadName)));
        self.lists.insert(name, list);
        match self.random.below(8) {
            0 => self.deliver(name, &[], Extent::Nothing),
            1 => self.deliver(name, &[], Extent::Whole),
            2 => self.fail(name, &acts),
            _ => self.deliver(name, &acts, Extent::Whole),
        }
    }

    /// Changes come by id: put, removed, by group, refused; sometimes all that are still there are named; at first it comes whole.
    fn stream(&mut self, name: &'static str, is_first: bool) {
        let mut acts = Vec::new();
        let count = if is_first { self.size.at_first } else { self.random.below(self.size.changes + 1) };
        for _ in 0..count {
            acts.push(match self.random.below(40) {
                0 => Act::RemoveGroup(self.group()),
                1..4 => Act::Remove(self.id()),
                4..7 => Act::Refuse(Some(self.id()), RefusalReason::Deleted),
                _ => Act::Put(self.entry(name)),
            });
        }
        if self.random.chance(12) {
            let ids = (0..self.size.ids).filter(|_| !self.random.chance(15)).map(id).collect();
            let place = self.random.below(acts.len() as u64 + 1) as usize;
            acts.insert(place, Act::KeepOnly(ids));
        }
        match self.random.below(10) {
            0 => self.fail(name, &acts),
            _ if is_first || self.random.chance(20) => self.deliver(name, &acts, Extent::Whole),
            _ => self.deliver(name, &acts, Extent::Changes),
        }
    }

    fn deliver(&mut self, name: &str, acts: &[Act], extent: Extent) {
        if self.random.chance(10) && self.oracle.sources.contains_key(name) {
            self.shelf.library.release_held(name).unwrap();
            self.oracle.sources.get_mut(name).unwrap().is_released = true;
        }
        let policy = self.policies.of(name);
        let now = at(self.now);
        let mut provider = Says(|delivery: &mut dyn Delivery| play(acts, delivery).map(|()| extent));
        let result = self.shelf.library.deliver(name, policy, &mut provider, now, &mut ());
        let expected = self.oracle.deliver(name, policy, acts, extent, now);
        let state =
            self.shelf.library.sources().unwrap().into_iter().find(|state| state.name == name).unwrap();
        match expected {
            Ending::Done => {
                assert_eq!(result.unwrap().entries, self.oracle.sources[name].said.len() as u64);
                assert_eq!((state.held, state.succeeded), (None, Some(now)));
            }
            Ending::Held { was, would_be } => {
                assert_eq!(result.unwrap_err().kind, SyncErrorKind::Held);
                let held = state.held.unwrap();
                assert_eq!((held.was, held.would_be, held.at), (was, would_be, now));
            }
        }
        let mut refused = BTreeMap::new();
        for (_, reason) in &self.oracle.sources[name].refused {
            *refused.entry(*reason).or_insert(0) += 1;
        }
        assert_eq!(state.refused, refused, "{name}");
        assert_eq!(state.entries, self.oracle.sources[name].said.len() as u64);
    }

    /// A delivery that breaks off changes nothing.
    fn fail(&mut self, name: &str, acts: &[Act]) {
        let acts = acts.get(..acts.len() / 2).unwrap();
        let mut provider = Says(|delivery: &mut dyn Delivery| {
            play(acts, delivery)?;
            Err(SyncError::new(SyncErrorKind::Server, "503"))
        });
        let policy = self.policies.of(name);
        let result = self.shelf.library.deliver(name, policy, &mut provider, at(self.now), &mut ());
        assert_eq!(result.unwrap_err().kind, SyncErrorKind::Server);
    }

    fn compare(&mut self) {
        // Some of what counts ends between two deliveries.
        let now = at(self.now + self.random.below(1_800));
        let mut composed = Vec::new();
        let take =
            &mut |indicator: weir_model::Indicator| composed.push((indicator.value, indicator.contexts));
        let told = self.shelf.library.compose(&self.policies, now, take).unwrap();
        assert!(composed.is_sorted_by(|one, other| key(&one.0) < key(&other.0)), "each once, in order");
        let expected = self.oracle.set(&self.policies, now);
        let ends = expected
            .iter()
            .flat_map(|(_, contexts)| contexts)
            .filter_map(|context| context.further.as_ref()?.valid_until);
        assert_eq!(told.next_expiry, ends.min());
        assert_eq!(told.values, expected.len() as u64);
        for ((value, contexts), (expected_value, mut expected_contexts)) in composed.into_iter().zip(expected)
        {
            assert_eq!(value, expected_value);
            assert!(contexts.is_sorted_by_key(|context| Arc::clone(&context.source)), "{contexts:?}");
            let mut contexts = contexts;
            if contexts.len() > 1 {
                for contexts in [&mut contexts, &mut expected_contexts] {
                    contexts.sort_by_cached_key(|context| format!("{context:?}"));
                }
            }
            assert_eq!(contexts, expected_contexts, "{value}");
        }
        self.since();
    }

    /// Since when one of the values is said is what the oracle says.
    fn since(&mut self) {
        let value = self.value();
        let found = self.shelf.library.find(&self.policies, &value, at(self.now)).unwrap();
        let sources = &self.oracle.sources;
        let is_one = |name: &str, id| {
            !sources.get(name).is_some_and(|source| source.several.contains(&(id, value.clone())))
        };
        let found = found.into_iter().filter(|said| !matches!(said.standing, Standing::Withdrawn { .. }));
        let found = found.filter(|said| is_one(&said.source, said.id));
        let found: Vec<_> = found.map(|said| (said.source, said.id, said.since)).collect();
        let mut expected = Vec::new();
        for (name, source) in sources {
            let said =
                source.said.iter().filter(|told| told.entry.value == value && is_one(name, told.entry.id));
            expected.extend(said.map(|told| (name.clone(), told.entry.id, told.since)));
        }
        expected.sort_unstable();
        assert_eq!(found, expected, "{value}");
    }

    fn entry(&mut self, name: &str) -> Entry {
        let is_stream = STREAMS.contains(&name);
        let value = self.value();
        let now = at(self.now);
        let random = &mut self.random;
        let ago = |random: &mut Random| now - Duration::from_secs(random.below(60_000));
        let tag = *random.pick(&["botnet", "noise", "c2"]);
        let organisation = random.pick(&["CERN", "ESET"]);
        let further = Further {
            id: None,
            report: Some(Arc::new(Report { id: None, title: Some("report".into()) })),
            organisation: Some((*organisation).into()),
            valid_until: (name == "taxii").then(|| now + Duration::from_secs(random.below(20_000))),
            ..Further::default()
        };
        let context = Context {
            source: name.into(),
            line: (!is_stream).then(|| random.below(1_000) as u32),
            tags: vec![tag.into()],
            confidence: random.chance(2).then(|| *random.pick(&[20, 50, 80])),
            first_seen: random.chance(3).then(|| ago(random)),
            last_seen: (is_stream || name == "blocklist").then(|| ago(random)).filter(|_| random.chance(2)),
            tlp: random.chance(3).then_some(Tlp::Red),
            further: is_stream.then(|| Arc::new(further)),
            ..Context::default()
        };
        let mut entry = Entry { modified: is_stream.then_some(now), ..Entry::new(value, context) };
        if is_stream {
            let number = self.random.below(self.size.ids);
            entry.id = Some(id(number));
            entry.group = Some(Uuid::from_u128(u128::from(number % self.size.groups)));
            let further = Arc::make_mut(entry.context.further.as_mut().unwrap());
            further.id = if self.random.chance(10) { Some(Uuid::from_u128(77)) } else { entry.id };
        }
        entry
    }

    fn value(&mut self) -> IndicatorValue {
        let number = self.random.below(self.size.values);
        match number % 3 {
            0 => IndicatorValue::Address(std::net::Ipv4Addr::from(number as u32).into()),
            1 => IndicatorValue::Domain(Name::from_text_form(&format!("{number}.example"))),
            _ => IndicatorValue::Ja3([number as u8; 16]),
        }
    }

    fn id(&mut self) -> Uuid {
        id(self.random.below(self.size.ids))
    }

    fn group(&mut self) -> Uuid {
        Uuid::from_u128(u128::from(self.random.below(self.size.groups)))
    }
}

fn id(number: u64) -> Uuid {
    Uuid::from_u128(1 << 64 | u128::from(number))
}

/// Each source has something of its own.
fn policies() -> Policies {
    let hours = |hours| Some(Duration::from_hours(hours));
    let mut policies = Policies::default();
    let lifetimes =
        Lifetimes { kinds: [("address".into(), Duration::from_hours(2))].into(), others: hours(4) };
    policies.sources.insert("abuse".into(), Policy { lifetimes, ..Policy::default() });
    let filter = Filter { min_confidence: Some(40), max_age: hours(10), ..Filter::default() };
    policies.sources.insert("blocklist".into(), Policy { filter, unmarked: Tlp::Green, ..Policy::default() });
    let decay = Decay { lifetime: Duration::from_hours(20), base_score: 77.0, ..Decay::nids_simple() };
    let organisations = Wanted { only: vec!["CERN".into()], ..Wanted::default() };
    let filter = Filter { organisations, ..Filter::default() };
    policies.sources.insert("misp".into(), Policy { decay: Some(decay), filter, ..Policy::default() });
    policies
}

fn play(acts: &[Act], delivery: &mut dyn Delivery) -> Result<(), SyncError> {
    acts.iter().try_for_each(|act| match act {
        Act::Put(entry) => delivery.put(entry.clone()),
        Act::Refuse(id, reason) => {
            let refusal = Refusal { file: "f".into(), place: Place::File, text: "x".into(), reason: *reason };
            delivery.refuse(*id, refusal)
        }
        Act::Remove(id) => delivery.remove(*id),
        Act::RemoveGroup(group) => delivery.remove_group(*group),
        Act::KeepOnly(ids) => delivery.keep_only(&mut |id| ids.contains(&id)),
    })
}

/// The same numbers for the same seed (xorshift64*, Vigna 2016).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) % limit.max(1)
    }

    fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }
}
