//! Every format, for every scenario of `tests/scenarios`: alerts, flows and names that `weir read` writes are held line by line against the
//! format's published schema, and against what a schema cannot say (`alert/src/formats/valid`).
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests, outside of test functions"
)]
#![expect(clippy::print_stdout, reason = "that something is skipped, and how much was looked at, is said")]

#[path = "../alert/src/formats/valid/mod.rs"]
mod valid;

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use valid::Validator;

/// Kinds of lines, each of which is an option.
const KINDS: [&str; 3] = ["alerts", "flows", "names"];

#[test]
fn every_scenario_is_valid_ecs() {
    every_scenario_is_valid("ecs", &KINDS);
}

#[test]
fn every_scenario_is_valid_ocsf() {
    every_scenario_is_valid("ocsf", &KINDS);
}

#[test]
fn every_scenario_is_valid_eve() {
    every_scenario_is_valid("eve", &KINDS);
}

#[test]
fn every_scenario_is_a_valid_match_of_pdnssoc() {
    every_scenario_is_valid("pdnssoc", &["alerts"]);
}

/// What tells an alert, a flow or a name from others is the same in every format.
#[test]
fn all_formats_tell_of_the_same() {
    for scenario in ["exported-flows", "recorded-browsing", "calls-back", "ipv6", "fragmented"] {
        let folder = scenarios().join(scenario);
        let of = |format: &str, kinds: &[&str]| outputs(&folder, format, kinds);
        let ids = |lines: &BTreeMap<String, Vec<Value>>, kind: &str, pointer: &str| -> Vec<String> {
            let text = |line: &Value| match line.pointer(pointer) {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => panic!("{scenario}: no {pointer} in {line}"),
            };
            lines[kind].iter().map(text).collect()
        };
        let (ecs, ocsf, eve) = (of("ecs", &KINDS), of("ocsf", &KINDS), of("eve", &KINDS));
        let alerts = ids(&ecs, "alerts", "/event/id");
        assert_eq!(alerts, ids(&ocsf, "alerts", "/metadata/uid"), "{scenario}");
        assert_eq!(alerts, ids(&eve, "alerts", "/alert/context/id"), "{scenario}");
        assert_eq!(alerts, ids(&of("pdnssoc", &["alerts"]), "alerts", "/weir/id"), "{scenario}");
        for kind in ["flows", "names"] {
            let flows = ids(&ecs, kind, "/weir/flow/id");
            assert!(kind == "names" || !flows.is_empty(), "{scenario} {kind}");
            assert_eq!(flows, ids(&ocsf, kind, "/connection_info/uid"), "{scenario} {kind}");
            assert_eq!(flows, ids(&eve, kind, "/flow_id"), "{scenario} {kind}");
            let communities = ids(&ecs, kind, "/network/community_id");
            assert_eq!(communities, ids(&ocsf, kind, "/connection_info/community_uid"), "{scenario} {kind}");
            assert_eq!(communities, ids(&eve, kind, "/community_id"), "{scenario} {kind}");
        }
    }
}

#[test]
fn formats_that_do_not_fit_are_refused() {
    let refused = |arguments: &[&str]| {
        let folder = scenarios().join("clean");
        let output = weir(&folder).args(arguments).output().expect("weir runs");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let unknown = refused(&["--format", "cef"]);
    assert!(unknown.contains("`cef` is none of ecs, ocsf, eve, pdnssoc"), "{unknown}");
    for kind in ["flows", "names"] {
        let no_place = refused(&["--format", "pdnssoc", &format!("--{kind}"), "/dev/null"]);
        assert!(no_place.contains(&format!("pdnssoc has no place for {kind}")), "{no_place}");
    }
}

/// Two threads, because each run of weir mostly waits for the one before it to write.
fn every_scenario_is_valid(format: &str, kinds: &[&str]) {
    let Some(validator) = Validator::of(format) else { return };
    let folders = Mutex::new(folders());
    let (failures, counts) = (Mutex::new(Vec::new()), Mutex::new(BTreeMap::<String, usize>::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(folder) = next(&folders) {
                    for (kind, lines) in outputs(&folder, format, kinds) {
                        *counts.lock().expect("counts").entry(kind.clone()).or_default() += lines.len();
                        for line in lines {
                            let problems = validator.problems(&kind, &line);
                            if !problems.is_empty() {
                                let name = folder.file_name().unwrap_or_default().to_string_lossy();
                                let failure = format!("{name} {kind}: {problems:#?}\n{line}");
                                failures.lock().expect("failures").push(failure);
                            }
                        }
                    }
                }
            });
        }
    });
    let (failures, counts) = (failures.into_inner().expect("failures"), counts.into_inner().expect("counts"));
    println!("{format}: {counts:?}");
    let first: Vec<_> = failures.iter().take(5).collect();
    assert!(failures.is_empty(), "{format}: {} lines, the first of them: {first:#?}", failures.len());
    for kind in kinds {
        assert!(
            counts.get(*kind).is_some_and(|count| *count >= 50),
            "{format}: hardly any {kind}: {counts:?}"
        );
    }
}

fn next(folders: &Mutex<Vec<PathBuf>>) -> Option<PathBuf> {
    folders.lock().expect("folders").pop()
}

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(scenarios()).expect("tests/scenarios").flatten().map(|entry| entry.path()).collect();
    folders.retain(|folder| folder.join("weir.toml").exists());
    assert!(folders.len() >= 50, "only {} scenarios found", folders.len());
    folders
}

fn weir(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.current_dir(folder).args(["read", "input.pcap", "--config", "weir.toml"]);
    command
}

/// What `weir read` writes of a scenario, by kind.
fn outputs(folder: &Path, format: &str, kinds: &[&str]) -> BTreeMap<String, Vec<Value>> {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let mut command = weir(folder);
    command.args(["--quiet", "--format", format]);
    for kind in kinds {
        command.arg(format!("--{kind}")).arg(scratch.path().join(kind));
    }
    let output = command.output().expect("weir runs");
    assert!(
        matches!(output.status.code(), Some(0 | 1 | 3)),
        "{}: {}",
        folder.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    kinds.iter().map(|kind| ((*kind).to_owned(), lines(&scratch.path().join(kind)))).collect()
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("what weir wrote");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}
