//! The real counterpart: rsyslog, as a process of its own, which parses what it is sent.

use super::{certificates, open};
use crate::samples;
use crate::sinks::parcels::{alerts, soon};
use crate::sinks::{Outcome, Sink};
use std::collections::BTreeSet;
use std::fs;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// rsyslog with a configuration of its own; it ends when this is dropped.
struct Rsyslog {
    folder: TempDir,
    program: PathBuf,
    ports: Ports,
    process: Option<Child>,
}

struct Ports {
    udp: u16,
    tcp: u16,
    tls: u16,
}

impl Rsyslog {
    /// Starts it; `None`, said, where there is none with TLS.
    fn start() -> Option<Self> {
        let program =
            ["/usr/sbin/rsyslogd", "/usr/bin/rsyslogd", "/sbin/rsyslogd"].into_iter().map(PathBuf::from);
        let Some(program) = program.into_iter().find(|program| program.exists()) else {
            println!("skipped: no rsyslogd here: run scripts/setup.sh --syslog");
            return None;
        };
        let folder = TempDir::new().unwrap();
        certificates(folder.path());
        let tcp = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (udp, plain, tls) = (UdpSocket::bind("127.0.0.1:0").unwrap(), tcp(), tcp());
        let ports = Ports {
            udp: udp.local_addr().unwrap().port(),
            tcp: plain.local_addr().unwrap().port(),
            tls: tls.local_addr().unwrap().port(),
        };
        drop((udp, plain, tls));
        fs::write(folder.path().join("rsyslog.conf"), configuration(folder.path(), &ports)).unwrap();
        let mut rsyslog = Self { folder, program, ports, process: None };
        rsyslog.start_again();
        let errors = rsyslog.said();
        if errors.contains("lmnsd_ossl") {
            println!("skipped: rsyslog has no OpenSSL: run scripts/setup.sh --syslog");
            return None;
        }
        Some(rsyslog)
    }

    fn start_again(&mut self) {
        let path = self.folder.path();
        let said = fs::File::options().create(true).append(true).open(path.join("said")).unwrap();
        let process = Command::new(&self.program)
            .args(["-n", "-i", "NONE", "-f"])
            .arg(path.join("rsyslog.conf"))
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .spawn();
        self.process = Some(process.unwrap());
        let end = soon();
        while TcpStream::connect(("127.0.0.1", self.ports.tls)).is_err()
            || TcpStream::connect(("127.0.0.1", self.ports.tcp)).is_err()
        {
            assert!(!is_over(end), "rsyslog does not listen: {}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// `kill -9`
    fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Ends it in order, so that all that it took is written.
    fn stop(&mut self) {
        if self.process.is_some() {
            self.signal("CONT");
            self.signal("TERM");
        }
        if let Some(mut process) = self.process.take() {
            process.wait().unwrap();
        }
    }

    fn signal(&self, name: &str) {
        let process = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-s", name, &process]).status().unwrap().success());
    }

    fn said(&self) -> String {
        fs::read_to_string(self.folder.path().join("said")).unwrap_or_default()
    }

    /// What it wrote, as it parsed it.
    fn lines(&self) -> Vec<Vec<String>> {
        let written = fs::read_to_string(self.folder.path().join("written")).unwrap_or_default();
        written.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    }

    /// The messages that it wrote, each once.
    fn bodies(&self) -> BTreeSet<String> {
        self.lines()
            .into_iter()
            .filter_map(|mut fields| fields.pop())
            .map(|body| body.trim().to_owned())
            .collect()
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        self.stop();
    }
}

fn configuration(folder: &Path, ports: &Ports) -> String {
    let folder = folder.display();
    let Ports { udp, tcp, tls } = ports;
    // What it reads is written before it reads more: otherwise a killed rsyslog loses what waits in its own memory.
    format!(
        r#"global(workDirectory="{folder}" maxMessageSize="64k" defaultNetstreamDriverCAFile="{folder}/ca.pem"
    defaultNetstreamDriverCertFile="{folder}/server.pem" defaultNetstreamDriverKeyFile="{folder}/server.key")
main_queue(queue.type="Direct")
module(load="imudp")
module(load="imptcp")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="x509/certvalid")
template(name="parsed" type="string"
    string="%pri%\t%protocol-version%\t%timereported:::date-rfc3339%\t%hostname%\t%app-name%\t%procid%\t%msgid%\t%structured-data%\t%msg%\n")
ruleset(name="write" queue.type="Direct") {{
    action(type="omfile" file="{folder}/written" template="parsed" asyncWriting="off" flushOnTXEnd="on")
}}
input(type="imudp" address="127.0.0.1" port="{udp}" ruleset="write")
input(type="imptcp" address="127.0.0.1" port="{tcp}" ruleset="write")
input(type="imtcp" address="127.0.0.1" port="{tls}" ruleset="write")
"#
    )
}

const TLS: &str =
    "tls.ca_file = \"ca.pem\"\ntls.client_certificate = \"client.pem\"\ntls.client_key = \"client.key\"";

/// A body of the size of an alert, with letters that need escaping.
fn body(number: usize) -> String {
    format!("{{\"n\":{number},\"text\":\"{}\"}}", "b\u{fc}cher ".repeat(100))
}

/// As it is sent.
fn escaped(body: &str) -> String {
    body.replace('\u{fc}', "\\u00fc")
}

/// Delivers until all were taken, as the courier does.
fn deliver(sink: &mut dyn Sink, bodies: &[String]) {
    let end = soon();
    let mut left: Vec<_> = bodies.iter().map(String::as_str).collect();
    while !left.is_empty() {
        assert!(!is_over(end), "not taken in time");
        let outcomes = sink.deliver(&alerts(left.iter().copied()), end);
        left = left
            .into_iter()
            .zip(outcomes)
            .filter(|(_, outcome)| *outcome != Outcome::Taken)
            .map(|(body, _)| body)
            .collect();
    }
}

#[test]
fn rsyslog_reads_what_is_sent_over_udp_tcp_and_tls() {
    let Some(mut rsyslog) = Rsyslog::start() else { return };
    let Ports { udp, tcp, tls } = rsyslog.ports;
    let mut expected = BTreeSet::new();
    let ways = [
        format!("url = \"udp://127.0.0.1:{udp}\""),
        format!("url = \"tcp://127.0.0.1:{tcp}\""),
        format!("url = \"tcp://127.0.0.1:{tcp}\"\nframing = \"lines\""),
        format!("url = \"tls://localhost:{tls}\"\n{TLS}"),
    ];
    for (way, settings) in ways.iter().enumerate() {
        let settings = format!("{settings}\nhostname = \"tap{way}.example.org\"\nenterprise_number = 64512");
        let mut sink = open(&settings, rsyslog.folder.path()).unwrap();
        let bodies: Vec<_> = (0..50).map(|number| body(1000 * way + number)).collect();
        deliver(&mut *sink, &bodies);
        expected.extend(bodies.iter().map(|body| escaped(body)));
    }
    wait_for(&rsyslog, &expected);
    rsyslog.stop();
    assert_eq!(rsyslog.lines().len(), 200, "each once");
    for fields in rsyslog.lines() {
        let [pri, version, time, host, name, process, kind, data, _] = &fields[..] else {
            panic!("{fields:?}")
        };
        assert_eq!([pri, version, name, kind], ["129", "1", "weir", "alert"]);
        assert_eq!(**time, samples::FIRST.to_string().replace(".25Z", ".250000Z"));
        assert!(host.starts_with("tap") && host.ends_with(".example.org"), "{host}");
        assert_eq!(*process, std::process::id().to_string());
        assert!(
            data.starts_with("[origin software=\"weir\"") && data.contains("][weir@64512 id=\""),
            "{data}"
        );
    }
}

#[test]
fn nothing_that_was_taken_is_lost_when_rsyslog_is_killed() {
    let Some(mut rsyslog) = Rsyslog::start() else { return };
    let mut expected = BTreeSet::new();
    for (way, settings) in [
        format!("url = \"tcp://127.0.0.1:{}\"", rsyslog.ports.tcp),
        format!("url = \"tls://localhost:{}\"\n{TLS}", rsyslog.ports.tls),
    ]
    .iter()
    .enumerate()
    {
        let mut sink = open(settings, rsyslog.folder.path()).unwrap();
        for batch in 0..30 {
            let first = 1_000_000 * (way + 1) + 20 * batch;
            let bodies: Vec<_> = (first..first + 20).map(body).collect();
            if batch % 10 == 5 {
                // Its kernel takes what it will never read.
                rsyslog.signal("STOP");
            }
            deliver(&mut *sink, &bodies);
            expected.extend(bodies.iter().map(|body| escaped(body)));
            if batch % 10 == 5 {
                rsyslog.kill();
                assert!(matches!(sink.deliver(&alerts(["{}"]), soon())[..], [Outcome::Failed(_)]));
                rsyslog.start_again();
            }
        }
        rsyslog.kill();
        rsyslog.start_again();
        // Nothing comes that would show it: the sink looks by itself.
        let end = soon();
        while !expected.is_subset(&rsyslog.bodies()) {
            assert!(!is_over(end), "{} are missing", expected.difference(&rsyslog.bodies()).count());
            sink.idle();
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    rsyslog.stop();
    let surplus = rsyslog.lines().len() - expected.len();
    println!("{} taken, none lost, {surplus} came again", expected.len());
}

fn wait_for(rsyslog: &Rsyslog, expected: &BTreeSet<String>) {
    let end = soon();
    while !expected.is_subset(&rsyslog.bodies()) {
        let found = rsyslog.bodies();
        assert!(!is_over(end), "{} are missing: {}", expected.difference(&found).count(), rsyslog.said());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[expect(clippy::disallowed_methods, reason = "a test waits")]
fn is_over(end: Instant) -> bool {
    Instant::now() >= end
}
