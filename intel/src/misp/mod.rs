//! MISP: event exports (`{"Event": ...}`, `{"response": [...]}`), answers of `restSearch`, and the event files of feeds; and instances
//! that are asked ([`MispProvider`]).
//!
//! Of files, one event is held at a time: what is said of it as a whole may stand behind its attributes.

mod attribute;
mod event;
pub(crate) mod feed;
mod push;
mod rest;
pub(crate) mod values;

use crate::{Place, text};
pub use feed::reading_of;
pub use push::MispPush;
pub use rest::{MispProvider, MispSettings};

use crate::collect::{Collector, Origin, Subject};
use crate::json::{Capped, MAX_DOCUMENT_BYTES};
use attribute::Attribute;
use event::Event;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufRead};
use std::sync::Arc;

/// Most categories kept to be shared; MISP has 16. Adversary: a publisher who gives each attribute a category of its own. Further ones
/// are not shared.
const MAX_CATEGORIES: usize = 256;

/// Reads all documents of a file and hands on the values of their attributes.
pub(crate) fn read(input: impl BufRead, origin: &Origin, collector: &mut Collector<'_>) -> io::Result<()> {
    let mut input = Capped::new(input, MAX_DOCUMENT_BYTES);
    let mut documents = 0_usize;
    let mut out = Out { origin, collector, categories: Categories::default() };
    while input.has_more()? {
        let pointer = if documents == 0 { String::new() } else { format!("/{documents}") };
        input.renew();
        let mut json = serde_json::Deserializer::from_reader(&mut input);
        let container = Container { pointer, out: &mut out };
        if let Err(error) = container.deserialize(&mut json) {
            let reason = input.reason(&error);
            out.collector.refuse(origin, Place::File, &error.to_string(), reason);
            break;
        }
        documents += 1;
    }
    out.collector.about(Subject::default());
    Ok(())
}

/// Where values and refusals of a file go.
struct Out<'a, 'b> {
    origin: &'a Origin,
    collector: &'a mut Collector<'b>,
    categories: Categories,
}

/// Categories met: a handful of words stands at millions of attributes.
#[derive(Default)]
struct Categories(HashMap<String, Arc<[Arc<str>]>>);

impl Categories {
    /// The category as a list of types.
    fn types(&mut self, category: &str) -> Arc<[Arc<str>]> {
        if let Some(known) = self.0.get(category) {
            return Arc::clone(known);
        }
        let types: Arc<[Arc<str>]> = text::shared(category).into_iter().collect();
        if self.0.len() < MAX_CATEGORIES {
            self.0.insert(category.to_owned(), Arc::clone(&types));
        }
        types
    }
}

/// Whatever wraps events or attributes: a document, a list, `response`.
struct Container<'a, 'b, 'c> {
    pointer: String,
    out: &'a mut Out<'b, 'c>,
}

impl<'de> DeserializeSeed<'de> for Container<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Container<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MISP events or attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let pointer = format!("{}/{key}", self.pointer);
            match key.as_str() {
                "Event" => map.next_value_seed(EventSeed { pointer, out: self.out })?,
                "response" => map.next_value_seed(Container { pointer, out: self.out })?,
                "Attribute" => map.next_value_seed(Found { pointer, out: self.out })?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut at = 0_usize;
        while let Some(()) = list
            .next_element_seed(Container { pointer: format!("{}/{at}", self.pointer), out: &mut *self.out })?
        {
            at += 1;
        }
        Ok(())
    }
}

/// One event.
struct EventSeed<'a, 'b, 'c> {
    pointer: String,
    out: &'a mut Out<'b, 'c>,
}

impl<'de> DeserializeSeed<'de> for EventSeed<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EventSeed<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a MISP event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut members = Map::new();
        let mut attributes = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let pointer = format!("{}/{key}", self.pointer);
            match key.as_str() {
                "Attribute" => {
                    map.next_value_seed(List(&mut |at, value: &Map<String, Value>| {
                        attributes.push(Attribute::new(format!("{pointer}/{at}"), value));
                    }))?;
                }
                "Object" => {
                    map.next_value_seed(List(&mut |at, value: &Map<String, Value>| {
                        attributes.extend(attribute::of_object(&format!("{pointer}/{at}"), value));
                    }))?;
                }
                _ if event::MEMBERS.contains(&key.as_str()) => {
                    members.insert(key, map.next_value()?);
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let event = Event::new(&members);
        for attribute in &attributes {
            attribute.emit(&event, self.out);
        }
        Ok(())
    }
}

/// Attributes as `restSearch` gives them, each with what there is to say of its event.
struct Found<'a, 'b, 'c> {
    pointer: String,
    out: &'a mut Out<'b, 'c>,
}

impl<'de> DeserializeSeed<'de> for Found<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self { pointer, out } = self;
        List(&mut |at, value: &Map<String, Value>| {
            let event = value.get("Event").and_then(Value::as_object);
            let event = event.map(Event::new).unwrap_or_default();
            Attribute::new(format!("{pointer}/{at}"), value).emit(&event, out);
        })
        .deserialize(deserializer)
    }
}

/// A list of objects, handed on one by one with their positions; what is no object in it is passed over.
struct List<'a>(&'a mut dyn FnMut(usize, &Map<String, Value>));

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of MISP objects")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut at = 0_usize;
        while let Some(value) = list.next_element::<Value>()? {
            if let Value::Object(members) = &value {
                (self.0)(at, members);
            }
            at += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
