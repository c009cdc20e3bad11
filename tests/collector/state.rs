//! The state directory: backed up while the program runs, restored elsewhere, of earlier and later versions.

use crate::build::{self, Told};
use crate::run::{BAD, Exporter, Run};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A port of the loopback at which nobody listens.
const NOBODY: &str = "type = \"syslog\"\nurl = \"tcp://127.0.0.1:9\"\nformat = \"ecs\"";
const HERE: &str = "type = \"file\"\npath = \"away\"\nrotate = false\ntlp = \"red\"";

/// A state directory as form 1 had it, packed by `weir state backup`: an open incident, a mute, an alert and a flow that wait for a sink. It is
/// made by `WEIR_UPDATE_STATE=1 cargo nextest run -E 'test(a_running_programs_state)'`, and only when the form changes, under another name.
const FORM_1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/state/1.zip");

fn configure(root: &Path, state: &str, away: &str) -> String {
    let text = format!(
        "state = \"{state}\"\ndrain = \"1s\"\n\n[sink.here]\ntype = \"file\"\npath = \"here\"\nrotate = false\n\n\
         [sink.away]\n{away}\nsend = [\"alerts\", \"flows\"]\nspool = [\"flows\"]\n"
    );
    std::fs::write(root.join("weir.toml"), text).expect("a configuration");
    root.join("weir.toml").display().to_string()
}

fn weir(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_weir")).args(arguments).output().expect("weir runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

fn ok(arguments: &[&str]) -> String {
    let output = weir(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    said(&output)
}

fn refused(arguments: &[&str], message: &str) {
    let output = weir(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
    assert!(said(&output).contains(message), "{arguments:?}: {}", said(&output));
}

fn away(run: &Run) -> Value {
    let sinks = run.status()["sinks"].as_array().cloned().unwrap_or_default();
    sinks.into_iter().find(|row| row["name"] == "away").unwrap_or_default()
}

/// Restores a backup into a new directory; what waited in it is delivered, what was muted is, and what was told goes on.
fn takes_up(root: &Path, backup: &Path) {
    let state = root.join("restored");
    std::fs::create_dir(&state).expect("a folder");
    let folder = state.display().to_string();
    let backup = backup.display().to_string();
    ok(&["state", "restore", &backup, "--state", &folder]);
    assert!(!ok(&["state", "check", "--state", &folder]).contains("damaged"));
    let muted = ok(&["mute", "list", "--state", &folder]);
    assert!(muted.contains("203.0.113.5") && muted.contains("a test"), "{muted}");
    let config = configure(root, "restored", HERE);
    let mut run = Run::start_in(root.to_owned(), &["--config", &config]);
    run.wait_for("what waited is there", || run.lines("away").len() >= 2);
    let kinds: Vec<_> = run.lines("away").iter().map(|line| line["event"]["kind"].clone()).collect();
    assert!(kinds.contains(&"alert".into()) && kinds.contains(&"event".into()), "{kinds:?}");
    Exporter::new([127, 0, 0, 2], &run).send(&build::v5(0, &[Told::new([10, 0, 0, 5], BAD)]));
    run.wait_for("it is read", || run.taken() == 1);
    let (_, text) = run.end("-TERM");
    assert!(text.contains("the ledger balances") && !text.contains("DOES NOT"), "{text}");
    let lines = run.lines("away");
    let (alerts, flows): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line["event"]["kind"] == "alert");
    assert_eq!(flows.len(), 2, "the flow that waited, and this one");
    // Of an incident that nobody saw for long, it is told as well that it is closed.
    let opened = alerts.iter().filter(|alert| alert["event"]["action"] == "opened").count();
    assert_eq!(opened, 1, "the incident goes on, and does not ring again: {alerts:?}");
}

#[test]
fn a_running_programs_state_is_backed_up_and_restored_elsewhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let config = configure(root, "state", NOBODY);
    let mut run = Run::start_in(root.to_owned(), &["--config", &config]);
    let path = |name: &str| root.join(name).display().to_string();
    let (control, backup, state) = (path("control"), path("backup.zip"), path("state"));
    Exporter::new([127, 0, 0, 2], &run).send(&build::v5(0, &[Told::new([10, 0, 0, 5], BAD)]));
    run.wait_for("the alert waits", || away(&run)["waiting"] == 1);
    let (_, text) = run.end("-TERM");
    assert!(text.contains("the ledger balances") && !text.contains("DOES NOT"), "{text}");
    drop(run);
    let mut run = Run::start_in(root.to_owned(), &["--config", &config]);
    run.wait_for("so does the flow", || away(&run)["freight"][0]["waiting"] == 1);
    assert_eq!(away(&run)["waiting"], 1);
    ok(&["mute", "203.0.113.5", "--for", "30d", "--reason", "a test", "--control", &control]);
    let told = ok(&["state", "backup", &backup, "--control", &control]);
    assert!(told.contains("files"), "{told}");
    refused(&["state", "backup", &backup, "--control", &control], "is there already");
    refused(&["state", "restore", &backup, "--state", &state], "is in use by process");
    let checked = ok(&["state", "check", "--control", &control]);
    assert!(checked.contains("freight/away.sqlite") && checked.contains("sound"), "{checked}");
    let shown = ok(&["state", "show", "--control", &control]);
    assert!(shown.contains("spool.sqlite") && shown.contains("form 1"), "{shown}");
    assert!(!root.join("state/backup.new").exists(), "the copy is gone");
    run.end("-KILL");
    if std::env::var_os("WEIR_UPDATE_STATE").is_some() {
        std::fs::copy(&backup, FORM_1).expect("the backup is kept");
    }
    drop(run);
    for left in ["here", "away"] {
        drop(std::fs::remove_file(root.join(left)));
    }
    takes_up(root, &PathBuf::from(backup));
}

#[test]
fn what_the_first_form_wrote_is_taken_up() {
    let folder = tempfile::tempdir().expect("a folder");
    takes_up(folder.path(), Path::new(FORM_1));
}

#[test]
fn what_the_next_version_wrote_is_read_and_what_the_one_after_it_wrote_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().display().to_string();
    ok(&["state", "restore", FORM_1, "--state", &state]);
    let change = |name: &str, changes: &[(&str, &str)]| {
        let path = folder.path().join(name);
        let text = std::fs::read_to_string(&path).expect("it is there");
        let text = changes.iter().fold(text, |text, (from, to)| {
            assert!(text.contains(from), "{name} has no {from}");
            text.replace(from, to)
        });
        std::fs::write(path, text).expect("it can be changed");
    };
    change("version.json", &[("\"form\":1", "\"form\":2,\"more\":[]")]);
    change(
        "mutes.json",
        &[("\"version\": 1", "\"version\": 2, \"more\": 1"), ("\"value\"", "\"more\":1,\"value\"")],
    );
    change("incidents.json", &[("\"version\":3", "\"version\":4"), ("\"key\"", "\"more\":1,\"key\"")]);
    let muted = ok(&["mute", "list", "--state", &state]);
    assert!(muted.contains("203.0.113.5") && muted.contains("this one reads what it knows"), "{muted}");
    let shown = ok(&["state", "show", "--state", &state]);
    assert!(shown.contains("form 1"), "it is of this version again: {shown}");
    ok(&["state", "check", "--state", &state]);

    change("version.json", &[("\"form\":1,\"read_by\":1", "\"form\":3,\"read_by\":3")]);
    let before = std::fs::read(folder.path().join("mutes.json")).expect("mutes");
    refused(&["mute", "list", "--state", &state], "and this Weir reads up to form 1");
    refused(&["state", "check", "--state", &state], "and this Weir reads up to form 1");
    assert_eq!(std::fs::read(folder.path().join("mutes.json")).expect("mutes"), before);
}
