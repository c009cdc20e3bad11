//! What does not leave the probe (docs/PRIVACY.md), looked for in the bytes of everything that `weir read` writes.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests: what goes wrong here shall fail"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use weir_capture::write::PcapWriter;
use weir_model::Timestamp;
use weir_model::frame::LinkType;

/// What a client sends, with everything in it that is not to be told.
const REQUEST: &str = "GET /search/http://secretuser:secretword@x.example/y?q=secretquery HTTP/1.1\r\nHost: evil.example\r\n\
                       User-Agent: secretagent/1.0\r\n\r\n";
const SECRETS: [&str; 4] = ["secretuser", "secretword", "secretquery", "secretagent"];

/// Which formats have which kinds of lines.
const FORMATS: [(&str, &[&str]); 4] = [
    ("ecs", &["alerts", "flows", "names"]),
    ("ocsf", &["alerts", "flows", "names"]),
    ("eve", &["alerts", "flows", "names"]),
    ("pdnssoc", &["alerts"]),
];

/// What a run wrote: its kinds in the order in which they were asked for, and what it said.
struct Written {
    lines: Vec<String>,
    said: String,
}

fn read(input: &Path, indicators: &str, kinds: &[&str], more: &[&str]) -> Written {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let path = |name: &str| scratch.path().join(name);
    std::fs::write(path("indicators.txt"), indicators).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.arg("read").arg(input).args([
        "--alerts".into(),
        path("alerts"),
        "-i".into(),
        path("indicators.txt"),
    ]);
    for kind in kinds.iter().filter(|kind| **kind != "alerts") {
        command.arg(format!("--{kind}")).arg(path(kind));
    }
    let output = command.args(more).output().expect("weir runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "alerts are raised: {said}");
    assert!(said.contains("the ledger balances"), "{said}");
    let lines = kinds.iter().map(|kind| std::fs::read_to_string(path(kind)).unwrap()).collect();
    Written { lines, said }
}

/// A conversation of one request, as a capture.
fn browsing(folder: &Path) -> PathBuf {
    let path = folder.join("browsing.pcap");
    let mut writer = PcapWriter::new(Vec::new(), LinkType::RAW).unwrap();
    let (client, server) = (([10, 0, 0, 1], 40_000), ([192, 0, 2, 80], 80));
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let (asked, answered) = (101 + REQUEST.len() as u32, 501 + answer.len() as u32);
    for (number, (ends, flags, [sequence, acknowledged], payload)) in (0..).zip([
        ((client, server), 0x02, [100, 0], ""),
        ((server, client), 0x12, [500, 101], ""),
        ((client, server), 0x18, [101, 501], REQUEST),
        ((server, client), 0x18, [501, asked], answer),
        ((client, server), 0x11, [asked, answered], ""),
        ((server, client), 0x11, [answered, asked + 1], ""),
    ]) {
        let packet = tcp(ends, flags, [sequence, acknowledged], payload.as_bytes());
        let time = Timestamp::new(1_790_000_000 + number, 0);
        writer.write(time, packet.len() as u32, &packet).unwrap();
    }
    std::fs::write(&path, writer.finish().unwrap()).unwrap();
    path
}

/// An IPv4 packet without checksums, as cards that compute them show their own.
fn tcp(
    ((source, from), (destination, to)): (([u8; 4], u16), ([u8; 4], u16)),
    flags: u8,
    numbers: [u32; 2],
    payload: &[u8],
) -> Vec<u8> {
    let length = (40 + payload.len()) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 6, 0, 0]);
    packet.extend(source.into_iter().chain(destination));
    packet.extend([from, to].into_iter().flat_map(u16::to_be_bytes));
    packet.extend(numbers.into_iter().flat_map(u32::to_be_bytes));
    packet.extend([0x50, flags, 0x20, 0, 0, 0, 0, 0]);
    packet.extend(payload);
    packet
}

/// Flows of EVE have no place for names.
fn is_bare(format: &str, kind: &str) -> bool {
    (format, kind) == ("eve", "flows")
}

#[test]
fn queries_userinfo_and_user_agents_leave_only_where_somebody_wants_them() {
    let folder = tempfile::tempdir().unwrap();
    let capture = browsing(folder.path());
    for (format, kinds) in FORMATS {
        let plain = read(&capture, "evil.example\n", kinds, &["--format", format]);
        for (kind, text) in kinds.iter().zip(&plain.lines) {
            assert!(text.contains("evil.example") || is_bare(format, kind), "{format} {kind}: {text}");
            for secret in SECRETS {
                assert!(!text.contains(secret), "{secret} is in {format} {kind}: {text}");
            }
        }
        for (asked, told) in [("url_query", 2), ("user_agent", 3)] {
            let written =
                read(&capture, "evil.example\n", kinds, &["--format", format, "--tell-also", asked]);
            let secret = SECRETS.get(told).unwrap();
            for (kind, text) in kinds.iter().zip(&written.lines) {
                // Matches of pDNSSOC have no place for requests.
                let is_told = format != "pdnssoc" && !is_bare(format, kind);
                assert_eq!(text.contains(secret), is_told, "{format} {kind} {asked}: {text}");
            }
            let others = SECRETS.iter().filter(|other| *other != secret);
            for other in others {
                assert!(written.lines.iter().all(|text| !text.contains(other)), "{format} {asked}: {other}");
            }
        }
    }
    let everything = ["--tell-also", "url_query,userinfo,user_agent"];
    let [names] = read(&capture, "evil.example\n", &["names"], &everything).lines.try_into().unwrap();
    assert!(SECRETS.iter().all(|secret| names.contains(secret)), "{names}");
}

/// An alert shows the indicator's own value, and of the request no more than is told.
#[test]
fn urls_are_compared_with_their_queries() {
    let folder = tempfile::tempdir().unwrap();
    let capture = browsing(folder.path());
    let path = "http://evil.example/search/http://secretuser:secretword@x.example/y";
    let [alerts] =
        read(&capture, &format!("{path}?q=secretquery\n"), &["alerts"], &[]).lines.try_into().unwrap();
    assert!(alerts.contains("secretquery") && !alerts.contains("secretagent"), "{alerts}");
    let alert: serde_json::Value = serde_json::from_str(alerts.lines().next().unwrap()).unwrap();
    assert_eq!(alert.pointer("/url/path").unwrap(), "/search/http://x.example/y", "{alert}");
    assert_eq!(alert.pointer("/url/query"), None);
}

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/capture/traces/demo.pcap");
const EXPORTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios/exported-flows/input.pcap");

#[test]
fn networks_that_are_left_out_are_counted_and_nowhere_else() {
    let all = ["alerts", "flows", "names"];
    let whole = read(Path::new(DEMO), "evil.example\n203.0.113.7\n", &all, &[]);
    let gone = "\"10.20.0.11\"";
    let is_gone = |written: &Written| written.lines.iter().all(|text| !text.contains(gone));
    assert!(!is_gone(&whole) && !whole.said.contains("left out"), "{}", whole.said);
    let left_out = |workers: &str| {
        let more = ["--leave-out", "10.20.0.11,2001:db8:99::/48", "--workers", workers];
        read(Path::new(DEMO), "evil.example\n203.0.113.7\n", &all, &more)
    };
    let one = left_out("1");
    assert!(is_gone(&one) && one.said.contains("of networks that are left out"), "{}", one.said);
    assert!(one.lines.iter().all(|text| text.contains("10.20.0.")), "others are told of");
    for workers in ["2", "4"] {
        assert_eq!(left_out(workers).lines, one.lines, "{workers} workers");
    }
}

#[test]
fn records_of_networks_that_are_left_out_likewise() {
    let ports = ["--netflow-port", "2055", "--sflow-port", "6343", "--home-net", "10.20.0.0/24"];
    let bad = "203.0.113.0/24\n198.51.100.0/24\n";
    let gone = "\"10.20.0.12\"";
    let whole = read(Path::new(EXPORTS), bad, &["alerts", "flows"], &ports);
    assert!(whole.lines.iter().any(|text| text.contains(gone)), "the test looks for what is there");
    let more: Vec<_> = ports.into_iter().chain(["--leave-out", "10.20.0.12"]).collect();
    let written = read(Path::new(EXPORTS), bad, &["alerts", "flows"], &more);
    assert!(written.lines.iter().all(|text| !text.contains(gone)), "{:?}", written.lines);
    assert!(written.said.contains("of networks that are left out"), "{}", written.said);
}
