//! `weir read --state`: what one run remembers for the next, and what it refuses.
#![expect(clippy::expect_used, reason = "helpers of tests, outside of test functions")]

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// A capture with one datagram from 10.20.0.11 to 198.51.100.66 at this second (pcap, raw IPv4).
fn capture(path: &Path, second: u32) {
    let mut packet = vec![0x45, 0, 0, 32, 0, 1, 0, 0, 64, 17, 0, 0, 10, 20, 0, 11, 198, 51, 100, 66];
    packet.extend([0xc3, 0x51, 0x27, 0x0f, 0, 12, 0, 0]);
    packet.extend(b"beat");
    let mut bytes = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 101, second, 0, 32, 32] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(packet);
    std::fs::write(path, bytes).expect("a capture");
}

/// Runs `weir read` on a capture of this second.
fn read(folder: &Path, second: u32) -> Output {
    let (input, indicators) = (folder.join("input.pcap"), folder.join("bad.txt"));
    capture(&input, second);
    std::fs::write(&indicators, "198.51.100.66\n").expect("a list");
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.arg("read").arg(input).arg("--indicators").arg(indicators);
    command.arg("--state").arg(folder.join("state")).output().expect("weir runs")
}

/// The identifiers of its only alert's incident, and of the one before.
fn incident(output: &Output) -> (Value, Value) {
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let alert: Value = serde_json::from_slice(&output.stdout).expect("one alert");
    let of = |field| alert.pointer(&format!("/weir/incident/{field}")).cloned().unwrap_or_default();
    assert!(of("id").is_string(), "{alert}");
    (of("id"), of("previous"))
}

#[test]
fn the_next_incident_names_the_one_before() {
    const DAY: u32 = 86_400;
    let folder = tempfile::tempdir().unwrap();
    let (first, none) = incident(&read(folder.path(), DAY));
    assert_eq!(none, Value::Null);
    assert_eq!(incident(&read(folder.path(), DAY)), (first.clone(), Value::Null), "the same capture again");
    let (second, before) = incident(&read(folder.path(), 3 * DAY));
    assert_eq!(before, first);
    assert_eq!(incident(&read(folder.path(), 3 * DAY)), (second, first));
    let (_, long_after) = incident(&read(folder.path(), 90 * DAY));
    assert_eq!(long_after, Value::Null, "what was months ago is forgotten");
}

#[test]
fn what_is_stored_is_shown_with_units() {
    let folder = tempfile::tempdir().unwrap();
    incident(&read(folder.path(), 1));
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    let shown = command.args(["state", "show", "--state"]).arg(folder.path().join("state")).output().unwrap();
    let text = String::from_utf8(shown.stdout).unwrap();
    let size = text.lines().last().and_then(|line| line.strip_suffix(" in all")).unwrap_or_default();
    assert!(size.ends_with(" B") || size.ends_with(" kB"), "{text}");
}

#[test]
fn a_state_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("state")).unwrap();
    let lock = std::fs::File::create(folder.path().join("state/lock")).unwrap();
    lock.lock().unwrap();
    refused(&read(folder.path(), 1), "is in use");
    drop(lock);
    incident(&read(folder.path(), 1));
}

#[test]
fn a_memory_that_cannot_be_used_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    incident(&read(folder.path(), 1));
    let file = folder.path().join("state/incidents.json");
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.starts_with(r#"{"version":3,"read_by":3,"#), "{written}");
    let readable = written.replace(r#""version":3"#, r#""version":4,"more":0"#);
    std::fs::write(&file, &readable).unwrap();
    incident(&read(folder.path(), 1));
    let newer = readable.replace(r#""read_by":3"#, r#""read_by":4"#);
    let (cut, _) = written.split_at(written.len() / 2);
    let key = written.replace(r#""incident":""#, r#""incident":"x"#);
    for (contents, message) in [
        (newer.as_str(), "its version is 4"),
        (cut, "it is damaged"),
        ("", "it is damaged"),
        (r#"{"version":1}"#, "it is damaged"),
        (&key, "it is damaged"),
    ] {
        std::fs::write(&file, contents).unwrap();
        refused(&read(folder.path(), 1), message);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), contents, "and left as it was");
    }
}

fn refused(output: &Output, message: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(message), "{said}");
    assert!(output.stdout.is_empty());
}
