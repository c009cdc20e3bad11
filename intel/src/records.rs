//! JSON of no format made for indicators: objects one after the other (JSON lines) or in a list, each like the row of a table.
//!
//! Which member holds what is told by its name, as in tables, or named by JSON pointers (RFC 6901).

use crate::collect::{Collector, Origin};
use crate::columns::Columns;
use crate::json::{Capped, MAX_DOCUMENT_BYTES};
use crate::source::Layout;
use crate::table::{Cells, Record};
use crate::{Place, RefusalReason};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;
use std::io::{self, BufRead};

/// Most members of an object that are looked at, and how deep. An object with more is cut: what describes a value stands before.
const MAX_MEMBERS: usize = 128;
const MAX_DEPTH: usize = 6;

/// Reads all objects.
pub(crate) fn read(
    input: impl BufRead,
    layout: &Layout,
    origin: &Origin,
    collector: &mut Collector<'_>,
) -> io::Result<()> {
    let mut input = Capped::new(input, MAX_DOCUMENT_BYTES);
    while input.has_more()? {
        input.renew();
        let line = input.line();
        let mut json = serde_json::Deserializer::from_reader(&mut input);
        let objects = Objects { line, layout, origin, collector };
        if let Err(error) = objects.deserialize(&mut json) {
            let reason = input.reason(&error);
            collector.refuse(origin, Place::File, &error.to_string(), reason);
            break;
        }
    }
    Ok(())
}

/// Whether the names of an object's members tell where its value is.
pub(crate) fn is_one<'a>(names: impl IntoIterator<Item = &'a str>) -> bool {
    Columns::from_header(names).is_some()
}

/// An object, or a list of them.
struct Objects<'a, 'b> {
    line: u32,
    layout: &'a Layout,
    origin: &'a Origin,
    collector: &'a mut Collector<'b>,
}

impl Objects<'_, '_> {
    fn store(&mut self, place: Place, object: &Value) {
        let mut members = Members::default();
        members.gather(object, String::new(), 0);
        let columns = if self.layout.fields.is_empty() && !self.layout.is_any_value {
            Columns::from_header(members.pointers.iter().map(|pointer| name_of(pointer)))
        } else {
            Columns::laid_out(self.layout, |field| members.position(field))
        };
        self.collector.line();
        let text = || object.to_string();
        match columns {
            Some(columns) => {
                let record = Record { columns: &columns, cells: &members };
                record.store(self.origin, place, &text(), self.collector);
            }
            None => self.collector.refuse(self.origin, place, &text(), RefusalReason::BadRow),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Objects<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Objects<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON objects")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut object = Map::new();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            object.insert(key, value);
        }
        self.store(Place::Line(self.line), &Value::Object(object));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let mut at = 0_usize;
        while let Some(object) = list.next_element::<Value>()? {
            self.store(Place::Pointer(format!("/{at}")), &object);
            at += 1;
        }
        Ok(())
    }
}

/// The texts of an object, with their pointers.
#[derive(Default)]
struct Members {
    pointers: Vec<String>,
    texts: Vec<String>,
}

impl Members {
    fn gather(&mut self, value: &Value, pointer: String, depth: usize) {
        let text = match value {
            Value::Object(object) if depth < MAX_DEPTH => {
                for (key, value) in object {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    self.gather(value, format!("{pointer}/{key}"), depth + 1);
                }
                return;
            }
            Value::Array(list) => list.iter().filter_map(scalar).collect::<Vec<_>>().join(","),
            other => scalar(other).unwrap_or_default(),
        };
        if self.texts.len() < MAX_MEMBERS {
            self.pointers.push(pointer);
            self.texts.push(text.trim().to_owned());
        }
    }

    /// The member that a layout names: a pointer, or the name of a member of the object itself.
    fn position(&self, field: &str) -> Option<usize> {
        let is_it = |pointer: &String| pointer == field || pointer.strip_prefix('/') == Some(field);
        self.pointers.iter().position(is_it)
    }
}

impl Cells for Members {
    fn len(&self) -> usize {
        self.texts.len()
    }

    fn get(&self, column: usize) -> &str {
        self.texts.get(column).map(String::as_str).unwrap_or_default()
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn name_of(pointer: &str) -> &str {
    pointer.rsplit('/').next().unwrap_or(pointer)
}

#[cfg(test)]
mod tests {
    use crate::RefusalReason;
    use crate::tests::{load, load_named};

    #[test]
    fn lines_and_lists_of_objects() {
        let lines = "{\"ioc\": \"evil.example\", \"tags\": [\"a\", \"b\"], \"tlp\": \"amber\", \"x\": {\"comment\": \"C2\"}}\n\
                     {\"ioc\": \"192.0.2.1:443\", \"confidence\": 80}\n\n{\"other\": 1}\n{\"ioc\": null}\n";
        let loaded = load("x.jsonl", lines);
        let values: Vec<_> = loaded.indicators.iter().map(|indicator| indicator.value.to_string()).collect();
        assert_eq!(values, ["evil.example", "192.0.2.1:443"]);
        let context = &loaded.indicators[0].contexts[0];
        assert_eq!((context.tags.len(), context.description.as_deref()), (2, Some("C2")));
        assert_eq!(loaded.indicators[1].contexts[0].line, Some(2));
        let refused: Vec<_> =
            loaded.refused.iter().map(|refusal| (refusal.place.to_string(), refusal.reason)).collect();
        assert_eq!(
            refused,
            [(":4".to_owned(), RefusalReason::BadRow), (":5".to_owned(), RefusalReason::Empty)]
        );
        let list = load("x.json", "[{\"ip\": \"192.0.2.1\"}, 7]");
        assert_eq!((list.indicators.len(), list.refused[0].place.to_string()), (1, "#/1".to_owned()));
    }

    #[test]
    fn pointers_name_what_nobody_could_guess() {
        let line = "{\"o\": {\"v/x\": \"evil.example\", \"why\": \"C2\"}}\n{\"o\": 1}\n";
        let loaded = load_named("json,value=/o/v~1x,description=/o/why", line);
        assert_eq!(loaded.indicators[0].value.to_string(), "evil.example");
        assert_eq!(loaded.indicators[0].contexts[0].description.as_deref(), Some("C2"));
        assert_eq!(loaded.refused[0].reason, RefusalReason::BadRow);
    }

    #[test]
    fn a_broken_line_ends_the_file() {
        let loaded = load("x.jsonl", "{\"ip\": \"192.0.2.1\"}\n{\"ip\": \"192.0\n");
        assert_eq!(loaded.indicators.len(), 1);
        assert_eq!(loaded.refused[0].reason, RefusalReason::BadDocument);
    }
}
