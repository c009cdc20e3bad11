//! What the service manager hears: that all is up, that every thread goes on, that it stops.

use crate::probe::Probe;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Told as often as threads can be expected to go on.
const WATCHDOG: Duration = Duration::from_secs(4);

#[test]
fn a_service_manager_hears_that_it_is_ready_goes_on_and_stops() {
    let listed = |folder: &tempfile::TempDir| {
        let list = folder.path().join("bad.txt");
        std::fs::write(&list, "192.0.2.1\n").expect("a list");
        vec!["--indicators".to_owned(), list.display().to_string()]
    };
    let mut probe = Probe::start(WATCHDOG, listed);
    let told = probe.wait_to_be_told("READY=1");
    assert!(!told.contains("STATUS"), "{told}");
    let told = probe.wait_to_be_told("STATUS=");
    assert!(told.contains("flows open") && told.contains("all is well"), "{told}");
    probe.wait_to_be_told("WATCHDOG=1");
    probe.wait_to_be_told("WATCHDOG=1");
    assert_eq!(probe.terminate(), Some(0), "{}", probe.said());
    probe.wait_to_be_told("STOPPING=1");
}

/// The clerk hangs in a pipe that nobody reads, all other threads go on: then the watchdog is not fed, and whoever started it would start
/// it anew. Read on, it is.
#[test]
fn a_thread_that_hangs_is_noticed() {
    let pipe_in = |folder: &tempfile::TempDir| {
        let pipe = folder.path().join("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status();
        assert!(made.is_ok_and(|status| status.success()), "mkfifo is of coreutils");
        vec!["--flows".to_owned(), pipe.display().to_string(), "--flow-memory".to_owned(), "1MiB".to_owned()]
    };
    let probe = Probe::start(WATCHDOG, pipe_in);
    // For writing as well, so that opening it waits for nobody; nothing is read yet.
    let mut pipe = File::options().read(true).write(true).open(probe.file("pipe")).expect("the pipe");
    probe.wait_to_be_told("READY=1");
    probe.wait_to_be_told("WATCHDOG=1");
    // More flows than there is memory for: those that make room are more lines than a pipe holds.
    probe.send(0..30_000);
    probe.wait_for("the clerk hangs, and that is said", || probe.said().contains("no progress for"));
    let said = probe.said();
    assert!(said.contains(" s: clerk; the service manager will restart weir"), "only the clerk: {said}");
    while probe.told(Duration::from_millis(10)).is_some() {}
    for _ in 0..10 {
        let told = probe.told(WATCHDOG / 16).unwrap_or_default();
        assert!(!told.contains("WATCHDOG=1"), "fed although the clerk hangs: {told}");
    }
    std::thread::spawn(move || {
        let mut bytes = [0; 1 << 12];
        while pipe.read(&mut bytes).is_ok_and(|length| length > 0) {}
    });
    probe.wait_to_be_told("WATCHDOG=1");
    probe.wait_for("it is said", || probe.said().contains("all threads go on again"));
}

/// Whoever asked for a reload waits from `RELOADING` to `READY`; with the time, since systemd 253.
#[test]
fn a_reload_is_told_from_its_beginning_to_its_end() {
    let elsewhere = tempfile::tempdir().expect("a folder");
    let configured = |folder: &tempfile::TempDir, sink: &Path| {
        let path = folder.path().join("weir.toml");
        let text = format!("[sink.disk]\ntype = \"file\"\npath = \"{}\"\n", sink.display());
        std::fs::write(&path, text).expect("it is written");
        vec!["--config".to_owned(), path.display().to_string()]
    };
    let probe = Probe::start(WATCHDOG, |folder| configured(folder, &folder.path().join("alerts.jsonl")));
    probe.wait_to_be_told("READY=1");
    // Where a confined process cannot write.
    let outside =
        format!("[sink.disk]\ntype = \"file\"\npath = \"{}/x.jsonl\"\n", elsewhere.path().display());
    std::fs::write(probe.file("weir.toml"), outside).expect("it is written");
    let sent = Command::new("kill").args(["-HUP", &probe.process().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()));
    let told = probe.wait_to_be_told("RELOADING=1");
    assert!(told.contains("MONOTONIC_USEC="), "{told}");
    probe.wait_to_be_told("READY=1");
    let reload = probe.status()["reload"].clone();
    let is_confined = probe.status()["sandbox"][0]["holds"] == true;
    let waits = reload["wants_restart"].as_array().cloned().unwrap_or_default();
    let names_it = waits.iter().any(|line| line.as_str().is_some_and(|line| line.contains("sink.disk")));
    assert_eq!(names_it, is_confined, "{reload}");
}
