//! Parcels for the tests of sinks.

use super::{Kind, Outcome, Parcel, Sink};
use crate::{Format, Lines, Message, samples};
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;
use weir_model::Alert;
use weir_model::alert::{Direction, Grade, Notice};

/// A parcel of a kind with a body; alerts have a message.
pub(super) fn parcel(kind: Kind, body: &str) -> Parcel {
    let message = (kind == Kind::Alert).then(|| Message::from(samples::documented_alert()).into());
    Parcel {
        kind,
        id: Uuid::new_v5(&Uuid::NAMESPACE_OID, body.as_bytes()),
        key: "key".to_owned(),
        time: samples::FIRST,
        body: body.as_bytes().to_owned(),
        format: Format::Ecs,
        message,
    }
}

/// Alerts with these bodies.
pub(super) fn alerts<'a>(bodies: impl IntoIterator<Item = &'a str>) -> Vec<Parcel> {
    bodies.into_iter().map(|body| parcel(Kind::Alert, body)).collect()
}

/// Long enough for anything.
#[expect(clippy::disallowed_methods, reason = "a test waits")]
pub(super) fn soon() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

/// A notice of an incident as it is written in ECS, with what a test changes.
pub(super) fn notice_of(incident: u128, number: u32, change: impl FnOnce(&mut Alert)) -> Parcel {
    let mut alert = samples::alert(Direction::Outbound, Grade::Exchanged);
    alert.id = Uuid::from_u128(incident * 1000 + u128::from(number));
    alert.incident = Uuid::from_u128(incident * 1000);
    alert.notice = if number == 1 { Notice::Opened } else { Notice::Repeated };
    alert.number = number;
    change(&mut alert);
    let (id, key, time) = (alert.id, alert.incident.to_string(), alert.last);
    let message = Message::from(alert);
    let mut lines = Lines::default();
    Format::Ecs.message(&message, &mut lines);
    let body = lines.bytes().trim_ascii_end().to_owned();
    Parcel { kind: Kind::Alert, id, key, time, body, format: Format::Ecs, message: Some(Arc::new(message)) }
}

/// Takes parcels to a sink until it has settled all, as often as it fails; gives how often that was, and what was refused.
pub(super) fn persist(sink: &mut dyn Sink, parcels: &[Parcel]) -> (usize, Vec<Parcel>) {
    let (mut waiting, mut refused) = (parcels.to_vec(), Vec::new());
    for times in 1..=200 {
        let outcomes = sink.deliver(&waiting, soon());
        assert_eq!(outcomes.len(), waiting.len());
        let settled = outcomes.iter().take_while(|outcome| !matches!(outcome, Outcome::Failed(_))).count();
        let failed = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Failed(_))).count();
        assert_eq!(settled + failed, waiting.len(), "behind what failed nothing is taken");
        for (parcel, outcome) in waiting.drain(..settled).zip(outcomes) {
            if matches!(outcome, Outcome::Refused(_)) {
                refused.push(parcel);
            }
        }
        if waiting.is_empty() {
            return (times, refused);
        }
    }
    panic!("{} parcels wait for ever", waiting.len())
}
