//! A `weir run` that a service manager of the test started, and an exporter that sends to it.

use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, UdpSocket};
use std::ops::Range;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Far longer than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// A running program; killed when dropped.
pub(crate) struct Probe {
    child: Child,
    manager: UnixDatagram,
    folder: tempfile::TempDir,
}

impl Probe {
    /// Listens for NetFlow at a free port of the loopback; told that it is watched as often as this.
    pub(crate) fn start(watchdog: Duration, more: impl Fn(&tempfile::TempDir) -> Vec<String>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let manager = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
        command.args(["run", "--netflow", "127.0.0.1:0", "--receive-buffer", "1MiB", "--listen", "off"]);
        command.arg("--control").arg(folder.path().join("control")).args(more(&folder));
        command.env("NOTIFY_SOCKET", folder.path().join("notify"));
        command.env("WATCHDOG_USEC", watchdog.as_micros().to_string()).env_remove("WATCHDOG_PID");
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(std::fs::File::create(folder.path().join("said")).expect("a file"));
        Self { child: command.spawn().expect("weir runs"), manager, folder }
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.file("said")).unwrap_or_default()
    }

    /// What it tells the service manager next, if anything comes within this time.
    pub(crate) fn told(&self, within: Duration) -> Option<String> {
        let mut bytes = [0; 4096];
        self.manager.set_read_timeout(Some(within)).expect("a time");
        let length = self.manager.recv(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
    }

    /// Waits until it tells this, and gives all of the message.
    pub(crate) fn wait_to_be_told(&self, what: &str) -> String {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(told) = self.told(Duration::from_millis(200)).filter(|told| told.contains(what)) {
                return told;
            }
        }
        panic!("it never told {what}; it said:\n{}", self.said());
    }

    pub(crate) fn wait_for(&self, what: &str, is_so: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < PATIENCE, "waited in vain until {what}; it said:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn status(&self) -> Value {
        let mut stream = UnixStream::connect(self.file("control")).expect("it listens");
        stream.write_all(b"GET /status HTTP/1.1\r\n\r\n").expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (_, body) = answer.split_once("\r\n\r\n").expect("HTTP");
        serde_json::from_str(body).expect("JSON")
    }

    /// Sends NetFlow v5 of these conversations, thirty in a datagram, which are over.
    pub(crate) fn send(&self, conversations: Range<u32>) {
        let name = self.status()["collector"]["sockets"][0]["name"].as_str().expect("a name").to_owned();
        let to: SocketAddr = name.trim_start_matches("udp ").parse().expect("an address");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        for first in conversations.step_by(30) {
            socket.send_to(&version_5(first), to).expect("it is sent");
        }
    }

    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
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

impl Drop for Probe {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Thirty records, each a conversation of its own (Cisco, NetFlow Export Datagram Formats, version 5).
fn version_5(first: u32) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time");
    let seconds = u32::try_from(now.as_secs()).expect("before 2106");
    let mut bytes = vec![0, 5, 0, 30];
    for word in [3_600_000, seconds, now.subsec_nanos(), first] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend([0; 4]);
    for index in first..first + 30 {
        for word in [0x0a00_0001, 0xc633_6400 + index % 200, 0, 0, 10, 1_000, 3_599_000, 3_599_900] {
            bytes.extend(word.to_be_bytes());
        }
        let port = u16::try_from(1_024 + index % 60_000).expect("a port");
        bytes.extend(port.to_be_bytes());
        bytes.extend([0, 53, 0, 0, 17, 0, 0, 0, 0, 0, 24, 24, 0, 0]);
    }
    bytes
}
