//! That it ends in time, whatever is under way.

use crate::build::Told;
use crate::{BASE, Probe, sink};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

const BAD: [u8; 4] = [198, 51, 100, 66];
/// Nobody listens there.
const AWAY: &str = "[sink.away]\ntype = \"syslog\"\nurl = \"tcp://127.0.0.1:9\"\n";

#[test]
fn it_ends_while_it_reads_its_configuration() {
    let mut list = String::new();
    for number in 0..60_000_u32 {
        let _ = writeln!(list, "host{number}.bad.example");
    }
    let config = |more: &str| format!("{BASE}\n{}{more}", sink("all", ""));
    let mut probe = Probe::starting(&config(""), &[("many.txt", &list)]);
    probe.write("weir.toml", &format!("indicators = [\"many.txt\"]\n{}", config("")));
    probe.run.signal("-HUP");
    // Long enough to have begun, and too short to be done.
    std::thread::sleep(Duration::from_millis(300));
    probe.end();
}

#[test]
fn what_is_not_delivered_in_time_is_said_and_a_second_signal_does_not_wait() {
    let config = |drain: &str| {
        format!("drain = \"{drain}\"\nindicators = [\"bad.txt\"]\n{BASE}\n{}{AWAY}", sink("all", ""))
    };
    let mut probe = Probe::starting(&config("5m"), &[("bad.txt", "198.51.100.66\n")]);
    probe.send(Told::new([10, 0, 0, 1], BAD));
    probe.run.wait_for("it is told", || probe.hosts("all.jsonl") == ["10.0.0.1"]);
    probe.run.signal("-TERM");
    probe.run.wait_for("it drains", || probe.run.status()["is_ending"] == true);
    let began = Instant::now();
    let (code, _) = probe.run.end("-TERM");
    assert!(code == Some(130) && began.elapsed() < Duration::from_mins(2), "{code:?}");

    // The drain that counts is the one that was read last.
    let mut probe = Probe::starting(&config("5m"), &[("bad.txt", "198.51.100.66\n")]);
    probe.send(Told::new([10, 0, 0, 1], BAD));
    probe.run.wait_for("it is told", || probe.hosts("all.jsonl") == ["10.0.0.1"]);
    probe.change(&format!("quiet = true\n{}", config("1s")));
    let (_, said) = probe.run.end("-TERM");
    assert!(said.contains("1 messages wait for sink away: they go there after the next start"), "{said}");
}

#[test]
fn without_a_file_a_terminal_that_hangs_up_ends_it_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut run = crate::run::Run::start_in(folder.path().to_owned(), &[]);
    let (code, said) = run.end("-HUP");
    assert!(code == Some(0) && said.contains("the ledger balances"), "{said}");
}
