//! Parcels for the tests of sinks.

use super::{Kind, Parcel};
use crate::{Format, Message, samples};
use std::time::{Duration, Instant};
use uuid::Uuid;

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
