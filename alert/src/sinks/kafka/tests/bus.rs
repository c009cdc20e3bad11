//! librdkafka's mock cluster, and what a consumer finds in it.

use super::*;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::collections::{BTreeMap, HashSet};

/// Partitions of each topic.
pub(super) const PARTITIONS: i32 = 4;

/// A cluster of brokers that come and go at once.
pub(super) struct Bus {
    pub(super) cluster: MockCluster<'static, DefaultProducerContext>,
}

/// A message as a consumer has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Consumed {
    pub(super) key: String,
    pub(super) body: String,
    pub(super) time: Option<i64>,
    pub(super) headers: BTreeMap<String, String>,
}

impl Bus {
    pub(super) fn new(brokers: i32) -> Self {
        let cluster = MockCluster::new(brokers).unwrap();
        for kind in Kind::ALL {
            cluster.create_topic(&format!("weir.{}", kind.plural()), PARTITIONS, brokers).unwrap();
        }
        Self { cluster }
    }

    /// Settings with short pauses, so that tests are short.
    pub(super) fn settings(&self, more: &str) -> KafkaSettings {
        settings(&self.cluster.bootstrap_servers(), more)
    }

    /// Answers the next requests to produce with errors.
    pub(super) fn refuse(&self, errors: &[RDKafkaRespErr]) {
        self.cluster.request_errors(RDKafkaApiKey::Produce, errors);
    }

    /// All of a topic, as soon as it has so many different messages.
    pub(super) fn consumed(&self, topic: &str, different: usize) -> Vec<Consumed> {
        consumed(&self.cluster.bootstrap_servers(), topic, PARTITIONS, different)
    }
}

pub(super) fn settings(brokers: &str, more: &str) -> KafkaSettings {
    let brokers: Vec<_> = brokers.split(',').map(|broker| format!("\"{broker}\"")).collect();
    let pauses = "librdkafka.\"reconnect.backoff.max.ms\" = 300\nlibrdkafka.\"retry.backoff.max.ms\" = 200";
    toml::from_str(&format!("brokers = [{}]\n{pauses}\n{more}", brokers.join(", "))).unwrap()
}

/// Each partition from its beginning; the order within a partition is kept.
pub(super) fn consumed(brokers: &str, topic: &str, partitions: i32, different: usize) -> Vec<Consumed> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "test")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let mut places = TopicPartitionList::new();
    for partition in 0..partitions {
        places.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&places).unwrap();
    let (mut found, mut known) = (Vec::new(), HashSet::new());
    let end = in_seconds(60);
    while known.len() < different && now() < end {
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(200)) else { continue };
        let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap();
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        let consumed = Consumed {
            key: text(message.key()),
            body: text(message.payload()),
            time: message.timestamp().to_millis(),
            headers: headers.map(|header| (header.key.to_owned(), text(header.value))).collect(),
        };
        known.insert((consumed.headers["id"].clone(), consumed.body.clone()));
        found.push(consumed);
    }
    found
}
