//! Runs every folder of `tests/scenarios/`: a capture, a configuration, the alerts expected, and what must not occur.
//!
//! `weir read` runs on `input.pcap` with `weir.toml`. Then
//! - each line of `expect.jsonl` is contained in exactly one alert, and each alert is claimed by exactly one line;
//! - no line of `forbid.jsonl` is contained in any alert;
//! - each line of `flows.jsonl` and `names.jsonl`, where present, is contained in some line of that output;
//! - the exit code is what `exit` says (else 1 with expected alerts, 0 without);
//! - the ledger balances.
//!
//! "Contained": every key of the expectation is there with a value that contains it; of an array, every element is
//! contained in some element.
#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests, outside of test functions")]

use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn every_scenario_is_as_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut folders: Vec<PathBuf> =
        fs::read_dir(&root).expect("tests/scenarios").flatten().map(|entry| entry.path()).collect();
    folders.retain(|folder| folder.join("weir.toml").exists());
    folders.sort();
    assert!(folders.len() >= 20, "only {} scenarios found", folders.len());
    let failures: Vec<String> = folders.iter().filter_map(|folder| run(folder).err()).collect();
    assert!(
        failures.is_empty(),
        "{} of {} scenarios:\n{}",
        failures.len(),
        folders.len(),
        failures.join("\n")
    );
}

/// Runs one scenario; everything that is wrong with it is in the error.
fn run(folder: &Path) -> Result<(), String> {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let output_of = |name: &str| scratch.path().join(name);
    let output = Command::new(env!("CARGO_BIN_EXE_weir"))
        .current_dir(folder)
        .args(["read", "input.pcap", "--config", "weir.toml", "--alerts"])
        .arg(output_of("alerts"))
        .arg("--flows")
        .arg(output_of("flows"))
        .arg("--names")
        .arg(output_of("names"))
        .output()
        .expect("weir runs");
    let alerts = lines(&output_of("alerts"));
    let expected = lines(&folder.join("expect.jsonl"));
    let mut wrong = String::new();
    claim(&expected, &alerts, &mut wrong);
    for forbidden in lines(&folder.join("forbid.jsonl")) {
        if let Some(alert) = alerts.iter().find(|alert| contains(alert, &forbidden)) {
            let _ = writeln!(wrong, "  forbidden {forbidden}\n    is in {}", brief(alert));
        }
    }
    for kind in ["flows", "names"] {
        let actual = lines(&output_of(kind));
        for missing in lines(&folder.join(format!("{kind}.jsonl"))) {
            if !actual.iter().any(|line| contains(line, &missing)) {
                let _ = writeln!(wrong, "  no line of {kind} contains {missing}");
            }
        }
    }
    let summary = String::from_utf8_lossy(&output.stderr);
    if !summary.contains("the ledger balances") {
        let _ = writeln!(wrong, "  the ledger does not balance:\n{summary}");
    }
    let exit = fs::read_to_string(folder.join("exit")).map_or(i32::from(!expected.is_empty()), |text| {
        text.trim().parse().expect("a number in the file `exit`")
    });
    if output.status.code() != Some(exit) {
        let _ = writeln!(wrong, "  exit code {:?}, expected {exit}:\n{summary}", output.status.code());
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    if wrong.is_empty() { Ok(()) } else { Err(format!("{name}:\n{wrong}")) }
}

/// Every alert belongs to exactly one expectation and the other way round.
fn claim(expected: &[Value], alerts: &[Value], wrong: &mut String) {
    for expectation in expected {
        let matching = alerts.iter().filter(|alert| contains(alert, expectation)).count();
        if matching != 1 {
            let _ = writeln!(wrong, "  {matching} alerts contain {expectation}");
        }
    }
    for alert in alerts {
        let claims = expected.iter().filter(|expectation| contains(alert, expectation)).count();
        if claims != 1 {
            let _ = writeln!(wrong, "  {claims} expectations claim {}", brief(alert));
        }
    }
}

/// Whether `actual` has everything that `expected` has.
fn contains(actual: &Value, expected: &Value) -> bool {
    match (actual, expected) {
        (Value::Object(actual), Value::Object(expected)) => {
            expected.iter().all(|(key, value)| actual.get(key).is_some_and(|actual| contains(actual, value)))
        }
        (Value::Array(actual), Value::Array(expected)) => {
            expected.iter().all(|value| actual.iter().any(|actual| contains(actual, value)))
        }
        _ => actual == expected,
    }
}

/// An alert as a failure shows it: its sentence and the fields that expectations name most.
fn brief(alert: &Value) -> String {
    format!("{}\n      {}", alert["message"], alert["weir"])
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error}: {line}", path.display()))
        })
        .collect()
}

#[test]
fn containment_is_strict_where_it_must_be() {
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let actual = parse(r#"{"a": {"b": 1, "c": [ {"d": 2}, 3 ]}}"#);
    for inside in [r#"{"a": {"b": 1}}"#, r#"{"a": {"c": [3]}}"#, r#"{"a": {"c": [{"d": 2}]}}"#, "{}"] {
        assert!(contains(&actual, &parse(inside)), "{inside}");
    }
    for outside in
        [r#"{"a": {"b": 2}}"#, r#"{"x": 1}"#, r#"{"a": {"c": [4]}}"#, r#"{"a": 1}"#, r#"{"a": {"b": null}}"#]
    {
        assert!(!contains(&actual, &parse(outside)), "{outside}");
    }
}
