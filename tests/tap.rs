//! `weir run` on virtual interfaces: what it alerts, what it counts, what it says, and that it ends in order.
//!
//! Needs root (network namespaces), `ip` and `python3`; says so and passes where there are none.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "helpers of tests: what goes wrong here shall fail, patience is measured by the clock, what is skipped is said"
)]

mod common;
#[path = "tap/helper.rs"]
mod helper;

use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const DEMO: &str = "capture/traces/demo.pcap";
const INDICATORS: &str = "capture/traces/demo-indicators.txt";
const PACKETS_PER_SECOND: u32 = 400;
/// Far longer than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Two namespaces, joined by as many virtual wires as interfaces are named.
struct Net {
    name: String,
}

impl Net {
    fn new(wires: usize) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let net = Self { name: format!("wr{}x{number}", std::process::id()) };
        let can = Command::new("python3").arg("--version").output().is_ok()
            && ip(&["netns", "add", &net.side("t")])
            && ip(&["netns", "add", &net.side("s")]);
        if !can {
            println!("skipped: needs root, ip and python3 to make network namespaces and to send");
            return None;
        }
        for side in ["t", "s"] {
            let off = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6";
            let quiet = Command::new("ip").args(["netns", "exec", &net.side(side), "sh", "-c", off]).status();
            assert!(quiet.is_ok_and(|status| status.success()), "nothing but what the test sends");
        }
        for wire in 0..wires {
            let (tap, sender) = (format!("tap{wire}"), format!("out{wire}"));
            let (t, s) = (net.side("t"), net.side("s"));
            let ends = ["type", "veth", "peer", "name", &sender, "netns", &s];
            assert!(ip(&[&["link", "add", &tap, "netns", &t, "mtu", "9000"][..], &ends].concat()));
            assert!(ip(&["-n", &s, "link", "set", &sender, "mtu", "9000", "up"]));
            assert!(ip(&["-n", &t, "link", "set", &tap, "up"]));
        }
        Some(net)
    }

    fn side(&self, side: &str) -> String {
        format!("{}{side}", self.name)
    }

    fn set(&self, interface: &str, state: &str) {
        assert!(ip(&["-n", &self.side("t"), "link", "set", interface, state]));
    }

    /// Sends a capture; how many frames that were.
    fn send(&self, capture: &str, interfaces: &[&str]) -> u64 {
        let script = common::root().join("tests/tap/send.py");
        let output = Command::new("ip")
            .args(["netns", "exec", &self.side("s"), "python3"])
            .arg(script)
            .arg(PACKETS_PER_SECOND.to_string())
            .arg(common::root().join(capture))
            .args(interfaces)
            .output()
            .expect("python3 runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for side in ["t", "s"] {
            ip(&["netns", "del", &self.side(side)]);
        }
    }
}

fn ip(arguments: &[&str]) -> bool {
    Command::new("ip").args(arguments).output().is_ok_and(|output| output.status.success())
}

/// A running `weir run`; killed when dropped.
struct Run {
    child: Child,
    folder: tempfile::TempDir,
}

impl Run {
    fn start(net: &Net, interfaces: &[&str], more: &[&str]) -> Self {
        Self::with_workers(2, net, interfaces, more)
    }

    fn with_workers(workers: usize, net: &Net, interfaces: &[&str], more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::by(Command::new("ip"), folder, workers, (net, interfaces, more))
    }

    /// As a service manager starts it, one who listens to what it says.
    fn as_service(net: &Net, interfaces: &[&str], more: &[&str]) -> (Self, UnixDatagram) {
        let folder = tempfile::tempdir().expect("a folder");
        let manager = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        let mut command = Command::new("ip");
        command.env("NOTIFY_SOCKET", folder.path().join("notify"));
        (Self::by(command, folder, 2, (net, interfaces, more)), manager)
    }

    fn by(
        mut command: Command,
        folder: tempfile::TempDir,
        workers: usize,
        (net, interfaces, more): (&Net, &[&str], &[&str]),
    ) -> Self {
        let file = |name: &str| folder.path().join(name);
        command.args(["netns", "exec", &net.side("t"), env!("CARGO_BIN_EXE_weir"), "run"]);
        for interface in interfaces {
            command.args(["--interface", interface]);
        }
        command
            .args(["--workers", &workers.to_string(), "--ring-size", "4MiB", "--indicators"])
            .arg(common::root().join(INDICATORS));
        command.arg("--alerts").arg(file("alerts")).arg("--flows").arg(file("flows"));
        command.arg("--names").arg(file("names")).arg("--control").arg(file("control")).args(more);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(std::fs::File::create(file("said")).expect("a file"));
        let run = Self { child: command.spawn().expect("weir runs"), folder };
        run.wait_for("it answers", || run.get("/status").is_some());
        run
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.file("said")).unwrap_or_default()
    }

    fn lines(&self, name: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.file(name)).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// A page of the control socket.
    fn get(&self, page: &str) -> Option<String> {
        let mut stream = UnixStream::connect(self.file("control")).ok()?;
        stream.write_all(format!("GET {page} HTTP/1.1\r\n\r\n").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.get("/status").expect("it answers")).expect("JSON")
    }

    fn packets(&self) -> u64 {
        let interfaces = self.status()["interfaces"].as_array().cloned().unwrap_or_default();
        interfaces.iter().filter_map(|interface| interface["packets"].as_u64()).sum()
    }

    fn wait_for(&self, what: &str, is_so: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < PATIENCE, "waited in vain until {what}; it said:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it with a signal; its exit code.
    fn end(&mut self, signal: &str) -> Option<i32> {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()));
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return status.code();
            }
            assert!(began.elapsed() < PATIENCE, "it does not end; it said:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What `weir read` makes of a capture: alerts, and the lines of flows.
fn read(capture: &str, folder: &Path) -> (Vec<Value>, Vec<Value>) {
    let flows = folder.join("flows-of-read");
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.current_dir(common::root()).args(["read", capture, "--quiet", "--indicators", INDICATORS]);
    let output = command.arg("--flows").arg(&flows).output().expect("weir runs");
    let lines = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    };
    (lines(&output.stdout), lines(&std::fs::read(flows).expect("flows")))
}

/// Incidents by what is the same whenever the capture is played: indicator, host, direction and final grade.
fn incidents(alerts: &[Value]) -> BTreeSet<[String; 4]> {
    let closed = alerts.iter().filter(|alert| alert["event"]["action"] == "closed");
    let wanted = closed.filter(|alert| alert["weir"]["incident"]["direction"] != "inbound");
    let fields =
        ["/weir/indicator/value", "/weir/host/ip", "/weir/incident/direction", "/weir/incident/grade"];
    wanted.map(|alert| fields.map(|field| text(alert, field))).collect()
}

/// Flows by their ends, the initiator first, and the packets of each.
fn conversations(flows: &[Value]) -> BTreeSet<[String; 6]> {
    let fields = ["/source/ip", "/source/port", "/destination/ip", "/destination/port"];
    let fields = [fields[0], fields[1], fields[2], fields[3], "/network/transport", "/network/packets"];
    flows.iter().map(|flow| fields.map(|field| text(flow, field))).collect()
}

fn text(line: &Value, pointer: &str) -> String {
    line.pointer(pointer).map(ToString::to_string).unwrap_or_default()
}

#[test]
fn what_a_tap_alerts_is_what_reading_the_capture_alerts() {
    let Some(net) = Net::new(1) else { return };
    let mut run = Run::start(&net, &["tap0"], &[]);
    let sent = net.send(DEMO, &["out0"]);
    run.wait_for("all has arrived", || run.packets() == sent);
    let (alerts, flows) = read(DEMO, run.folder.path());
    let expected = incidents(&alerts);
    let opened =
        |run: &Run| run.lines("alerts").iter().filter(|alert| alert["event"]["action"] == "opened").count();
    run.wait_for("all incidents are told of", || opened(&run) >= expected.len());
    assert!(run.lines("flows").len() < flows.len(), "while flows are open");

    let shown = Command::new(env!("CARGO_BIN_EXE_weir"))
        .arg("status")
        .arg("--control")
        .arg(run.file("control"))
        .output();
    let shown = shown.expect("weir runs");
    let table = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert_eq!(shown.status.code(), Some(0), "{table}");
    for told in ["all is well", "tap0             up", "packet to alert: p50", "the ledger balances"] {
        assert!(table.contains(told), "{told} is not in\n{table}");
    }
    let metrics = run.get("/metrics").expect("it answers");
    assert!(metrics.contains("weir_ledger_balanced 1"), "{metrics}");
    assert!(metrics.contains("weir_alert_latency_quantiles_seconds{quantile=\"0.99\"}"), "{metrics}");

    assert!(
        alerts.iter().all(|alert| alert["weir"]["clock"].is_null()),
        "who stamped a capture nobody knows"
    );
    let clock = run.status()["clock"].clone();
    assert!(clock["synchronised"].is_boolean(), "{clock}");
    let told = run.lines("alerts");
    let of_kernel = |alert: &Value| alert["weir"]["clock"]["synchronised"] == clock["synchronised"];
    assert!(told.iter().all(of_kernel), "{clock} {told:?}");
    let is_kept = clock["synchronised"] == true;
    assert!(metrics.contains(&format!("weir_clock_synchronised {}\n", u8::from(is_kept))), "{metrics}");
    assert_eq!(table.contains("clock      NOT SYNCHRONISED"), !is_kept, "{table}");

    assert_eq!(run.end("-TERM"), Some(1), "{}", run.said());
    let said = run.said();
    assert!(said.contains("the ledger balances") && said.contains("; running for "), "{said}");
    assert!(!run.file("control").exists(), "the control socket goes with the program");
    assert_eq!(incidents(&run.lines("alerts")), expected);
    assert_eq!(conversations(&run.lines("flows")), conversations(&flows));
}

#[test]
fn an_interface_that_goes_down_is_told_of_and_taken_up_again() {
    let Some(net) = Net::new(1) else { return };
    let mut run = Run::start(&net, &["tap0"], &["--listen", "off"]);
    let first = net.send(DEMO, &["out0"]);
    run.wait_for("all has arrived", || run.packets() == first);
    net.set("tap0", "down");
    run.wait_for("it is told", || run.said().contains("tap0 went down"));
    let shown = Command::new(env!("CARGO_BIN_EXE_weir"))
        .arg("status")
        .arg("--control")
        .arg(run.file("control"))
        .output();
    let shown = shown.expect("weir runs");
    assert_eq!(shown.status.code(), Some(1), "{}", String::from_utf8_lossy(&shown.stdout));
    net.set("tap0", "up");
    run.wait_for("it is told", || run.said().contains("tap0 is captured from again"));
    let second = net.send(DEMO, &["out0"]);
    run.wait_for("all has arrived", || run.packets() == first + second);
    assert_eq!(run.end("-INT"), Some(1));
    assert!(run.said().contains("the ledger balances"), "{}", run.said());
    assert_eq!(run.said().matches("went down").count(), 1, "{}", run.said());
}

#[test]
fn a_tap_of_two_interfaces_sees_conversations_as_one_wire_does() {
    let Some(net) = Net::new(2) else { return };
    let mut run = Run::start(&net, &["tap0", "tap1"], &["--listen", "off"]);
    let sent = net.send(DEMO, &["out0", "out1"]);
    run.wait_for("all has arrived", || run.packets() == sent);
    let each = run.status()["interfaces"].clone();
    assert!(each[0]["packets"].as_u64() > Some(20) && each[1]["packets"].as_u64() > Some(20), "{each}");
    assert_eq!(run.end("-TERM"), Some(1));
    assert!(run.said().contains("the ledger balances"), "{}", run.said());
    let (_, flows) = read(DEMO, run.folder.path());
    assert_eq!(conversations(&run.lines("flows")), conversations(&flows));
}

/// Frames of Ethernet for conversations that the kernel cannot deal as they belong together: fragments, and errors about them.
mod astray {
    const CONVERSATIONS: u16 = 40;
    /// A port that tells who began.
    const PORT: u16 = 3389;

    fn ethernet(protocol: u8, [from, to]: [[u8; 4]; 2], id: u16, fragment: u16, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, to[3], 2, 0, 0, 0, 0, from[3], 8, 0];
        frame.extend(ipv4(protocol, [from, to], id, fragment, payload));
        frame
    }

    fn ipv4(protocol: u8, [from, to]: [[u8; 4]; 2], id: u16, fragment: u16, payload: &[u8]) -> Vec<u8> {
        let total = u16::try_from(20 + payload.len()).unwrap_or(u16::MAX);
        let mut packet = vec![0x45, 0];
        packet.extend([total, id, fragment].iter().flat_map(|word| word.to_be_bytes()));
        packet.extend([64, protocol, 0, 0]);
        packet.extend(from.into_iter().chain(to).chain(payload.iter().copied()));
        packet
    }

    fn udp(source: u16, destination: u16) -> Vec<u8> {
        let words = [source, destination, 8 + 40, 0];
        words.iter().flat_map(|word| word.to_be_bytes()).chain([0xa5; 40]).collect()
    }

    fn ends(index: u16) -> ([u8; 4], [u8; 4], u16) {
        ([10, 20, 0, index.to_be_bytes()[1]], [198, 51, 100, 66], 50_000 + index)
    }

    /// Questions in fragments, answers whole and in fragments.
    pub(super) fn conversations() -> Vec<Vec<u8>> {
        let of = |index| {
            let (client, server, port) = ends(index);
            let (asked, answered) = (udp(port, PORT), udp(PORT, port));
            let (there, back) = ([client, server], [server, client]);
            [
                ethernet(17, there, index, 0x2000, &asked[..24]),
                ethernet(17, there, index, 3, &asked[24..]),
                ethernet(17, back, 1, 0, &answered),
                ethernet(17, back, index, 0x2000, &answered[..16]),
                ethernet(17, back, index, 2, &answered[16..]),
                ethernet(17, there, 2, 0, &asked),
            ]
        };
        (0..CONVERSATIONS).flat_map(of).collect()
    }

    /// For each, that nobody listens there.
    pub(super) fn errors() -> Vec<Vec<u8>> {
        let of = |index| {
            let (client, server, port) = ends(index);
            let quoted = ipv4(17, [client, server], 2, 0, &udp(port, PORT));
            ethernet(1, [server, client], 3, 0, &[&[3, 3, 0, 0, 0, 0, 0, 0], &quoted[..]].concat())
        };
        (0..CONVERSATIONS).map(of).collect()
    }

    pub(super) fn capture(frames: &[Vec<u8>]) -> Vec<u8> {
        let mut capture = Vec::new();
        for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
            capture.extend(word.to_le_bytes());
        }
        for (frame, milliseconds) in frames.iter().zip(0_u32..) {
            let len = u32::try_from(frame.len()).unwrap_or(u32::MAX);
            let record = [1_700_000_000 + milliseconds / 1_000, milliseconds % 1_000 * 1_000, len, len];
            capture.extend(record.iter().flat_map(|word| word.to_le_bytes()));
            capture.extend(frame);
        }
        capture
    }
}

#[test]
fn what_only_decoding_tells_apart_comes_to_its_flow_with_any_number_of_workers() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, frames: &[Vec<u8>]| {
        let path = folder.path().join(name);
        std::fs::write(&path, astray::capture(frames)).expect("a file");
        path.to_string_lossy().into_owned()
    };
    let (conversations_of, errors_of) = (astray::conversations(), astray::errors());
    let first = write("conversations.pcap", &conversations_of);
    let second = write("errors.pcap", &errors_of);
    let (_, expected) = read(&write("all.pcap", &[conversations_of, errors_of].concat()), folder.path());
    let with_errors = |flows: &[Value]| {
        flows.iter().filter(|flow| flow["weir"]["flow"]["icmp_errors"].as_u64() == Some(1)).count()
    };
    assert_eq!((expected.len(), with_errors(&expected)), (80, 40));
    for workers in [2, 4] {
        let Some(net) = Net::new(1) else { return };
        let mut run = Run::with_workers(workers, &net, &["tap0"], &["--listen", "off", "--canary", "off"]);
        let sent = net.send(&first, &["out0"]);
        run.wait_for("all conversations are open", || run.status()["flows_open"] == 40);
        let sent = sent + net.send(&second, &["out0"]);
        run.wait_for("all has arrived", || run.packets() == sent);
        assert_eq!(run.end("-TERM"), Some(0), "{}", run.said());
        let said = run.said();
        assert!(said.contains("the ledger balances") && said.contains("handed to another worker"), "{said}");
        let flows = run.lines("flows");
        assert_eq!(conversations(&flows), conversations(&expected), "{workers} workers");
        assert_eq!((flows.len(), with_errors(&flows)), (80, 40), "{workers} workers");
    }
}

#[test]
fn flows_end_by_time_also_when_the_wire_falls_silent() {
    let Some(net) = Net::new(1) else { return };
    let quiet = ["--listen", "off", "--canary", "off", "--idle-timeout", "1s", "--tcp-idle-timeout", "1s"];
    let mut run = Run::start(&net, &["tap0"], &quiet);
    let sent = net.send(DEMO, &["out0"]);
    run.wait_for("all has arrived", || run.packets() == sent);
    run.wait_for("all flows have ended", || run.status()["flows_open"] == 0);
    run.wait_for("all flows are written", || {
        Some(run.lines("flows").len() as u64) == run.status()["flows_begun"].as_u64()
    });
    assert_eq!(run.end("-TERM"), Some(1));
    assert!(run.said().contains("the ledger balances"), "{}", run.said());
}

#[test]
fn when_nobody_reads_the_alerts_any_more_it_ends_in_order() {
    let Some(net) = Net::new(1) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let control = folder.path().join("control");
    let mut child = Command::new("ip")
        .args(["netns", "exec", &net.side("t"), env!("CARGO_BIN_EXE_weir"), "run", "--interface", "tap0"])
        .args(["--ring-size", "4MiB", "--listen", "off", "--indicators"])
        .arg(common::root().join(INDICATORS))
        .arg("--control")
        .arg(&control)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("weir runs");
    let began = Instant::now();
    while UnixStream::connect(&control).is_err() && began.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(child.stdout.take());
    net.send(DEMO, &["out0"]);
    while child.try_wait().expect("it can be waited for").is_none() {
        if began.elapsed() > PATIENCE {
            drop(child.kill());
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().expect("it ended");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the ledger balances"), "{said}");
}

#[test]
fn what_cannot_be_watched_is_said_with_advice() {
    let run = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_weir")).arg("run").args(arguments).output().expect("weir runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = run(&["--interface", "no-such-nic"]);
    assert!(code == Some(2) && said.contains("there is no interface no-such-nic; there are "), "{said}");
    let (code, said) = run(&[]);
    assert!(code == Some(2) && said.contains("--interface"), "{said}");
    let status =
        Command::new(env!("CARGO_BIN_EXE_weir")).args(["status", "--control", "/nonexistent"]).output();
    let status = status.expect("weir runs");
    assert_eq!(status.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&status.stderr).contains("no `weir run` answers"));
}

#[test]
fn an_ordinary_user_hears_first_that_the_right_to_capture_is_missing() {
    use std::os::unix::process::CommandExt as _;
    const NOBODY: u32 = 65_534;
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.args(["run", "--interface", "lo"]).env_remove("XDG_RUNTIME_DIR").current_dir("/");
    let Ok(output) = command.uid(NOBODY).gid(NOBODY).output() else {
        println!("skipped: only root can run a program as another user, who must be able to reach it");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("capturing needs rights") && !said.contains("control socket"), "{said}");
}
