//! An event under construction: fields by their dotted ECS names.

use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt;

/// An event: a JSON object with ECS fields, nested as ECS documents are. Keys are in alphabetical order, so the same event
/// is always the same line.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Event(Map<String, Value>);

impl Event {
    /// The field at a dotted path, for whoever looks into an event again.
    pub fn field(&self, path: &str) -> Option<&Value> {
        let mut keys = path.split('.');
        let first = self.0.get(keys.next()?)?;
        keys.try_fold(first, |value, key| value.get(key))
    }

    /// Its fields, to stand inside another event.
    pub(crate) fn into_fields(self) -> Map<String, Value> {
        self.0
    }

    /// Sets a field by its dotted path.
    pub(crate) fn set(&mut self, path: &str, value: impl Into<Value>) {
        let (parents, leaf) =
            path.rsplit_once('.').map_or((None, path), |(parents, leaf)| (Some(parents), leaf));
        let mut object = &mut self.0;
        for key in parents.into_iter().flat_map(|parents| parents.split('.')) {
            let child = object.entry(key).or_insert_with(|| Value::Object(Map::new()));
            if !child.is_object() {
                *child = Value::Object(Map::new());
            }
            let Value::Object(inner) = child else { return };
            object = inner;
        }
        object.insert(leaf.to_owned(), value.into());
    }

    /// Sets a field where there is a value.
    pub(crate) fn set_some(&mut self, path: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(path, value);
        }
    }

    /// Sets a field to a list, unless it is empty.
    pub(crate) fn set_list<V: Into<Value>>(&mut self, path: &str, values: impl IntoIterator<Item = V>) {
        let values: Vec<Value> = values.into_iter().map(Into::into).collect();
        if !values.is_empty() {
            self.set(path, values);
        }
    }

    /// Sets a field when it holds; what does not hold is left out.
    pub(crate) fn set_true(&mut self, path: &str, holds: bool) {
        if holds {
            self.set(path, true);
        }
    }
}

/// The line, without its end.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(&self.0).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_nest_and_what_is_empty_stays_out() {
        let mut event = Event::default();
        event.set("source.port", 7);
        event.set("source.ip", "192.0.2.1");
        event.set_some("a", None::<u32>);
        event.set_list("b", Vec::<String>::new());
        event.set_true("c", false);
        event.set_list("d.e.f", [1, 2]);
        assert_eq!(event.to_string(), r#"{"d":{"e":{"f":[1,2]}},"source":{"ip":"192.0.2.1","port":7}}"#);
        assert_eq!(event.field("source.port"), Some(&7.into()));
    }
}
