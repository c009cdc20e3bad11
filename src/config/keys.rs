//! Every key of a configuration file: what it takes, what it means, what it is unless somebody says otherwise. Checks, `weir config example`,
//! `weir config explain` and docs/CONFIG.md are made of this table; tests hold it against the settings that are read.
//!
//! A key that is a flag as well has its words there (`src/cli`).

mod intel;
mod shared;
mod sinks;
#[cfg(test)]
mod tests;
mod top;

use super::form::Form;
use clap::CommandFactory as _;
use std::collections::BTreeMap;
use std::sync::LazyLock;

pub(super) use intel::{SOURCE, SOURCES};
pub(super) use sinks::{SINK, SINKS};
pub(super) use top::TOP;

/// A key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// In its table.
    pub name: &'static str,
    /// What it takes.
    pub form: Form,
    /// Empty where a flag of the same name has the words.
    words: &'static str,
    /// As it may be written; empty where there is none, or a flag's words have it.
    default: &'static str,
    /// A value that could be meant, as it is written.
    pub example: &'static str,
    /// It must be there.
    pub is_needed: bool,
    /// It takes the place of another key, with which it does not go together.
    pub instead_of: Option<&'static str>,
    /// It is for `weir read` alone.
    pub is_for_files: bool,
}

/// What it takes to change a key in a running `weir run`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// A reload.
    Reload,
    /// A new start, for this reason.
    Restart(&'static str),
    /// `weir run` does not use it.
    Unused,
}

impl Key {
    pub(super) const fn new(name: &'static str, form: Form, example: &'static str) -> Self {
        let (words, default, is_needed, instead_of, is_for_files) = ("", "", false, None, false);
        Self { name, form, words, default, example, is_needed, instead_of, is_for_files }
    }

    pub(super) const fn means(self, words: &'static str) -> Self {
        Self { words, ..self }
    }

    pub(super) const fn or(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    pub(super) const fn needed(self) -> Self {
        Self { is_needed: true, ..self }
    }

    pub(super) const fn instead_of(self, other: &'static str) -> Self {
        Self { instead_of: Some(other), ..self }
    }

    pub(super) const fn for_files(self) -> Self {
        Self { is_for_files: true, ..self }
    }

    /// What it means, in a sentence or two.
    pub(crate) fn meaning(&self) -> &'static str {
        if self.words.is_empty() {
            flag(self.name).map_or("", |flag| flag.meaning.as_str())
        } else {
            self.words
        }
    }

    /// What it is if nobody says: a value, or words where it depends.
    pub(crate) fn default(&self) -> Option<String> {
        if !self.default.is_empty() {
            return Some(self.default.to_owned());
        }
        let flag = flag(self.name).filter(|_| self.words.is_empty())?;
        flag.default.as_deref().map(|default| self.form.written(default))
    }

    /// The flag of the same name and its value.
    pub(crate) fn flag(&self) -> Option<&'static str> {
        flag(self.name).filter(|_| self.words.is_empty()).map(|flag| flag.written.as_str())
    }
}

/// What `weir read` and `weir run` say of a flag.
struct Flag {
    /// `--workers N`.
    written: String,
    meaning: String,
    default: Option<String>,
}

fn flag(key: &str) -> Option<&'static Flag> {
    static FLAGS: LazyLock<BTreeMap<String, Flag>> = LazyLock::new(flags);
    FLAGS.get(key)
}

/// Whether `weir read` uses a key above the first table.
pub(super) fn is_of_read(key: &str) -> bool {
    let mut command = crate::cli::Cli::command();
    command.build();
    let long = key.replace('_', "-");
    let read = command.find_subcommand("read");
    key == "screening"
        || read.is_some_and(|read| read.get_arguments().any(|flag| flag.get_long() == Some(&long)))
}

fn flags() -> BTreeMap<String, Flag> {
    let mut command = crate::cli::Cli::command();
    command.build();
    let commands = ["read", "run"].into_iter().filter_map(|name| command.find_subcommand(name));
    let mut flags = BTreeMap::new();
    for argument in commands.flat_map(clap::Command::get_arguments) {
        let (Some(long), Some(help)) = (argument.get_long(), argument.get_help()) else { continue };
        let help = help.to_string();
        let (meaning, default) = match help.trim_end_matches(']').split_once(" [default: ") {
            Some((meaning, default)) => (meaning.to_owned(), Some(default.to_owned())),
            None => (help, None),
        };
        let value = argument.get_value_names().filter(|_| argument.get_action().takes_values());
        let value = value.and_then(|names| names.first()).map_or(String::new(), |name| format!(" {name}"));
        flags.insert(long.replace('-', "_"), Flag { written: format!("--{long}{value}"), meaning, default });
    }
    flags
}

/// A key at its place.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// As `sink.NAME.http.verify`.
    pub path: String,
    /// The `type` of tables that have it; `None`: all.
    of: Option<&'static str>,
    pub key: &'static Key,
    /// Where more is said.
    pub page: &'static str,
}

/// What keys of this name take, wherever they stand.
pub(super) fn forms_of(name: &str) -> Vec<Form> {
    entries().iter().filter(|entry| entry.key.name == name).map(|entry| entry.key.form).collect()
}

/// What stands for a name of the operator's choice.
const ANY: &str = "NAME";

impl Entry {
    /// What it takes to change it in a running `weir run`, as that has it.
    pub(crate) fn change(&self) -> Change {
        match crate::run::wants_restart(&self.path) {
            _ if self.key.is_for_files => Change::Unused,
            Some(why) => Change::Restart(why),
            None => Change::Reload,
        }
    }

    /// Whether it is what stands there, as `sink.soc.url`.
    pub(crate) fn is_at(&self, asked: &str) -> bool {
        let mut asked = asked.split('.');
        let is_same =
            self.path.split('.').all(|own| asked.next().is_some_and(|part| part == own || own == ANY));
        is_same && asked.next().is_none()
    }

    /// Whether it stands in this table.
    pub(crate) fn is_below(&self, table: &str) -> bool {
        let mut own = self.path.split('.');
        let is_same = table.split('.').all(|part| own.next().is_some_and(|own| part == own || own == ANY));
        is_same && own.next().is_some()
    }

    /// ` (kafka)` where it is of one type only.
    pub(crate) fn whose(&self) -> String {
        self.of.map_or(String::new(), |of| format!(" (type {of})"))
    }

    /// The headline below which it stands in a reference.
    #[cfg(test)]
    pub(crate) fn title(&self) -> String {
        let table = self.table();
        match (table.is_empty(), self.of) {
            (true, _) => "At the top of the file".to_owned(),
            (false, None) => format!("`[{table}]`"),
            (false, Some(of)) => format!("`[{table}]` of type `{of}`"),
        }
    }

    /// Within its headline.
    #[cfg(test)]
    pub(crate) fn short(&self) -> &str {
        self.path.strip_prefix(&self.table()).unwrap_or(&self.path).trim_start_matches('.')
    }

    fn table(&self) -> String {
        let parts: Vec<_> = self.path.split('.').collect();
        match parts.as_slice() {
            [family, ANY, "policy", _, ..] => format!("{family}.{ANY}.policy"),
            [family, ANY, ..] => format!("{family}.{ANY}"),
            [table, _, ..] => (*table).to_owned(),
            _ => String::new(),
        }
    }
}

/// All keys, table by table, in the order in which people meet them; a table that is a key stands before its keys.
pub(crate) fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut add = |before: &str, of, keys, page| collect(&mut entries, (before, of, page), keys);
    add("", None, TOP, "docs/CONFIG.md");
    add("source.NAME.", None, SOURCE, "docs/INTELLIGENCE.md");
    for (of, keys) in SOURCES {
        add("source.NAME.", Some(*of), keys, "docs/INTELLIGENCE.md");
    }
    add("sink.NAME.", None, SINK, "docs/ALERTING.md");
    for (of, keys) in SINKS {
        add("sink.NAME.", Some(*of), keys, "docs/ALERTING.md");
    }
    // Keys below a header of their own come behind those that stand without.
    entries.sort_by_key(|entry| (rank(entry), entry.of.is_some()));
    entries
}

fn rank(entry: &Entry) -> usize {
    let table = entry.table();
    match table.split('.').next().unwrap_or_default() {
        "" => 0,
        "source" if table.ends_with("policy") => 2,
        "source" => 1,
        "sink" => 3,
        other => 4 + TOP.iter().position(|key| key.name == other).unwrap_or_default(),
    }
}

type Where<'a> = (&'a str, Option<&'static str>, &'static str);

fn collect(entries: &mut Vec<Entry>, (before, of, page): Where<'_>, keys: &'static [Key]) {
    for key in keys {
        let path = format!("{before}{}", key.name);
        let below = format!("{path}.");
        entries.push(Entry { path, of, key, page });
        collect(entries, (&below, of, page), key.form.keys().unwrap_or_default());
    }
}
