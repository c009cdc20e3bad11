//! Takes one batch over.
//!
//! All goes to librdkafka at once, which pipelines it, but alerts of an incident one after the other: the next when the one before it is
//! acknowledged. So none can arrive behind one that failed, whatever becomes of requests on the way. Flows and names, of which a batch may
//! hold many with the same key, rely on the idempotent producer alone, which keeps their order unless a broker refuses one for good.

use super::context::{Context, Report};
use super::plan::Plan;
use super::verdict::{self, Verdict};
use super::{Outcome, Parcel, Sent};
use crate::sinks::Kind;
use crate::sinks::clock::now;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Shortest and longest time that is waited for news; it doubles as long as there are none.
const PATIENCE: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(50)];

/// One batch, on its way.
pub(super) struct Round<'a> {
    plan: &'a Plan,
    producer: &'a BaseProducer<Context>,
    sent: &'a mut HashMap<Uuid, Sent>,
    parcels: &'a [Parcel],
    outcomes: Vec<Option<Outcome>>,
    unsettled: usize,
    /// Where a parcel stands, by its ticket.
    places: HashMap<Uuid, usize>,
    /// What may be sent, in order.
    ready: VecDeque<usize>,
    /// What waits for an earlier alert with its key.
    behind: HashMap<&'a str, VecDeque<usize>>,
    /// What is to be sent when nothing else is under way, one at a time.
    alone: VecDeque<usize>,
    /// Which one that is, when it is under way.
    lonely: Option<usize>,
    /// What is sent with the broker's time.
    without_time: Vec<usize>,
    /// What is there twice: where, and where first.
    twins: Vec<(usize, usize)>,
    /// Why the producer can go no further, if so.
    broken: Option<String>,
}

impl<'a> Round<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        producer: &'a BaseProducer<Context>,
        sent: &'a mut HashMap<Uuid, Sent>,
        parcels: &'a [Parcel],
    ) -> Self {
        let mut round = Self {
            plan,
            producer,
            sent,
            parcels,
            outcomes: vec![None; parcels.len()],
            unsettled: parcels.len(),
            places: HashMap::with_capacity(parcels.len()),
            ready: VecDeque::with_capacity(parcels.len()),
            behind: HashMap::new(),
            alone: VecDeque::new(),
            lonely: None,
            without_time: Vec::new(),
            twins: Vec::new(),
            broken: None,
        };
        for (place, parcel) in parcels.iter().enumerate() {
            round.line_up(place, parcel);
        }
        round
    }

    /// Sends and waits. Says what became of each, and whether the producer can go on.
    pub(super) fn run(mut self, until: Instant) -> (Vec<Outcome>, bool) {
        let [shortest, longest] = PATIENCE;
        let mut patience = shortest;
        self.hear();
        loop {
            self.send_ready();
            let left = until.saturating_duration_since(now());
            if self.unsettled == 0 || left.is_zero() || self.broken.is_some() {
                break;
            }
            self.producer.poll(patience.min(left));
            patience = if self.hear() { shortest } else { (patience * 2).min(longest) };
        }
        self.close()
    }

    fn close(self) -> (Vec<Outcome>, bool) {
        let is_usable = self.broken.is_none();
        let why = self.broken.unwrap_or_else(|| {
            verdict::unanswered(&self.plan.brokers(), self.producer.context().complaint())
        });
        let outcomes = self.outcomes.into_iter();
        let mut outcomes: Vec<Outcome> =
            outcomes.map(|outcome| outcome.unwrap_or_else(|| Outcome::Failed(why.clone()))).collect();
        for (again, first) in self.twins {
            if let Some(outcome) = outcomes.get(first).cloned()
                && let Some(told) = outcomes.get_mut(again)
            {
                *told = outcome;
            }
        }
        (outcomes, is_usable)
    }

    fn line_up(&mut self, place: usize, parcel: &'a Parcel) {
        match self.places.entry(ticket(parcel)) {
            Entry::Occupied(first) => {
                self.twins.push((place, *first.get()));
                self.unsettled -= 1;
                return;
            }
            Entry::Vacant(new) => new.insert(place),
        };
        if parcel.kind != Kind::Alert {
            self.ready.push_back(place);
            return;
        }
        if let Some(others) = self.behind.get_mut(&*parcel.key) {
            others.push_back(place);
        } else {
            self.behind.insert(&parcel.key, VecDeque::new());
            self.ready.push_back(place);
        }
    }

    fn send_ready(&mut self) {
        while self.lonely.is_none() && self.broken.is_none() {
            let Some(place) = self.ready.pop_front() else { return self.send_lonely() };
            if !self.send(place) {
                self.ready.push_front(place);
                return;
            }
        }
    }

    fn send_lonely(&mut self) {
        if self.producer.in_flight_count() == 0
            && let Some(place) = self.alone.pop_front()
            && self.send(place)
        {
            self.lonely = Some(place);
        }
    }

    /// Whether there was room for it.
    fn send(&mut self, place: usize) -> bool {
        let Some(parcel) = self.parcels.get(place) else { return true };
        let ticket = ticket(parcel);
        match self.sent.get(&ticket) {
            Some(Sent::Waiting) => return true,
            Some(Sent::Acknowledged) => {
                self.sent.remove(&ticket);
                self.settle(place, Outcome::Taken);
                return true;
            }
            None => {}
        }
        let record = BaseRecord::with_opaque_to(self.plan.topic(parcel.kind), Box::new(ticket))
            .key(&*parcel.key)
            .payload(&*parcel.body)
            .headers(headers(parcel, ticket));
        let time = i64::try_from(parcel.time.as_nanos() / 1_000_000).unwrap_or(0);
        let record = if self.without_time.contains(&place) { record } else { record.timestamp(time) };
        let error = match self.producer.send(record) {
            Ok(()) => {
                self.sent.insert(ticket, Sent::Waiting);
                return true;
            }
            Err((KafkaError::MessageProduction(Code::QueueFull), _)) => return false,
            Err((error, _)) => error.rdkafka_error_code().unwrap_or(Code::Unknown),
        };
        match error {
            // It is not sent at all.
            Code::MessageSizeTooLarge => self.settle(place, too_large(parcel)),
            code => self.judge(place, code),
        }
        true
    }

    /// Takes in what became of messages; whether there was anything.
    fn hear(&mut self) -> bool {
        let reports = self.producer.context().reports();
        let has_news = !reports.is_empty();
        for report in reports {
            self.take_in(&report);
        }
        if self.producer.client().fatal_error().is_some() {
            self.broken.get_or_insert_with(|| verdict::LOST_TRACK.to_owned());
        }
        has_news
    }

    fn take_in(&mut self, report: &Report) {
        self.sent.remove(&report.id);
        match (self.places.get(&report.id).copied(), report.error) {
            (Some(place), None) => self.settle(place, Outcome::Taken),
            (Some(place), Some(code)) => self.judge(place, code),
            (None, None) => {
                self.sent.insert(report.id, Sent::Acknowledged);
            }
            (None, Some(_)) => {}
        }
    }

    fn judge(&mut self, place: usize, code: Code) {
        let Some(parcel) = self.parcels.get(place) else { return };
        let was_alone = self.lonely == Some(place);
        match verdict::of(code, self.plan.topic(parcel.kind)) {
            Verdict::Alone if was_alone => self.settle(place, too_large(parcel)),
            Verdict::Alone => self.alone.push_back(place),
            Verdict::WithoutTime if self.without_time.contains(&place) => {
                self.settle(
                    place,
                    Outcome::Failed("the broker does not take its own time; look at its clock".to_owned()),
                );
            }
            Verdict::WithoutTime => {
                self.without_time.push(place);
                self.ready.push_back(place);
            }
            Verdict::Refused(why) => self.settle(place, Outcome::Refused(why)),
            Verdict::Failed(why) => self.settle(place, Outcome::Failed(why)),
            Verdict::Renew(why) => self.broken = Some(why),
        }
        if was_alone {
            self.lonely = None;
        }
    }

    /// Writes down what became of a parcel, and lets the next with its key go, or fails those, too.
    fn settle(&mut self, place: usize, outcome: Outcome) {
        let has_failed = matches!(outcome, Outcome::Failed(_));
        let Some(parcel) = self.note(place, outcome) else { return };
        if self.lonely == Some(place) {
            self.lonely = None;
        }
        while let Some(next) = self.behind.get_mut(&*parcel.key).and_then(VecDeque::pop_front) {
            if !has_failed {
                self.ready.push_back(next);
                return;
            }
            self.note(next, Outcome::Failed("an earlier notice of the same incident comes first".to_owned()));
        }
    }

    /// None if that was known.
    fn note(&mut self, place: usize, outcome: Outcome) -> Option<&'a Parcel> {
        let told = self.outcomes.get_mut(place).filter(|told| told.is_none())?;
        *told = Some(outcome);
        self.unsettled -= 1;
        self.parcels.get(place)
    }
}

/// What a parcel is remembered by, here and by consumers. An alert's identifier is its own; those of flows and names are made of a time and a
/// number, which several may share, so there the kind and what is said count as well.
fn ticket(parcel: &Parcel) -> Uuid {
    if parcel.kind == Kind::Alert {
        return parcel.id;
    }
    let mut hasher = DefaultHasher::new();
    (parcel.kind, &parcel.body).hash(&mut hasher);
    Uuid::from_u128(parcel.id.as_u128() ^ u128::from(hasher.finish()))
}

/// What tells a consumer what it has before it reads it.
fn headers(parcel: &Parcel, ticket: Uuid) -> OwnedHeaders {
    let kind = match parcel.kind {
        Kind::Alert => "alert",
        Kind::Flow => "flow",
        Kind::Name => "name",
        Kind::Ledger => "ledger",
    };
    let id = ticket.hyphenated().to_string();
    OwnedHeaders::new_with_capacity(3)
        .insert(Header { key: "schema", value: Some(parcel.format.schema()) })
        .insert(Header { key: "kind", value: Some(kind) })
        .insert(Header { key: "id", value: Some(&id) })
}

fn too_large(parcel: &Parcel) -> Outcome {
    let bytes = parcel.body.len();
    Outcome::Refused(format!(
        "a message of {bytes} bytes is larger than the cluster takes: raise the topic's max.message.bytes and `max_message`"
    ))
}
