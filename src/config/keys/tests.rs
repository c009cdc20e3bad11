//! The table of keys against the settings that are read.

use super::*;
use crate::cli::{CommonArguments, RunArguments};
use crate::config::Settings;
use crate::config::form::Form;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use toml::Value;
use weir_alert::sinks::SinkSettings;

/// The keys that serde names when it meets one that there is not.
fn known(error: &str) -> BTreeSet<String> {
    assert!(error.contains("unknown field") || error.contains("unknown variant"), "{error}");
    error.split('`').skip(1).step_by(2).skip(1).map(str::to_owned).collect()
}

fn names(keys: &[Key]) -> BTreeSet<String> {
    keys.iter().map(|key| key.name.to_owned()).collect()
}

#[test]
fn all_keys_of_the_file_are_in_the_table() {
    let error = toml::from_str::<crate::config::Written>("no_such_key = 1").unwrap_err().message().to_owned();
    let mut all = names(TOP);
    all.extend(["source".to_owned(), "sink".to_owned()]);
    assert_eq!(known(&error), all);
    for key in TOP {
        if let Some(keys) = key.form.keys() {
            let text = format!("[{}]\nno_such_key = 1", key.name);
            let error = toml::from_str::<crate::config::Written>(&text).unwrap_err().message().to_owned();
            assert_eq!(known(&error), names(keys), "{}", key.name);
        }
    }
}

/// A table with what must be there, `type` aside, and at this place a key that does not exist.
fn with_stranger(keys: &[Key], path: &[&str]) -> toml::Table {
    let mut table = toml::Table::new();
    for key in keys.iter().filter(|key| key.is_needed && key.name != "type") {
        table.extend(toml::from_str::<toml::Table>(&format!("{} = {}", key.name, key.example)).unwrap());
    }
    match path {
        [] => drop(table.insert("no_such_key".to_owned(), Value::Integer(1))),
        [first, rest @ ..] => {
            let below = keys.iter().find(|key| key.name == *first).unwrap().form.keys().unwrap();
            table.insert((*first).to_owned(), Value::Table(with_stranger(below, rest)));
        }
    }
    table
}

/// Tables and the tables in them, as far as they refuse what they do not know.
fn tables(keys: &'static [Key]) -> Vec<(Vec<&'static str>, &'static [Key])> {
    let mut all = vec![(Vec::new(), keys)];
    for key in keys {
        let below = key.form.keys().filter(|_| !["sasl", "credentials"].contains(&key.name));
        for (path, keys) in below.map(tables).unwrap_or_default() {
            all.push(([vec![key.name], path].concat(), keys));
        }
    }
    all
}

#[test]
fn all_keys_of_sinks_are_in_the_table() {
    let kinds: BTreeSet<_> = SINKS.iter().map(|(of, _)| *of).collect();
    assert_eq!(kinds, SinkSettings::KINDS.iter().copied().collect());
    for (of, keys) in SINKS.iter().filter(|(_, keys)| !keys.is_empty()) {
        for (path, below) in tables(keys) {
            let written = Value::Table(with_stranger(keys, &path));
            let error = SinkSettings::read(of, written).unwrap().unwrap_err().message().to_owned();
            assert_eq!(known(&error), names(below), "{of} {path:?}");
        }
    }
}

#[test]
fn all_keys_of_sources_are_in_the_table() {
    let read = |of: &str, table: toml::Table| match of {
        "feed" => table.try_into::<weir_intel::FeedSettings>().map(drop),
        "misp" => table.try_into::<weir_intel::misp::MispSettings>().map(drop),
        _ => table.try_into::<weir_intel::TaxiiSettings>().map(drop),
    };
    for (of, keys) in SOURCES {
        for (path, below) in tables(keys) {
            let error = read(of, with_stranger(keys, &path)).unwrap_err().message().to_owned();
            assert_eq!(known(&error), names(below), "{of} {path:?}");
        }
    }
    let policy = SOURCE.iter().find(|key| key.name == "policy").unwrap().form.keys().unwrap();
    let error = toml::from_str::<crate::config::policy::WrittenPolicy>("no_such_key = 1")
        .unwrap_err()
        .message()
        .to_owned();
    assert_eq!(known(&error), names(policy));
}

/// Nothing but what must be there, of each type.
fn least() -> String {
    let mut text = "interface = [\"eth0\"]\n".to_owned();
    for (family, all) in [("source", SOURCES), ("sink", SINKS)] {
        for (of, keys) in all {
            writeln!(text, "[{family}.{of}]\ntype = \"{of}\"").unwrap();
            let needed = keys
                .iter()
                .filter(|key| key.is_needed || ["feed", "webhook"].contains(of) && key.name == "url");
            needed.for_each(|key| writeln!(text, "{} = {}", key.name, key.example).unwrap());
        }
    }
    text
}

#[test]
fn defaults_are_what_is_used_where_nothing_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weir.toml");
    std::fs::write(&path, least()).unwrap();
    let common = CommonArguments { config: Some(path), ..CommonArguments::default() };
    let effective =
        Settings::for_run(&RunArguments { common, ..RunArguments::default() }).unwrap().effective();
    let shown: BTreeMap<_, _> =
        effective.shown().map(|(key, shown)| (key.to_owned(), shown.to_string())).collect();
    let (mut seen, mut wrong) = (BTreeSet::new(), Vec::new());
    for entry in entries() {
        let types: Vec<_> = match (entry.of, entry.path.split('.').next().unwrap()) {
            (Some(of), _) => vec![of],
            (None, "source") => SOURCES.iter().map(|(of, _)| *of).collect(),
            (None, "sink") => SINKS.iter().map(|(of, _)| *of).collect(),
            (None, _) => vec![""],
        };
        for of in types {
            let path = entry.path.replacen(ANY, of, 1);
            seen.insert(path.clone());
            let (Some(shown), Some(default)) = (shown.get(&path), entry.key.default()) else { continue };
            if entry.key.is_needed || default.contains(" for ") {
                continue;
            }
            if *shown != default.replace(", ", ",") {
                wrong.push(format!("{path} is {shown}, not {default}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let strange: Vec<_> = shown.keys().filter(|key| !seen.contains(*key)).collect();
    assert!(strange.is_empty(), "in use, but in no table: {strange:?}");
}

#[test]
fn every_key_is_explained_and_its_example_is_taken() {
    for entry in entries() {
        let key = entry.key;
        assert!(!key.meaning().is_empty(), "{} says nothing", entry.path);
        let text = format!("value = {}", key.example);
        let table = toml::de::DeTable::parse(&text).unwrap();
        let value = crate::config::document::value(table.get_ref(), "value").unwrap().get_ref();
        assert_eq!(key.form.check(value), Ok(()), "{}", entry.path);
        if let Some(default) = key.default().filter(|default| default.starts_with('"')) {
            assert_eq!(
                key.form.check(&toml::de::DeValue::String(default.trim_matches('"').into())),
                Ok(()),
                "{}",
                entry.path
            );
        }
        assert!(!matches!(key.form, Form::Table(keys) if keys.is_empty()), "{}", entry.path);
    }
}
