//! STIX 2.1 and 2.0: bundles, TAXII envelopes, lists of objects, single objects, one after the other.
//!
//! All objects are read before the first value is handed on, because what an indicator refers to (its creator, markings, malware)
//! may stand behind it.

mod bundle;
mod marking;
pub mod pattern;
mod reduce;

pub use reduce::{MAX_ALTERNATIVES, Reduction, reduce};

use crate::collect::{Collector, Origin, Subject};
use crate::json::{Capped, MAX_DOCUMENT_BYTES};
use crate::{Place, RefusalReason};
use bundle::IndicatorObject;
pub(crate) use bundle::{Bundle, uuid};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;
use std::io::{self, BufRead};
use std::sync::Arc;
use weir_model::indicator::{Further, Side};
use weir_model::{Context, IndicatorValue};

/// Reads all documents of a file and hands on what their indicators come to.
pub(crate) fn read(input: impl BufRead, origin: &Origin, collector: &mut Collector<'_>) -> io::Result<()> {
    let mut input = Capped::new(input, MAX_DOCUMENT_BYTES);
    let mut bundle = Bundle::default();
    let mut documents = 0;
    while input.has_more()? {
        let mut json = serde_json::Deserializer::from_reader(&mut input);
        let seed = Document { bundle: &mut bundle, number: documents };
        if let Err(error) = seed.deserialize(&mut json) {
            let reason = input.reason(&error);
            collector.refuse(origin, Place::File, &error.to_string(), reason);
            break;
        }
        documents += 1;
    }
    emit(&mut bundle, origin, collector);
    Ok(())
}

/// Hands on what the indicators of a bundle come to, and takes them out of it; what gives them context stays.
pub(crate) fn emit(bundle: &mut Bundle, origin: &Origin, collector: &mut Collector<'_>) {
    for indicator in &bundle.take_indicators() {
        Emission { bundle, indicator, origin }.emit(collector);
    }
    bundle.forget_versions();
    collector.about(Subject::default());
}

/// A whole document: a bundle or envelope (`objects`), a list, or an object.
struct Document<'a> {
    bundle: &'a mut Bundle,
    number: usize,
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("STIX objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut members = Map::new();
        let mut is_bundle = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == "objects" {
                is_bundle = true;
                map.next_value_seed(Objects { bundle: self.bundle, base: "/objects" })?;
            } else {
                members.insert(key, map.next_value()?);
            }
        }
        if !is_bundle {
            let pointer = if self.number == 0 { String::new() } else { format!("/{}", self.number) };
            self.bundle.add(pointer, &members);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        Objects { bundle: self.bundle, base: "" }.visit_seq(list)
    }
}

/// A list of objects; what is no object in it is passed over.
struct Objects<'a> {
    bundle: &'a mut Bundle,
    base: &'static str,
}

impl<'de> DeserializeSeed<'de> for Objects<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Objects<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of STIX objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut at = 0_usize;
        while let Some(value) = list.next_element::<Value>()? {
            if let Value::Object(members) = &value {
                self.bundle.add(format!("{}/{at}", self.base), members);
            }
            at += 1;
        }
        Ok(())
    }
}

/// An indicator on its way out.
struct Emission<'a> {
    bundle: &'a Bundle,
    indicator: &'a IndicatorObject,
    origin: &'a Origin,
}

impl Emission<'_> {
    fn emit(&self, collector: &mut Collector<'_>) {
        collector.about(Subject { id: uuid(&self.indicator.id), modified: Some(self.indicator.modified) });
        if let Some(reason) = self.not_usable() {
            return self.refuse(&self.indicator.pattern, reason, collector);
        }
        let pattern = match pattern::parse(&self.indicator.pattern) {
            Ok(pattern) => pattern,
            Err(error) => {
                let text = format!("{error}: {}", self.indicator.pattern);
                return self.refuse(&text, RefusalReason::PatternSyntax, collector);
            }
        };
        let Reduction { values, refused } = reduce(&pattern);
        let context = self.context();
        for (value, side) in values {
            self.value(value, side, &context, collector);
        }
        for (reason, text) in refused {
            self.refuse(&text, reason, collector);
        }
    }

    fn not_usable(&self) -> Option<RefusalReason> {
        if self.bundle.is_superseded(self.indicator) {
            Some(RefusalReason::Superseded)
        } else if self.indicator.revoked {
            Some(RefusalReason::Revoked)
        } else if self.indicator.is_benign() {
            Some(RefusalReason::Benign)
        } else if self.indicator.is_foreign_language {
            Some(RefusalReason::PatternLanguage)
        } else {
            None
        }
    }

    fn value(
        &self,
        value: IndicatorValue,
        side: Option<Side>,
        context: &Context,
        collector: &mut Collector<'_>,
    ) {
        let mut context = context.clone();
        if side.is_some() {
            let further = context.further.as_deref().cloned().unwrap_or_default();
            context.further = Some(Arc::new(Further { side, ..further }));
        }
        let place = Place::Pointer(self.indicator.pointer.clone());
        collector.value(self.origin, place, &self.indicator.pattern, value, context);
    }

    fn refuse(&self, text: &str, reason: RefusalReason, collector: &mut Collector<'_>) {
        collector.refuse(self.origin, Place::Pointer(self.indicator.pointer.clone()), text, reason);
    }

    fn context(&self) -> Context {
        let (bundle, indicator) = (self.bundle, self.indicator);
        let seen = bundle.seen(indicator);
        Context {
            source: Arc::clone(&self.origin.source),
            description: indicator.description.clone(),
            tags: indicator.labels.clone(),
            reference: indicator.reference.clone(),
            confidence: indicator.confidence,
            first_seen: seen.first,
            last_seen: seen.last,
            tlp: bundle.tlp(indicator),
            further: Some(Arc::new(Further {
                id: uuid(&indicator.id),
                report: bundle.report_of(indicator),
                organisation: bundle.organisation_of(indicator),
                threats: bundle.threats_of(indicator),
                types: indicator.types.as_slice().into(),
                side: None,
                valid_from: indicator.valid_from,
                valid_until: indicator.valid_until,
            })),
            ..Context::default()
        }
    }
}

#[cfg(test)]
mod soundness;
#[cfg(test)]
mod tests;
