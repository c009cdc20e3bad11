//! Canaries: observations of our own, sent through the whole way, so that silence is known to be silence.
//!
//! Each thread that takes packets or records sends itself a DNS question for a name that is an indicator of every set: it is decoded,
//! counted into a flow, matched and told of as any other. At the desk it becomes an alert, which is recognised, noted and shown to
//! nobody. A canary is told by the number of its flow: no packet has one as high. Somebody else's question for the name is like
//! any other hit: `dig canary.weir.invalid` tries the way by hand.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use weir_model::flow::FlowId;
use weir_model::{Context, Indicator, IndicatorValue, Name, Tlp};
use weir_rules::{IndicatorSet, SetBuilder};

/// Below a top level that nobody ever gets (RFC 6761 section 6.4).
const NAME: &str = "canary.weir.invalid";
/// The ends of the question: addresses for documentation (RFC 5737).
pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 250);
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 251);

/// No packet or record has a number as high.
const CANARY: u64 = 1 << 62;
const PLACE_SHIFT: u32 = 40;
/// As many as fit below bit 52, by which flows of records are told from those of packets.
const PLACES: u64 = 1 << 12;

/// What every set knows; `None` would mean that the name is none.
pub(crate) fn indicator() -> Option<Indicator> {
    let context = Context {
        source: "weir".into(),
        description: Some("built in: shows that everything is compared and told of".into()),
        tlp: Some(Tlp::Clear),
        ..Context::default()
    };
    Some(Indicator::new(value()?, vec![context]))
}

/// Adds it to a set that is being made.
pub(crate) fn add_to(builder: &mut SetBuilder) {
    if let Some(indicator) = indicator() {
        // There is room: it is the first.
        let _ = builder.add(indicator);
    }
}

/// The indicators of a set by kind, without it.
pub(crate) fn kinds(set: &IndicatorSet) -> Vec<(&'static str, u64)> {
    let canary = value().filter(|value| set.find_value(value).is_some());
    let built_in = |kind| u64::from(canary.as_ref().is_some_and(|value| value.kind() == kind));
    set.kinds().map(|(kind, count)| (kind, count.saturating_sub(built_in(kind)))).collect()
}

/// Its value.
pub(crate) fn value() -> Option<IndicatorValue> {
    Some(IndicatorValue::Host(name()?))
}

fn name() -> Option<Name> {
    Name::from_ascii(NAME.as_bytes())
}

/// Whether a flow is a canary.
pub(crate) const fn is_canary(flow: FlowId) -> bool {
    flow.0 & CANARY != 0
}

/// Which thread sent it.
pub(crate) const fn place_of(flow: FlowId) -> usize {
    (flow.0 >> PLACE_SHIFT & (PLACES - 1)) as usize
}

/// How often canaries are sent, for all threads; it can be turned while they work.
#[derive(Debug, Default)]
pub(crate) struct Interval(AtomicU64);

impl Interval {
    /// So often; `None` for never.
    #[cfg(test)]
    pub(crate) fn new(interval: Option<Duration>) -> Arc<Self> {
        let new = Self::default();
        new.set(interval);
        Arc::new(new)
    }

    /// From here on so often.
    pub(crate) fn set(&self, interval: Option<Duration>) {
        let millis = interval.map_or(0, |interval| interval.as_millis().max(1));
        self.0.store(u64::try_from(millis).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> Option<Duration> {
        Some(self.0.load(Ordering::Relaxed)).filter(|millis| *millis > 0).map(Duration::from_millis)
    }
}

/// The canaries of one thread.
pub(crate) struct Aviary {
    interval: Arc<Interval>,
    sent_last: Option<Instant>,
    place: usize,
    sent: u64,
}

impl Aviary {
    /// Of the thread of that place; without an interval there are none.
    pub(crate) const fn new(interval: Arc<Interval>, place: usize) -> Self {
        Self { interval, sent_last: None, place, sent: 0 }
    }

    /// When it is time: the next one's number.
    pub(crate) fn next(&mut self, now: Instant) -> Option<u64> {
        let interval = self.interval.get()?;
        if self.sent_last.is_some_and(|last| now.saturating_duration_since(last) < interval) {
            return None;
        }
        self.sent_last = Some(now);
        self.sent += 1;
        let counter = self.sent & ((1 << PLACE_SHIFT) - 1);
        Some(CANARY | (self.place as u64 % PLACES) << PLACE_SHIFT | counter)
    }
}

/// An IPv4 packet with the question.
pub(crate) fn packet(number: u64) -> Vec<u8> {
    let mut question = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in NAME.split('.') {
        question.push(label.len() as u8);
        question.extend(label.as_bytes());
    }
    question.extend([0, 0, 1, 0, 1]);
    let length = (8 + question.len()) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend((20 + length).to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    packet.extend(CLIENT.octets());
    packet.extend(SERVER.octets());
    packet.extend(port(number).to_be_bytes());
    packet.extend([0, 53]);
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(question);
    packet
}

/// The client's port: another one each time, so that each question is a flow of its own.
pub(crate) const fn port(number: u64) -> u16 {
    49_152 + (number % 16_384) as u16
}

/// The question as exporters write it into records.
pub(crate) const fn question() -> &'static [u8] {
    NAME.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a moment to begin with")]
    fn one_is_due_at_each_interval_and_tells_whose_it_is() {
        let mut aviary = Aviary::new(Interval::new(Some(Duration::from_mins(1))), 3);
        let now = Instant::now();
        let number = aviary.next(now).unwrap();
        assert!(is_canary(FlowId(number)) && !is_canary(FlowId(7)));
        assert_eq!(place_of(FlowId(number)), 3);
        assert_eq!(aviary.next(now + Duration::from_secs(59)), None);
        let next = aviary.next(now + Duration::from_secs(61)).unwrap();
        assert_ne!(port(number), port(next));
        aviary.interval.set(Some(Duration::from_secs(10)));
        assert_eq!(aviary.next(now + Duration::from_secs(70)), None);
        assert!(aviary.next(now + Duration::from_secs(71)).is_some(), "it was turned");
        assert_eq!(Aviary::new(Interval::new(None), 0).next(now), None);
        assert!(indicator().is_some());
    }
}
