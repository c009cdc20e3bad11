//! A tap and routers at once: what clients asked DNS for on the tap names the flows that a router tells of.
//!
//! Needs root (network namespaces), `ip` and `python3`; says so and passes where there are none.

use crate::build::{self, Told};
use crate::run::Run;
use std::path::Path;
use std::process::Command;

const CLIENT: [u8; 4] = [10, 0, 0, 5];
const RESOLVER: [u8; 4] = [10, 0, 0, 53];
const SERVER: [u8; 4] = [203, 0, 113, 9];

/// A namespace with a wire from `out0` to `tap0`, both in it.
struct Net(String);

impl Net {
    fn new() -> Option<Self> {
        let net = Self(format!("wb{}", std::process::id()));
        let can = Command::new("python3").arg("--version").output().is_ok() && ip(&["netns", "add", &net.0]);
        if !can {
            println!("skipped: needs root, ip and python3 to make a network namespace and to send");
            return None;
        }
        assert!(ip(&["-n", &net.0, "link", "add", "tap0", "type", "veth", "peer", "name", "out0"]));
        for interface in ["lo", "tap0", "out0"] {
            assert!(ip(&["-n", &net.0, "link", "set", interface, "up"]));
        }
        Some(net)
    }

    fn python(&self, arguments: &[&str]) {
        let output = Command::new("ip").args(["netns", "exec", &self.0, "python3"]).args(arguments).output();
        let output = output.expect("python3 runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Sends a datagram as an exporter in the namespace.
    fn export(&self, to: &str, datagram: &[u8]) {
        let hex: Vec<_> = datagram.iter().map(|byte| format!("{byte:02x}")).collect();
        let (host, port) = to.split_once(':').expect("a port");
        let script = "import socket, sys; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\
                      .sendto(bytes.fromhex(sys.argv[1]), (sys.argv[2], int(sys.argv[3])))";
        self.python(&["-c", script, &hex.concat(), host, port]);
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        ip(&["netns", "del", &self.0]);
    }
}

fn ip(arguments: &[&str]) -> bool {
    Command::new("ip").args(arguments).output().is_ok_and(|output| output.status.success())
}

/// A question for `www.bad.example` and its answer, as a capture of Ethernet.
fn look_up(path: &Path) {
    let name = b"\x03www\x03bad\x07example\x00";
    let question = [name.as_slice(), &[0, 1, 0, 1]].concat();
    let asked = [&[0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], question.as_slice()].concat();
    let answer = [&[0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4], SERVER.as_slice()].concat();
    let answered = [&[0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0], question.as_slice(), &answer].concat();
    let frames = [udp(CLIENT, 40_000, RESOLVER, 53, &asked), udp(RESOLVER, 53, CLIENT, 40_000, &answered)];
    let mut capture = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        capture.extend(word.to_le_bytes());
    }
    for (frame, microseconds) in frames.iter().zip(0_u32..) {
        let length = u32::try_from(frame.len()).unwrap_or_default();
        for word in [1_700_000_000, microseconds, length, length] {
            capture.extend(word.to_le_bytes());
        }
        capture.extend(frame);
    }
    std::fs::write(path, capture).expect("a capture");
}

fn udp(from: [u8; 4], from_port: u16, to: [u8; 4], to_port: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap_or_default() + 8;
    let mut frame = vec![2, 0, 0, 0, 0, to[3], 2, 0, 0, 0, 0, from[3], 8, 0, 0x45, 0];
    frame.extend([length + 20, 1, 0].iter().flat_map(|word| word.to_be_bytes()));
    frame.extend([64, 17, 0, 0]);
    frame.extend(from.into_iter().chain(to));
    frame.extend([from_port, to_port, length, 0].iter().flat_map(|word| word.to_be_bytes()));
    frame.extend(payload);
    frame
}

#[test]
fn names_that_were_asked_for_on_the_tap_name_flows_that_a_router_tells_of() {
    let Some(net) = Net::new() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["--interface", "tap0", "--ring-size", "4MiB", "--netflow", "127.0.0.1:0"];
    let mut run = Run::within(&["ip", "netns", "exec", &net.0], folder.path().to_owned(), &arguments);
    let capture = folder.path().join("look-up.pcap");
    look_up(&capture);
    let send = crate::common::root().join("tests/tap/send.py");
    net.python(&[&send.to_string_lossy(), "100", &capture.to_string_lossy(), "out0"]);
    run.wait_for("the question is alerted", || run.lines("alerts").len() == 1);
    let told = Told::new(CLIENT, SERVER);
    net.export(&run.listens(0).to_string(), &build::v5(0, &[told, told.back()]));
    let by_router = |alert: &serde_json::Value| {
        alert["observer"]["type"] == "router" && alert.to_string().contains("passive_dns")
    };
    run.wait_for("the flow is, too", || run.lines("alerts").iter().any(by_router));
    let (code, said) = run.end("-TERM");
    assert!(code == Some(1) && said.contains("the ledger balances"), "{said}");
    let flows = run.lines("flows");
    let named = flows.iter().find(|flow| flow["destination"]["ip"] == "203.0.113.9").expect("its flow");
    assert!(named.to_string().contains("www.bad.example"), "{named}");
}
