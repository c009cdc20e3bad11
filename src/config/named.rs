//! Tables that the operator names: `[source.NAME]`, `[sink.NAME]`. Some of their keys are for all of a family; the rest belong to whoever
//! is chosen by `type`. What is wrong with a key is said with its line.

use anyhow::{Result, anyhow, bail};
use serde::de::{DeserializeOwned, Error as _};
use std::collections::BTreeMap;
use toml::{Spanned, Table, Value};

/// All tables of a family as they are written.
pub(super) type WrittenTables = BTreeMap<String, BTreeMap<Spanned<String>, Spanned<Value>>>;

/// Longest name, which is a label of metrics.
const MOST_NAME_BYTES: usize = 64;

/// Which family.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family {
    /// Before the name.
    pub word: &'static str,
    /// Tables at most: each has series of metrics and a row in tables.
    pub most: usize,
    /// The keys that all of them have.
    pub keys: &'static [&'static str],
}

impl Family {
    /// All tables, by name; `text` is the file, in which lines are counted.
    pub(super) fn tables(self, written: WrittenTables, text: &str) -> Result<Vec<NamedTable>> {
        if written.len() > self.most {
            bail!("{} tables [{}.NAME] are too many; the most is {}", written.len(), self.word, self.most);
        }
        written.into_iter().map(|(name, keys)| NamedTable::new(self, name, keys, text)).collect()
    }
}

/// A table, from which keys are taken one by one.
#[derive(Debug)]
pub(super) struct NamedTable {
    family: Family,
    name: String,
    lines: BTreeMap<String, usize>,
    rest: Table,
}

impl NamedTable {
    fn new(
        family: Family,
        name: String,
        keys: BTreeMap<Spanned<String>, Spanned<Value>>,
        text: &str,
    ) -> Result<Self> {
        let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || name.len() > MOST_NAME_BYTES || !name.bytes().all(of_name) {
            let word = family.word;
            bail!("[{word}.{name}]: a name has letters, digits, `-`, `_` and `.`, at most {MOST_NAME_BYTES}");
        }
        let line = |at: usize| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        let lines = keys.keys().map(|key| (key.get_ref().clone(), line(key.span().start))).collect();
        let rest = keys.into_iter().map(|(key, value)| (key.into_inner(), value.into_inner())).collect();
        Ok(Self { family, name, lines, rest })
    }

    /// As the operator calls it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// `line 12: [source.misp]: `, or without a line where the key is not known.
    pub(super) fn place(&self, key: Option<&str>) -> String {
        match key.and_then(|key| self.lines.get(key)) {
            Some(line) => format!("line {line}: [{}.{}]: ", self.family.word, self.name),
            None => format!("[{}.{}]: ", self.family.word, self.name),
        }
    }

    /// Takes a key that need not be there.
    pub(super) fn take<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>> {
        self.take_with(key, Value::try_into)
    }

    /// Takes a key that is read by `read`.
    pub(super) fn take_with<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(Value) -> Result<T, toml::de::Error>,
    ) -> Result<Option<T>> {
        let Some(written) = self.rest.remove(key) else { return Ok(None) };
        self.checked(key, read(written)).map(Some)
    }

    /// The value of a key, or what is wrong with it.
    pub(super) fn checked<T>(&self, key: &str, read: Result<T, toml::de::Error>) -> Result<T> {
        read.map_err(|error| anyhow!("{}`{key}`: {}", self.place(Some(key)), plain(&error)))
    }

    /// The settings of whom the table chose, from the keys that are left. The message of a wrong one names its key, whose line is looked up.
    pub(super) fn own<T>(&self, read: impl Fn(Table) -> Result<T, toml::de::Error>) -> Result<T> {
        let said = match read(self.rest.clone()) {
            Ok(settings) => return Ok(settings),
            Err(error) => plain(&error),
        };
        // Which key is wrong is found by leaving one out at a time: then that complaint is gone.
        let is_at_fault = |key: &&String| {
            let mut others = self.rest.clone();
            others.remove(key.as_str());
            read(others).err().is_none_or(|error| plain(&error) != said)
        };
        let key = self.rest.keys().find(is_at_fault).map(String::as_str);
        let of_key = key.map_or(String::new(), |key| format!("`{key}`: "));
        let meant =
            self.meant(key, &said).map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
        bail!("{}{of_key}{said}{meant}", self.place(key))
    }

    /// The known key that is nearest to one that is not known: of those that the message lists, and of those that all tables have.
    fn meant<'a>(&self, key: Option<&str>, said: &'a str) -> Option<&'a str> {
        let key = key.filter(|_| said.starts_with("unknown field"))?;
        let listed = said.split('`').skip(1).step_by(2).skip(1);
        nearest(key, listed.chain(self.family.keys.iter().copied()))
    }
}

/// One of several keywords; the message of a wrong one lists them.
pub(super) fn one_of<T: Copy>(
    written: Value,
    all: &[T],
    keyword: impl Fn(T) -> &'static str,
) -> Result<T, toml::de::Error> {
    let text: String = written.try_into()?;
    all.iter().copied().find(|value| keyword(*value) == text).ok_or_else(|| {
        let known: Vec<_> = all.iter().map(|value| keyword(*value)).collect();
        toml::de::Error::custom(format!("`{text}` is none of {}", known.join(", ")))
    })
}

/// The message without the parser's own places, which are of the table alone.
fn plain(error: &toml::de::Error) -> String {
    error.message().to_owned()
}

/// What is most like a word, if anything is: a third of its letters may be other ones.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.map(|known| (distance(word, known), known));
    let allowed = word.chars().count().div_ceil(3);
    near.filter(|(distance, _)| *distance <= allowed).min_by_key(|(distance, _)| *distance).map(|near| near.1)
}

/// Letters that must be added, left out or changed to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut fresh = vec![line + 1];
        for (column, (before, with)) in row.iter().zip(&other).enumerate() {
            let changed = before + usize::from(letter != *with);
            let added = fresh.last().map_or(usize::MAX, |left| left + 1);
            let left_out = row.get(column + 1).map_or(usize::MAX, |above| above + 1);
            fresh.push(changed.min(added).min(left_out));
        }
        row = fresh;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_named_if_there_is_one() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        let known = ["brokers", "topic", "format", "tlp"];
        assert_eq!(nearest("topics", known.into_iter()), Some("topic"));
        assert_eq!(nearest("broker", known.into_iter()), Some("brokers"));
        assert_eq!(nearest("colour", known.into_iter()), None);
    }
}
