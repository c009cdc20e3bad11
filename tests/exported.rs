//! `weir read` on what routers exported: in captures, whoever reads them, and in folders of datagrams.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what goes wrong here shall fail"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn weir(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_weir")).arg("read").args(arguments).output().expect("weir runs")
}

/// What was said on stderr, without line breaks inside the ledger's equations.
fn said(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("the ledger balances"), "{said}");
    said.replace(" +\n  ", " + ")
}

fn scenario(name: &str) -> String {
    common::root().join("tests/scenarios").join(name).join("input.pcap").display().to_string()
}

#[test]
fn garbage_is_refused_by_reason_and_is_no_failure() {
    let output = weir(&[&scenario("exported-garbage"), "--netflow-port", "2055"]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let books = "13 received = 2 decoded + 2 refused too short + 1 refused unknown version + 1 refused record count + \
                 1 refused message length + 1 refused repeated + 2 refused set length + 1 refused template empty + \
                 1 refused template fields + 1 refused template length";
    assert!(said.contains(books), "{said}");
    assert!(said.contains("exported data sets: 2 received = 1 decoded + 1 waiting for a template"), "{said}");
}

#[test]
fn ports_that_were_meant_are_suggested() {
    let capture = scenario("exported-flows");
    let wrong = said(&weir(&[&capture, "--netflow-port", "9995", "--ipfix-port", "4739"]));
    let hint = "no datagram to UDP port 4739 or 9995 in this capture; UDP ports that look like exports: 2055";
    assert!(wrong.contains(hint), "{wrong}");
    let both = [&capture, &scenario("exported-sampled-frames")];
    let one = said(&weir(&[both[0], both[1], "--netflow-port", "2055"]));
    assert!(one.contains("UDP ports that look like exports, too, and were not named: 6343"), "{one}");
    let right = said(&weir(&[both[0], both[1], "--netflow-port", "2055", "--sflow-port", "6343"]));
    assert!(!right.contains("look like exports"), "{right}");
    let plain = said(&weir(&[&capture]));
    assert!(!plain.contains("exported datagrams"), "nobody asked: {plain}");
}

#[test]
fn any_number_of_workers_finds_the_same() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let captures = ["exported-flows", "exported-sampled-frames", "exported-garbage"].map(scenario);
    let indicators = common::root().join("tests/scenarios/exported-flows/indicators.txt");
    let found = ["1", "2", "4"].map(|workers| {
        let path = |name: &str| scratch.path().join(format!("{name}-{workers}")).display().to_string();
        let mut arguments: Vec<_> = captures.iter().map(String::as_str).collect();
        let [flows, names, indicators] = [path("flows"), path("names"), indicators.display().to_string()];
        arguments.extend(["--netflow-port", "2055", "--sflow-port", "6343", "--workers", workers]);
        arguments.extend(["--indicators", &indicators, "--flows", &flows, "--names", &names]);
        let output = weir(&arguments);
        assert_eq!(output.status.code(), Some(1));
        let books = said(&output).split_once("\nledger\n").expect("it has books").1.to_owned();
        let read = |path: String| fs::read_to_string(path).expect("it was written");
        (String::from_utf8(output.stdout).expect("text"), read(flows), read(names), books)
    });
    assert!(found[0].0.lines().count() >= 4, "{}", found[0].0);
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0], found[2]);
}

#[test]
fn a_folder_of_datagrams_is_read_like_a_capture_of_them() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let capture = fs::read(scenario("exported-flows")).expect("the scenario is there");
    let mut folders = BTreeMap::<String, u32>::new();
    for payload in udp_payloads(&capture) {
        let (exporter, datagram) = payload;
        let folder = scratch.path().join(&exporter);
        fs::create_dir_all(&folder).expect("a folder");
        let number = folders.entry(exporter).or_default();
        *number += 1;
        fs::write(folder.join(format!("{number:03}")), datagram).expect("a file");
    }
    assert_eq!(folders.len(), 3);
    let indicators =
        common::root().join("tests/scenarios/exported-flows/indicators.txt").display().to_string();
    let mut arguments = vec![
        "--indicators".to_owned(),
        indicators,
        "--home-net".into(),
        "10.20.0.0/24,2001:db8:20::/64".into(),
    ];
    for folder in folders.keys() {
        arguments.extend(["--datagrams".to_owned(), scratch.path().join(folder).display().to_string()]);
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let output = weir(&arguments);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("exported datagrams: 7 received = 7 in files"), "{said}");
    assert!(
        said.contains("records and sampled packets: 11 received = 9 counted into flows + 2 of further"),
        "{said}"
    );
    let alerts = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(alerts.lines().count(), 3, "{alerts}");
    assert!(alerts.contains("as routers 10.20.0.1, 10.20.0.2 tell"), "folders name exporters: {alerts}");
}

#[test]
fn what_cannot_be_read_of_a_folder_is_a_problem_and_the_rest_is_read() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let payloads = udp_payloads(&fs::read(scenario("exported-flows")).expect("the scenario is there"));
    fs::write(scratch.path().join("1"), &payloads[0].1).expect("a file");
    let huge = fs::File::create(scratch.path().join("2")).expect("a file");
    huge.set_len(17 << 20).expect("a file without content");
    let output = weir(&["--datagrams", &scratch.path().display().to_string()]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("2 is too large for a datagram") && said.contains("1 received = 1 in files"),
        "{said}"
    );
    let absent = weir(&["--datagrams", "/does/not/exist"]);
    assert_eq!(absent.status.code(), Some(2));
}

/// Exporter and payload of each frame of a pcap file of IPv4 and UDP over Ethernet, as `make.py` writes it.
fn udp_payloads(capture: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut rest = &capture[24..];
    let mut all = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[8..12].try_into().expect("4 bytes")) as usize;
        let (frame, behind) = rest[16..].split_at(length);
        let source: [u8; 4] = frame[26..30].try_into().expect("4 bytes");
        all.push((std::net::Ipv4Addr::from(source).to_string(), frame[42..].to_vec()));
        rest = behind;
    }
    all
}

/// `wire/tests/export/corpus.rs` says what is wrong with the two of which nothing is taken. Some files hold several datagrams.
#[test]
fn all_datagrams_of_the_corpora_are_decoded_or_refused() {
    let Some(corpora) = common::corpora() else { return };
    let folder = corpora.join("netflow/logstash");
    let mut devices = BTreeMap::<String, Vec<PathBuf>>::new();
    let files = fs::read_dir(&folder).expect("the folder is there").flatten().map(|entry| entry.path());
    for file in files.filter(|path| path.extension().is_some_and(|ending| ending == "dat")) {
        devices.entry(device(&file)).or_default().push(file);
    }
    assert_eq!(devices.values().map(Vec::len).sum::<usize>(), 92);
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let mut arguments = Vec::new();
    for (number, files) in devices.values().enumerate() {
        let folder = scratch.path().join(format!("192.0.2.{number}"));
        fs::create_dir(&folder).expect("a folder");
        for file in files {
            fs::copy(file, folder.join(file.file_name().expect("a name"))).expect("a copy");
        }
        arguments.extend(["--datagrams".to_owned(), folder.display().to_string()]);
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let output = weir(&arguments);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("exported datagrams: 105 received = 103 decoded + 2 refused record count\n"),
        "{said}"
    );
    let records = said.lines().find(|line| line.contains("records and sampled packets")).expect("books");
    assert!(records.contains("records and sampled packets: 478 received"), "{said}");
}

/// The name of the device that a file is of: templates and data are in separate files.
fn device(file: &Path) -> String {
    let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
    let marks = ["_tpl", "_data", "_opttpl", "_appid"];
    let end = marks.iter().filter_map(|mark| name.find(mark)).min().unwrap_or(name.len());
    name.get(..end).unwrap_or(&name).to_owned()
}

/// `make exported-agreement` does the same with a capture of more than a hundred thousand packets.
#[test]
fn what_softflowd_exports_of_a_trace_is_found_as_in_the_trace() {
    for trace in ["browsing", "dns"] {
        let capture = common::root().join("capture/traces").join(format!("{trace}.pcap"));
        let run = Command::new("python3")
            .arg(common::root().join("scripts/exported-agreement.py"))
            .arg(capture)
            .env("WEIR", env!("CARGO_BIN_EXE_weir"))
            .output()
            .expect("python3 runs");
        let said = [run.stdout, run.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        println!("{said}");
        let is_skipped = said.contains("skipped: ");
        assert!(is_skipped || (run.status.success() && said.contains("everything agrees")), "{said}");
    }
}
