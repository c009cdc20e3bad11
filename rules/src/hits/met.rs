//! The hits and look-ups of one flow, found again by what they are about.

use super::{Hit, LOOKUP_MERGE_WINDOW, MAX_HITS_PER_FLOW, MAX_LOOKUPS_PER_FLOW, Subject};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;
use weir_model::alert::{Field, Lookup};
use weir_model::{Endpoint, IndicatorValue, Name};

/// So many are looked through one by one. Nearly all flows that met something met one thing, and a flood of them shall not make
/// hash tables by the million.
const FEW: usize = 16;

/// What one hit takes, with its text, its counts of references and, where there are many, its place in the tables.
const BYTES_PER_HIT: usize = size_of::<Hit>() + 64;
const BYTES_PER_LOOKUP: usize = size_of::<(u16, Lookup)>() + 64;

/// What was met.
#[derive(Clone, Debug, Default)]
pub(super) struct Met {
    pub hits: Vec<Hit>,
    /// Each with its transaction identifier.
    pub lookups: Vec<(u16, Lookup)>,
    /// Where they are, if they are not few.
    places: Option<Box<Places>>,
    pub left_out: u64,
}

/// Where hits and look-ups are.
#[derive(Clone, Debug, Default)]
struct Places {
    seen: HashMap<Alike, usize, RandomState>,
    /// The first hit of an indicator in a field of a look-up.
    looked_up: HashMap<(IndicatorValue, Field), usize, RandomState>,
    /// The last look-up of those that are alike.
    asked: HashMap<Asked, usize, RandomState>,
}

/// What makes two hits alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Alike {
    indicator: IndicatorValue,
    field: Field,
    value: Arc<str>,
    lookup: Option<usize>,
}

/// What makes two DNS messages one look-up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Asked {
    client: Endpoint,
    server: Endpoint,
    id: u16,
    name: Name,
    qtype: u16,
}

impl Met {
    pub(super) fn push(&mut self, hit: Hit) {
        if let Some(first) = self.position_alike(&hit).and_then(|position| self.hits.get_mut(position)) {
            first.absorb(&hit);
        } else if self.hits.len() < MAX_HITS_PER_FLOW {
            if self.hits.is_empty() {
                self.hits.reserve_exact(1);
            }
            if let Some(places) = &mut self.places {
                places.add_hit(&hit, self.hits.len());
            }
            self.hits.push(hit);
            self.find_places();
        } else {
            self.left_out = self.left_out.saturating_add(hit.count);
        }
    }

    /// Whether something of this indicator, in this field, is known.
    pub(super) fn has_met(&self, hit: &Hit) -> bool {
        self.hits.iter().any(|known| is_same(known, hit) && known.value == hit.value)
    }

    /// The position of a look-up of which only the question is known.
    pub(super) fn position_of(&mut self, id: u16, lookup: &Lookup) -> Option<usize> {
        let is_it = |(known_id, known): &(u16, Lookup)| *known_id == id && known.name == lookup.name;
        self.lookups.iter().position(is_it).or_else(|| self.push_lookup(id, lookup.clone()))
    }

    pub(super) fn push_lookup(&mut self, id: u16, lookup: Lookup) -> Option<usize> {
        if let Some(position) = self.position_asked(id, &lookup)
            && let Some((_, known)) = self.lookups.get_mut(position)
            && lookup.time.since(known.time).max(known.time.since(lookup.time)) <= LOOKUP_MERGE_WINDOW
        {
            known.time = known.time.min(lookup.time);
            if known.rcode.is_none() {
                *known = Lookup { time: known.time, ..lookup };
            }
            return Some(position);
        }
        if self.lookups.len() >= MAX_LOOKUPS_PER_FLOW {
            return None;
        }
        let position = self.lookups.len();
        if let Some(places) = &mut self.places {
            places.asked.insert(Asked::new(id, &lookup), position);
        }
        self.lookups.push((id, lookup));
        self.find_places();
        Some(position)
    }

    pub(super) fn push_without_lookup(&mut self, hit: &Hit) {
        match self.position_looked_up(hit).and_then(|position| self.hits.get_mut(position)) {
            Some(first) => first.absorb(hit),
            None => self.left_out = self.left_out.saturating_add(hit.count),
        }
    }

    /// What it takes, about.
    pub(super) fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.hits.len() * BYTES_PER_HIT + self.lookups.len() * BYTES_PER_LOOKUP
    }

    fn position_alike(&self, hit: &Hit) -> Option<usize> {
        match &self.places {
            Some(places) => places.seen.get(&Alike::new(hit)).copied(),
            None => self.hits.iter().position(|known| {
                is_same(known, hit) && lookup_of(known) == lookup_of(hit) && known.value == hit.value
            }),
        }
    }

    fn position_looked_up(&self, hit: &Hit) -> Option<usize> {
        match &self.places {
            Some(places) => places.looked_up.get(&(hit.indicator.value.clone(), hit.field)).copied(),
            None => self.hits.iter().position(|known| is_same(known, hit) && lookup_of(known).is_some()),
        }
    }

    fn position_asked(&self, id: u16, lookup: &Lookup) -> Option<usize> {
        match &self.places {
            Some(places) => places.asked.get(&Asked::new(id, lookup)).copied(),
            None => self.lookups.iter().rposition(|(known_id, known)| {
                (*known_id, known.client, known.server, known.qtype)
                    == (id, lookup.client, lookup.server, lookup.qtype)
                    && known.name == lookup.name
            }),
        }
    }

    /// Has tables made when they are not few any more.
    fn find_places(&mut self) {
        if self.places.is_some() || self.hits.len().max(self.lookups.len()) <= FEW {
            return;
        }
        let mut places = Box::<Places>::default();
        for (position, hit) in self.hits.iter().enumerate() {
            places.add_hit(hit, position);
        }
        for (position, (id, lookup)) in self.lookups.iter().enumerate() {
            places.asked.insert(Asked::new(*id, lookup), position);
        }
        self.places = Some(places);
    }
}

impl Places {
    fn add_hit(&mut self, hit: &Hit, position: usize) {
        if lookup_of(hit).is_some() {
            self.looked_up.entry((hit.indicator.value.clone(), hit.field)).or_insert(position);
        }
        self.seen.insert(Alike::new(hit), position);
    }
}

impl Alike {
    fn new(hit: &Hit) -> Self {
        let (indicator, value) = (hit.indicator.value.clone(), Arc::clone(&hit.value));
        Self { indicator, field: hit.field, value, lookup: lookup_of(hit) }
    }
}

impl Asked {
    fn new(id: u16, lookup: &Lookup) -> Self {
        let Lookup { client, server, qtype, .. } = *lookup;
        Self { client, server, id, name: lookup.name.clone(), qtype }
    }
}

/// The look-up that a hit is of.
const fn lookup_of(hit: &Hit) -> Option<usize> {
    match hit.subject {
        Subject::Lookup(position) => Some(position),
        _ => None,
    }
}

/// The same indicator in the same field.
fn is_same(one: &Hit, other: &Hit) -> bool {
    one.field == other.field && one.indicator.value == other.indicator.value
}
