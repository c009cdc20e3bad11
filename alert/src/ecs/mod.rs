//! The fields of alerts, flows and names: Elastic Common Schema 9, and `weir.*` where ECS has no field.

mod alert;
mod flow;
mod indicator;
mod name;
mod wire;

pub(crate) use wire::response_code;

pub use alert::alert;
pub use flow::flow;
pub use name::name;

use crate::Event;
use std::net::IpAddr;
use weir_model::{Endpoint, Protocol, Timestamp};

/// The schema's version that the fields follow.
pub const ECS_VERSION: &str = "9.0.0";

/// What every event has.
fn base(kind: &str, dataset: &str, time: Timestamp) -> Event {
    let mut event = Event::default();
    event.set("@timestamp", time.to_string());
    event.set("ecs.version", ECS_VERSION);
    event.set("event.kind", kind);
    event.set("event.module", "weir");
    event.set("event.dataset", dataset);
    event.set("observer.product", "Weir");
    event.set("observer.type", "ids");
    event
}

/// Both ends and the protocol between them.
fn conversation(event: &mut Event, protocol: Protocol, source: Endpoint, destination: Endpoint) {
    for (side, endpoint) in [("source", source), ("destination", destination)] {
        event.set(&format!("{side}.ip"), endpoint.ip.to_string());
        if protocol.has_ports() {
            event.set(&format!("{side}.port"), endpoint.port);
        }
    }
    event.set("network.type", if source.ip.is_ipv4() { "ipv4" } else { "ipv6" });
    event.set_some("network.transport", protocol.keyword());
    event.set("network.iana_number", protocol.0.to_string());
    event.set(
        "network.community_id",
        weir_model::community_id::community_id(0, protocol, source, destination),
    );
}

/// `related.ip`: each address once, in the order given.
fn related_ips(event: &mut Event, addresses: impl IntoIterator<Item = IpAddr>) {
    related(event, "related.ip", addresses.into_iter().map(|ip| ip.to_string()));
}

/// `related.*`: each text once, in the order given.
fn related(event: &mut Event, field: &str, texts: impl IntoIterator<Item = String>) {
    let mut unique: Vec<String> = Vec::new();
    for text in texts {
        // Few of them: the lists that they come from are capped.
        if !text.is_empty() && !unique.contains(&text) {
            unique.push(text);
        }
    }
    event.set_list(field, unique);
}

#[cfg(test)]
mod tests;
