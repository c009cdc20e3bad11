//! Against librdkafka's mock cluster, a real broker, and servers with TLS.

mod broker;
mod bus;
mod messages;
mod outages;
mod settings;
mod speed;
mod tokens;

use super::*;
use crate::Format;
use crate::sinks::clock::now;
use crate::sinks::{Kind, SinkSettings};
use std::path::Path;
use weir_model::Timestamp;

/// A notice of an incident; the text is its body.
fn alert(incident: u32, notice: u32) -> Parcel {
    Parcel {
        kind: Kind::Alert,
        id: id(&format!("{incident} {notice}")),
        key: format!("incident {incident}"),
        time: Timestamp::new(1_763_800_000 + u64::from(notice), 250_000_000),
        body: format!("{incident} {notice}").into_bytes(),
        format: Format::Ecs,
        message: None,
    }
}

fn flow(number: u32, body: Vec<u8>) -> Parcel {
    let key = format!("1:{number}");
    Parcel { kind: Kind::Flow, id: id(&format!("flow {number}")), key, body, ..alert(0, 0) }
}

fn id(text: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes())
}

fn open(settings: &KafkaSettings) -> Kafka {
    let opening = Opening { name: "bus", base: Path::new("/") };
    Kafka::open(Plan::new(settings, &opening).unwrap()).unwrap()
}

/// Long enough for whatever should happen.
fn in_seconds(seconds: u64) -> Instant {
    now() + Duration::from_secs(seconds)
}

#[test]
fn it_is_a_kind_of_sink() {
    assert!(SinkSettings::KINDS.contains(&"kafka"));
    let written = toml::from_str::<toml::Value>("brokers = [\"localhost\"]").unwrap();
    let settings = SinkSettings::read("kafka", written).unwrap().unwrap();
    assert_eq!((settings.kind(), settings.ceiling()), ("kafka", Tlp::AmberStrict));
}
