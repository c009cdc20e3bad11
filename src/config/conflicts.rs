//! What is right key by key, and cannot be together.

use super::document::{Document, value};
use super::mistake::Mistake;
use super::sinks::ConfiguredSink;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use weir_alert::sinks::SinkSettings;

/// All of it in a file.
pub(super) fn conflicts(document: &Document, tree: &DeTable<'_>, sinks: &[ConfiguredSink]) -> Vec<Mistake> {
    let lines = document.lines();
    let mut mistakes = same_file(document, tree, sinks, &lines);
    mistakes.extend(same_port(document, tree));
    mistakes
}

/// What a file lacks that nobody completes by flags.
pub(super) fn of_the_whole(tree: &DeTable<'_>, lines: &Lines) -> Vec<Mistake> {
    let mut mistakes = tls_in_part(tree, lines);
    let first = lines.iter().filter(|(key, _)| key.starts_with("source.")).min_by_key(|(_, line)| **line);
    if let Some((_, line)) = first.filter(|_| value(tree, "state").is_none()) {
        let what = "sources need a place where what they say is kept";
        let remedy = "write state = \"/var/lib/weir\" above the first table";
        mistakes.push(Mistake::at(Some(*line), what, remedy).of("", "state"));
    }
    mistakes
}

pub(super) type Lines = BTreeMap<String, usize>;

/// Two that write one file would tear each other's lines.
fn same_file(
    document: &Document,
    tree: &DeTable<'_>,
    sinks: &[ConfiguredSink],
    lines: &Lines,
) -> Vec<Mistake> {
    let mut writers: Vec<(String, PathBuf)> = Vec::new();
    for key in ["alerts", "flows", "names", "metrics"] {
        // Where there are sinks, nothing is written to `alerts`.
        let is_used = key != "alerts" || sinks.is_empty();
        let path = value(tree, key)
            .and_then(|value| value.get_ref().as_str())
            .filter(|path| *path != "-" && is_used);
        writers.extend(path.map(|path| (key.to_owned(), whole(document, Path::new(path)))));
    }
    for sink in sinks {
        if let SinkSettings::File(own) = &sink.settings
            && own.path.as_os_str() != "-"
        {
            writers.push((format!("sink.{}.path", sink.name), whole(document, &own.path)));
        }
    }
    let mut mistakes = Vec::new();
    for (index, (key, path)) in writers.iter().enumerate() {
        let same = writers.iter().take(index).find(|(_, other)| other == path);
        if let Some((other, _)) = same.filter(|_| !path.starts_with("/dev")) {
            let line = lines.get(other).map_or(String::new(), |line| format!(" in line {line}"));
            let what = format!("the same file as `{other}`{line}, and two must not write one");
            mistakes.push(of_key(key, lines, &what, "write another path"));
        }
    }
    mistakes
}

/// From the folder of the configuration, without `./`.
fn whole(document: &Document, path: &Path) -> PathBuf {
    let path = document.folder().join(path);
    path.components().filter(|component| *component != Component::CurDir).collect()
}

fn of_key(key: &str, lines: &Lines, what: &str, remedy: &str) -> Mistake {
    let mistake = Mistake::at(lines.get(key).copied(), what, remedy);
    match key.rsplit_once('.') {
        Some((table, key)) => mistake.of(&format!("[{table}]"), key),
        None => mistake.of("", key),
    }
}

/// Every port takes all versions, and only one can have it.
fn same_port(document: &Document, tree: &DeTable<'_>) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for keys in [&["netflow", "ipfix", "sflow"][..], &["ipfix_tcp", "ipfix_tls"]] {
        let mut seen: Vec<(&str, &str)> = Vec::new();
        for key in keys {
            let Some(DeValue::Array(addresses)) = value(tree, key).map(Spanned::get_ref) else {
                continue;
            };
            for address in addresses {
                let Some(text) = address.get_ref().as_str() else { continue };
                if let Some((other, _)) = seen.iter().find(|(other, seen)| *seen == text && other != key) {
                    let what = format!("\"{text}\" is listened at by `{other}` already");
                    let remedy = "leave one of them out: every port takes all versions";
                    mistakes
                        .push(Mistake::at(Some(document.line(&address.span())), what, remedy).of("", key));
                }
                seen.push((key, text));
            }
        }
    }
    mistakes
}

/// TLS needs where, a certificate and its key.
fn tls_in_part(tree: &DeTable<'_>, lines: &Lines) -> Vec<Mistake> {
    let all = ["ipfix_tls", "ipfix_tls_cert", "ipfix_tls_key"];
    let has = |key: &&str| value(tree, key).is_some();
    let given = all.iter().chain(&["ipfix_tls_client_ca"]).find(|key| has(key));
    let missing: Vec<_> = all.iter().filter(|key| !has(key)).map(|key| format!("`{key}`")).collect();
    let Some(given) = given.filter(|_| !missing.is_empty()) else { return Vec::new() };
    let what = format!("does nothing without {}", missing.join(" and "));
    let remedy = "write ipfix_tls = [\"0.0.0.0:4740\"], ipfix_tls_cert = \"FILE\" and ipfix_tls_key = \"FILE\" together";
    vec![of_key(given, lines, &what, remedy)]
}
