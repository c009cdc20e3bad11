//! TLP in STIX: markings with fixed identifiers, and those that a bundle brings along.

use crate::json;
use serde_json::{Map, Value};
use weir_model::Tlp;

/// The extension by which TLP 2.0 marks (OASIS `cti-stix-common-objects`, `extension-definition-specifications/tlp-2.0`).
const TLP_2_EXTENSION: &str = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d";

/// The markings that everybody refers to, mostly without bringing them along: TLP 1 (STIX 2.1 section 7.2.1.4), and TLP 2.0 of the
/// extension.
const FIXED: [(&str, Tlp); 9] = [
    ("marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", Tlp::Clear),
    ("marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da", Tlp::Green),
    ("marking-definition--f88d31f6-486f-44da-b317-01333bde0b82", Tlp::Amber),
    ("marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed", Tlp::Red),
    ("marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", Tlp::Clear),
    ("marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb", Tlp::Green),
    ("marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", Tlp::Amber),
    ("marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", Tlp::AmberStrict),
    ("marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", Tlp::Red),
];

/// What a well-known marking says; nothing that a bundle brings along changes it.
pub(super) fn fixed(id: &str) -> Option<Tlp> {
    FIXED.iter().find(|(known, _)| *known == id).map(|(_, tlp)| *tlp)
}

/// What a `marking-definition` says of TLP.
pub(super) fn defined(marking: &Map<String, Value>) -> Option<Tlp> {
    let member = |outer: &str, inner: &str| {
        marking.get(outer).and_then(Value::as_object).and_then(|object| object.get(inner))
    };
    let extension = member("extensions", TLP_2_EXTENSION)
        .and_then(Value::as_object)
        .and_then(|extension| json::text(extension, "tlp_2_0"));
    let first_version = || {
        let is_tlp = json::text(marking, "definition_type").is_some_and(|kind| kind == "tlp");
        member("definition", "tlp").and_then(Value::as_str).filter(|_| is_tlp)
    };
    extension.or_else(first_version).and_then(Tlp::parse)
}

/// The identifiers of all markings of an object, also those that only concern some of its properties: what is kept of it is shown
/// together, so the strictest of them counts.
pub(super) fn references(object: &Map<String, Value>) -> Vec<String> {
    let whole = json::list(object, "object_marking_refs").iter().filter_map(Value::as_str);
    let parts = json::objects(object, "granular_markings").filter_map(|part| json::text(part, "marking_ref"));
    whole.chain(parts).map(str::to_owned).collect()
}
