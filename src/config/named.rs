//! Tables that the operator names: `[source.NAME]`, `[sink.NAME]`. Some of their keys are for all of a family; the rest belong to whoever
//! is chosen by `type`, and are read by it. What is wrong with a key is said with its line.

use super::document::line_of;
use super::mistake::Mistake;
use serde::de::{DeserializeOwned, Error as _};
use std::collections::BTreeMap;
use toml::{Spanned, Table, Value};

/// All tables of a family as they are written.
pub(super) type WrittenTables = BTreeMap<Spanned<String>, BTreeMap<Spanned<String>, Spanned<Value>>>;

/// Longest name, which is a label of metrics.
const MOST_NAME_BYTES: usize = 64;

/// Which family.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family {
    /// Before the name.
    pub word: &'static str,
    /// Tables at most: each has series of metrics and a row in tables.
    pub most: usize,
}

impl Family {
    /// What `make` makes of all tables, in the order of their names, and what is wrong; `text` is the file, in which lines are counted.
    pub(super) fn read<T>(
        self,
        written: WrittenTables,
        text: &str,
        make: impl Fn(NamedTable) -> Result<T, Mistake>,
    ) -> (Vec<T>, Vec<Mistake>) {
        let (mut made, mut mistakes) = (Vec::new(), Vec::new());
        if let Some((name, _)) = written.iter().nth(self.most) {
            let line = line_of(text, name.span().start);
            let what = format!("{} tables [{}.NAME] are too many", written.len(), self.word);
            mistakes.push(Mistake::at(
                Some(line),
                what,
                format!("leave some out: the most is {}", self.most),
            ));
        }
        for (name, keys) in written.into_iter().take(self.most) {
            match NamedTable::new(self, &name, keys, text).and_then(&make) {
                Ok(table) => made.push(table),
                Err(mistake) => mistakes.push(mistake),
            }
        }
        (made, mistakes)
    }
}

/// A table, from which keys are taken one by one.
#[derive(Debug)]
pub(super) struct NamedTable {
    family: Family,
    name: String,
    line: usize,
    lines: BTreeMap<String, usize>,
    rest: Table,
}

impl NamedTable {
    fn new(
        family: Family,
        name: &Spanned<String>,
        keys: BTreeMap<Spanned<String>, Spanned<Value>>,
        text: &str,
    ) -> Result<Self, Mistake> {
        let lines = keys.keys().map(|key| (key.get_ref().clone(), line_of(text, key.span().start))).collect();
        let rest = keys.into_iter().map(|(key, value)| (key.into_inner(), value.into_inner())).collect();
        let line = line_of(text, name.span().start);
        let table = Self { family, name: name.get_ref().clone(), line, lines, rest };
        let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let name = &table.name;
        if name.is_empty() || name.len() > MOST_NAME_BYTES || !name.bytes().all(of_name) {
            let remedy = format!("write letters, digits, `-`, `_` and `.` only, at most {MOST_NAME_BYTES}");
            return Err(table.wrong(None, "this name cannot be used", &remedy));
        }
        Ok(table)
    }

    /// As the operator calls it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What is wrong with a key, or with the table.
    pub(super) fn wrong(&self, key: Option<&str>, what: &str, remedy: &str) -> Mistake {
        let line = key.and_then(|key| self.lines.get(key)).copied().unwrap_or(self.line);
        let place = format!("[{}.{}]", self.family.word, self.name);
        let mistake = Mistake::at(Some(line), what, remedy);
        match key {
            Some(key) => mistake.of(&place, key),
            None => mistake.in_place(&place),
        }
    }

    /// Takes a key that need not be there.
    pub(super) fn take<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, Mistake> {
        self.take_with(key, Value::try_into)
    }

    /// Takes a key that is read by `read`.
    pub(super) fn take_with<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(Value) -> Result<T, toml::de::Error>,
    ) -> Result<Option<T>, Mistake> {
        let Some(written) = self.rest.remove(key) else { return Ok(None) };
        read(written).map(Some).map_err(|error| self.refused(Some(key), error.message()))
    }

    fn refused(&self, key: Option<&str>, said: &str) -> Mistake {
        let Some(key) = key else { return self.wrong(None, said, "") };
        let path = format!("{}.NAME.{key}", self.family.word);
        self.wrong(Some(key), said, &format!("see what it takes: weir config explain {path}"))
    }

    /// The settings of whom the table chose, from the keys that are left. The message of a wrong one names its key, whose line is looked up.
    pub(super) fn own<T>(&self, read: impl Fn(Table) -> Result<T, toml::de::Error>) -> Result<T, Mistake> {
        let said = match read(self.rest.clone()) {
            Ok(settings) => return Ok(settings),
            Err(error) => error.message().to_owned(),
        };
        // Which key is wrong is found by leaving one out at a time: then that complaint is gone.
        let is_at_fault = |key: &&String| {
            let mut others = self.rest.clone();
            others.remove(key.as_str());
            read(others).err().is_none_or(|error| error.message() != said)
        };
        Err(self.refused(self.rest.keys().find(is_at_fault).map(String::as_str), &said))
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
