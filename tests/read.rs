//! `weir read` as its user meets it: exit codes, what is said, what is silent.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of test functions")]

mod common;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const DEMO: &str = "capture/traces/demo.pcap";
const CLEAN: &str = "capture/traces/browsing.pcap";
const INDICATORS: &str = "capture/traces/demo-indicators.txt";

fn weir(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_weir"))
        .current_dir(common::root())
        .arg("read")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn weir_fed(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_weir"))
        .current_dir(common::root())
        .arg("read")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn exit(output: &Output) -> Option<i32> {
    output.status.code()
}

#[test]
fn exit_code_0_nothing_found() {
    let output = weir(&[CLEAN, "--indicators", INDICATORS]);
    assert_eq!(exit(&output), Some(0), "{}", said(&output));
    assert!(output.stdout.is_empty());
    assert!(said(&output).contains("the ledger balances"));
}

#[test]
fn exit_code_1_alerts_as_json_lines_on_stdout() {
    let output = weir(&[DEMO, "--indicators", INDICATORS, "--home-net", "10.20.0.0/24,2001:db8:20::/64"]);
    assert_eq!(exit(&output), Some(1), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().count() >= 7);
    for line in text.lines() {
        let alert: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(alert["event"]["kind"], "alert");
    }
}

#[test]
fn exit_code_2_names_what_is_wrong() {
    for (arguments, part) in [
        (&[DEMO, "--indicators", "nowhere.txt"][..], "there are no indicators at nowhere.txt"),
        (&[DEMO, "--bpf", "port foo bar"], "filter `port foo bar`"),
        (&[DEMO, "--home-net", "192.0.2.0/33"], "home-net: `192.0.2.0/33`"),
        (&[DEMO, "--role", "resolvr=192.0.2.1"], "there is no role `resolvr`"),
        (&[DEMO, "--flows", "/nowhere/flows.jsonl"], "cannot write /nowhere/flows.jsonl"),
        (&[DEMO, "--config", "nowhere.toml"], "nowhere.toml: there is no such file"),
        (&["-", "-"], "standard input"),
        (&[], "CAPTURE"),
    ] {
        let output = weir(arguments);
        assert_eq!(exit(&output), Some(2), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(part), "{arguments:?}: {}", said(&output));
    }
}

/// What is marked higher than the output may tell stays, and the ledger says so.
#[test]
fn alerts_leave_under_their_marking() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("marked.csv");
    std::fs::write(&list, "ioc,tlp,description\nevil.example,red,secret words\n203.0.113.7,green,\n")
        .unwrap();
    let read = |tlp: &str| {
        let list = list.to_str().unwrap();
        let output = weir(&[DEMO, "--indicators", list, "--home-net", "10.20.0.0/24", "--alerts-tlp", tlp]);
        (said(&output), String::from_utf8(output.stdout).unwrap())
    };
    let (_, all) = read("red");
    let secret = all.lines().filter(|line| line.contains("secret words")).count();
    assert!(secret > 0 && secret < all.lines().count(), "{all}");
    let (summary, green) = read("TLP:GREEN");
    assert!(!green.contains("secret words") && !green.is_empty());
    assert!(
        summary.contains("withheld by their marking") && summary.contains("the ledger balances"),
        "{summary}"
    );
    assert!(read("purple").0.contains("`purple` is none of clear, green"));
}

/// Indicators that would ring for everything are told of, and taken only if somebody insists.
#[test]
fn files_of_indicators_are_screened() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.txt");
    std::fs::write(&list, "8.8.8.8\n192.0.2.11\nco.uk\nt.co\nhttps://t.co/x\nevil.example\n10.0.0.0/9\n")
        .unwrap();
    let read = |more: &[&str]| {
        let list = list.to_str().unwrap();
        said(&weir(&[&[CLEAN, "--indicators", list, "--home-net", "192.0.2.0/24"], more].concat()))
    };
    let screened = read(&[]);
    assert!(screened.contains("domain 1, url 1"), "{screened}");
    for reason in ["warninglist", "own network", "public suffix", "too wide"] {
        assert!(screened.contains(reason), "{reason}: {screened}");
    }
    assert!(screened.contains("list.txt:1: warninglist: 8.8.8.8"), "{screened}");
    let open = read(&["--no-screening"]);
    assert!(open.contains("address 2, network 1, domain 3, url 1") && !open.contains("refused"), "{open}");
}

#[test]
fn a_rehearsal_tells_what_would_ring() {
    let rehearse = |more: &[&str]| {
        let arguments = ["rehearse", DEMO, "--indicators", INDICATORS, "--home-net", "10.20.0.0/24"];
        let binary = Command::new(env!("CARGO_BIN_EXE_weir"))
            .current_dir(common::root())
            .args(arguments)
            .args(more)
            .output();
        let output = binary.unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let whole: serde_json::Value = serde_json::from_str(&rehearse(&["--json"])).unwrap();
    let alerts = weir(&[DEMO, "--indicators", INDICATORS, "--home-net", "10.20.0.0/24"]).stdout;
    assert_eq!(
        whole["notices"].as_u64().unwrap() as usize,
        String::from_utf8(alerts).unwrap().lines().count()
    );
    let table = rehearse(&[]);
    assert!(table.contains("would have rung") && table.contains("demo-indicators.txt"), "{table}");
}

#[test]
fn exit_code_3_still_reports_what_was_readable() {
    let capture = std::fs::read(common::root().join(DEMO)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.pcap");
    std::fs::write(&cut, &capture[..capture.len() - 7]).unwrap();
    let output = weir(&[cut.to_str().unwrap(), "--indicators", INDICATORS]);
    assert_eq!(exit(&output), Some(3));
    assert!(said(&output).contains("problem: "), "{}", said(&output));
    assert!(String::from_utf8(output.stdout).unwrap().lines().count() >= 7);
    let nothing = weir(&["nowhere.pcap"]);
    assert_eq!(exit(&nothing), Some(3));
    assert_eq!(said(&nothing), "weir: nowhere.pcap: No such file or directory (os error 2)\n");
    let missing = weir(&["nowhere.pcap", CLEAN, "--indicators", INDICATORS]);
    assert_eq!(exit(&missing), Some(3));
    assert!(said(&missing).contains("nowhere.pcap"), "{}", said(&missing));
    assert!(said(&missing).contains("the ledger balances"));
}

#[test]
fn standard_input_file_and_compressed_give_the_same_alerts() {
    let capture = std::fs::read(common::root().join(DEMO)).unwrap();
    let from_file = weir(&[DEMO, "--indicators", INDICATORS]).stdout;
    assert!(!from_file.is_empty());
    assert_eq!(weir_fed(&["-", "--indicators", INDICATORS], &capture).stdout, from_file);
    let squeezed = Command::new("gzip").arg("-c").arg(common::root().join(DEMO)).output().unwrap().stdout;
    assert_eq!(weir_fed(&["-", "--indicators", INDICATORS], &squeezed).stdout, from_file);
}

#[test]
fn quiet_is_silent_but_for_errors() {
    let output = weir(&[DEMO, "--indicators", INDICATORS, "--quiet"]);
    assert_eq!((exit(&output), said(&output).as_str()), (Some(1), ""));
    let output = weir(&["nowhere.pcap", "--quiet"]);
    assert_eq!(exit(&output), Some(3));
    assert_eq!(said(&output).lines().count(), 1, "{}", said(&output));
}

#[test]
fn a_filter_leaves_out_and_counts() {
    let output = weir(&[DEMO, "--indicators", INDICATORS, "--bpf", "not udp"]);
    let text = said(&output);
    assert!(text.contains(" filtered + "), "{text}");
    assert!(!text.contains("udp "), "{text}");
    assert!(text.contains("the ledger balances"));
}

#[test]
fn a_configuration_file_says_what_flags_say_and_flags_win() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::copy(common::root().join(INDICATORS), path("bad.txt")).unwrap();
    let written = "indicators = ['bad.txt']\nhome_net = ['10.20.0.0/24', '2001:db8:20::/64']\nquiet = true\nflows = 'flows.jsonl'\n[role]\nresolver = ['10.20.0.53']\n";
    std::fs::write(path("weir.toml"), written).unwrap();
    let by_file = weir(&[DEMO, "--config", &path("weir.toml")]);
    let home = "10.20.0.0/24,2001:db8:20::/64";
    let by_flags = weir(&[
        DEMO,
        "--indicators",
        &path("bad.txt"),
        "--home-net",
        home,
        "--role",
        "resolver=10.20.0.53",
        "--quiet",
    ]);
    assert_eq!(by_file.stdout, by_flags.stdout);
    assert!(Path::new(&path("flows.jsonl")).exists());
    let overruled = weir(&[DEMO, "--config", &path("weir.toml"), "--home-net", "198.18.0.0/15"]);
    assert!(String::from_utf8(overruled.stdout).unwrap().contains("\"transit\""));
}

#[test]
fn metrics_hold_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weir.prom");
    weir(&[DEMO, "--indicators", INDICATORS, "--metrics", path.to_str().unwrap(), "--quiet"]);
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains("weir_ledger_balanced 1"), "{text}");
    assert!(text.contains(r#"weir_ledger_total{entry="read",side="entered",unit="frames"} 424"#), "{text}");
    assert!(text.contains(r#"weir_events_total{event="flows_begun",stage="flow"} "#), "{text}");
}

#[test]
fn a_reader_that_leaves_ends_the_output_in_order() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_weir"))
        .current_dir(common::root())
        .args(["read", DEMO, "--indicators", INDICATORS])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(exit(&output), Some(1), "{}", said(&output));
    assert!(said(&output).contains("the ledger balances"));
}

/// A file that shrinks while the program reads it: what was readable is reported, with exit code 3 and no signal. A run that is
/// faster than the change is another try with a larger file.
#[test]
fn a_file_that_shrinks_meanwhile_is_incomplete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.pcap");
    let capture = std::fs::read(common::root().join(DEMO)).unwrap();
    let (header, records) = capture.split_at(24);
    for workers in ["1", "2"] {
        let is_seen = (1..=6).any(|size| {
            let copies = (size * (32 << 20)) / records.len();
            std::fs::write(&path, [header, &records.repeat(copies)].concat()).unwrap();
            let child = Command::new(env!("CARGO_BIN_EXE_weir"))
                .args(["read", "--alerts", "/dev/null", "--workers", workers])
                .arg(&path)
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            std::thread::sleep(std::time::Duration::from_millis(100));
            std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(5_000_000).unwrap();
            let output = child.wait_with_output().unwrap();
            assert!(said(&output).contains("the ledger balances"), "{:?} {}", output.status, said(&output));
            let shrank = said(&output).contains("shrank while it was read");
            // Who begins so late that the file is short already finds its last record cut.
            let is_whole = !shrank && !said(&output).contains("problem: ");
            assert_eq!(exit(&output), Some(if is_whole { 0 } else { 3 }), "{}", said(&output));
            shrank
        });
        assert!(is_seen, "no run was slow enough");
    }
}

/// Nobody waits for a desk that cannot write.
#[test]
fn an_output_that_is_full_ends_the_run_with_any_number_of_workers() {
    for (output, workers) in [("--flows", "1"), ("--flows", "4"), ("--names", "4"), ("--alerts", "4")] {
        let output = weir(&[DEMO, "--indicators", INDICATORS, output, "/dev/full", "--workers", workers]);
        assert_eq!(exit(&output), Some(2), "{}", said(&output));
        assert!(said(&output).contains("No space left"), "{}", said(&output));
    }
}
