use super::{certificates, open};
use crate::sinks::parcels::{alerts, soon};
use crate::sinks::{Outcome, Sink};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    (listener, url)
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    stream
}

/// The JSON of the next message whose octets are counted.
fn counted(stream: &mut impl BufRead) -> String {
    let mut length = Vec::new();
    stream.read_until(b' ', &mut length).unwrap();
    let length = String::from_utf8(length).unwrap().trim().parse().unwrap();
    let mut message = vec![0; length];
    stream.read_exact(&mut message).unwrap();
    json(&message)
}

fn json(message: &[u8]) -> String {
    str::from_utf8(message).unwrap().rsplit_once("] ").unwrap().1.to_owned()
}

fn deliver(sink: &mut dyn Sink, bodies: &[&str]) {
    assert_eq!(sink.deliver(&alerts(bodies.iter().copied()), soon()), vec![Outcome::Taken; bodies.len()]);
}

#[test]
fn octets_are_counted_or_lines_ended() {
    let (server, url) = listener();
    let mut sink = open(&format!("url = \"{url}\""), Path::new("")).unwrap();
    deliver(&mut *sink, &["{\"n\":1}", "{\"n\":2}"]);
    let mut stream = BufReader::new(accept(&server));
    assert_eq!([counted(&mut stream), counted(&mut stream)], ["{\"n\":1}", "{\"n\":2}"]);
    let mut sink = open(&format!("url = \"{url}\"\nframing = \"lines\""), Path::new("")).unwrap();
    deliver(&mut *sink, &["{\"n\":1}", "{\"n\":2}"]);
    drop(sink);
    let lines: Vec<_> =
        BufReader::new(accept(&server)).split(b'\n').map(|line| json(&line.unwrap())).collect();
    assert_eq!(lines, ["{\"n\":1}", "{\"n\":2}"]);
}

#[test]
fn what_a_receiver_did_not_read_before_it_went_is_sent_again() {
    let (server, url) = listener();
    let mut sink = open(&format!("url = \"{url}\""), Path::new("")).unwrap();
    deliver(&mut *sink, &["{\"n\":1}"]);
    let mut stream = BufReader::new(accept(&server));
    assert_eq!(counted(&mut stream), "{\"n\":1}");
    deliver(&mut *sink, &["{\"n\":2}", "{\"n\":3}"]);
    drop(stream);
    // Nothing else is to be sent: it is noticed all the same.
    let reader = thread::spawn(move || {
        let mut stream = BufReader::new(accept(&server));
        let again = [counted(&mut stream), counted(&mut stream), counted(&mut stream)];
        drop(stream);
        (server, again)
    });
    while !reader.is_finished() {
        sink.idle();
        thread::sleep(Duration::from_millis(10));
    }
    let (server, again) = reader.join().unwrap();
    assert_eq!(again, ["{\"n\":1}", "{\"n\":2}", "{\"n\":3}"]);
    let mut numbers = Vec::new();
    deliver(&mut *sink, &["{\"n\":4}"]);
    let mut stream = BufReader::new(accept(&server));
    for _ in 0..4 {
        numbers.push(counted(&mut stream));
    }
    assert_eq!(numbers, ["{\"n\":1}", "{\"n\":2}", "{\"n\":3}", "{\"n\":4}"]);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a time that is over soon")]
fn what_the_other_kernel_does_not_take_has_failed() {
    let (server, url) = listener();
    let mut sink = open(&format!("url = \"{url}\"\nmax_size = \"64MiB\""), Path::new("")).unwrap();
    let large = format!("{{\"n\":\"{}\"}}", "x".repeat(20 << 20));
    let outcomes = sink.deliver(&alerts([&*large]), Instant::now() + Duration::from_secs(1));
    assert!(matches!(&outcomes[..], [Outcome::Failed(why)] if why.contains("in time")), "{outcomes:?}");
    drop(accept(&server));
    drop(server);
    let outcomes = sink.deliver(&alerts(["{}"]), soon());
    assert!(
        matches!(&outcomes[..], [Outcome::Failed(why)] if why.contains("nobody listens")),
        "{outcomes:?}"
    );
}

#[test]
fn a_receiver_that_turns_us_away_has_taken_nothing() {
    let (server, url) = listener();
    let mut sink = open(&format!("url = \"{url}\""), Path::new("")).unwrap();
    let turning = thread::spawn(move || drop(accept(&server)));
    let outcomes = sink.deliver(&alerts(["{}"]), soon());
    turning.join().unwrap();
    assert!(matches!(&outcomes[..], [Outcome::Failed(why)] if why.contains("closed")), "{outcomes:?}");
}

/// Accepts with TLS, and wants a client's certificate.
fn tls_server(folder: &Path) -> (thread::JoinHandle<Vec<u8>>, String) {
    let pem = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let certificate = |name: &str| CertificateDer::from_pem_slice(&pem(name)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate("ca.pem")).unwrap();
    let verifier =
        rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![certificate("server.pem")],
            PrivateKeyDer::from_pem_slice(&pem("server.key")).unwrap(),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tls://localhost:{}", listener.local_addr().unwrap().port());
    let serve = move || {
        let mut stream = accept(&listener);
        let mut tls = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let mut text = Vec::new();
        // Until it ends or fails.
        let mut session = rustls::Stream::new(&mut tls, &mut stream);
        drop(session.read_to_end(&mut text));
        text
    };
    (thread::spawn(serve), url)
}

#[test]
fn both_ends_prove_who_they_are() {
    let folder = TempDir::new().unwrap();
    certificates(folder.path());
    let attempt = |tls: &str| {
        let (server, url) = tls_server(folder.path());
        let mut sink = open(&format!("url = \"{url}\"\n{tls}"), folder.path()).unwrap();
        let outcome = sink.deliver(&alerts(["{\"n\":1}"]), soon()).remove(0);
        drop(sink);
        (outcome, server.join().unwrap())
    };
    let own = "tls.client_certificate = \"client.pem\"\ntls.client_key = \"client.key\"";
    let (outcome, text) = attempt(&format!("tls.ca_file = \"ca.pem\"\n{own}"));
    assert_eq!((outcome, json(&text)), (Outcome::Taken, "{\"n\":1}".to_owned()));
    let failed = |tls: &str, because: &str| {
        let (outcome, text) = attempt(tls);
        assert!(matches!(&outcome, Outcome::Failed(why) if why.contains(because)), "{outcome:?}");
        assert!(text.is_empty());
    };
    failed(own, "tls.ca_file");
    // With TLS 1.3 the server only says so when we think that all is well.
    failed("tls.ca_file = \"ca.pem\"", "TLS");
    failed("tls.verify = false", "TLS");
    assert_eq!(attempt(&format!("tls.verify = false\n{own}")).0, Outcome::Taken);
}
