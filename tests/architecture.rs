//! The direction of dependencies (docs/ARCHITECTURE.md) holds in the manifests, not only on paper.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what goes wrong here shall fail"
)]

use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

/// What each crate may use of the workspace. `weir-bench` measures the stages and is part of none.
const MAY_USE: &[(&str, &[&str])] = &[
    ("weir-model", &[]),
    ("weir-wire", &["weir-model"]),
    ("weir-capture", &["weir-model", "weir-mem"]),
    ("weir-mem", &[]),
    ("weir-net", &["weir-model"]),
    ("weir-flow", &["weir-model", "weir-wire", "weir-mem"]),
    ("weir-rules", &["weir-model", "weir-mem"]),
    ("weir-intel", &["weir-model", "weir-net"]),
    ("weir-alert", &["weir-model", "weir-net"]),
    ("weir-bench", &["weir-model", "weir-wire", "weir-capture", "weir-flow", "weir-rules", "weir-alert"]),
];

/// Crates that decide: no I/O, no clock, no runtime, no metrics.
const DECIDING: &[&str] = &["weir-model", "weir-wire", "weir-flow", "weir-rules"];
const NOT_FOR_DECIDING: &[&str] = &[
    "tokio",
    "prometheus",
    "pcap",
    "reqwest",
    "rdkafka",
    "tracing-subscriber",
    "crossbeam",
    "memmap2",
    "serde_json",
];

fn dependencies() -> Vec<(String, BTreeSet<String>)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .expect("cargo metadata runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let normal = package["dependencies"].as_array().expect("dependencies").iter();
            let names = normal.filter(|dependency| dependency["kind"].is_null());
            let names = names.map(|dependency| dependency["name"].as_str().expect("name").to_owned());
            (package["name"].as_str().expect("name").to_owned(), names.collect())
        })
        .collect()
}

#[test]
fn each_crate_stands_on_the_ground_floor_and_on_no_other_stage() {
    let dependencies = dependencies();
    assert_eq!(dependencies.len(), MAY_USE.len() + 1, "a crate is missing in MAY_USE");
    for (name, allowed) in MAY_USE {
        let (_, uses) = dependencies.iter().find(|(package, _)| package == name).expect("the crate exists");
        let stages: Vec<_> = uses.iter().filter(|used| used.starts_with("weir-")).collect();
        assert!(stages.iter().all(|used| allowed.contains(&used.as_str())), "{name} uses {stages:?}");
    }
}

#[test]
fn crates_that_decide_know_no_runtime() {
    for (name, uses) in dependencies() {
        if DECIDING.contains(&name.as_str()) {
            let wrong: Vec<_> =
                uses.iter().filter(|used| NOT_FOR_DECIDING.contains(&used.as_str())).collect();
            assert!(wrong.is_empty(), "{name} uses {wrong:?}");
        }
    }
}
