//! Storm control: no more messages a minute than people, and what they look with, can take. What is beyond is only counted, and one
//! message a minute says how much that was.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;
use weir_model::alert::{Notice, Severity};
use weir_model::notice::Matter;
use weir_model::{Alert, Direction, Grade, SourceNotice, Timestamp};

/// Messages a minute unless somebody chose: ten a second are nothing to a SIEM, and about as much as a person can still scroll through.
pub(crate) const PER_MINUTE: u64 = 600;

/// A fifth of them is for what must not drown: incidents that open with the highest severity, or rise to it.
const RESERVED_ONE_IN: u64 = 5;

const MINUTE: Duration = Duration::from_mins(1);

/// Incidents that are told apart when those of a minute are counted, at 16 bytes: as many as are held at once. Beyond it their number is
/// a lower bound. The adversary spoofs packets of ever new listed addresses.
const MAX_INCIDENTS_COUNTED: usize = 1 << 18;

/// Kinds that the summary names.
const KINDS_SHOWN: usize = 5;

/// Decides what is told, by a clock that the caller reads.
#[derive(Debug)]
pub(crate) struct Storm {
    /// Without, everything is told.
    per_minute: Option<u64>,
    began: Option<Timestamp>,
    told: u64,
    folded: Folded,
}

/// What storm control knows of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sketch {
    /// Its identifier, as a number.
    incident: u128,
    notice: Notice,
    severity: Severity,
    kind: Kind,
}

/// What messages have in common, without anything that sources say: direction, grade, kind of indicator.
type Kind = (Direction, Grade, &'static str);

/// What was only counted in this minute.
#[derive(Debug, Default)]
struct Folded {
    since: Option<Timestamp>,
    messages: u64,
    incidents: HashSet<u128>,
    by_severity: [u64; 4],
    kinds: BTreeMap<Kind, u64>,
}

impl Storm {
    /// So many messages a minute; `None` for all.
    pub(crate) fn new(per_minute: Option<u64>) -> Self {
        Self { per_minute, began: None, told: 0, folded: Folded::default() }
    }

    /// From here on so many messages a minute; `None` for all.
    pub(crate) const fn set_cap(&mut self, per_minute: Option<u64>) {
        self.per_minute = per_minute;
    }

    /// Ends the minute if it is over, also where the clock was set back; what is to be said of it.
    pub(crate) fn turn(&mut self, now: Timestamp) -> Option<SourceNotice> {
        let is_over = |began: Timestamp| now < began || now.since(began) >= MINUTE;
        self.began.is_some_and(is_over).then(|| self.end(now)).flatten()
    }

    /// Ends the minute, as at the end of a run.
    pub(crate) fn end(&mut self, now: Timestamp) -> Option<SourceNotice> {
        (self.began, self.told) = (None, 0);
        let matter = std::mem::take(&mut self.folded).summary()?;
        Some(SourceNotice { time: now, source: None, matter })
    }

    /// Which of several messages, which came at once, are told. The most urgent take the places that are left first.
    pub(crate) fn admit(&mut self, messages: &[Sketch], now: Timestamp) -> Vec<bool> {
        let mut verdicts: Vec<(usize, bool)> = Vec::with_capacity(messages.len());
        let mut by_urgency: Vec<(usize, &Sketch)> = messages.iter().enumerate().collect();
        by_urgency.sort_by_key(|(_, message)| std::cmp::Reverse((message.is_urgent(), message.is_opening())));
        for (place, message) in by_urgency {
            verdicts.push((place, self.takes(message, now)));
        }
        verdicts.sort_unstable();
        verdicts.into_iter().map(|(_, is_told)| is_told).collect()
    }

    fn takes(&mut self, message: &Sketch, now: Timestamp) -> bool {
        self.began.get_or_insert(now);
        let reserved = |most: u64| if message.is_urgent() { 0 } else { most / RESERVED_ONE_IN };
        let is_told = self.per_minute.is_none_or(|most| self.told < most - reserved(most));
        if is_told {
            self.told += 1;
        } else {
            self.folded.add(message, now);
        }
        is_told
    }
}

impl Sketch {
    /// What must not drown.
    fn is_urgent(&self) -> bool {
        self.severity == Severity::High && matches!(self.notice, Notice::Opened | Notice::Raised)
    }

    fn is_opening(&self) -> bool {
        self.notice == Notice::Opened
    }
}

impl From<&Alert> for Sketch {
    fn from(alert: &Alert) -> Self {
        let kind = (alert.direction, alert.grade, alert.indicator.value.kind());
        Self { incident: alert.incident.as_u128(), notice: alert.notice, severity: alert.severity, kind }
    }
}

impl Folded {
    fn add(&mut self, message: &Sketch, now: Timestamp) {
        self.since.get_or_insert(now);
        self.messages += 1;
        if self.incidents.len() < MAX_INCIDENTS_COUNTED {
            self.incidents.insert(message.incident);
        }
        if let Some(count) = self.by_severity.get_mut(message.severity as usize) {
            *count += 1;
        }
        *self.kinds.entry(message.kind).or_default() += 1;
    }

    fn summary(self) -> Option<Matter> {
        let mut kinds: Vec<(Kind, u64)> = self.kinds.into_iter().collect();
        kinds.sort_by_key(|(kind, count)| (std::cmp::Reverse(*count), *kind));
        let named = |((direction, grade, value), count): (Kind, u64)| {
            (format!("{direction} {grade} {value}").into(), count)
        };
        Some(Matter::Folded {
            since: self.since?,
            messages: self.messages,
            incidents: self.incidents.len() as u64,
            by_severity: self.by_severity,
            kinds: kinds.into_iter().take(KINDS_SHOWN).map(named).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(incident: u128, notice: Notice, severity: Severity) -> Sketch {
        let kind = (Direction::Outbound, Grade::Attempted, "ipv4-addr");
        Sketch { incident, notice, severity, kind }
    }

    fn at(second: u64) -> Timestamp {
        Timestamp::new(second, 0)
    }

    fn told(verdicts: &[bool]) -> usize {
        verdicts.iter().filter(|is_told| **is_told).count()
    }

    #[test]
    fn what_is_beyond_the_cap_is_counted_and_said_when_the_minute_is_over() {
        let mut storm = Storm::new(Some(100));
        let many: Vec<_> = (0..500)
            .map(|number| Sketch {
                kind: (
                    Direction::Outbound,
                    if number % 4 == 0 { Grade::Connected } else { Grade::Attempted },
                    "domain-name",
                ),
                ..message(number / 2, Notice::Opened, Severity::Medium)
            })
            .collect();
        assert_eq!(told(&storm.admit(&many, at(10))), 80);
        assert_eq!(told(&storm.admit(&many, at(69))), 0);
        assert_eq!(storm.turn(at(69)), None, "the minute goes on");
        let summary = storm.turn(at(70)).unwrap();
        assert_eq!((summary.time, summary.source.clone()), (at(70), None));
        let Matter::Folded { since, messages, incidents, by_severity, kinds } = summary.matter else {
            panic!("another matter")
        };
        assert_eq!((since, messages, incidents), (at(10), 920, 250));
        assert_eq!(by_severity, [0, 0, 920, 0]);
        assert_eq!(kinds[0], ("outbound attempted domain-name".into(), 690));
        assert_eq!(kinds[1].1, 230);
        assert_eq!(storm.turn(at(200)), None, "nothing was folded since");
        assert_eq!(told(&storm.admit(&many, at(201))), 80, "another minute");
    }

    /// Whatever comes first, there is room for incidents that open with the highest severity.
    #[test]
    fn the_most_urgent_openings_are_folded_last() {
        let mut storm = Storm::new(Some(100));
        let low: Vec<_> = (0..1_000).map(|number| message(number, Notice::Opened, Severity::Low)).collect();
        storm.admit(&low, at(10));
        let raised =
            [message(1, Notice::Raised, Severity::High), message(2, Notice::Repeated, Severity::High)];
        assert_eq!(storm.admit(&raised, at(11)), [true, false]);
        let mut mixed: Vec<_> = low.clone();
        mixed.extend((0..30).map(|number| message(2_000 + number, Notice::Opened, Severity::High)));
        let verdicts = storm.admit(&mixed, at(12));
        assert_eq!((told(&verdicts[..1_000]), told(&verdicts[1_000..])), (0, 19));
        assert!(verdicts[1_000..1_019].iter().all(|is_told| *is_told), "first ones first");
    }

    #[test]
    fn in_one_go_the_urgent_ones_take_their_places_before_the_others() {
        let mut storm = Storm::new(Some(10));
        let mut mixed: Vec<_> =
            (0..50).map(|number| message(number, Notice::Closed, Severity::Low)).collect();
        mixed.extend((0..5).map(|number| message(100 + number, Notice::Opened, Severity::Low)));
        mixed.extend((0..4).map(|number| message(200 + number, Notice::Opened, Severity::High)));
        let verdicts = storm.admit(&mixed, at(1));
        let counts = [&verdicts[..50], &verdicts[50..55], &verdicts[55..]].map(told);
        assert_eq!(counts, [0, 4, 4], "of ten places two are reserved, and closing ones come last");
    }

    #[test]
    fn without_a_cap_all_is_told_and_a_clock_set_back_stops_nothing() {
        let many: Vec<_> = (0..5_000).map(|number| message(number, Notice::Opened, Severity::Low)).collect();
        let mut storm = Storm::new(None);
        assert_eq!(told(&storm.admit(&many, at(1))), 5_000);
        assert_eq!(storm.end(at(2)), None);
        let mut storm = Storm::new(Some(1));
        assert_eq!(told(&storm.admit(&many, at(1_000))), 1, "also of a cap that leaves nothing to reserve");
        assert!(storm.turn(at(500)).is_some());
        assert_eq!(told(&storm.admit(&many, at(500))), 1);
        assert!(storm.end(at(501)).is_some(), "what was folded is said at the end");
    }
}
