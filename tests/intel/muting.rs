//! `weir mute` with a running program and without, and what is marked RED while it runs.

use crate::Room;
use crate::build::{self, Told};
use crate::run::{Exporter, Run};
use serde_json::Value;
use weir_alert::Format;

const SETTINGS: &str = "home_net = [\"10.0.0.0/8\"]\n";

fn start(room: &Room) -> Run {
    let config = room.path("weir.toml");
    Run::start_in(room.path(""), &["--config", config.to_str().expect("a path")])
}

/// What is muted, as the program or the state directory has it.
fn muted(room: &Room, place: [&str; 2]) -> Value {
    let said = room.weir(&["mute", "list", "--json", place[0], place[1]]);
    serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}{}", said.out, said.error))
}

const RUNNING: [&str; 2] = ["--control", "control"];
const KEPT: [&str; 2] = ["--state", "state"];

#[test]
fn a_running_program_mutes_and_remembers_who_did_it() {
    let room = Room::new(SETTINGS);
    let mut run = start(&room);
    let mute = |value, more: &[&str]| {
        let words = ["mute", value, "--for", "30d", "--reason", "ticket 4711, “quoted” & more"];
        room.weir(&[&words, more, &RUNNING].concat())
    };
    let said = mute("www.evil[.]example", &["--host", "10.1.2.3"]);
    assert!(
        said.code == Some(0) && said.out.contains("www.evil.example for hosts in 10.1.2.3/32 is muted until"),
        "{}{}",
        said.out,
        said.error
    );
    assert_eq!(mute("198.51.100.0/24", &[]).code, Some(0));
    let refused = mute("evil", &[]);
    assert!(refused.code == Some(2) && refused.error.contains("cannot be muted"), "{}", refused.error);
    let listed = muted(&room, RUNNING);
    assert_eq!(
        (&listed[0]["value"], &listed[0]["in_force"]),
        (&"www.evil.example".into(), &true.into()),
        "{listed}"
    );
    assert_eq!(listed[1]["reason"], "ticket 4711, “quoted” & more", "{listed}");
    let explained = room.weir(&["explain", "198.51.100.66", RUNNING[0], RUNNING[1]]);
    assert!(
        explained.out.contains("It is muted (198.51.100.0/24) until"),
        "{}{}",
        explained.out,
        explained.error
    );
    let exporter = Exporter::new([127, 0, 0, 2], &run);
    exporter.send(&build::v5(0, &[Told::new([10, 0, 0, 1], crate::run::BAD)]));
    run.wait_for("it is silenced", || muted(&room, RUNNING)[1]["silenced"].as_u64() >= Some(1));
    assert_eq!(run.lines("alerts"), Vec::<Value>::new());
    // Whoever names its state directory is answered by it.
    let word = room.weir(&[
        "unmute",
        "198.51.100.0/24",
        "--reason",
        "over",
        "--config",
        "weir.toml",
        "--control",
        "control",
    ]);
    assert!(word.code == Some(0) && word.out.contains("rings again"), "{}{}", word.out, word.error);
    let (_, said) = run.end("-TERM");
    assert!(!said.contains("evil.example") && !said.contains("4711"), "{said}");

    assert_eq!(muted(&room, KEPT).as_array().map(Vec::len), Some(1), "kept for the next run");
    let again = room.weir(&["unmute", "www.evil.example", "--host", "10.1.2.3", KEPT[0], KEPT[1]]);
    assert_eq!(again.code, Some(0), "{}{}", again.out, again.error);
    let journal = std::fs::read_to_string(room.path("state/audit.jsonl")).expect("a journal");
    let lines: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let acts: Vec<_> = lines.iter().filter_map(|line| line["action"].as_str()).collect();
    assert_eq!(acts, ["mute", "mute", "explain", "unmute", "unmute"], "{journal}");
    assert!(
        lines.iter().all(|line| line["user"] == lines[0]["user"] && line["user"]["id"].is_u64()),
        "{journal}"
    );
    assert_eq!((&lines[3]["value"], &lines[3]["reason"]), (&"198.51.100.0/24".into(), &"over".into()));
}

#[test]
fn without_a_state_directory_nothing_is_muted() {
    let room = Room::new("");
    let run = Run::start_in(room.path(""), &[]);
    let words = ["mute", "198.51.100.66", "--for", "30d", "--reason", "x", RUNNING[0], RUNNING[1]];
    let said = room.weir(&words);
    assert!(said.code == Some(2) && said.error.contains("--state DIR"), "{}{}", said.out, said.error);
    assert_eq!(muted(&room, RUNNING), Value::Array(Vec::new()));
    drop(run);
}

/// The formats that have a place for stripped messages; a match of pDNSSOC has none.
fn formats() -> impl Iterator<Item = &'static str> {
    Format::ALL.iter().map(|format| format.keyword()).filter(|format| *format != "pdnssoc")
}

/// A sink of each format that may not know it and strips, one that may not and withholds, and one that may.
fn sinks() -> String {
    let sink = |name: &str, more: &str| {
        format!("[sink.{name}]\ntype = \"file\"\npath = \"{name}.jsonl\"\nrotate = false\n{more}\n")
    };
    let strips = formats().map(|format| {
        sink(
            &format!("strips-{format}"),
            &format!("tlp = \"amber+strict\"\nabove = \"strip\"\nformat = \"{format}\""),
        )
    });
    strips.chain([sink("withholds", "tlp = \"clear\""), sink("all", "tlp = \"red\"")]).collect()
}

/// What a source says under RED is in no sink that may not know it, and in none of what has no ceiling.
#[test]
fn what_is_marked_red_stays() {
    let source = "[source.sombre]\ntype = \"feed\"\npath = \"red.txt\"\npolicy.tlp = \"red\"\n";
    let room = Room::new(&format!("{SETTINGS}{source}{}", sinks()));
    room.write("red.txt", "192.0.2.77 # Operation Nightjar\n");
    let config = room.path("weir.toml");
    let config = config.to_str().expect("a path");
    let mut run = Run::start_in(room.path(""), &["--config", config, "--listen", "127.0.0.1:0"]);
    run.wait_for("the source is read", || {
        room.weir(&["explain", "192.0.2.77", RUNNING[0], RUNNING[1]]).out.contains("Operation Nightjar")
    });
    let exporter = Exporter::new([127, 0, 0, 2], &run);
    exporter.send(&build::v5(0, &[Told::new([10, 0, 0, 1], [192, 0, 2, 77])]));
    let read = |name: &str| std::fs::read_to_string(room.path(name)).unwrap_or_default();
    let strips: Vec<_> = formats().map(|format| format!("strips-{format}.jsonl")).collect();
    run.wait_for("every sink that may has it", || {
        strips.iter().chain([&"all.jsonl".to_owned()]).all(|name| !read(name).is_empty())
    });
    let pages = ["/status", "/metrics", "/intel/sources"].map(|page| run.get(page).expect("a page"));
    let (_, said) = run.end("-TERM");
    assert!(said.contains("the ledger balances"), "{said}");
    // Who sent and received most is what was seen, whoever it is.
    let said: String = said.lines().filter(|line| !line.contains("top talkers")).collect();
    let all = read("all.jsonl");
    assert!(all.contains("Operation Nightjar") && all.contains("192.0.2.77"), "{all}");
    assert_eq!(read("withholds.jsonl"), "");
    for text in strips.iter().map(|name| read(name)).chain(pages).chain([said]) {
        for secret in ["Nightjar", "192.0.2.77", "c000024d"] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
    // The flow is ours; that it is bad is not.
    let flows = read("flows");
    assert!(flows.contains("192.0.2.77") && !flows.contains("Nightjar"), "{flows}");
    assert!(!read("names").contains("Nightjar"));
    assert!(read("strips-ecs.jsonl").contains(r#""host":{"ip":"10.0.0.1"}"#), "{}", read("strips-ecs.jsonl"));
}
