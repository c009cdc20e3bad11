//! One run of the program on one capture.

use serde_json::Value;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

/// What the program wrote.
pub(crate) struct Output {
    pub(crate) flows: Vec<Value>,
    pub(crate) names: Vec<Value>,
}

/// Reads a capture with `weir read`.
pub(crate) fn read(capture: &Path) -> Output {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let path_of = |name: &str| scratch.path().join(name);
    let output = Command::new(env!("CARGO_BIN_EXE_weir"))
        .arg("read")
        .arg(capture)
        .args(["--quiet", "--alerts"])
        .arg(path_of("alerts"))
        .arg("--flows")
        .arg(path_of("flows"))
        .arg("--names")
        .arg(path_of("names"))
        .output()
        .expect("weir runs");
    assert!(
        output.status.success(),
        "{}: {}: {}",
        capture.display(),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Output { flows: lines(&path_of("flows")), names: lines(&path_of("names")) }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("the program wrote this");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// An address and port of an event (`source` or `destination`); port 0 where there is none.
pub(crate) fn end(event: &Value, side: &str) -> (IpAddr, u16) {
    let ip = event[side]["ip"].as_str().expect("an address").parse().expect("an address");
    (ip, event[side]["port"].as_u64().unwrap_or_default() as u16)
}

/// The IP protocol of an event.
pub(crate) fn protocol(event: &Value) -> u8 {
    event["network"]["iana_number"].as_str().expect("a protocol").parse().expect("a protocol")
}
