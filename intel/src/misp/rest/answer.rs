//! Answers of `restSearch`: pages of attributes, and the list of all UUIDs.

use super::api::{self, Api};
use super::pages;
use crate::misp::List;
use crate::{Delivery, SyncError, SyncErrorKind};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};
use std::fmt;
use uuid::Uuid;

type Take<'a> = &'a mut dyn FnMut(&Map<String, Value>) -> Result<(), SyncError>;

/// Hands on the attributes of `{"response": {"Attribute": [...]}}` one by one; none are `{"response": []}` in some versions.
pub(super) fn each_attribute(answer: &[u8], take: Take<'_>) -> Result<(), SyncError> {
    let mut failure = None;
    let mut json = serde_json::Deserializer::from_slice(answer);
    let wrapped = Wrapped { name: "response", inner: true, take, failure: &mut failure };
    let read = wrapped.deserialize(&mut json).and_then(|()| json.end());
    match (failure, read) {
        (Some(failure), _) => Err(failure),
        (None, Err(error)) => Err(api::not_json(answer, &error)),
        (None, Ok(())) => Ok(()),
    }
}

/// An object that has what is meant in one member; an empty list where there is nothing.
struct Wrapped<'a, 'b> {
    name: &'static str,
    /// What is meant is wrapped once more.
    inner: bool,
    take: Take<'a>,
    failure: &'b mut Option<SyncError>,
}

impl<'de> DeserializeSeed<'de> for Wrapped<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Wrapped<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with `{}`", self.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { name, inner, take, failure } = self;
        let mut is_found = false;
        while let Some(key) = map.next_key::<String>()? {
            if key != name || is_found {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            is_found = true;
            if inner {
                let name = "Attribute";
                map.next_value_seed(Wrapped {
                    name,
                    inner: false,
                    take: &mut *take,
                    failure: &mut *failure,
                })?;
                continue;
            }
            map.next_value_seed(List(&mut |_, members: &Map<String, Value>| {
                if failure.is_none() {
                    *failure = take(members).err();
                }
            }))?;
        }
        if is_found { Ok(()) } else { Err(A::Error::missing_field(name)) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        match list.next_element::<IgnoredAny>()? {
            None => Ok(()),
            Some(_) => Err(A::Error::custom(format!("a list instead of `{}`", self.name))),
        }
    }
}

/// The UUIDs of all attributes that the key may see and that are not deleted, in order. Of all formats that MISP has, CSV is the one
/// that gives single columns; like JSON it leaves out nothing by itself.
pub(super) fn all_ids(
    api: &mut dyn Api,
    largest: u64,
    delivery: &mut dyn Delivery,
) -> Result<Vec<Uuid>, SyncError> {
    let mut all = Vec::new();
    pages::read_all(largest, &mut |page| {
        super::stop_if_wanted(delivery)?;
        let question = json!({
            "returnFormat": "csv", "requested_attributes": ["uuid"], "headerless": 1, "order": "Attribute.id asc",
            "page": page.number, "limit": page.limit,
        });
        let ids = ids(&api.ask("attributes/restSearch", Some(&question))?)?;
        all.extend_from_slice(&ids);
        delivery.progress(all.len() as u64, None, "UUIDs");
        Ok(ids)
    })?;
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// A column of UUIDs, quoted or not; versions that do not know `headerless` begin with its name. What does not end with a line's end
/// was cut off.
fn ids(answer: &[u8]) -> Result<Vec<Uuid>, SyncError> {
    let wrong =
        |text: &str| Err(SyncError::new(SyncErrorKind::Malformed, format!("the list of UUIDs {text}")));
    let Ok(text) = str::from_utf8(answer) else { return wrong("is no text") };
    if !text.is_empty() && !text.ends_with('\n') {
        return wrong("ends in the middle");
    }
    let mut ids = Vec::new();
    for line in text.lines() {
        let line = line.trim().trim_matches('"');
        match Uuid::parse_str(line) {
            Ok(id) => ids.push(id),
            Err(_) if line.is_empty() || line == "uuid" => {}
            Err(_) => return wrong("holds something else"),
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> Result<usize, SyncErrorKind> {
        let mut count = 0;
        each_attribute(text.as_bytes(), &mut |_| {
            count += 1;
            Ok(())
        })
        .map_err(|error| error.kind)?;
        Ok(count)
    }

    #[test]
    fn attributes_of_an_answer() {
        assert_eq!(count(r#"{"response": {"Attribute": [{}, {}]}}"#), Ok(2));
        for empty in [r#"{"response": {"Attribute": []}}"#, r#"{"response": []}"#] {
            assert_eq!(count(empty), Ok(0), "{empty}");
        }
        for wrong in [
            "",
            "<html>",
            r#"{"response": {"Attribute": [{}"#,
            r#"{"response": {"Attribute": []}} x"#,
            r#"{"response": [1]}"#,
            r#"{"message": "no"}"#,
            r#"{"response": {}}"#,
        ] {
            assert_eq!(count(wrong), Err(SyncErrorKind::Malformed), "{wrong}");
        }
    }

    #[test]
    fn uuids_of_an_answer() {
        let id = "5eb7ec0d-7fbc-4e5a-9f0c-1f6f0a0a020f";
        for good in [format!("uuid\n\"{id}\"\n\n"), format!("{id}\r\n"), format!("\"{id}\"\n")] {
            assert_eq!(ids(good.as_bytes()).unwrap(), [Uuid::parse_str(id).unwrap()]);
        }
        for wrong in [id, "<html>\n", "{}\n", "\"5eb7ec0d-7fbc\"\n", "\u{0}\n"] {
            assert_eq!(ids(wrong.as_bytes()).unwrap_err().kind, SyncErrorKind::Malformed, "{wrong}");
        }
    }
}
