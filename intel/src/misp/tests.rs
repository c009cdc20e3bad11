use crate::tests::{corpus, kinds, load, load_path, pointers};
use crate::{Format, RefusalReason as R, Taken};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fs;
use weir_model::Tlp;
use weir_model::indicator::Side;

fn attribute(kind: &str, value: &str) -> Value {
    json!({"type": kind, "value": value, "to_ids": true, "category": "Network activity", "comment": "",
           "uuid": "5eb7ec0d-7fbc-4e5a-9f0c-1f6f0a0a020f"})
}

fn with(mut object: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("no object: {more}") };
    object.as_object_mut().unwrap().extend(more);
    object
}

fn event(attributes: &[Value]) -> Value {
    json!({"Event": {
        "Attribute": attributes, "info": "Emotet in depth", "uuid": "5d9b5933-964c-433c-b84f-4c680a2fe004",
        "date": "2024-01-02", "Orgc": {"name": "CIRCL"}, "Org": {"name": "us"}, "distribution": "3",
        "Tag": [{"name": "tlp:green"}, {"name": "misp-galaxy:malpedia=\"Emotet\""}, {"name": "type:OSINT"}],
    }})
}

#[test]
fn an_attribute_with_all_that_is_said_of_it() {
    let said = json!({
        "comment": "stage 2", "first_seen": "2024-01-01T00:00:00Z",
        "Tag": [{"name": "TLP:AMBER"}, {"name": "misp:confidence-level=\"usually-confident\""}],
        "Galaxy": [{"type": "threat-actor", "GalaxyCluster": [{"value": "TA542"}]}],
    });
    let loaded = load("x.json", event(&[with(attribute("ip-dst|port", "192.0.2.1|443"), said)]).to_string());
    assert_eq!(loaded.indicators[0].value.to_string(), "192.0.2.1:443");
    let context = &loaded.indicators[0].contexts[0];
    assert_eq!(context.description.as_deref(), Some("stage 2"));
    assert_eq!((context.tlp, context.confidence), (Some(Tlp::Amber), Some(75)));
    let tags: Vec<_> = context.tags.iter().map(|tag| &**tag).collect();
    assert_eq!(tags, ["TLP:AMBER", "misp:confidence-level=\"usually-confident\"", "tlp:green", "type:OSINT"]);
    let further = context.further.as_deref().unwrap();
    assert_eq!(further.organisation.as_deref(), Some("CIRCL"));
    assert_eq!(further.side, Some(Side::Destination));
    assert_eq!(&*further.types[0], "Network activity");
    let threats: Vec<_> = further.threats.iter().map(|threat| (&*threat.kind, &*threat.name)).collect();
    assert_eq!(threats, [("threat-actor", "TA542"), ("malpedia", "Emotet")]);
    let report = further.report.as_ref().unwrap();
    assert_eq!(report.title.as_deref(), Some("Emotet in depth"));
    assert_eq!(report.id.unwrap().to_string(), "5d9b5933-964c-433c-b84f-4c680a2fe004");
    assert_eq!(further.id.unwrap().to_string(), "5eb7ec0d-7fbc-4e5a-9f0c-1f6f0a0a020f");
}

#[test]
fn what_is_not_meant_for_detection_or_deleted_is_refused() {
    let object =
        json!({"name": "domain-ip", "deleted": true, "Attribute": [attribute("domain", "gone.example")]});
    let kept = json!({"name": "domain-ip", "Attribute": [attribute("domain", "a.example"), attribute("ip-dst", "192.0.2.1")]});
    let mut event = event(&[
        with(attribute("ip-dst", "192.0.2.2"), json!({"to_ids": false})),
        with(attribute("ip-dst", "192.0.2.3"), json!({"to_ids": "0"})),
        with(attribute("ip-dst", "192.0.2.4"), json!({"deleted": true})),
        attribute("hostname|port", "www.a.example|443"),
        attribute("jarm-fingerprint", "0123456789abcdef0123456789abcdef"),
    ]);
    event["Event"]["Object"] = json!([object, kept]);
    let loaded = load("x.json", json!({"response": [event]}).to_string());
    let values: Vec<_> = loaded.indicators.iter().map(|indicator| indicator.value.to_string()).collect();
    assert_eq!(values, ["a.example", "192.0.2.1"]);
    let at = |at: &str| format!("/response/0/Event/{at}");
    assert_eq!(
        pointers(&loaded),
        [
            (at("Attribute/0"), R::NotForDetection),
            (at("Attribute/1"), R::NotForDetection),
            (at("Attribute/2"), R::Deleted),
            (at("Attribute/3"), R::NameWithPort),
            (at("Attribute/4"), R::UnsupportedType),
            (at("Object/0/Attribute/0"), R::Deleted),
        ]
    );
}

/// What belongs to one organisation or a sharing group does not look freer than it is.
#[test]
fn distribution_is_a_marking_too() {
    for (distribution, expected) in [("0", Tlp::AmberStrict), ("4", Tlp::AmberStrict), ("5", Tlp::Green)] {
        let said = json!({"distribution": distribution});
        let loaded = load("x.json", event(&[with(attribute("domain", "a.example"), said)]).to_string());
        assert_eq!(loaded.indicators[0].contexts[0].tlp, Some(expected), "{distribution}");
    }
}

#[test]
fn attributes_as_rest_search_gives_them() {
    let found =
        with(attribute("domain", "a.example"), json!({"Event": {"info": "X", "Orgc": {"name": "Y"}}}));
    let loaded = load("x.json", json!({"response": {"Attribute": [found]}}).to_string());
    let further = loaded.indicators[0].contexts[0].further.clone().unwrap();
    assert_eq!(further.report.as_ref().unwrap().title.as_deref(), Some("X"));
    assert_eq!(further.organisation.as_deref(), Some("Y"));
}

/// The manifest says what belongs to a feed, and nothing in it leads out of the folder.
#[test]
fn a_feed_is_a_folder_with_a_manifest() {
    let folder = tempfile::TempDir::new().unwrap();
    let (listed, withdrawn, missing) = (
        "5d9b5933-964c-433c-b84f-4c680a2fe004",
        "5d9b5933-964c-433c-b84f-4c680a2fe005",
        "5d9b5933-964c-433c-b84f-4c680a2fe006",
    );
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    write("manifest.json", json!({listed: {"info": "a"}, missing: {"info": "b"}}).to_string());
    write(&format!("{listed}.json"), event(&[attribute("domain", "a.example")]).to_string());
    write(&format!("{withdrawn}.json"), event(&[attribute("domain", "b.example")]).to_string());
    write("hashes.csv", "0123456789abcdef0123456789abcdef,5d9b5933-964c-433c-b84f-4c680a2fe004\n".to_owned());
    let loaded = load_path(folder.path());
    assert_eq!(loaded.indicators.len(), 1);
    assert_eq!(&*loaded.indicators[0].contexts[0].source, format!("{listed}.json"));
    assert_eq!(loaded.refused.len(), 1);
    assert_eq!(loaded.refused[0].reason, R::UnreadableFile);
    assert_eq!(load_path(&folder.path().join("manifest.json")).indicators.len(), 1);
    write("manifest.json", json!({"../../etc/passwd": {}}).to_string());
    assert!(load_path(folder.path()).indicators.len() >= 2, "no manifest of a feed: a folder like any other");
}

/// Real events (hestat, MISP): everything is a value or has its reason.
#[test]
fn events_of_the_world() {
    let Some(folder) = corpus("intel/misp-events") else { return };
    let all = load_path(&folder);
    println!("{:?} {:?}", kinds(&all), all.stats.refused_by_reason);
    assert!(kinds(&all)["address"] > 100);
    assert!(!all.stats.refused_by_reason.contains_key(&R::BadDocument));
}

/// Every feed that MISP offers by default can be read with its format, columns and delimiter.
#[test]
fn every_default_feed_has_a_parser() {
    let Some(path) = corpus("intel/misp-default-feeds.json") else { return };
    let feeds: Vec<Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert_eq!(feeds.len(), 84);
    for feed in &feeds {
        let feed = feed["Feed"].as_object().unwrap();
        let name = &feed["name"];
        let reading = super::reading_of(feed).unwrap_or_else(|| panic!("no parser for {name}"));
        let text = match reading.format.unwrap() {
            Format::Misp => event(&[attribute("ip-dst", "192.0.2.1")]).to_string(),
            Format::Table => {
                let columns: Vec<usize> =
                    reading.layout.fields.iter().map(|(_, column)| column.parse().unwrap()).collect();
                let cell = |at: usize| if columns.contains(&at) || at == 2 { "192.0.2.1" } else { "x" };
                let cells: Vec<_> = (1..=5).map(cell).collect();
                cells.join(&char::from(reading.layout.delimiter.unwrap()).to_string()) + "\n"
            }
            _ => "see 192.0.2.1\n".to_owned(),
        };
        let mut values = Vec::new();
        crate::load_bytes_into(text.as_bytes(), &reading, &mut |value, _| {
            values.push(value.to_string());
            Taken::New
        });
        let expected = reading.layout.fields.len().max(1);
        assert_eq!(values, vec!["192.0.2.1"; expected], "{name}: {text}");
    }
}

proptest! {
    /// Members of any type where others are expected.
    #[test]
    fn hostile_events_never_panic(
        key in "(type|value|uuid|to_ids|deleted|Tag|Galaxy|first_seen|distribution|info|Orgc|date|Attribute|Object|Event)",
        value in "(null|1|-1\\.5|true|\"x\"|\\[\\]|\\[1\\]|\\{\\}|\\[\\{\\}\\])",
    ) {
        let value: Value = serde_json::from_str(&value).unwrap();
        let hostile = with(attribute("domain", "a.example"), json!({&key: value.clone()}));
        let mut event = event(&[hostile]);
        load("x.json", event.to_string());
        event["Event"][key] = value;
        load("x.json", event.to_string());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        crate::load_bytes_into(&bytes, &Format::Misp.into(), &mut |_, _| Taken::New);
    }
}
