//! Posts parcels: joined where the template can, not faster than the receiver likes, each with its key.

use super::super::brief::{Brief, Link};
use super::super::clock::{now, seconds_since_1970, time_left};
use super::super::{Outcome, Parcel, Sink};
use super::address::Address;
use super::answer::{self, Answer};
use super::signature::Signer;
use super::template::{Template, Unmade};
use std::time::{Duration, Instant};
use uuid::Uuid;
use weir_net::http::{Client, Request};

/// The namespace of identifiers of joined posts (UUIDv5, RFC 9562 section 5.5).
const NAMESPACE: Uuid = Uuid::from_u128(0x5b0a_65c2_6f4e_4f0b_9d3c_7765_6972_0010);

/// Where to, and how.
pub(super) struct Way {
    pub(super) address: Address,
    pub(super) client: Client,
    pub(super) template: Template,
    pub(super) signer: Option<Signer>,
    pub(super) link: Option<Link>,
    /// Most parcels in a post.
    pub(super) many: usize,
    pub(super) max_body: usize,
    /// Least time between posts.
    pub(super) pace: Duration,
    /// Longest time for an answer.
    pub(super) timeout: Duration,
}

/// Posts to a webhook.
pub(super) struct Poster {
    way: Way,
    /// Not before this may the next post go.
    next: Option<Instant>,
}

impl Poster {
    pub(super) fn new(way: Way) -> Self {
        Self { way, next: None }
    }

    /// Posts the first few of the parcels, and says of how many it is the outcome.
    fn post_first(&mut self, parcels: &[Parcel], most: usize, until: Instant) -> (usize, Outcome) {
        let (count, body) = self.way.body(parcels, most);
        let outcome = match body {
            Ok(body) => self.post(parcels.get(..count).unwrap_or_default(), body, until),
            Err(why) => Outcome::Refused(why),
        };
        (count, outcome)
    }

    fn post(&mut self, parcels: &[Parcel], body: Vec<u8>, until: Instant) -> Outcome {
        if let Some(next) = self.next {
            if next > until {
                return Outcome::Failed(format!(
                    "{} is not posted to again so soon (`pace`, or its `Retry-After`)",
                    self.way.address
                ));
            }
            std::thread::sleep(next.saturating_duration_since(now()));
        }
        let Some(time) = time_left(until, self.way.timeout) else {
            return Outcome::Failed("there was no time left to post it".to_owned());
        };
        let Answer { outcome, pause } = self.way.ask(key(parcels), body, time);
        let pause = pause.unwrap_or_default().max(self.way.pace);
        self.next = (!pause.is_zero()).then(|| now() + pause);
        outcome
    }
}

impl Sink for Poster {
    fn deliver(&mut self, parcels: &[Parcel], until: Instant) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(parcels.len());
        // So many go alone, because the receiver refused them together.
        let mut alone = 0;
        while let Some(rest) = parcels.get(outcomes.len()..).filter(|rest| !rest.is_empty()) {
            let most = if alone > 0 { 1 } else { self.way.many };
            let (count, outcome) = self.post_first(rest, most, until);
            match outcome {
                Outcome::Refused(_) if count > 1 => alone = count,
                Outcome::Failed(_) => outcomes.resize(parcels.len(), outcome),
                _ => {
                    alone = alone.saturating_sub(count);
                    outcomes.resize(outcomes.len() + count, outcome);
                }
            }
        }
        outcomes
    }
}

impl Way {
    /// What is posted of the first few parcels, and of how many it is: of as many as may be joined and fit.
    fn body(&self, parcels: &[Parcel], most: usize) -> (usize, Result<Vec<u8>, String>) {
        let mut count = most.clamp(1, parcels.len().max(1));
        loop {
            match self.made(parcels.get(..count).unwrap_or_default()) {
                Err(Unmade::TooLarge) if count > 1 => count = count.div_ceil(2),
                Err(Unmade::Unreadable | Unmade::Wrong(_)) if count > 1 => count = 1,
                made => return (count, made.map_err(|unmade| unmade.to_string())),
            }
        }
    }

    fn made(&self, parcels: &[Parcel]) -> Result<Vec<u8>, Unmade> {
        if self.template.is_plain() {
            let lines: Vec<&[u8]> = parcels.iter().map(|parcel| &*parcel.body).collect();
            let body = lines.join(&b'\n');
            return if body.len() > self.max_body { Err(Unmade::TooLarge) } else { Ok(body) };
        }
        let briefs: Option<Vec<Brief>> =
            parcels.iter().map(|parcel| Brief::of(parcel, self.link.as_ref())).collect();
        self.template.make(&briefs.ok_or(Unmade::Unreadable)?, self.max_body)
    }

    fn ask(&self, key: Uuid, body: Vec<u8>, time: Duration) -> Answer {
        let media_type = if self.many > 1 && self.template.is_plain() {
            "application/x-ndjson"
        } else {
            self.template.media_type()
        };
        let signature = self.signer.as_ref().map(|signer| signer.sign(&body, seconds_since_1970()));
        let mut request = Request::post(self.address.url(), media_type, body)
            .header("idempotency-key", key.to_string())
            .within(time);
        if let Some((name, value)) = signature {
            request = request.header(name, value);
        }
        match self.client.send(&request) {
            Ok(response) => answer::read(response, &self.address.to_string(), self.template.shipped_for()),
            Err(error) => Answer { outcome: Outcome::Failed(self.address.hide(&error.text)), pause: None },
        }
    }
}

/// By which a receiver knows a repeated post: the identifier of what it tells, or of several, one made of theirs.
fn key(parcels: &[Parcel]) -> Uuid {
    if let [parcel] = parcels {
        return parcel.id;
    }
    let ids: Vec<u8> = parcels.iter().flat_map(|parcel| parcel.id.into_bytes()).collect();
    Uuid::new_v5(&NAMESPACE, &ids)
}
