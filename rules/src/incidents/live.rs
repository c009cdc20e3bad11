//! What is told of incidents while they happen: flows that are still open, and what earlier notices said.
//!
//! None of it reaches what an incident gathers: that comes from flow records alone, when they end. A snapshot of an open flow
//! only stands beside it until the next one, or the record, takes its place.

use super::incident::{Incident, Key, Telling};
use super::meeting::Meeting;
use super::memory::Remembered;
use super::met::Met;
use super::relations::indicators;
use super::resolver::Asked;
use foldhash::fast::RandomState;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;
use uuid::Uuid;
use weir_model::alert::{Notice, Severity};
use weir_model::flow::FlowId;
use weir_model::{Direction, Grade, Timestamp};

/// Open flows whose snapshots are held, at about two kilobytes each. Beyond it a flow is told of when its record ends, which is
/// counted. The adversary opens ever new flows to listed addresses.
pub const MAX_STANDING_FLOWS: usize = 65_536;

/// A snapshot that nothing replaced for so long is forgotten: its flow's record was lost on the way. Flow tables end
/// what is quiet sooner.
pub(super) const STANDING_FORGOTTEN: Duration = Duration::from_hours(2);

/// How long a grade that rises without more urgency waits after the notice before, so that the steps of one handshake are
/// one notice.
const RAISE_WAIT: Duration = Duration::from_secs(5);

/// When the first `repeated` notice comes; each later one takes twice as long, up to [`LONGEST_REPEAT`].
const FIRST_REPEAT: Duration = Duration::from_hours(1);

/// The longest time between two `repeated` notices.
const LONGEST_REPEAT: Duration = Duration::from_hours(24);

/// What the notices of an incident have told so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Number of notices.
    pub notices: u32,
    /// Highest grade told.
    pub grade: Grade,
    /// Highest severity told.
    pub severity: Severity,
    /// When the last notice was given.
    pub at: Timestamp,
    /// How many of them were `repeated`.
    pub repeats: u32,
    /// How many of them nobody was sent.
    pub unsent: u32,
}

impl Told {
    /// When a grade that rose may be told.
    pub(super) fn may_raise(&self) -> Timestamp {
        self.at + RAISE_WAIT
    }

    /// When more of the same may be told.
    pub(super) fn may_repeat(&self) -> Timestamp {
        self.at + FIRST_REPEAT.saturating_mul(1 << self.repeats.min(8)).min(LONGEST_REPEAT)
    }
}

/// An incident as far as it is told.
#[derive(Debug)]
pub(super) struct Case {
    number: u64,
    /// Time and packet of the first hit; fixed once told, because identifiers are made of it.
    pub opened: (Timestamp, u64),
    /// The latest packet.
    pub last: Timestamp,
    /// The highest grade and severest direction seen.
    grade: Grade,
    direction: Direction,
    standing: BTreeSet<FlowId>,
    /// What a flow showed while it was open, where its record did not bear it out: for the notice that closes it.
    pub unborne: Option<Box<Incident>>,
    pub told: Option<Told>,
    /// There were packets since the last notice.
    pub has_news: bool,
    wake: Option<Timestamp>,
    /// The incident before with the same key.
    pub previous: Option<Uuid>,
}

impl Case {
    /// What the next run should know of it, if it was told of.
    pub(super) fn remembered(&self, key: &Key) -> Option<Remembered> {
        self.told?;
        let (opened, _) = self.opened;
        Some(Remembered {
            key: key.text(),
            opened,
            last: self.last,
            incident: key.incident(opened),
            previous: self.previous,
            told: self.told,
        })
    }

    /// Takes a notice for told and gives it its number.
    pub(super) fn tell(
        &mut self,
        notice: Notice,
        grade: Grade,
        severity: Severity,
        at: Timestamp,
    ) -> Telling {
        let before = self.told.unwrap_or(Told { notices: 0, grade, severity, at, repeats: 0, unsent: 0 });
        let number = before.notices.saturating_add(1);
        self.has_news = false;
        self.told = Some(Told {
            notices: number,
            grade: before.grade.max(grade),
            severity: before.severity.max(severity),
            at,
            repeats: before.repeats + u32::from(notice == Notice::Repeated),
            unsent: before.unsent,
        });
        Telling { notice, number, unsent: before.unsent }
    }
}

/// All that is told of.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// What open flows have to say, and to which incident.
    standing: HashMap<FlowId, Vec<(Key, Meeting)>, RandomState>,
    cases: HashMap<Key, Case, RandomState>,
    /// Which of them met which indicator, as open flows show it, or showed it where records did not bear it out.
    met: Met,
    /// When which case is to be looked at, by the order in which they came.
    agenda: BTreeMap<(Timestamp, u64), Key>,
    next_number: u64,
    /// What clients asked resolvers, as open flows show it.
    pub asked: Asked,
}

impl Live {
    pub(super) fn case(&self, key: &Key) -> Option<&Case> {
        self.cases.get(key)
    }

    pub(super) fn case_mut(&mut self, key: &Key) -> Option<&mut Case> {
        self.cases.get_mut(key)
    }

    pub(super) fn cases(&self) -> impl Iterator<Item = (&Key, &Case)> {
        self.cases.iter()
    }

    /// Which cases met which indicator, as far as open flows tell.
    pub(super) fn met(&self) -> &Met {
        &self.met
    }

    pub(super) fn len(&self) -> usize {
        self.cases.len()
    }

    /// Whether a flow's snapshot can be held.
    pub(super) fn has_room(&self, flow: FlowId) -> bool {
        self.standing.len() < MAX_STANDING_FLOWS || self.standing.contains_key(&flow)
    }

    /// What open flows have to say to an incident, by flow.
    pub(super) fn meetings<'a>(&'a self, key: &'a Key) -> impl Iterator<Item = &'a Meeting> {
        let flows = self.cases.get(key).into_iter().flat_map(|case| &case.standing);
        let said = flows.filter_map(|flow| self.standing.get(flow)).flatten();
        said.filter(move |(about, _)| about == key).map(|(_, meeting)| meeting)
    }

    /// Takes note of a meeting, whether of an open flow or of one that ended: its incident is to be looked at.
    pub(super) fn note(&mut self, key: &Key, meeting: &Meeting, wake: Timestamp, may_be_severer: bool) {
        let Some(case) = self.cases.get_mut(key) else { return };
        let (_, last) = meeting.span();
        case.last = case.last.max(last);
        if case.told.is_none() {
            case.opened = case.opened.min(meeting.met());
        }
        let rose = meeting.grade > case.grade || is_severer(meeting.direction, case.direction);
        case.grade = case.grade.max(meeting.grade);
        if is_severer(meeting.direction, case.direction) {
            case.direction = meeting.direction;
        }
        case.has_news |= case.told.is_none_or(|told| last > told.at);
        if let Some(unborne) = case.unborne.take() {
            self.met.remove(key, indicators(&unborne));
        }
        let Some(told) = case.told else { return self.wake_at(key, wake) };
        if rose || (may_be_severer && told.severity < Severity::High) {
            self.wake_at(key, wake);
        } else if case.has_news {
            self.wake_at(key, told.may_repeat());
        }
    }

    /// A case that begins with a meeting, unless there is one.
    pub(super) fn begin(&mut self, key: &Key, meeting: &Meeting, before: impl FnOnce() -> Before) {
        if self.cases.contains_key(key) {
            return;
        }
        let Before { opened, told, previous } = before();
        let number = self.next_number;
        self.next_number += 1;
        let (_, last) = meeting.span();
        let case = Case {
            number,
            opened: opened.map_or_else(|| meeting.met(), |opened| (opened, 0)),
            last,
            grade: told.map_or(meeting.grade, |told| told.grade),
            direction: meeting.direction,
            standing: BTreeSet::new(),
            unborne: None,
            told,
            has_news: false,
            wake: None,
            previous,
        };
        self.cases.insert(key.clone(), case);
    }

    /// Holds what an open flow has to say to an incident of which there is a case.
    pub(super) fn place(&mut self, key: Key, meeting: Meeting) {
        let Some(case) = self.cases.get_mut(&key) else { return };
        let flow = meeting.flow.id;
        case.standing.insert(flow);
        self.met.add(&key, meeting.indicators().map(|indicator| &indicator.value));
        self.standing.entry(flow).or_insert_with(|| Vec::with_capacity(1)).push((key, meeting));
    }

    /// Takes away what a flow said as an open one.
    pub(super) fn take(&mut self, flow: FlowId) -> Vec<(Key, Meeting)> {
        let former = self.standing.remove(&flow).unwrap_or_default();
        for (key, meeting) in &former {
            self.met.remove(key, meeting.indicators().map(|indicator| &indicator.value));
            if let Some(case) = self.cases.get_mut(key) {
                case.standing.remove(&flow);
            }
        }
        former
    }

    /// Looks after the incident to which something was said that does not stand any more, and of which nothing else is left:
    /// what was told of must still be closed, anything else is forgotten.
    pub(super) fn forsake(&mut self, key: &Key, former: &[(Key, Meeting)]) {
        let Some(case) = self.cases.get_mut(key).filter(|case| case.standing.is_empty()) else { return };
        if case.told.is_none() {
            self.end(key);
        } else if case.unborne.is_none() {
            let said = former.iter().filter(|(about, _)| about == key).map(|(_, meeting)| meeting);
            case.unborne = Incident::of(None, said).map(Box::new);
            if let Some(unborne) = &case.unborne {
                self.met.add(key, indicators(unborne));
            }
        }
    }

    /// Ends a case.
    pub(super) fn end(&mut self, key: &Key) -> Option<Case> {
        let case = self.cases.remove(key)?;
        if let Some(wake) = case.wake {
            self.agenda.remove(&(wake, case.number));
        }
        if let Some(unborne) = &case.unborne {
            self.met.remove(key, indicators(unborne));
        }
        for flow in &case.standing {
            if let Some(said) = self.standing.get_mut(flow) {
                let gone = said.extract_if(.., |(about, _)| about == key);
                for (_, meeting) in gone {
                    self.met.remove(key, meeting.indicators().map(|indicator| &indicator.value));
                }
            }
        }
        Some(case)
    }

    /// Has a case looked at, at this time or earlier.
    pub(super) fn wake_at(&mut self, key: &Key, time: Timestamp) {
        let Some(case) = self.cases.get_mut(key) else { return };
        if case.wake.is_some_and(|wake| wake <= time) {
            return;
        }
        if let Some(wake) = case.wake.replace(time) {
            self.agenda.remove(&(wake, case.number));
        }
        self.agenda.insert((time, case.number), key.clone());
    }

    /// The cases to look at, first ones first, and so many at most.
    pub(super) fn due(&mut self, now: Timestamp, most: usize) -> Vec<Key> {
        let mut due = Vec::new();
        while due.len() < most
            && let Some(first) = self.agenda.first_entry().filter(|first| first.key().0 <= now)
        {
            let key = first.remove();
            if let Some(case) = self.cases.get_mut(&key) {
                case.wake = None;
            }
            due.push(key);
        }
        due
    }

    /// The open flows.
    pub(super) fn flows(&self) -> Vec<FlowId> {
        self.quiet_flows(Timestamp::MAX)
    }

    /// The open flows with no packet since then.
    pub(super) fn quiet_flows(&self, since: Timestamp) -> Vec<FlowId> {
        let is_quiet = |said: &Vec<(Key, Meeting)>| said.iter().all(|(_, meeting)| meeting.flow.last < since);
        let mut quiet: Vec<FlowId> =
            self.standing.iter().filter(|(_, said)| is_quiet(said)).map(|(flow, _)| *flow).collect();
        quiet.sort_unstable();
        quiet
    }
}

/// What is known of an incident when its case begins.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// It goes on after a restart: when it had opened, and what was told.
    pub opened: Option<Timestamp>,
    pub told: Option<Told>,
    pub previous: Option<Uuid>,
}

/// Of one incident only the directions outbound and unknown are mixed.
fn is_severer(one: Direction, other: Direction) -> bool {
    one == Direction::Outbound && other != Direction::Outbound
}
