//! `weir run` with sources: what they say counts while it runs, and at once when it starts again.

use crate::Room;
use crate::build::{self, Told};
use crate::lists::Lists;
use crate::run::{Exporter, Run};
use serde_json::Value;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// A collector on the loopback with the configuration of the room.
fn start(room: &Room) -> Run {
    let config = room.path("weir.toml");
    Run::start_in(room.path(""), &["--config", config.to_str().expect("a path")])
}

fn write_own(room: &Room, bad: &[[u8; 4]]) {
    let lines: Vec<_> = bad.iter().map(|ip| Ipv4Addr::from(*ip).to_string()).collect();
    room.write("own.txt", &lines.join("\n"));
}

/// The addresses that rang, of `alerts`.
fn rang(run: &Run) -> Vec<String> {
    let lines = run.lines("alerts");
    let values = lines.iter().filter(|line| line["event"]["action"] == "opened");
    values.filter_map(|line| line["threat"]["indicator"]["ip"].as_str().map(str::to_owned)).collect()
}

fn armed(run: &Run) -> u64 {
    let status: Value = serde_json::from_str(&run.get("/intel/sources").expect("it answers")).expect("JSON");
    let kinds = status["set"]["indicators"].as_array().cloned().unwrap_or_default();
    kinds.iter().filter_map(|kind| kind["count"].as_u64()).sum()
}

const OWN: &str = "home_net = [\"10.0.0.0/8\"]\n[source.own]\ntype = \"feed\"\npath = \"own.txt\"\n";

#[test]
fn what_a_file_says_counts_within_moments_and_what_it_says_no_longer_stops() {
    let room = Room::new(OWN);
    let (first, second) = ([192, 0, 2, 1], [192, 0, 2, 2]);
    write_own(&room, &[first]);
    let mut run = start(&room);
    let exporter = Exporter::new([127, 0, 0, 2], &run);
    run.wait_for("the file is read", || armed(&run) == 3);
    exporter.send(&build::v5(0, &[Told::new([10, 0, 0, 1], first), Told::new([10, 0, 0, 1], second)]));
    run.wait_for("the first rings", || rang(&run) == ["192.0.2.1"]);

    write_own(&room, &[second]);
    let began = Instant::now();
    run.wait_for("it is read again", || explained(&room, "192.0.2.2") == "rings");
    assert!(began.elapsed() < Duration::from_secs(20), "it took {:?}", began.elapsed());
    assert_eq!(explained(&room, "192.0.2.1"), "gone");
    let journal = std::fs::read_to_string(room.path("state/audit.jsonl")).expect("who looked is recorded");
    assert!(journal.contains(r#""action":"explain","value":"192.0.2.1"}"#), "{journal}");
    exporter.send(&build::v5(2, &[Told::new([10, 0, 0, 3], second), Told::new([10, 0, 0, 3], first)]));
    run.wait_for("the second rings", || rang(&run).contains(&"192.0.2.2".to_owned()));
    run.wait_for("all is counted", || run.taken() == 2);
    let synced = room.weir(&["intel", "sync", "--control", "control"]);
    assert_eq!(synced.code, Some(0), "{}{}", synced.out, synced.error);
    assert!(synced.out.contains("own") && synced.out.contains("unchanged"), "{}", synced.out);
    let (_, said) = run.end("-TERM");
    assert!(said.contains("the ledger balances"), "{said}");
    assert_eq!(
        rang(&run).iter().filter(|ip| *ip == "192.0.2.1").count(),
        1,
        "it rang once, before it was removed"
    );
}

fn explained(room: &Room, value: &str) -> String {
    let said = room.weir(&["explain", value, "--control", "control", "--json"]);
    let explained: Value = serde_json::from_str(&said.out).unwrap_or_default();
    explained["verdict"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_start_is_armed_while_every_source_is_down() {
    let lists = Lists::new("192.0.2.1\n");
    let url = format!("[source.web]\ntype = \"feed\"\nurl = \"{}\"\nhttp.proxy = \"none\"\n", lists.url());
    let room = Room::new(&format!("home_net = [\"10.0.0.0/8\"]\n{url}"));
    assert_eq!(room.sync()[0]["outcome"], "synced");
    lists.say(500, "broken");
    // Long ago, so that it is asked at once.
    let run = start(&room);
    let exporter = Exporter::new([127, 0, 0, 2], &run);
    exporter.send(&build::v5(0, &[Told::new([10, 0, 0, 1], [192, 0, 2, 1])]));
    run.wait_for("it rings", || rang(&run) == ["192.0.2.1"]);
    let failed = room.weir(&["intel", "sync", "web", "--control", "control"]);
    assert!(failed.code == Some(1) && failed.out.contains("FAILED"), "{}{}", failed.out, failed.error);
    assert_eq!(explained(&room, "192.0.2.1"), "rings");
    let sources = room.weir(&["intel", "sources", "--control", "control"]);
    assert!(sources.code == Some(1) && sources.out.contains("web is failing"), "{}", sources.out);
    // Whoever names the state directory of a running program is answered by it.
    let busy = room.weir(&["intel", "sync", "--config", "weir.toml", "--control", "control"]);
    assert_eq!(busy.code, Some(1), "{}{}", busy.out, busy.error);
}

#[test]
fn people_are_told_once_that_they_are_listed_and_that_a_source_is_held() {
    let room = Room::new(&OWN.replace("10.0.0.0/8", "203.0.113.0/24"));
    let many: Vec<_> = (0..100).map(|last| [192, 0, 2, last]).chain([[203, 0, 113, 9]]).collect();
    write_own(&room, &many);
    let mut run = start(&room);
    let notices = |run: &Run, action: &str| {
        run.lines("alerts").iter().filter(|line| line["event"]["action"] == action).count()
    };
    run.wait_for("we are told that we are listed", || notices(&run, "listed") == 1);
    write_own(&room, &[[192, 0, 2, 1]]);
    run.wait_for("it is held", || notices(&run, "held") == 1);
    assert_eq!(explained(&room, "192.0.2.99"), "rings", "what it said before stays");
    let released = room.weir(&["intel", "release", "own", "--control", "control"]);
    assert_eq!(released.code, Some(0), "{}{}", released.out, released.error);
    assert_eq!(explained(&room, "192.0.2.99"), "gone");
    assert_eq!((notices(&run, "listed"), notices(&run, "held")), (1, 1));
    let (_, said) = run.end("-TERM");
    assert!(said.contains("the ledger balances"), "{said}");
}
