//! What is told, as parcels.

use crate::sinks::{Kind, Parcel};
use crate::{Format, Lines, Message};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use uuid::{Builder, Uuid};
use weir_model::community_id::community_id;
use weir_model::{Flow, FlowId, Observation, Protocol, Timestamp};

impl Parcel {
    /// A message; none if it cannot be written. What it says comes from strangers, and must not stop what comes behind it.
    pub fn of_message(message: Arc<Message>, format: Format) -> Option<Self> {
        let body =
            catch_unwind(AssertUnwindSafe(|| body(|lines| format.message(&message, lines)))).ok()??;
        Some(Self {
            kind: Kind::Alert,
            id: message.id(),
            key: message.key().to_string(),
            time: message.time(),
            body,
            format,
            message: Some(message),
        })
    }

    /// A flow; none where the format has no flows.
    pub fn of_flow(flow: &Flow, format: Format) -> Option<Self> {
        Some(Self {
            kind: Kind::Flow,
            id: identifier(flow.first, flow.id.0),
            key: community_id(0, flow.protocol, flow.initiator, flow.responder),
            time: flow.first,
            body: body(|lines| format.flow(flow, lines))?,
            format,
            message: None,
        })
    }

    /// What a conversation taught of a name; none where it names nothing, or the format has no names.
    pub fn of_name(flow: FlowId, protocol: Protocol, told: &Observation, format: Format) -> Option<Self> {
        Some(Self {
            kind: Kind::Name,
            id: identifier(told.time, flow.0),
            key: community_id(0, protocol, told.source, told.destination),
            time: told.time,
            body: body(|lines| format.name(flow, protocol, told, lines))?,
            format,
            message: None,
        })
    }

    /// The ledger, written by whoever keeps it.
    pub fn of_ledger(body: Vec<u8>, time: Timestamp, format: Format) -> Self {
        let (id, key) = (identifier(time, 0), Kind::Ledger.plural().to_owned());
        Self { kind: Kind::Ledger, id, key, time, body, format, message: None }
    }
}

/// The line that `write` adds, without its end.
fn body(write: impl FnOnce(&mut Lines)) -> Option<Vec<u8>> {
    let mut lines = Lines::default();
    write(&mut lines);
    lines.bytes().strip_suffix(b"\n").filter(|body| !body.is_empty()).map(<[u8]>::to_vec)
}

/// Tells what is not spooled apart within a run: a version 8 UUID (RFC 9562 section 5.8) of a time and a number.
fn identifier(time: Timestamp, number: u64) -> Uuid {
    let both = (u128::from(time.as_nanos()) << 64) | u128::from(number);
    Builder::from_custom_bytes(both.to_be_bytes()).into_uuid()
}
