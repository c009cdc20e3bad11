//! Nothing of what sources know, of the other end, or made from either, is in a stripped message.

use super::{FIRST, key, listing, written};
use crate::marking::{Above, Leaves, StripKey, leaves};
use crate::samples::{self, name, parsed};
use crate::{Message, ecs};
use proptest::prelude::*;
use ring::digest;
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use weir_model::alert::Match;
use weir_model::indicator::{Further, Report, Url};
use weir_model::{
    Alert, Endpoint, Flow, Indicator, IndicatorValue, Name, Protocol, Timestamp, Tlp, community_id,
};

/// What a case is made of.
#[derive(Clone, Debug)]
struct Secrets {
    remote: IpAddr,
    other: IpAddr,
    port: u16,
    label: String,
    source: String,
    text: String,
    number: u128,
    nanos: u64,
    bytes: u64,
}

prop_compose! {
    fn secrets()(
        remote in prop_oneof![any::<[u8; 4]>().prop_map(|[_, b, c, d]| IpAddr::from([198, b, c, d])), any::<[u8; 16]>().prop_map(IpAddr::from)],
        other in any::<[u8; 3]>().prop_map(|[b, c, d]| IpAddr::from([203, b, c, d])),
        port in 20_000_u16..,
        label in "[g-z]{6,12}[0-9]{2}",
        source in "[g-z]{5,9}\\.[g-z]{3}",
        text in "[G-Z]{5,9} [g-z]{5,9}[0-9]{3}",
        number in any::<u128>(),
        nanos in 1_000_000_000_u64..59_999_999_999,
        bytes in 12_346_u64..99_999_999,
    ) -> Secrets {
        Secrets { remote, other, port, label, source, text, number, nanos, bytes }
    }
}

impl Secrets {
    fn name(&self) -> Name {
        name(&format!("{}.example", self.label))
    }

    fn values(&self) -> Vec<IndicatorValue> {
        let path = format!("/{}?id={}", self.label, self.port);
        let hash = digest::digest(&digest::SHA256, self.label.as_bytes());
        vec![
            IndicatorValue::Address(self.remote),
            IndicatorValue::AddressPort(self.remote, self.port),
            IndicatorValue::Network(ipnet::IpNet::from(self.remote).supernet().unwrap()),
            IndicatorValue::Domain(self.name()),
            IndicatorValue::Host(self.name()),
            IndicatorValue::Url(Url { host: self.name(), port: Some(self.port), path: path.into() }),
            IndicatorValue::Ja3(*hash.as_ref().first_chunk().unwrap()),
            IndicatorValue::Ja4(format!("t13d1516h2_{}", self.label).into()),
            IndicatorValue::CertificateSha1(*hash.as_ref().first_chunk().unwrap()),
            IndicatorValue::CertificateSha256(*hash.as_ref().first_chunk().unwrap()),
        ]
    }

    fn indicator(&self, value: IndicatorValue) -> Arc<Indicator> {
        let mut indicator = Indicator::clone(&samples::indicator(value));
        for context in &mut indicator.contexts {
            context.source = self.source.as_str().into();
            context.description = Some(self.text.as_str().into());
            context.tags = vec![format!("tag:{}", self.label).into()];
            context.reference = Some(format!("https://{}.example/{}", self.source, self.label).into());
            context.tlp = Some(Tlp::Red);
            let report =
                Report { id: Some(Uuid::from_u128(self.number)), title: Some(self.text.as_str().into()) };
            let further = Further {
                id: Some(Uuid::from_u128(!self.number)),
                report: Some(Arc::new(report)),
                ..Further::default()
            };
            context.further = Some(Arc::new(further));
        }
        Arc::new(indicator)
    }

    /// Of every sample, with the secrets in the places where they are met.
    fn alerts(&self) -> Vec<Alert> {
        let values = self.values();
        let change = |(index, alert): (usize, Alert)| {
            let value = values[index % values.len()].clone();
            let first = FIRST + Duration::from_nanos(self.nanos);
            let identifier =
                |part: &str| Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{part} {value}").as_bytes());
            let remote = Endpoint::new(self.remote, self.port);
            let example = Flow { responder: remote, first, ..Flow::clone(&alert.example) };
            Alert {
                id: identifier("id"),
                incident: identifier("incident"),
                previous: Some(identifier("previous")),
                matched: vec![Match { field: alert.matched[0].field, value: value.to_string().into() }],
                also_matched: values
                    .iter()
                    .skip(index % 3)
                    .map(|value| self.indicator(value.clone()))
                    .collect(),
                indicator: self.indicator(value),
                names: vec![(self.name(), alert.names[0].1)],
                other_hosts: vec![self.other],
                first,
                last: first + Duration::from_nanos(self.nanos * 7),
                sent: weir_model::alert::Traffic { ip_bytes: self.bytes, ..alert.sent },
                example: Arc::new(example),
                ..alert
            }
        };
        samples::full_alerts().into_iter().cycle().take(values.len()).enumerate().map(change).collect()
    }
}

/// What both may say: the host, and words that are the same in every alert.
fn is_harmless(path: &str, text: &str) -> bool {
    let is_keyword = text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let shared = ["event.dataset", "weir.host", "ecs.version", "observer", "weir.incident.began"];
    is_keyword || text.len() < 4 || shared.iter().any(|start| path.starts_with(start))
}

/// All texts of an event but those.
fn texts(path: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                texts(format!("{path}.{key}").trim_start_matches('.'), member, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts(path, item, found)),
        Value::String(text) if !is_harmless(path, text) => drop(found.insert(text.clone())),
        _ => {}
    }
}

/// A text as it may stand somewhere else.
fn derivations(text: &str) -> Vec<String> {
    let mut derived = vec![hex(text.as_bytes()), base64(text.as_bytes())];
    for algorithm in [&digest::SHA1_FOR_LEGACY_USE_ONLY, &digest::SHA256] {
        derived.push(hex(digest::digest(algorithm, text.as_bytes()).as_ref()));
    }
    for namespace in [Uuid::NAMESPACE_OID, Uuid::NAMESPACE_DNS, Uuid::NAMESPACE_URL] {
        derived.push(Uuid::new_v5(&namespace, text.as_bytes()).to_string());
    }
    if let Ok(id) = text.parse::<Uuid>() {
        derived.extend([id.simple().to_string(), base64(id.as_bytes())]);
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        let octets = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        derived.extend([hex(&octets), base64(&octets)]);
    }
    // Shorter ones are met by chance.
    derived.retain(|text| text.len() >= 8);
    derived.extend([text.to_owned(), text.to_lowercase()]);
    derived
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// Without its end, which depends on what follows (RFC 4648 section 4).
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letter = |number: u32, place: u32| char::from(LETTERS[(number >> (18 - 6 * place) & 63) as usize]);
    let groups = bytes
        .chunks_exact(3)
        .map(|group| group.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)));
    groups.flat_map(|number| (0..4).map(move |place| letter(number, place))).collect()
}

fn numbers(value: &Value, found: &mut BTreeSet<u64>) {
    match value {
        Value::Object(members) => members.values().for_each(|member| numbers(member, found)),
        Value::Array(items) => items.iter().for_each(|item| numbers(item, found)),
        other => found.extend(other.as_u64()),
    }
}

fn stripped(message: &Message) -> Message {
    match leaves(message, Tlp::AmberStrict, Above::Strip, &key()) {
        Leaves::Stripped(stripped) => stripped,
        other => panic!("{other:?}"),
    }
}

/// All that a sink is given of it beside the line: `Parcel`'s identifier, key and time.
fn told(message: &Message) -> String {
    format!("{}{} {} {}", written(message), message.id(), message.key(), message.time())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn nothing_of_an_alert_but_the_host(secrets in secrets()) {
        for alert in secrets.alerts() {
            let whole = parsed(|lines| ecs::alert(&alert, lines));
            let mut hidden = BTreeSet::new();
            texts("", &whole, &mut hidden);
            let (one, other) = (alert.example.initiator, alert.example.responder);
            hidden.insert(community_id::community_id(0, Protocol::TCP, one, other));
            prop_assert!(hidden.contains(&secrets.text) && hidden.contains(&alert.id.to_string()));
            hidden.remove(&alert.host.map(|host| host.to_string()).unwrap_or_default());
            let text = told(&stripped(&Message::from(alert)));
            for secret in &hidden {
                for derived in &derivations(secret) {
                    prop_assert!(!text.contains(derived.as_str()), "{secret} ({derived}) is in {text}");
                }
            }
            let mut told = BTreeSet::new();
            for line in text.lines().filter(|line| line.starts_with('{')) {
                numbers(&serde_json::from_str(line).unwrap(), &mut told);
            }
            for number in [u64::from(secrets.port), 443, 51_000, secrets.bytes] {
                prop_assert!(!told.contains(&number), "{number} is in {text}");
            }
        }
    }

    /// Somebody with a list of candidates tries them all, without the secret of the installation.
    #[test]
    fn identifiers_cannot_be_tried(secrets in secrets()) {
        let mut alert = secrets.alerts().remove(0);
        let with = |secret: u8, alert: &Alert| {
            let key = StripKey::new(&[secret; StripKey::BYTES]);
            match leaves(&Message::from(alert.clone()), Tlp::Clear, Above::Strip, &key) {
                Leaves::Stripped(stripped) => (stripped.id(), stripped.key()),
                other => panic!("{other:?}"),
            }
        };
        let first = with(1, &alert);
        prop_assert_eq!(first, with(1, &alert), "repeats can be dropped");
        prop_assert_ne!(first, with(2, &alert), "the secret counts");
        prop_assert_ne!(first.0, first.1);
        alert.id = Uuid::from_u128(4);
        let next = with(1, &alert);
        prop_assert!(next.0 != first.0 && next.1 == first.1, "another notice of the same incident");
    }
}

#[test]
fn nothing_of_a_listing() {
    let notice = listing(&[Some(Tlp::Red)]);
    let text = told(&stripped(&notice));
    let source = notice.id().to_string();
    for secret in ["192.0.2", "list of", "said under", source.as_str(), "wMACB"] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
    assert!(text.contains("weir intel list --suppressed"), "{text}");
}

/// Times that tell a flow from its neighbours are told to the minute.
#[test]
fn times_are_rounded() {
    let alert = Alert { first: Timestamp::new(1_763_800_059, 999), ..samples::documented_alert() };
    let mut alert = alert;
    alert.indicator = Arc::new(Indicator::new(
        alert.indicator.value.clone(),
        vec![weir_model::Context { tlp: Some(Tlp::Red), ..alert.indicator.contexts[0].clone() }],
    ));
    let text = told(&stripped(&Message::from(alert)));
    assert!(text.contains(r#""start":"2025-11-22T08:27:00Z""#), "{text}");
}
