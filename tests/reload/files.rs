//! What becomes of the file: written badly, in steps, taken away, replaced. Nothing of it stops the program.

use crate::build::Told;
use crate::{BASE, Probe, sink};
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

const BAD: [u8; 4] = [198, 51, 100, 66];

fn config(more: &str) -> String {
    format!("indicators = [\"bad.txt\"]\n{BASE}\n{}{more}", sink("all", ""))
}

fn probe() -> Probe {
    Probe::starting(&config(""), &[("bad.txt", "198.51.100.66\n")])
}

#[test]
fn a_mistake_changes_nothing_and_is_said_until_it_is_mended() {
    let mut probe = probe();
    let good = config("");
    let half = good.split_at(good.len() - 25).0;
    let mistakes: [(&str, String, &str); 7] = [
        ("a key that there is not", format!("indicatorz = []\n{good}"), "indicatorz"),
        ("half of it", half.to_owned(), "weir.toml"),
        (
            "a sink that cannot be opened",
            config(&sink("x", "").replace("x.jsonl", "none/x.jsonl")),
            "none/x.jsonl",
        ),
        ("a list that is not there", good.replace("bad.txt", "none.txt"), "none.txt"),
        ("an interface that is not there", format!("interface = [\"no-such-nic\"]\n{good}"), "no-such-nic"),
        ("a value that cannot be", format!("drain = \"soon\"\n{good}"), "drain"),
        ("nothing that is text", "\u{0}\u{1}".to_owned(), "weir.toml"),
    ];
    for (number, (what, text, told)) in mistakes.iter().enumerate() {
        // A good change beside the mistake does not count either.
        probe.write("weir.toml", &format!("canary = \"7s\"\n{text}"));
        let (code, said) = probe.reload();
        assert!(
            code == Some(2) && said.contains(told) && said.contains("what counted before counts"),
            "{what}: {said}"
        );
        let status = probe.status();
        assert_eq!(status["refused"].as_u64(), Some(number as u64 + 1), "{what}: {status}");
        assert!(status["problem"].as_str().is_some_and(|problem| problem.contains(told)), "{what}: {status}");
    }
    probe.send(Told::new([10, 0, 0, 1], BAD));
    probe.run.wait_for("it goes on as before", || probe.hosts("all.jsonl") == ["10.0.0.1"]);
    let shown = Command::new(env!("CARGO_BIN_EXE_weir"))
        .args(["status", "--control"])
        .arg(probe.path("control"))
        .output();
    let shown = shown.expect("weir runs");
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.status.code() == Some(1)
            && text.contains("WRONG the configuration that was read last is not used"),
        "{text}"
    );
    probe.change(&good);
    assert!(probe.status()["problem"].is_null());
    probe.end();
}

/// Nobody asks: the file is looked at.
#[test]
fn the_file_is_taken_up_whoever_replaces_it_and_however() {
    let mut probe = probe();
    let accepted = |probe: &Probe| probe.status()["accepted"].as_u64().unwrap_or_default();
    let is_refused = |probe: &Probe| !probe.status()["problem"].is_null();
    // As an editor does.
    probe.write("weir.toml.swp", &config(&sink("two", "")));
    fs::rename(probe.path("weir.toml.swp"), probe.path("weir.toml")).expect("renamed");
    probe.run.wait_for("it is read", || accepted(&probe) == 1);
    // Gone, and a link in its place, as configuration management does.
    fs::remove_file(probe.path("weir.toml")).expect("removed");
    probe.run.wait_for("that it is gone is said", || is_refused(&probe));
    fs::create_dir(probe.path("v1")).expect("a folder");
    for (link, to) in [("data", "v1"), ("weir.toml", "data/weir.toml")] {
        symlink(to, probe.path(link)).expect("a link");
    }
    probe.write("v1/weir.toml", &config(&sink("three", "")));
    probe.run.wait_for("it is back", || accepted(&probe) == 2 && !is_refused(&probe));
    // A folder is no file, and a pipe keeps nobody waiting.
    fs::remove_file(probe.path("weir.toml")).expect("removed");
    let made = Command::new("mkfifo").arg(probe.path("weir.toml")).status().expect("it runs");
    assert!(made.success());
    probe.run.wait_for("a pipe is refused", || is_refused(&probe));
    assert!(probe.status()["problem"].to_string().contains("no file"), "{}", probe.status());
    probe.send(Told::new([10, 0, 0, 1], BAD));
    probe.run.wait_for("the last good one counts", || probe.hosts("three.jsonl") == ["10.0.0.1"]);
    let said = probe.end();
    assert!(said.contains("the file changed") && said.contains("changed: sink.two is there"), "{said}");
}
