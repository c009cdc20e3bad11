//! JSON written straight into a buffer: no tree is built first, and nothing is allocated but the buffer.
//!
//! An object is written by naming its members in the order in which they shall stand. What is empty (an object without
//! members, a list without items) is not written, so that whoever fills an object need not ask beforehand.

mod address;
mod time;
mod value;

use smallvec::SmallVec;

pub(crate) use value::{Ascii, Digits, EveTime, Hex, Keyword, Millis, Seconds, UpperHex, Value};

/// Members as they stand, each with a comma behind it: in one piece, because that is an eighth of a line.
#[derive(Clone, Copy)]
pub(crate) struct Constant(pub &'static str);

/// Values in a list without repeats for which nothing is allocated.
const USUAL_LIST: usize = 8;

/// Longest key.
const MAX_KEY_BYTES: usize = 29;

/// Where JSON is written to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    /// What was written so far.
    pub bytes: Vec<u8>,
    day: time::Day,
}

/// Appends an object with the members that `fill` sets; it is written even if there are none.
#[inline]
pub(crate) fn object(text: &mut Text, fill: impl FnOnce(&mut Object<'_>)) {
    text.bytes.push(b'{');
    fill(&mut Object { text });
    close(&mut text.bytes, b'}');
}

/// Ends what holds members or items, each of which has a comma behind it: that of the last one goes.
#[inline]
fn close(out: &mut Vec<u8>, bracket: u8) {
    match out.last_mut() {
        Some(last) if *last == b',' => *last = bracket,
        _ => out.push(bracket),
    }
}

/// An object that is being written, at the end of a buffer.
pub(crate) struct Object<'a> {
    text: &'a mut Text,
}

impl Object<'_> {
    /// A member.
    #[expect(clippy::inline_always, reason = "so that the key is known: see `key`")]
    #[inline(always)]
    pub(crate) fn set(&mut self, key: &'static str, value: impl Value) {
        self.key(key);
        value.write(self.text);
        self.text.bytes.push(b',');
    }

    /// Members that are the same in every object.
    #[inline]
    pub(crate) fn constant(&mut self, members: Constant) {
        self.text.bytes.extend_from_slice(members.0.as_bytes());
    }

    /// A member, where there is a value.
    #[inline]
    pub(crate) fn set_some(&mut self, key: &'static str, value: Option<impl Value>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }

    /// A member that is only written where it holds.
    #[inline]
    pub(crate) fn set_true(&mut self, key: &'static str, holds: bool) {
        if holds {
            self.set(key, true);
        }
    }

    /// A member that is a count, only written from one on.
    #[inline]
    pub(crate) fn set_count(&mut self, key: &'static str, count: impl Into<u64>) {
        self.set_some(key, Some(count.into()).filter(|count| *count > 0));
    }

    /// A member that is a list of values, unless there is none.
    #[inline]
    pub(crate) fn set_list<V: Value>(&mut self, key: &'static str, values: impl IntoIterator<Item = V>) {
        self.list(key, values, Value::write);
    }

    /// The same with each value once, where it first stands. They are compared one by one: for lists that are short, or
    /// capped where they come from.
    #[inline]
    pub(crate) fn set_unique<V: Value + PartialEq + Clone>(
        &mut self,
        key: &'static str,
        values: impl Iterator<Item = V>,
    ) {
        let mut seen = SmallVec::<[V; USUAL_LIST]>::new();
        self.set_list(
            key,
            values.filter(|value| {
                let is_new = !seen.contains(value);
                if is_new {
                    seen.push(value.clone());
                }
                is_new
            }),
        );
    }

    /// A member that is an object, unless `fill` sets nothing in it.
    #[inline]
    pub(crate) fn object(&mut self, key: &'static str, fill: impl FnOnce(&mut Object<'_>)) {
        let before = self.text.bytes.len();
        self.key(key);
        self.text.bytes.push(b'{');
        let empty = self.text.bytes.len();
        fill(&mut Object { text: self.text });
        self.end(before, empty, b'}');
    }

    /// A member that is a list of objects, one for each item, unless there is none.
    #[inline]
    pub(crate) fn objects<T>(
        &mut self,
        key: &'static str,
        items: impl IntoIterator<Item = T>,
        fill: impl Fn(&mut Object<'_>, T),
    ) {
        self.list(key, items, |item, text| object(text, |members| fill(members, item)));
    }

    /// The same, with an empty list where there is none.
    pub(crate) fn objects_or_none<T>(
        &mut self,
        key: &'static str,
        items: impl IntoIterator<Item = T>,
        fill: impl Fn(&mut Object<'_>, T),
    ) {
        let before = self.text.bytes.len();
        self.objects(key, items, fill);
        if self.text.bytes.len() == before {
            self.key(key);
            self.text.bytes.extend_from_slice(b"[],");
        }
    }

    #[inline]
    fn list<T>(
        &mut self,
        key: &'static str,
        items: impl IntoIterator<Item = T>,
        write: impl Fn(T, &mut Text),
    ) {
        let before = self.text.bytes.len();
        self.key(key);
        self.text.bytes.push(b'[');
        let empty = self.text.bytes.len();
        for item in items {
            write(item, self.text);
            self.text.bytes.push(b',');
        }
        self.end(before, empty, b']');
    }

    /// Ends a member that began at `before` and has something in it if anything stands behind `empty`.
    #[inline]
    fn end(&mut self, before: usize, empty: usize, bracket: u8) {
        if self.text.bytes.len() == empty {
            self.text.bytes.truncate(before);
        } else {
            close(&mut self.text.bytes, bracket);
            self.text.bytes.push(b',');
        }
    }

    /// Keys are ours, and need no escapes. They are known when compiling, so that this is a few stores once it is inlined.
    #[expect(
        clippy::inline_always,
        reason = "a key whose length is not known takes three calls: a sixth of a line"
    )]
    #[inline(always)]
    fn key(&mut self, key: &'static str) {
        let mut quoted = [0; MAX_KEY_BYTES + 3];
        debug_assert!(key.len() <= MAX_KEY_BYTES, "{key}");
        if let Some(([open, name @ ..], [close, colon])) =
            quoted.get_mut(..key.len() + 3).and_then(|place| place.split_last_chunk_mut())
        {
            (*open, *close, *colon) = (b'"', b'"', b':');
            name.copy_from_slice(key.as_bytes());
            self.text.bytes.extend_from_slice(quoted.get(..key.len() + 3).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests;
