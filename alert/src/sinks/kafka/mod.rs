//! Kafka: a topic for each kind, by librdkafka's idempotent producer, which every replica in sync must acknowledge.
//!
//! `settings` is what an operator writes, `plan` makes librdkafka's properties of it, `context` hears what librdkafka has to say, `round`
//! takes one batch over, and `verdict` says what an error means. What is not acknowledged in time is not sent again while librdkafka
//! still tries: it is remembered by its identifier, so that a slow broker gets nothing twice.

mod context;
mod plan;
mod round;
mod settings;
mod token;
mod verdict;

#[cfg(test)]
mod tests;

pub use settings::{
    Authentication, Bearer, Compression, KafkaSettings, Kerberos, Login, Oidc, Property, Topics,
};

use super::{Opening, Outcome, Outlet, Parcel, Settings, Sink};
use context::Context;
use plan::Plan;
use rdkafka::producer::{BaseProducer, Producer as _};
use round::Round;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use uuid::Uuid;
use weir_model::Tlp;
use weir_net::NetError;

/// Most identifiers that are remembered, each some 40 bytes. Adversary: a broker that acknowledges late what is never asked for again.
/// Beyond it those are forgotten that were acknowledged, and would come twice, as after a restart.
const MAX_REMEMBERED: usize = 100_000;

/// Most events that are taken from librdkafka when nothing is delivered; the next time comes in a second.
const MAX_IDLE_EVENTS: u32 = 1_000;

impl Settings for KafkaSettings {
    const KIND: &'static str = "kafka";
    const CEILING: Tlp = Tlp::AmberStrict;

    fn open(&self, opening: &Opening<'_>) -> Result<Vec<Outlet>, NetError> {
        Ok(Outlet::only(Kafka::open(Plan::new(self, opening)?)?))
    }

    fn check(&self, opening: &Opening<'_>) -> Result<(), NetError> {
        Plan::new(self, opening)?.properties().map(drop)
    }

    fn warnings(&self) -> Vec<String> {
        settings::warnings(self)
    }
}

/// The sink.
struct Kafka {
    plan: Plan,
    /// None between a fault and the next batch.
    producer: Option<BaseProducer<Context>>,
    sent: HashMap<Uuid, Sent>,
}

/// What is known of a message that librdkafka was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    /// It is not acknowledged yet.
    Waiting,
    /// It was, when nobody waited for it any more.
    Acknowledged,
}

impl Kafka {
    /// Connects in the background. That nobody answers is no error.
    fn open(plan: Plan) -> Result<Self, NetError> {
        let producer = Some(plan.producer()?);
        Ok(Self { plan, producer, sent: HashMap::new() })
    }

    /// Ends a producer that can go no further. What it had not brought over has failed; what the broker has of it comes twice.
    fn give_up(&mut self) {
        self.producer = None;
        self.sent.retain(|_, sent| *sent == Sent::Acknowledged);
    }

    fn forget(&mut self) {
        if self.sent.len() > MAX_REMEMBERED {
            self.sent.retain(|_, sent| *sent == Sent::Waiting);
        }
    }
}

impl Sink for Kafka {
    fn deliver(&mut self, parcels: &[Parcel], until: Instant) -> Vec<Outcome> {
        let producer = match self.producer.take().map_or_else(|| self.plan.producer(), Ok) {
            Ok(producer) => producer,
            Err(error) => return vec![Outcome::Failed(error.text); parcels.len()],
        };
        let round = Round::new(&self.plan, &producer, &mut self.sent, parcels);
        let (outcomes, is_usable) = round.run(until);
        self.producer = Some(producer);
        if !is_usable {
            self.give_up();
        }
        self.forget();
        outcomes
    }

    /// Takes what librdkafka has to say: late acknowledgements, complaints, that a token is due.
    fn idle(&mut self) {
        let Some(producer) = &self.producer else { return };
        for _ in 0..MAX_IDLE_EVENTS {
            producer.poll(Duration::ZERO);
            if producer.in_flight_count() == 0 {
                break;
            }
        }
        for report in producer.context().reports() {
            match report.error {
                None => self.sent.insert(report.id, Sent::Acknowledged),
                Some(_) => self.sent.remove(&report.id),
            };
        }
        if producer.client().fatal_error().is_some() {
            self.give_up();
        }
        self.forget();
    }
}
