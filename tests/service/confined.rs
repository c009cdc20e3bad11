//! What a confined program cannot do: tried in the same confinement by `weir try-sandbox`, and seen on every thread of a running one.

use crate::probe::Probe;
use std::process::{Command, Output};
use std::time::Duration;

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// Kernels that lack something are not what these tests are about.
fn has_landlock() -> bool {
    let modules = std::fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    let has = modules.contains("landlock");
    if !has {
        println!("skipped: this kernel has no Landlock, or does not say so (/sys/kernel/security/lsm)");
    }
    has
}

fn tried(mode: &str) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.args(["try-sandbox", "--netflow", "127.0.0.1:0", "--sandbox", mode]);
    command
        .arg("--state")
        .arg(folder.path().join("state"))
        .arg("--control")
        .arg(folder.path().join("run/control"));
    command.output().expect("weir runs")
}

#[test]
fn what_must_not_be_possible_is_not() {
    if !has_landlock() {
        return;
    }
    let output = tried("on");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&output.stderr));
    for denied in [
        "write in /tmp",
        "write in /etc",
        "open a packet socket",
        "open a raw IPv4 socket",
        "open a netlink socket",
        "listen on TCP",
        "listen on UDP",
        "listen on a Unix socket",
        "run a program",
        "read /root",
    ] {
        assert!(said.contains(&format!("cannot: {denied} (")), "{denied}: {said}");
    }
    assert!(said.contains("can:    write in the state directory"), "{said}");
}

/// So that the test above means something: the same attempts, by root, without a sandbox.
#[test]
fn without_a_sandbox_root_can_do_all_of_it() {
    if !is_root() {
        println!("skipped: root alone can do what a sandbox denies");
        return;
    }
    let output = tried("off");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("can:    run a program  <-- WRONG") && !said.contains("cannot:"), "{said}");
}

/// `auto` confines where a service manager listens, as this one does.
#[test]
fn every_thread_of_a_service_is_confined() {
    if !has_landlock() {
        return;
    }
    let state = |folder: &tempfile::TempDir| {
        let place = |name: &str| folder.path().join(name).display().to_string();
        let mut flags = vec!["--state".to_owned(), place("state"), "--flows".to_owned(), place("flows")];
        if is_root() {
            // By the helper: this process cannot.
            flags.extend(["--interface".to_owned(), "lo".to_owned()]);
        }
        flags
    };
    let mut probe = Probe::start(Duration::from_mins(1), state);
    probe.wait_to_be_told("READY=1");
    probe.send(0..300);
    let status = probe.status();
    let parts = status["sandbox"].as_array().expect("parts").clone();
    assert_eq!(parts.len(), 4, "{parts:?}");
    assert!(status["clock"]["synchronised"].is_boolean(), "how right the clock is can be asked: {status:#}");
    assert!(parts.iter().all(|part| part["holds"] == true), "{parts:?}");
    let threads = std::fs::read_dir(format!("/proc/{}/task", probe.process())).expect("threads");
    let mut seen = 0;
    for thread in threads.flatten() {
        let Ok(about) = std::fs::read_to_string(thread.path().join("status")) else { continue };
        let field = |name: &str| {
            let line = about.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim().to_owned()).unwrap_or_default()
        };
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
            assert_eq!(field(set), "0000000000000000", "{set} of {about}");
        }
        assert_eq!((field("NoNewPrivs:").as_str(), field("Seccomp:").as_str()), ("1", "2"), "{about}");
        seen += 1;
    }
    assert!(seen >= 4, "{seen} threads");
    if is_root() {
        let captured = || probe.status()["interfaces"][0]["packets"].as_u64() > Some(0);
        probe.wait_for("the loopback is captured from", captured);
    }
    assert_eq!(probe.terminate(), Some(0), "{}", probe.said());
    assert!(probe.said().contains("the ledger balances"), "{}", probe.said());
}

#[test]
fn a_mode_that_is_none_is_refused() {
    let output = tried("perhaps");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("auto, on, off"), "{said}");
}
