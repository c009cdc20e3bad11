//! A `weir run` that listens on the loopback, and exporters that send to it.

use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Far longer than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// What is bad.
pub(crate) const BAD: [u8; 4] = [198, 51, 100, 66];

/// A running `weir run`; killed when dropped.
pub(crate) struct Run {
    child: Child,
    folder: Option<tempfile::TempDir>,
    root: PathBuf,
}

impl Run {
    /// Listens for datagrams at a free port of the loopback.
    pub(crate) fn start(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut run = Self::start_in(folder.path().to_owned(), more);
        run.folder = Some(folder);
        run
    }

    /// The same, with files of an earlier one.
    pub(crate) fn start_in(root: PathBuf, more: &[&str]) -> Self {
        Self::listening(root, &[&["--netflow", "127.0.0.1:0"], more].concat())
    }

    /// Listens where the arguments say.
    pub(crate) fn listening(root: PathBuf, arguments: &[&str]) -> Self {
        Self::within(&[], root, arguments)
    }

    /// The same, started by another command.
    pub(crate) fn within(starter: &[&str], root: PathBuf, arguments: &[&str]) -> Self {
        let file = |name: &str| root.join(name);
        std::fs::write(file("bad.txt"), format!("{}\nbad.example\n", Ipv4Addr::from(BAD))).expect("a list");
        let words: Vec<_> = starter.iter().copied().chain([env!("CARGO_BIN_EXE_weir")]).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(["run", "--receive-buffer", "1MiB"]).args(arguments);
        if !arguments.contains(&"--listen") {
            command.args(["--listen", "off"]);
        }
        command.arg("--indicators").arg(file("bad.txt")).arg("--control").arg(file("control"));
        for output in ["alerts", "flows", "names"] {
            command.arg(format!("--{output}")).arg(file(output));
        }
        let said = std::fs::File::options().create(true).append(true).open(file("said")).expect("a file");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
        Self::answering(command, root)
    }

    /// What a command starts, with the socket `control` in this folder.
    pub(crate) fn answering(mut command: Command, root: PathBuf) -> Self {
        let run = Self { child: command.spawn().expect("weir runs"), folder: None, root };
        run.wait_for("it answers", || run.get("/status").is_some());
        run
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.process().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()));
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.file("said")).unwrap_or_default()
    }

    pub(crate) fn lines(&self, name: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.file(name)).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// A page of the control socket.
    pub(crate) fn get(&self, page: &str) -> Option<String> {
        let mut stream = UnixStream::connect(self.file("control")).ok()?;
        stream.write_all(format!("GET {page} HTTP/1.1\r\n\r\n").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
    }

    pub(crate) fn status(&self) -> Value {
        serde_json::from_str(&self.get("/status").expect("it answers")).expect("JSON")
    }

    /// Where it listens, in the order of its flags.
    pub(crate) fn listens(&self, place: usize) -> SocketAddr {
        let name = self.status()["collector"]["sockets"][place]["name"].clone();
        let address = name.as_str().and_then(|name| name.split_once(' ')).map(|(_, address)| address);
        address.and_then(|address| address.parse().ok()).expect("an address")
    }

    /// The datagrams and messages that its decoders have taken.
    pub(crate) fn taken(&self) -> u64 {
        self.left("datagrams and messages", "taken by collectors")
    }

    /// An entry of the ledger of the running program.
    pub(crate) fn left(&self, unit: &str, entry: &str) -> u64 {
        let status = self.status();
        let boundaries = status["ledger"]["boundaries"].as_array().cloned().unwrap_or_default();
        let of_unit = boundaries.iter().filter(|boundary| boundary["unit"] == unit);
        let entries = of_unit.flat_map(|boundary| boundary["left"].as_array().cloned().unwrap_or_default());
        entries.filter(|left| left["name"] == entry).filter_map(|left| left["count"].as_u64()).sum()
    }

    /// The row of an exporter.
    pub(crate) fn exporter(&self, address: &str) -> Value {
        let collector = self.status()["collector"].clone();
        let rows =
            ["exporters", "others"].map(|rows| collector[rows].as_array().cloned().unwrap_or_default());
        rows.into_iter().flatten().find(|row| row["exporter"] == address).unwrap_or_default()
    }

    pub(crate) fn wait_for(&self, what: &str, is_so: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < PATIENCE, "waited in vain until {what}; it said:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it with a signal; its exit code, and what it said.
    pub(crate) fn end(&mut self, signal: &str) -> (Option<i32>, String) {
        self.signal(signal);
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return (status.code(), self.said());
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
        drop(self.folder.take());
    }
}

/// Somebody who sends from an address of the loopback.
pub(crate) struct Exporter {
    socket: UdpSocket,
    to: SocketAddr,
}

impl Exporter {
    pub(crate) fn new(address: [u8; 4], run: &Run) -> Self {
        Self::to(address, run.listens(0))
    }

    pub(crate) fn to(address: [u8; 4], to: SocketAddr) -> Self {
        Self {
            socket: UdpSocket::bind((Ipv4Addr::from(address), 0)).expect("an address of the loopback"),
            to,
        }
    }

    pub(crate) fn send(&self, datagram: &[u8]) {
        self.socket.send_to(datagram, self.to).expect("the loopback takes it");
    }
}
