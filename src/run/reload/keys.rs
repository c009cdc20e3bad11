//! Which settings count as soon as they are read again, which after a restart, and why.

use crate::config::{CollectorSettings, RunSettings, Settings, TapSettings};
use crate::run::books::Wanted;
use std::collections::BTreeMap;
use weir_alert::sinks::Kind;

/// Keys, and tables of keys, that count at once.
const AT_ONCE: &[&str] = &[
    "alerts",
    "alerts_tlp",
    "canary",
    "drain",
    "exporter",
    "exporter_sampling",
    "home_net",
    "indicators",
    "no_screening",
    "quiet",
    "role",
    "screening",
    "sink",
    "source",
    "spool",
    "storm",
];

/// Keys that count after a restart, by the reason.
const AFTER_RESTART: &[(&str, &[&str])] = &[
    (
        "captures are opened at the start, with rights that are given up then",
        &["interface", "snaplen", "ring_size", "no_promiscuous", "bpf"],
    ),
    (
        "ports are opened at the start",
        &[
            "netflow",
            "ipfix",
            "sflow",
            "ipfix_tcp",
            "ipfix_tls",
            "ipfix_tls_cert",
            "ipfix_tls_key",
            "ipfix_tls_client_ca",
            "receive_buffer",
        ],
    ),
    ("each thread has its share of the flows", &["workers", "collectors", "pin"]),
    (
        "the tables of flows are made at the start",
        &["flow_memory", "tcp_idle_timeout", "idle_timeout", "active_timeout"],
    ),
    ("the files are opened at the start", &["flows", "names", "format"]),
    ("it is locked from the start to the end", &["state"]),
    ("addresses are opened at the start", &["listen", "control"]),
];

/// Of all others.
const READ_ONCE: &str = "it is read at the start";

/// Of a sink that wants what nobody wanted at the start.
const NOT_MADE: &str = "nobody wanted flows or names at the start, so none are made";

/// Why a key, such as `sink.soc.url`, counts only after a restart; `None` if it counts as soon as it is read again.
pub(crate) fn wants_restart(key: &str) -> Option<&'static str> {
    let top = key.split(['.', ' ']).next().unwrap_or_default();
    if AT_ONCE.contains(&top) {
        return None;
    }
    let top = if top.starts_with("listen") { "listen" } else { top };
    let known = AFTER_RESTART.iter().find(|(_, keys)| keys.contains(&top));
    Some(known.map_or(READ_ONCE, |(why, _)| why))
}

/// Of what names a file that the sandbox does not let this program reach.
const OUT_OF_REACH: &str = "its files lie where the sandbox does not reach";

/// What counts when other settings are read.
pub(super) struct Merged {
    pub settings: RunSettings,
    /// Tables and keys that stay as they are, or away, until a restart, and why.
    waiting: BTreeMap<String, &'static str>,
}

impl Merged {
    /// Of what is wanted, all that can count at once; of the rest, what runs. A program that makes no flows, or no names, from the start cannot
    /// begin with that, because its books count from the start. `is_within` says whether all files of some settings are within reach.
    pub(super) fn new(
        running: &RunSettings,
        wanted: &RunSettings,
        made: Wanted,
        is_within: &dyn Fn(&RunSettings) -> bool,
    ) -> Self {
        let is_made = |kind: &Kind| match kind {
            Kind::Flow => made.flows,
            Kind::Name => made.names,
            Kind::Alert | Kind::Ledger => true,
        };
        let mut waiting = BTreeMap::new();
        for sink in wanted.common.sinks.iter().filter(|sink| sink.is_enabled) {
            if !sink.send.iter().all(is_made) {
                waiting.insert(format!("sink.{}", sink.name), NOT_MADE);
            }
        }
        let settings = joined(running, wanted, &waiting);
        if is_within(&settings) {
            return Self { settings, waiting };
        }
        for key in parts(wanted) {
            // All but one part stay as they run.
            let others = parts(wanted).into_iter().filter(|other| *other != key);
            let others: BTreeMap<_, _> = others.map(|other| (other, OUT_OF_REACH)).collect();
            if !is_within(&joined(running, wanted, &others)) {
                waiting.entry(key).or_insert(OUT_OF_REACH);
            }
        }
        Self { settings: joined(running, wanted, &waiting), waiting }
    }

    /// Why a key waits for a restart, of these settings.
    pub(super) fn wants_restart(&self, key: &str) -> Option<&'static str> {
        let is_of = |part: &str| {
            let rest = key.strip_prefix(part);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', ' ']))
        };
        let waits = self.waiting.iter().find(|(part, _)| is_of(part)).map(|(_, why)| *why);
        waits.or_else(|| wants_restart(key))
    }
}

/// All that names files among what counts at once: tables and keys.
fn parts(settings: &RunSettings) -> Vec<String> {
    let sinks = settings.common.sinks.iter().map(|sink| format!("sink.{}", sink.name));
    let sources = settings.common.sources.iter().map(|source| format!("source.{}", source.name));
    let keys = ["alerts", "indicators", "screening"].map(str::to_owned);
    sinks.chain(sources).chain(keys).collect()
}

/// What is wanted, but for these parts and all that counts after a restart alone, which stay as they run.
fn joined(
    running: &RunSettings,
    wanted: &RunSettings,
    waiting: &BTreeMap<String, &'static str>,
) -> RunSettings {
    let is_free = |part: &str| !waiting.contains_key(part);
    let (old, new) = (&running.common, wanted.common.clone());
    let is_free_sink = |name: &str| is_free(&format!("sink.{name}"));
    let mut sinks: Vec<_> = new.sinks.into_iter().filter(|sink| is_free_sink(&sink.name)).collect();
    sinks.extend(old.sinks.iter().filter(|sink| !is_free_sink(&sink.name)).cloned());
    sinks.sort_by(|one, other| one.name.cmp(&other.name));
    let is_free_source = |name: &str| is_free(&format!("source.{name}"));
    let mut sources: Vec<_> = new.sources.into_iter().filter(|source| is_free_source(&source.name)).collect();
    sources.extend(old.sources.iter().filter(|source| !is_free_source(&source.name)).cloned());
    sources.sort_by(|one, other| one.name.cmp(&other.name));
    let common = Settings {
        alerts: if is_free("alerts") { new.alerts } else { old.alerts.clone() },
        alerts_tlp: new.alerts_tlp,
        home: new.home,
        indicators: if is_free("indicators") { new.indicators } else { old.indicators.clone() },
        verbosity: new.verbosity,
        roles: new.roles,
        screening: if is_free("screening") { new.screening } else { old.screening.clone() },
        sinks,
        sources,
        spool: new.spool,
        freight: new.freight,
        storm: new.storm,
        ..running.common.clone()
    };
    let tap = TapSettings { canary: wanted.tap.canary, ..running.tap.clone() };
    let collector = CollectorSettings {
        exporters: wanted.collector.exporters.clone(),
        sampling: wanted.collector.sampling.clone(),
        ..running.collector.clone()
    };
    RunSettings { common, drain: wanted.drain, tap, collector, ..running.clone() }
}

/// Whether what follows `sink.` or `source.` is about the table of this name.
fn is_of_table(rest: &str, name: &str) -> bool {
    rest.strip_prefix(name).is_some_and(|key| key.starts_with('.'))
}

/// Names of tables of a family, before and after.
pub(super) struct Tables {
    pub family: &'static str,
    pub before: Vec<String>,
    pub after: Vec<String>,
}

impl Tables {
    fn of(family: &'static str, before: &RunSettings, after: &RunSettings) -> Self {
        let names = |settings: &RunSettings| match family {
            "sink" => settings.common.sinks.iter().map(|sink| sink.name.clone()).collect(),
            _ => settings.common.sources.iter().map(|source| source.name.clone()).collect::<Vec<_>>(),
        };
        Self { family, before: names(before), after: names(after) }
    }

    /// The longest name wins, because names may have dots.
    fn name<'a>(&'a self, key: &str) -> Option<&'a String> {
        let rest = key.strip_prefix(self.family)?.strip_prefix('.')?;
        let names = self.before.iter().chain(&self.after).filter(|name| is_of_table(rest, name));
        names.max_by_key(|name| name.len())
    }
}

/// Keys for people: of a table that comes or goes, only that.
pub(super) fn summary(keys: &[String], before: &RunSettings, after: &RunSettings) -> Vec<String> {
    let families = ["sink", "source"].map(|family| Tables::of(family, before, after));
    let mut told: Vec<String> = Vec::new();
    for key in keys {
        let of_table = families.iter().find_map(|tables| tables.name(key).map(|name| (tables, name)));
        let line = match of_table {
            Some((tables, name)) if !tables.before.contains(name) => {
                format!("{}.{name} is there", tables.family)
            }
            Some((tables, name)) if !tables.after.contains(name) => {
                format!("{}.{name} is gone", tables.family)
            }
            _ => key.clone(),
        };
        if !told.contains(&line) {
            told.push(line);
        }
    }
    told
}

/// Names of a family's tables of which something is among these keys.
pub(super) fn touched<'a>(
    family: &str,
    names: impl Iterator<Item = &'a String>,
    keys: &[String],
) -> Vec<String> {
    let rests: Vec<_> = keys.iter().filter_map(|key| key.strip_prefix(family)?.strip_prefix('.')).collect();
    names.filter(|name| rests.iter().any(|rest| is_of_table(rest, name))).cloned().collect()
}
