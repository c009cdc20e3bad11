//! Whatever is changed into whatever: what counts afterwards is what was wanted, but for what wants a restart.

use super::keys::{Merged, summary, wants_restart};
use crate::cli::{CommonArguments, RunArguments};
use crate::config::{RunSettings, Settings};
use crate::run::books::Wanted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use weir_model::Told;

/// Lines of the top of a file; each key once.
const KEYS: &[&[&str]] = &[
    &["home_net = [\"10.0.0.0/8\"]", "home_net = [\"192.0.2.0/24\", \"2001:db8::/32\"]"],
    &["canary = \"off\"", "canary = \"10s\""],
    &["leave_out = [\"192.0.2.64/26\"]", "tell_also = [\"url_query\"]"],
    &["drain = \"1s\"", "drain = \"2m\""],
    &["workers = 2", "workers = 3"],
    &["idle_timeout = \"9s\"", "flow_memory = \"64MiB\"", "bpf = \"udp\""],
    &["exporter = [\"192.0.2.1\"]", "exporter_sampling = [\"192.0.2.1=10\"]"],
    &["listen = \"off\"", "control = \"sock\"", "state = \"state\""],
    &["alerts_tlp = \"green\"", "alerts = \"alerts.jsonl\"", "format = \"eve\"", "quiet = true"],
    &["no_screening = true", "indicators = [\"a.txt\", \"b.txt\"]"],
    &["flows = \"flows.jsonl\"", "names = \"names.jsonl\""],
    &["receive_buffer = \"2MiB\"", "collectors = 2", "netflow = [\"127.0.0.1:2055\"]"],
];

/// Tables.
const TABLES: &[&[&str]] = &[
    &["[role]\nresolver = [\"10.0.0.1\"]", "[role]\nmail = [\"10.0.0.2\"]\nscanner = [\"10.0.0.3\"]"],
    &["[storm]\nper_minute = 7", "[storm]\nper_minute = \"off\""],
    &["[spool]\nsize = \"2MiB\"", "[spool]\nage = \"3d\""],
    &["[screening.actions]\n\"x\" = \"lower\""],
    &[
        "[source.one]\ntype = \"feed\"\npath = \"x\"",
        "[source.one]\ntype = \"feed\"\nurl = \"https://x.example/\"",
    ],
    &[
        "[source.one.more]\ntype = \"feed\"\npath = \"y\"\n[source.two]\ntype = \"feed\"\npath = \"z\"\ninterval = \"1h\"",
    ],
    &["[sink.one]\ntype = \"stdout\"", "[sink.one]\ntype = \"stdout\"\nformat = \"ocsf\"\nenabled = false"],
    &[
        "[sink.two]\ntype = \"stdout\"\nsend = [\"alerts\", \"flows\"]",
        "[sink.two]\ntype = \"file\"\npath = \"x\"",
    ],
];

fn text() -> impl Strategy<Value = String> {
    let some = |from: &'static [&'static [&'static str]]| {
        let each = subsequence(from, 0..=from.len());
        each.prop_flat_map(|groups| groups.into_iter().map(select).collect::<Vec<_>>())
    };
    // `[source.one.more]` is a table within `[source.one]`, which has no such key.
    let text = (some(KEYS), some(TABLES)).prop_map(|(keys, tables)| [keys, tables].concat().join("\n"));
    text.prop_map(|text| text.replace("[source.one.more]", "[source.\"one.more\"]"))
}

fn settings(folder: &std::path::Path, text: &str) -> RunSettings {
    let path = folder.join("weir.toml");
    std::fs::write(&path, text).unwrap();
    let common = CommonArguments { config: Some(path), ..CommonArguments::default() };
    let flags = RunArguments { interface: vec!["lo".into()], common, ..RunArguments::default() };
    Settings::for_run(&flags).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn what_counts_is_what_was_wanted_but_for_what_wants_a_restart(
        (one, other) in (text(), text()),
        (flows, names) in (any::<bool>(), any::<bool>()),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (running, wanted) = (settings(folder.path(), &one), settings(folder.path(), &other));
        let merged = Merged::new(&running, &wanted, Wanted { flows, names, told: Told::ALL }, &|_| true);
        let [before, counts, asked] =
            [&running, &merged.settings, &wanted].map(RunSettings::effective);
        for key in counts.differences(&asked) {
            prop_assert!(merged.wants_restart(&key).is_some(), "{key} does not count, and nobody says so");
        }
        for key in before.differences(&counts) {
            prop_assert!(merged.wants_restart(&key).is_none(), "{key} counts, and is said to wait");
        }
        // What is remembered key by key is the same.
        let changed: Vec<_> =
            before.differences(&asked).into_iter().filter(|key| merged.wants_restart(key).is_none()).collect();
        prop_assert_eq!(before.with(&asked, &changed), counts);
        prop_assert!(summary(&changed, &running, &merged.settings).len() <= changed.len());
    }
}

#[test]
fn a_table_that_comes_or_goes_is_one_line_and_a_key_that_changes_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let before =
        settings(folder.path(), "[source.a]\ntype = \"feed\"\npath = \"x\"\n[sink.b]\ntype = \"stdout\"\n");
    let after = settings(
        folder.path(),
        "drain = \"3s\"\n[sink.b]\ntype = \"stdout\"\nrate = 5\n[source.\"a.b\"]\ntype = \"feed\"\npath = \"x\"\n",
    );
    let keys = before.effective().differences(&after.effective());
    let expected = ["drain", "sink.b.rate", "source.a.b is there", "source.a is gone"];
    assert_eq!(summary(&keys, &before, &after), expected, "{keys:?}");
}

#[test]
fn a_key_that_nobody_thought_of_wants_a_restart() {
    assert_eq!(wants_restart("sink.soc.url"), None);
    assert_eq!(wants_restart("sink.soc.tls.ca_file (its content)"), None);
    assert!(wants_restart("ipfix_tls_cert (its content)").unwrap().contains("ports"));
    assert!(wants_restart("brand_new.key").is_some());
}
