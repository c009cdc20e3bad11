//! Any number of workers finds the same: flows, names and alerts byte for byte, and the same books.
//!
//! In runs where a cap was reached results may differ, because caps are split among the workers: these are listed, not compared.
//! `WEIR_WORKERS_ALL=1` compares every capture of the corpora (`make workers`), otherwise the smaller ones.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what goes wrong here shall fail"
)]

mod common;

use common::Chance;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use weir_bench::traffic::{Profile, Traffic};
use weir_capture::write::PcapWriter;
use weir_model::frame::LinkType;
use weir_model::{Frame, Timestamp};

const WORKERS: [&str; 3] = ["1", "2", "4"];

/// Captures up to this size are compared unless all are.
const SMALL_BYTES: u64 = 256 << 10;

/// What is counted when a cap is reached.
const CAPS: [&str; 9] = [
    "flows_ended_evicted",
    "facts_not_kept",
    "stream_readers_dropped",
    "datagram_readers_dropped",
    "stream_gaps_by_cap",
    "passive_dns_evicted",
    "passive_dns_answers_dropped",
    "rounds_resolved_early",
    "fragments_given_up_evicted",
];

/// Everything that a run finds.
#[derive(PartialEq, Eq)]
struct Found {
    parts: [(&'static str, Vec<u8>); 5],
}

/// Runs the program; what it found, and the caps that it reached.
fn read(inputs: &[&Path], workers: &str, more: &[&str]) -> (Found, Vec<String>) {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let path = |name: &str| scratch.path().join(name);
    let output = Command::new(env!("CARGO_BIN_EXE_weir"))
        .arg("read")
        .args(inputs)
        .args(["--workers", workers])
        .args(["--alerts".into(), path("alerts"), "--flows".into(), path("flows")])
        .args(["--names".into(), path("names"), "--metrics".into(), path("metrics")])
        .args(more)
        .output()
        .expect("weir runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("the ledger balances"), "{inputs:?}, {workers} workers: {said}");
    let ledger = said.split_once("\nledger\n").map_or("", |(_, ledger)| ledger);
    let bytes = |name: &str| std::fs::read(path(name)).expect("it was written");
    let metrics = String::from_utf8(bytes("metrics")).expect("it is text");
    let is_reached = |cap: &&&str| {
        metrics.lines().any(|line| line.contains(&format!("event=\"{cap}\"")) && !line.ends_with(" 0"))
    };
    let reached = CAPS.iter().filter(is_reached).map(|cap| (*cap).to_owned()).collect();
    let parts = [
        ("flows", bytes("flows")),
        ("names", bytes("names")),
        ("alerts", bytes("alerts")),
        ("ledger", ledger.as_bytes().to_vec()),
        ("exit code", output.status.code().expect("it ends by itself").to_string().into_bytes()),
    ];
    (Found { parts }, reached)
}

/// What differs between numbers of workers; the caps that were reached instead, if any were.
fn compare(inputs: &[&Path], more: &[&str]) -> Result<Vec<String>, String> {
    let (one, mut reached) = read(inputs, WORKERS[0], more);
    let mut wrong = String::new();
    for workers in &WORKERS[1..] {
        let (found, also_reached) = read(inputs, workers, more);
        reached.extend(also_reached);
        for ((what, expected), (_, actual)) in one.parts.iter().zip(&found.parts) {
            if expected != actual {
                let difference = first_difference(expected, actual);
                let _ = writeln!(wrong, "  {what} differ with {workers} workers: {difference}");
            }
        }
    }
    reached.sort();
    reached.dedup();
    let is_excused = reached.iter().any(|cap| cap != "passive_dns_answers_dropped");
    if wrong.is_empty() || is_excused { Ok(reached) } else { Err(format!("{inputs:?}:\n{wrong}")) }
}

fn first_difference(expected: &[u8], actual: &[u8]) -> String {
    let [expected, actual] = [expected, actual].map(String::from_utf8_lossy);
    let position = expected.lines().zip(actual.lines()).position(|(one, other)| one != other);
    let position = position.unwrap_or_else(|| expected.lines().count().min(actual.lines().count()));
    let line = |text: &str| text.lines().nth(position).unwrap_or("(nothing)").to_owned();
    format!("line {}:\n    {}\n    {}", position + 1, line(&expected), line(&actual))
}

fn scenarios() -> Vec<PathBuf> {
    let found = std::fs::read_dir(common::root().join("tests/scenarios")).expect("the scenarios are there");
    let mut folders: Vec<_> =
        found.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

#[test]
fn every_scenario_alone_and_all_at_once() {
    let folders = scenarios();
    assert!(folders.len() >= 20);
    for folder in &folders {
        let config = folder.join("weir.toml");
        let config = ["--config", config.to_str().expect("a plain path")];
        let reached =
            compare(&[&folder.join("input.pcap")], &config).unwrap_or_else(|wrong| panic!("{wrong}"));
        assert!(reached.is_empty(), "{folder:?}: {reached:?}");
    }
    let inputs: Vec<_> = folders.iter().map(|folder| folder.join("input.pcap")).collect();
    let inputs: Vec<_> = inputs.iter().map(PathBuf::as_path).collect();
    let reached = compare(&inputs, &[]).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert!(reached.is_empty(), "{reached:?}");
}

/// Several rounds of each kind of traffic, with fragments, lost fragments and ICMP errors in between.
#[test]
fn every_profile_with_fragments_and_errors() {
    let folder = tempfile::tempdir().unwrap();
    let indicators = folder.path().join("bad.txt");
    // A part of the network that the profiles have outside.
    std::fs::write(&indicators, "198.18.0.0/22\n").unwrap();
    let more = ["--no-screening", "--indicators", indicators.to_str().unwrap()];
    for (profile, flows) in [
        (Profile::Spread, 20_000),
        // All for one worker.
        (Profile::Spread, 1),
        (Profile::Campus, 20_000),
        (Profile::Elephants, 20_000),
        (Profile::Synflood, 20_000),
        (Profile::Scan, 20_000),
    ] {
        let capture = folder.path().join("capture.pcap");
        std::fs::write(&capture, disturbed(profile, flows, 14_000)).unwrap();
        let mut reached = compare(&[&capture], &more).unwrap_or_else(|wrong| panic!("{profile:?}: {wrong}"));
        // All answers there are of a few addresses. Of those of one address in one round, the oldest matter to nobody.
        reached.retain(|cap| cap != "passive_dns_answers_dropped");
        assert!(reached.is_empty(), "{profile:?}: {reached:?}");
    }
}

#[test]
fn every_capture_of_the_corpora() {
    let Some(folder) = common::corpora() else { return };
    let all = std::env::var_os("WEIR_WORKERS_ALL").is_some();
    let small = |path: &PathBuf| all || path.metadata().is_ok_and(|file| file.len() <= SMALL_BYTES);
    let captures: Vec<_> = common::captures_below(&folder).into_iter().filter(small).collect();
    let count = captures.len();
    let queue = Mutex::new(captures.into_iter());
    let (failures, capped) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(capture) = { queue.lock().unwrap().next() } {
                    match compare(&[&capture], &[]) {
                        Ok(reached) if reached.is_empty() => {}
                        Ok(reached) => {
                            capped.lock().unwrap().push(format!("{}: {reached:?}", capture.display()));
                        }
                        Err(wrong) => failures.lock().unwrap().push(wrong),
                    }
                }
            });
        }
    });
    let (failures, capped) = (failures.into_inner().unwrap(), capped.into_inner().unwrap());
    println!("{count} captures compared with 1, 2 and 4 workers; {} reached a cap", capped.len());
    for line in &capped {
        println!("  {line}");
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// A capture of so many packets of a profile, some of them in fragments, some answered by an ICMP error.
fn disturbed(profile: Profile, flows: u64, packets: usize) -> Vec<u8> {
    let mut chance = Chance::new("fragments and errors");
    let mut traffic = Traffic::new(profile, 7, flows);
    let mut writer = PcapWriter::new(Vec::new(), LinkType::ETHERNET).unwrap();
    let mut late: Option<(Timestamp, Vec<u8>)> = None;
    let mut write = |time, data: &[u8]| {
        let frame =
            Frame { number: 1, time, link: LinkType::ETHERNET, original_len: data.len() as u32, data };
        writer.write_frame(&frame).unwrap();
    };
    for _ in 0..packets {
        let frame = traffic.next_frame();
        let (time, data) = (frame.time, frame.data.to_vec());
        match (chance.below(16), fragments(&data)) {
            (0, Some([first, second])) => {
                write(time, &first);
                write(time, &second);
            }
            (1, Some([first, second])) => {
                write(time, &second);
                late = Some((time, first)).filter(|_| chance.below(4) > 0);
            }
            (2, _) => {
                write(time, &data);
                if let Some(error) = error_about(&data) {
                    write(time, &error);
                }
            }
            _ => write(time, &data),
        }
        if chance.below(3) == 0
            && let Some((_, fragment)) = late.take()
        {
            write(time, &fragment);
        }
    }
    writer.finish().unwrap()
}

const ETHERNET: usize = 14;
const IPV4: usize = 20;

/// An IPv4 packet without options in two fragments.
fn fragments(data: &[u8]) -> Option<[Vec<u8>; 2]> {
    let is_plain = data.get(12..15)? == [8, 0, 0x45];
    let (headers, payload) = data.split_at_checked(ETHERNET + IPV4)?;
    let (first, second) = payload.split_at_checked(24)?;
    if !is_plain || second.is_empty() {
        return None;
    }
    let fragment = |offset: u16, part: &[u8]| {
        let mut bytes = [headers, part].concat();
        bytes[16..18].copy_from_slice(&((IPV4 + part.len()) as u16).to_be_bytes());
        bytes[20..22].copy_from_slice(&offset.to_be_bytes());
        bytes
    };
    Some([fragment(0x2000, first), fragment(3, second)])
}

/// "Time exceeded" from a router about an IPv4 packet.
fn error_about(data: &[u8]) -> Option<Vec<u8>> {
    if data.get(12..15)? != [8, 0, 0x45] {
        return None;
    }
    let quoted = data.get(ETHERNET..ETHERNET + IPV4 + 8)?;
    let mut bytes = data.get(..ETHERNET)?.to_vec();
    let length = (IPV4 + 8 + quoted.len()) as u16;
    bytes.extend([0x45, 0]);
    bytes.extend(length.to_be_bytes());
    bytes.extend([0, 1, 0, 0, 64, 1, 0, 0, 203, 0, 113, 1]);
    bytes.extend(quoted.get(12..16)?);
    bytes.extend([11, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend(quoted);
    Some(bytes)
}
