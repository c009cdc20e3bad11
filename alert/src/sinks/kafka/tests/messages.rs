//! What arrives, what is refused, and what is said when something fails.

use super::bus::{Bus, Consumed};
use super::*;
use rdkafka::types::RDKafkaRespErr;
use std::collections::HashSet;

fn all_taken(outcomes: &[Outcome]) -> bool {
    outcomes.iter().all(|outcome| *outcome == Outcome::Taken)
}

fn bodies(consumed: &[Consumed], key: &str) -> Vec<String> {
    consumed.iter().filter(|message| message.key == key).map(|message| message.body.clone()).collect()
}

#[test]
fn each_kind_has_its_topic_and_each_message_its_key_headers_and_time() {
    let bus = Bus::new(1);
    let mut sink = open(&bus.settings(""));
    let kinds = Kind::ALL.map(|kind| Parcel { kind, id: id(kind.plural()), ..alert(7, 1) });
    assert!(all_taken(&sink.deliver(&kinds, in_seconds(30))));
    for (kind, name) in Kind::ALL.into_iter().zip(["alert", "flow", "name", "ledger"]) {
        let found = bus.consumed(&format!("weir.{}", kind.plural()), 1);
        let [message] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((&*message.key, &*message.body), ("incident 7", "7 1"));
        assert_eq!(message.time, Some(1_763_800_001_250));
        let headers: Vec<_> = message.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let [("id", identifier), ("kind", of), ("schema", "ecs/9.0.0")] = headers.as_slice() else {
            panic!("{headers:?}")
        };
        assert_eq!(*of, name);
        // Those of alerts are known elsewhere, too.
        assert_eq!(*identifier == id(kind.plural()).to_string(), kind == Kind::Alert);
    }
}

#[test]
fn topics_are_called_as_the_operator_wants_and_batches_packed() {
    let bus = Bus::new(1);
    for compression in ["zstd", "lz4", "snappy", "gzip", "none"] {
        let topic = format!("flows-{compression}");
        bus.cluster.create_topic(&topic, bus::PARTITIONS, 1).unwrap();
        let more =
            format!("topics = {{ prefix = \"soc.\", flows = \"{topic}\" }}\ncompression = \"{compression}\"");
        let settings = bus.settings(&more);
        assert_eq!(settings.topics.of(Kind::Alert), "soc.alerts");
        let flows: Vec<_> = (0..50)
            .map(|number| flow(number, format!("{number} {}", "x".repeat(500)).into_bytes()))
            .collect();
        assert!(all_taken(&open(&settings).deliver(&flows, in_seconds(30))), "{compression}");
        let found = bus.consumed(&topic, 50);
        assert_eq!(found.len(), 50, "{compression}");
        assert!(found.iter().any(|message| message.body.starts_with("49 xxx")), "{compression}");
    }
}

#[test]
fn alerts_of_an_incident_stay_in_order_although_many_are_under_way() {
    let bus = Bus::new(3);
    let mut sink = open(&bus.settings(""));
    let alerts: Vec<_> = (0..60).map(|number| alert(number % 20, number / 20)).collect();
    assert!(all_taken(&sink.deliver(&alerts, in_seconds(30))));
    let found = bus.consumed("weir.alerts", 60);
    assert_eq!(found.len(), 60);
    for incident in 0..20 {
        let expected: Vec<_> = (0..3).map(|notice| format!("{incident} {notice}")).collect();
        assert_eq!(bodies(&found, &format!("incident {incident}")), expected);
    }
}

#[test]
fn what_is_too_large_is_refused_alone() {
    let bus = Bus::new(1);
    let mut sink = open(&bus.settings("max_message = \"10kB\""));
    let large = Parcel { body: vec![b'x'; 20_000], ..alert(1, 1) };
    let outcomes = sink.deliver(&[alert(1, 0), large, alert(1, 2), alert(2, 0)], in_seconds(30));
    let [Outcome::Taken, Outcome::Refused(why), Outcome::Taken, Outcome::Taken] = outcomes.as_slice() else {
        panic!("{outcomes:?}")
    };
    assert!(
        why.contains("20000 bytes is larger") && why.contains("max.message.bytes") && !why.contains("xxx"),
        "{why}"
    );
    assert_eq!(bodies(&bus.consumed("weir.alerts", 3), "incident 1"), ["1 0", "1 2"]);
}

/// A broker judges a batch, of which only one message may be too large: each is tried alone.
#[test]
fn a_batch_that_is_too_large_is_tried_one_by_one() {
    let bus = Bus::new(1);
    let mut sink = open(&bus.settings("librdkafka.\"linger.ms\" = 200"));
    let flows: Vec<_> =
        (0..4).map(|number| Parcel { key: "one".to_owned(), ..flow(number, b"small".to_vec()) }).collect();
    let too_large = RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    bus.refuse(&[too_large, too_large]);
    let outcomes = sink.deliver(&flows, in_seconds(30));
    let refused: Vec<_> = outcomes.iter().map(|outcome| matches!(outcome, Outcome::Refused(_))).collect();
    assert_eq!(refused, [true, false, false, false], "{outcomes:?}");
    assert!(all_taken(&outcomes[1..]), "{outcomes:?}");
}

#[test]
fn what_would_be_refused_again_is_refused_and_the_rest_fails() {
    let bus = Bus::new(1);
    let mut sink = open(&bus.settings(""));
    let mut told = |error: RDKafkaRespErr| {
        bus.refuse(&[error]);
        sink.deliver(&[alert(1, 0)], in_seconds(30)).remove(0)
    };
    let Outcome::Refused(why) = told(RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_RECORD) else { panic!() };
    assert!(why.contains("no such record in weir.alerts"), "{why}");
    let Outcome::Failed(why) = told(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT) else {
        panic!()
    };
    assert!(why.contains("too old"), "{why}");
    // The broker's own time is taken where it does not like ours.
    assert_eq!(told(RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP), Outcome::Taken);
    let found = bus.consumed("weir.alerts", 1);
    assert!(found[0].time.unwrap() > 1_763_800_000_250, "{found:?}");
    let Outcome::Failed(why) = told(RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) else {
        panic!()
    };
    assert!(why.contains("Write and Describe"), "{why}");
}

/// Behind one that failed, none of its incident is taken.
#[test]
fn what_fails_holds_up_its_incident_and_no_other() {
    let bus = Bus::new(1);
    let mut sink = open(&bus.settings(""));
    assert!(all_taken(&sink.deliver(&[alert(9, 0)], in_seconds(30))));
    bus.refuse(&[RDKafkaRespErr::RD_KAFKA_RESP_ERR_POLICY_VIOLATION]);
    let outcomes = sink.deliver(&[alert(1, 0), alert(1, 1), alert(1, 2)], in_seconds(30));
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Failed(_))), "{outcomes:?}");
    assert!(all_taken(&sink.deliver(&[alert(1, 0), alert(2, 0), alert(1, 1), alert(1, 2)], in_seconds(30))));
    assert_eq!(bodies(&bus.consumed("weir.alerts", 5), "incident 1"), ["1 0", "1 1", "1 2"]);
}

/// What a broker is slow to acknowledge is not sent twice, and is taken as soon as it is asked for again.
#[test]
fn what_is_not_acknowledged_in_time_is_remembered() {
    let bus = Bus::new(1);
    let mut sink = open(&bus.settings(""));
    assert!(all_taken(&sink.deliver(&[alert(9, 0)], in_seconds(30))));
    bus.cluster.broker_round_trip_time(-1, Duration::from_secs(2)).unwrap();
    let alerts = [alert(1, 0), alert(1, 1), alert(2, 0)];
    let outcomes = sink.deliver(&alerts, in_seconds(0) + Duration::from_millis(300));
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Outcome::Failed(why) if why.contains("no acknowledgement")))
    );
    // Nobody asks for a while, and the acknowledgements come.
    while sink.sent.values().any(|sent| *sent == Sent::Waiting) {
        sink.idle();
        std::thread::sleep(Duration::from_millis(20));
    }
    bus.cluster.broker_round_trip_time(-1, Duration::ZERO).unwrap();
    assert!(all_taken(&sink.deliver(&alerts, in_seconds(30))));
    assert!(sink.sent.is_empty());
    let found = bus.consumed("weir.alerts", 4);
    assert_eq!((found.len(), bodies(&found, "incident 1")), (4, vec!["1 0".to_owned(), "1 1".to_owned()]));
}

#[test]
fn the_same_twice_in_a_batch_is_sent_once() {
    let bus = Bus::new(1);
    let mut sink = open(&bus.settings(""));
    assert!(all_taken(&sink.deliver(&[alert(1, 0), alert(1, 0), alert(1, 1)], in_seconds(30))));
    let found = bus.consumed("weir.alerts", 2);
    assert_eq!(found.iter().map(|message| &message.body).collect::<HashSet<_>>().len(), found.len());
}

/// A flow and a name that it taught may have the same time and number, and one packet may teach two names.
#[test]
fn other_things_with_the_same_identifier_are_other_things() {
    let bus = Bus::new(1);
    let mut sink = open(&bus.settings(""));
    let flow = flow(1, b"flow".to_vec());
    let name = |body: &str| Parcel { kind: Kind::Name, body: body.as_bytes().to_vec(), ..flow.clone() };
    assert!(all_taken(&sink.deliver(&[flow.clone(), name("one"), name("two"), name("two")], in_seconds(30))));
    assert_eq!(bus.consumed("weir.flows", 1)[0].body, "flow");
    let found: Vec<_> = bus.consumed("weir.names", 2).into_iter().map(|message| message.body).collect();
    assert_eq!(found, ["one", "two"]);
}

#[test]
fn what_is_wrong_is_said_with_a_remedy() {
    let settings = bus::settings("127.0.0.1:1", "");
    let outcomes = open(&settings).deliver(&[alert(1, 0)], in_seconds(2));
    let [Outcome::Failed(why)] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    assert!(
        why.contains("127.0.0.1:1") && why.contains("refused") && why.contains("whether the brokers run"),
        "{why}"
    );
    assert!(!why.contains("1 0"), "{why}");

    // A topic that nobody created, where brokers do not create any.
    let bus = Bus::new(1);
    let topic = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    bus.cluster.topic_error("weir.alerts", topic).unwrap();
    let outcomes = open(&bus.settings("")).deliver(&[alert(1, 0)], in_seconds(10));
    let [Outcome::Failed(why)] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    assert!(why.contains("Write and Describe"), "{why}");
}

#[test]
fn memory_is_bounded() {
    let bus = Bus::new(1);
    let mut sink = open(&bus.settings("buffer = \"64KiB\""));
    bus.cluster.broker_down(-1).unwrap();
    let flows: Vec<_> = (0..200).map(|number| flow(number, vec![b'x'; 1_000])).collect();
    let outcomes = sink.deliver(&flows, in_seconds(1));
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Failed(_))));
    assert!((10..=80).contains(&sink.sent.len()), "{} are held", sink.sent.len());
    bus.cluster.broker_up(-1).unwrap();
    assert!(all_taken(&sink.deliver(&flows, in_seconds(30))));
    assert_eq!(sink.sent.len(), 0);
}
