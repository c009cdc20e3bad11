//! JSON written straight into a buffer: no tree is built first, and nothing is allocated but the buffer.
//!
//! An object is written by naming its members in the order in which they shall stand. What is empty (an object without
//! members, a list without items) is not written, so that whoever fills an object need not ask beforehand.

mod address;
mod time;
mod value;

pub(crate) use value::{Ascii, Digits, Hex, UpperHex, Value};

/// Appends an object with the members that `fill` sets; it is written even if there are none.
#[inline]
pub(crate) fn object(out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
    out.push(b'{');
    fill(&mut Object { out });
    close(out, b'}');
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
    out: &'a mut Vec<u8>,
}

impl Object<'_> {
    /// A member.
    #[inline]
    pub(crate) fn set(&mut self, key: &'static str, value: impl Value) {
        self.key(key);
        value.write(self.out);
        self.out.push(b',');
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
    pub(crate) fn set_unique<V: Value + PartialEq>(
        &mut self,
        key: &'static str,
        values: impl Iterator<Item = V> + Clone,
    ) {
        let earlier = values.clone();
        let first_seen =
            move |(index, value): &(usize, V)| !earlier.clone().take(*index).any(|other| other == *value);
        self.set_list(key, values.enumerate().filter(first_seen).map(|(_, value)| value));
    }

    /// A member that is an object, unless `fill` sets nothing in it.
    #[inline]
    pub(crate) fn object(&mut self, key: &'static str, fill: impl FnOnce(&mut Object<'_>)) {
        let before = self.out.len();
        self.key(key);
        self.out.push(b'{');
        let empty = self.out.len();
        fill(&mut Object { out: self.out });
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
        self.list(key, items, |item, out| object(out, |members| fill(members, item)));
    }

    #[inline]
    fn list<T>(
        &mut self,
        key: &'static str,
        items: impl IntoIterator<Item = T>,
        write: impl Fn(T, &mut Vec<u8>),
    ) {
        let before = self.out.len();
        self.key(key);
        self.out.push(b'[');
        let empty = self.out.len();
        for item in items {
            write(item, self.out);
            self.out.push(b',');
        }
        self.end(before, empty, b']');
    }

    /// Ends a member that began at `before` and has something in it if anything stands behind `empty`.
    #[inline]
    fn end(&mut self, before: usize, empty: usize, bracket: u8) {
        if self.out.len() == empty {
            self.out.truncate(before);
        } else {
            close(self.out, bracket);
            self.out.push(b',');
        }
    }

    /// Keys are ours, and need no escapes.
    #[inline]
    fn key(&mut self, key: &'static str) {
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
}

#[cfg(test)]
mod tests;
