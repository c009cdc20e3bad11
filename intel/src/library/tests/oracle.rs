//! The library, written the slow and simple way: lists that are searched from the beginning.

use crate::library::values::key;
use crate::library::{Decay, Policies, Policy};
use crate::{Entry, Extent, RefusalReason};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use weir_model::{Context, Further, IndicatorValue, Timestamp};

/// What a provider does.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Put(Entry),
    Refuse(Option<Uuid>, RefusalReason),
    Remove(Uuid),
    RemoveGroup(Uuid),
    KeepOnly(Vec<Uuid>),
}

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Done,
    Held { was: u64, would_be: u64 },
}

/// All sources, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Oracle {
    pub(super) sources: BTreeMap<String, Source>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    pub(super) said: Vec<Told>,
    pub(super) refused: Vec<(Option<Uuid>, RefusalReason)>,
    pub(super) listed: Option<Timestamp>,
    pub(super) is_released: bool,
    /// Of which values several things were said under one name. Which of them is which, and since when, is not told.
    pub(super) several: Vec<(Option<Uuid>, IndicatorValue)>,
}

/// An entry, and when it came and changed.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) entry: Entry,
    pub(super) since: Timestamp,
    pub(super) changed: Timestamp,
}

impl Oracle {
    pub(super) fn deliver(
        &mut self,
        source: &str,
        policy: &Policy,
        acts: &[Act],
        extent: Extent,
        now: Timestamp,
    ) -> Ending {
        let source = self.sources.entry(source.to_owned()).or_default();
        let mut after = Source { is_released: false, ..source.clone() };
        match extent {
            Extent::Nothing => after.listed = source.listed.map(|_| now),
            Extent::Whole => {
                after.said.clear();
                after.refused.clear();
                after.listed = Some(now);
                after.act(acts, &source.said, now);
            }
            Extent::Changes => {
                after.listed = None;
                after.act(acts, &source.said, now);
            }
        }
        let (was, would_be) = (source.said.len() as u64, after.said.len() as u64);
        if !source.is_released && holds(policy, was, would_be, extent) {
            return Ending::Held { was, would_be };
        }
        *source = after;
        Ending::Done
    }

    /// What counts, in the order of the library: each value with what is said of it.
    pub(super) fn set(&self, policies: &Policies, now: Timestamp) -> Vec<(IndicatorValue, Vec<Context>)> {
        let mut set: BTreeMap<Vec<u8>, (IndicatorValue, Vec<Context>)> = BTreeMap::new();
        for (name, source) in &self.sources {
            for told in &source.said {
                if let Some(context) = counts(policies.of(name), source, told, now) {
                    let value = set
                        .entry(key(&told.entry.value))
                        .or_insert_with(|| (told.entry.value.clone(), Vec::new()));
                    value.1.push(context);
                }
            }
        }
        set.into_values().collect()
    }
}

impl Source {
    /// What is said in this delivery comes into `here`; what it replaces goes from what stood.
    fn act(&mut self, acts: &[Act], before: &[Told], now: Timestamp) {
        let mut here: Vec<Entry> = Vec::new();
        let mut refused_here: Vec<(Option<Uuid>, RefusalReason)> = Vec::new();
        for act in acts {
            match act {
                Act::Put(entry) => {
                    self.said.retain(|told| name(&told.entry) != name(entry));
                    self.refused.retain(|(id, _)| id.is_none() || *id != entry.id);
                    let same_name =
                        here.iter().filter(|other| other.id == entry.id && other.value == entry.value);
                    if same_name.clone().count() < 8
                        && !same_name.clone().any(|other| says_same(other, entry))
                    {
                        if same_name.count() > 0 {
                            self.several.push((entry.id, entry.value.clone()));
                        }
                        here.push(entry.clone());
                    }
                }
                Act::Refuse(id, reason) => {
                    if id.is_some() {
                        self.said.retain(|told| told.entry.id != *id);
                        self.refused.retain(|(other, _)| other != id);
                    }
                    refused_here.push((*id, *reason));
                }
                Act::Remove(id) => {
                    self.drop_where(&mut here, &mut refused_here, &|other, _| other == Some(*id));
                }
                Act::RemoveGroup(group) => {
                    let mut none = Vec::new();
                    let refused = std::mem::take(&mut self.refused);
                    self.drop_where(&mut here, &mut none, &|_, other| other == Some(*group));
                    self.refused = refused;
                }
                Act::KeepOnly(ids) => self.drop_where(&mut here, &mut refused_here, &|id, _| {
                    id.is_some_and(|id| !ids.contains(&id))
                }),
            }
        }
        self.refused.append(&mut refused_here);
        for entry in here {
            let named = |told: &&Told| told.entry.id == entry.id && told.entry.value == entry.value;
            let same = before.iter().filter(named).find(|told| says_same(&told.entry, &entry));
            let (since, changed) = match (same, before.iter().find(named)) {
                (Some(same), _) => (same.since, same.changed),
                (None, Some(other)) => (other.since, now),
                (None, None) => (now, now),
            };
            self.said.push(Told { entry, since, changed });
        }
    }

    fn drop_where(
        &mut self,
        here: &mut Vec<Entry>,
        refused_here: &mut Vec<(Option<Uuid>, RefusalReason)>,
        is_gone: &dyn Fn(Option<Uuid>, Option<Uuid>) -> bool,
    ) {
        self.said.retain(|told| !is_gone(told.entry.id, told.entry.group));
        here.retain(|entry| !is_gone(entry.id, entry.group));
        self.refused.retain(|(id, _)| !is_gone(*id, None));
        refused_here.retain(|(id, _)| !is_gone(*id, None));
    }
}

fn name(entry: &Entry) -> (Option<Uuid>, Option<&IndicatorValue>) {
    (entry.id, entry.id.is_none().then_some(&entry.value))
}

fn says_same(one: &Entry, other: &Entry) -> bool {
    let mut other = other.clone();
    other.context.line = one.context.line;
    *one == other
}

fn holds(policy: &Policy, was: u64, would_be: u64, extent: Extent) -> bool {
    let floor = policy.guard.floor;
    if was == 0 {
        return false;
    }
    let is_empty = extent == Extent::Whole && would_be == 0;
    let shrinks = was >= floor && would_be * 2 < was;
    let grows = would_be > 10 * was.max(floor);
    is_empty || shrinks || grows
}

/// What is said, if it counts.
fn counts(policy: &Policy, source: &Source, told: &Told, now: Timestamp) -> Option<Context> {
    let Entry { value, modified, context, .. } = &told.entry;
    let further = context.further.as_deref().cloned().unwrap_or_default();
    let has = |words: &[String], word: &str| words.iter().any(|other| other == word);
    let filter = &policy.filter;
    let is_unwanted = has(&filter.kinds.never, value.kind())
        || context.tags.iter().any(|tag| has(&filter.tags.never, tag))
        || !filter.organisations.only.is_empty()
            && !further.organisation.as_deref().is_some_and(|name| has(&filter.organisations.only, name))
        || context.confidence.zip(filter.min_confidence).is_some_and(|(given, least)| given < least);
    if is_unwanted {
        return None;
    }
    let origin = context.last_seen.or(*modified).unwrap_or(source.listed.unwrap_or(told.changed));
    let lifetime = policy.lifetimes.kinds.get(value.kind()).copied().or(policy.lifetimes.others);
    let decay = policy.decay.as_ref().and_then(|decay| decayed(decay, value));
    let age = context.last_seen.or(*modified).or(context.first_seen);
    let ends = [
        further.valid_until,
        lifetime.map(|life| origin + life),
        decay.map(|life| origin + life),
        age.zip(filter.max_age).map(|(from, most)| from + most),
    ];
    let end = ends.into_iter().flatten().min();
    if end.is_some_and(|end| end <= now) {
        return None;
    }
    let further = (context.further.is_some() || end.is_some())
        .then(|| Arc::new(Further { valid_until: end, ..further }));
    Some(Context { tlp: context.tlp.or(Some(policy.unmarked)), further, ..context.clone() })
}

fn decayed(decay: &Decay, value: &IndicatorValue) -> Option<Duration> {
    let left = 1.0 - decay.threshold / decay.base_score;
    let is_meant = decay.kinds.iter().any(|kind| kind == value.kind());
    is_meant.then(|| Duration::from_secs_f64(decay.lifetime.as_secs_f64() * left.powf(decay.speed)))
}
