use crate::tests::{All, corpus, load, pointers};
use crate::{Format, RefusalReason as R, Taken};
use proptest::prelude::*;
use serde_json::{Value, json};
use weir_model::{Context, Timestamp, Tlp};

const ID: &str = "indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f";

fn indicator(pattern: &str) -> Value {
    json!({
        "type": "indicator", "spec_version": "2.1", "id": ID, "created": "2024-01-01T00:00:00.000Z",
        "modified": "2024-01-02T00:00:00.000Z", "pattern": pattern, "pattern_type": "stix",
        "valid_from": "2024-01-01T00:00:00Z",
    })
}

fn with(mut object: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("no object: {more}") };
    object.as_object_mut().unwrap().extend(more);
    object
}

fn bundle(objects: &[Value]) -> All {
    load("x.json", json!({"type": "bundle", "id": "bundle--1", "objects": objects}).to_string())
}

fn first(loaded: &All) -> &Context {
    &loaded.indicators[0].contexts[0]
}

#[test]
fn an_indicator_with_all_that_is_said_of_it() {
    let creator = "identity--f431f809-377b-45e0-aa1c-6a4751cae5ff";
    let malware = "malware--31b940d4-6f7f-459a-80ea-9c1f17b5891b";
    let actor = "threat-actor--56f3f0db-b5d5-431c-ae56-c18f02caf500";
    let relation = |kind: &str, from: &str, to: &str| {
        json!({"type": "relationship", "id": "relationship--1", "relationship_type": kind,
               "source_ref": from, "target_ref": to})
    };
    let loaded = bundle(&[
        with(
            indicator("[domain-name:value = 'evil.example']"),
            json!({
                "name": "C2", "description": "seen in May", "indicator_types": ["malicious-activity"],
                "labels": ["a"], "confidence": 80, "created_by_ref": creator,
                "valid_until": "2025-01-01T00:00:00Z",
                "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
                "granular_markings": [{"selectors": ["pattern"],
                    "marking_ref": "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"}],
                "external_references": [{"source_name": "x"}, {"source_name": "y", "url": "https://r.example/"}],
            }),
        ),
        json!({"type": "identity", "id": creator, "name": "CERT X"}),
        json!({"type": "malware", "id": malware, "name": "Emotet"}),
        json!({"type": "threat-actor", "id": actor, "name": "TA542"}),
        relation("indicates", ID, malware),
        relation("attributed-to", malware, actor),
        json!({"type": "report", "id": "report--84e4d88f-44ea-4bcd-bbf3-b2c1c320bcb3", "name": "Emotet is back",
               "object_refs": [ID]}),
        json!({"type": "sighting", "id": "sighting--1", "sighting_of_ref": ID,
               "first_seen": "2024-02-01T00:00:00Z", "last_seen": "2024-03-01T00:00:00Z"}),
        json!({"type": "sighting", "id": "sighting--2", "sighting_of_ref": ID, "first_seen": "2024-04-01T00:00:00Z"}),
    ]);
    let context = first(&loaded);
    assert_eq!(context.description.as_deref(), Some("C2: seen in May"));
    assert_eq!(context.tlp, Some(Tlp::Amber), "the strictest of whole and part");
    assert_eq!((context.confidence, context.reference.as_deref()), (Some(80), Some("https://r.example/")));
    assert_eq!(context.first_seen, Some(Timestamp::new(1_704_067_200, 0)), "when it was created");
    assert_eq!(context.last_seen, Some(Timestamp::new(1_711_929_600, 0)));
    let further = context.further.as_deref().unwrap();
    assert_eq!(format!("indicator--{}", further.id.unwrap()), ID);
    assert_eq!(further.organisation.as_deref(), Some("CERT X"));
    let threats: Vec<_> = further.threats.iter().map(|threat| (&*threat.kind, &*threat.name)).collect();
    assert_eq!(threats, [("malware", "Emotet"), ("threat-actor", "TA542")]);
    assert_eq!(further.report.as_ref().unwrap().title.as_deref(), Some("Emotet is back"));
    assert_eq!(&*further.types[0], "malicious-activity");
    assert_eq!(further.valid_until, Some(Timestamp::new(1_735_689_600, 0)));
}

#[test]
fn what_is_withdrawn_or_harmless_is_refused() {
    let address = "[ipv4-addr:value = '192.0.2.1']";
    for (more, reason) in [
        (json!({"revoked": true}), R::Revoked),
        (json!({"indicator_types": ["benign"]}), R::Benign),
        (json!({"labels": ["benign"]}), R::Benign),
        (json!({"pattern_type": "snort"}), R::PatternLanguage),
        (json!({"pattern": "[ipv4"}), R::PatternSyntax),
        (json!({"pattern": 7}), R::PatternSyntax),
    ] {
        let loaded = bundle(&[with(indicator(address), more)]);
        assert_eq!(pointers(&loaded), [("/objects/0".to_owned(), reason)]);
    }
    let newer = json!({"modified": "2024-03-01T00:00:00Z", "revoked": true});
    let loaded = bundle(&[indicator(address), with(indicator(address), newer)]);
    assert_eq!(
        pointers(&loaded),
        [("/objects/0".to_owned(), R::Superseded), ("/objects/1".to_owned(), R::Revoked)]
    );
}

#[test]
fn tlp_of_both_versions_and_of_the_bundle_itself() {
    let own = "marking-definition--11111111-1111-4111-8111-111111111111";
    let extension = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d";
    let strict = json!({"extensions": {extension: {"extension_type": "property-extension", "tlp_2_0": "amber+strict"}}});
    for (definition, reference, expected) in [
        (json!({}), "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", Some(Tlp::Clear)),
        (json!({}), "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", Some(Tlp::AmberStrict)),
        (strict, own, Some(Tlp::AmberStrict)),
        (json!({"definition_type": "tlp", "definition": {"tlp": "red"}}), own, Some(Tlp::Red)),
        (json!({"definition_type": "statement", "definition": {"statement": "tlp:red"}}), own, None),
    ] {
        let marking = with(json!({"type": "marking-definition", "id": own}), definition);
        let marked =
            with(indicator("[ipv4-addr:value = '192.0.2.1']"), json!({"object_marking_refs": [reference]}));
        assert_eq!(first(&bundle(&[marked, marking])).tlp, expected, "{reference}");
    }
}

#[test]
fn bundles_envelopes_lists_and_single_objects() {
    let object = indicator("[ipv4-addr:value = '192.0.2.1' OR file:hashes.MD5 = 'aa']");
    let two = format!("{object}\n{}\n", with(object.clone(), json!({"id": "indicator--2"})));
    for (document, pointer) in [
        (json!({"more": false, "objects": [object]}).to_string(), "/objects/0"),
        (json!([object]).to_string(), "/0"),
        (object.to_string(), ""),
        (two, ""),
        (format!("\u{feff} {object}"), ""),
    ] {
        let loaded = load("x", &document);
        assert_eq!(loaded.indicators[0].value.to_string(), "192.0.2.1", "{document}");
        assert_eq!(pointers(&loaded)[0], (pointer.to_owned(), R::FileHash));
    }
}

#[test]
fn broken_documents_are_refused_and_what_was_complete_counts() {
    let whole =
        json!({"type": "bundle", "objects": [indicator("[ipv4-addr:value = '192.0.2.1']")]}).to_string();
    let cut = load("x.json", whole.trim_end_matches([']', '}']));
    assert_eq!(cut.indicators.len(), 1);
    assert_eq!(cut.stats.refused_by_reason[&R::BadDocument], 1);
    let deep = format!("{{\"objects\": [{}", "[".repeat(100_000));
    assert_eq!(load("x.json", deep).stats.refused_by_reason[&R::BadDocument], 1);
}

/// Real bundles (OASIS): everything is a value or has its reason.
#[test]
fn bundles_of_oasis() {
    let Some(folder) = corpus("intel/stix") else { return };
    let all = crate::tests::load_path(&folder);
    let kinds = crate::tests::kinds(&all);
    println!("{kinds:?} {:?}", all.stats.refused_by_reason);
    assert_eq!(kinds["domain"], 27);
    assert_eq!(kinds["network"], 4);
    assert!(!all.stats.refused_by_reason.contains_key(&R::PatternSyntax));
}

proptest! {
    /// Members of any type where others are expected.
    #[test]
    fn hostile_objects_never_panic(
        key in "(id|type|pattern|pattern_type|revoked|confidence|labels|object_marking_refs|granular_markings|created|external_references)",
        value in "(null|1|-1\\.5|true|\"x\"|\\[\\]|\\[1\\]|\\{\\}|\\[\\{\\}\\])",
    ) {
        let value: Value = serde_json::from_str(&value).unwrap();
        bundle(&[with(indicator("[ipv4-addr:value = '192.0.2.1']"), json!({key: value}))]);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        crate::load_bytes_into(&bytes, &Format::Stix.into(), &mut |_, _| Taken::New);
    }
}
