//! Sinks of a running `weir run`: one that is there, and one whose receiver is away until the next start.

use crate::build::{self, Told};
use crate::run::{BAD, Exporter, Run};
use serde_json::Value;
use std::path::Path;

/// A port of the loopback at which nobody listens.
const NOBODY: &str = "tcp://127.0.0.1:9";

fn configure(root: &Path, away: &str) -> String {
    let text = format!(
        "state = \"state\"\ndrain = \"1s\"\n\n[sink.here]\ntype = \"file\"\npath = \"here-{{kind}}\"\nrotate = false\n\
         send = [\"alerts\", \"flows\"]\n\n[sink.away]\n{away}\n\n[sink.unwilling]\ntype = \"file\"\npath = \"unwilling\"\n\
         rotate = false\ntlp = \"green\"\n"
    );
    std::fs::write(root.join("weir.toml"), text).expect("a configuration");
    root.join("weir.toml").display().to_string()
}

fn sink(run: &Run, name: &str) -> Value {
    let sinks = run.status()["sinks"].as_array().cloned().unwrap_or_default();
    sinks.into_iter().find(|row| row["name"] == name).unwrap_or_default()
}

#[test]
fn what_a_receiver_misses_comes_after_the_next_start_and_the_books_balance_over_both() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let config = configure(root, &format!("type = \"syslog\"\nurl = \"{NOBODY}\""));
    let mut run = Run::start_in(root.to_owned(), &["--config", &config]);
    Exporter::new([127, 0, 0, 2], &run).send(&build::v5(0, &[Told::new([10, 0, 0, 5], BAD)]));
    run.wait_for("it is in the file", || sink(&run, "here")["delivered"] == 1);
    run.wait_for("the other is tried", || sink(&run, "away")["last_error"].is_string());
    run.wait_for("unmarked is more than green", || sink(&run, "unwilling")["withheld"] == 1);
    assert!(sink(&run, "away")["waiting"] == 1 && sink(&run, "away")["failing_since"].is_u64());
    let metrics = run.get("/metrics").unwrap_or_default();
    assert!(metrics.contains("weir_sink_waiting_messages{sink=\"away\"} 1"), "{metrics}");
    let (code, said) = run.end("-TERM");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("1 messages wait for sink away: they go there after the next start"), "{said}");
    assert!(said.contains("the ledger balances") && !said.contains("DOES NOT"), "{said}");
    assert_eq!(run.lines("alerts").len(), 0, "--alerts is for those without sinks");
    assert_eq!((run.lines("here-alerts").len(), run.lines("here-flows").len()), (1, 1));
    drop(run);

    let config = configure(root, "type = \"file\"\npath = \"away\"\nrotate = false\ntlp = \"red\"");
    let mut run = Run::start_in(root.to_owned(), &["--config", &config]);
    run.wait_for("what waited is there", || sink(&run, "away")["waiting"] == 0);
    let opened = |lines: Vec<Value>| lines.into_iter().find(|line| line["event"]["kind"] == "alert");
    let (here, away) = (opened(run.lines("here-alerts")), opened(run.lines("away")));
    assert!(here.is_some() && here == away, "{here:?} {away:?}");
    let (_, said) = run.end("-TERM");
    assert!(!said.contains("DOES NOT"), "{said}");
}
