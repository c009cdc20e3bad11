//! IPFIX over TCP and TLS.

use crate::build::{self, Part, Told};
use crate::run::{BAD, Run};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;

/// Template and data in two messages, cut where a sender likes.
fn messages(host: u8) -> Vec<u8> {
    let told = [Told::new([10, 0, 0, host], BAD)];
    [build::ipfix(0, &[Part::Template]), build::ipfix(0, &[Part::Data(&told)])].concat()
}

fn alerted(run: &Run, host: &str) -> bool {
    run.lines("alerts").iter().any(|alert| alert["source"]["ip"] == host)
}

#[test]
fn ipfix_over_tcp_is_heard_and_what_is_none_is_cut_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut run = Run::listening(folder.path().to_owned(), &["--ipfix-tcp", "127.0.0.1:0"]);
    let connect = || TcpStream::connect(run.listens(0)).expect("it listens");
    let mut exporter = connect();
    for part in messages(5).chunks(10) {
        exporter.write_all(part).expect("it is taken");
        exporter.flush().expect("it is sent");
    }
    run.wait_for("it is alerted", || alerted(&run, "10.0.0.5"));
    connect().write_all(b"GET / HTTP/1.1\r\n\r\n").expect("it is taken");
    let socket = || run.status()["collector"]["sockets"][0].clone();
    run.wait_for("who speaks something else is cut off", || socket()["cut_off"] == 1);
    run.wait_for("the exporter is not", || socket()["sessions"] == 1 && socket()["datagrams"] == 2);
    // Its templates end with the session: the next one's data waits for its own.
    drop(exporter);
    run.wait_for("the session is over", || socket()["sessions"] == 0);
    let (template, data) = (build::ipfix(0, &[Part::Template]), messages(9));
    let mut again = connect();
    again.write_all(&data[template.len()..]).expect("it is taken");
    run.wait_for("its data waits", || run.exporter("127.0.0.1")["waiting_bytes"].as_u64() > Some(0));
    again.write_all(&template).expect("it is taken");
    run.wait_for("it is alerted", || alerted(&run, "10.0.0.9"));
    let (code, said) = run.end("-TERM");
    assert!(code == Some(1) && said.contains("the ledger balances"), "{said}");
    assert!(said.contains("3 came = 1 closed + 1 wrong version + 1 stopped"), "{said}");
}

#[test]
fn ipfix_over_tls_is_heard_with_a_certificate() {
    let folder = tempfile::tempdir().expect("a folder");
    let identity =
        rcgen::generate_simple_self_signed(vec!["collector.example".to_owned()]).expect("a certificate");
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_string_lossy().into_owned()
    };
    let certificate = file("certificate.pem", identity.cert.pem());
    let key = file("key.pem", identity.signing_key.serialize_pem());
    let arguments = ["--ipfix-tls", "127.0.0.1:0", "--ipfix-tls-cert", &certificate, "--ipfix-tls-key", &key];
    let mut run = Run::listening(folder.path().to_owned(), &arguments);
    let mut known = RootCertStore::empty();
    known.add(CertificateDer::from_pem_file(&certificate).expect("PEM")).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("versions").with_root_certificates(known).with_no_client_auth();
    let name = ServerName::try_from("collector.example").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
    let stream = TcpStream::connect(run.listens(0)).expect("it listens");
    let mut exporter = StreamOwned::new(connection, stream);
    exporter.write_all(&messages(7)).expect("it is taken");
    exporter.flush().expect("it is sent");
    run.wait_for("it is alerted", || alerted(&run, "10.0.0.7"));
    let (code, said) = run.end("-TERM");
    assert!(code == Some(1) && said.contains("the ledger balances"), "{said}");
}
