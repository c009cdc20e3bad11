//! IPFIX over TLS, with certificates made for each test.

use super::streams::{Collecting, Event, is_closed, message, quick};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use weir_capture::collector::{
    self, CollectorError, CollectorOptions, Ending, Heard, Listen, StreamOptions, TlsFiles,
};

/// An authority, and those that it knows.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

struct Identity {
    certificate: String,
    key: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    fn identity(&self, name: &str) -> Identity {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    fn pem(&self) -> String {
        self.issuer.pem()
    }
}

/// Files of the collector, and what exporters need.
struct Setting {
    folder: TempDir,
    authority: Authority,
    files: TlsFiles,
}

impl Setting {
    fn new(mutual: bool) -> Self {
        let (folder, authority) = (TempDir::new().unwrap(), Authority::new("ours"));
        let identity = authority.identity("collector.example");
        let file = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let files = TlsFiles {
            certificate: file("collector.pem", &identity.certificate),
            key: file("collector.key", &identity.key),
            client_authority: mutual.then(|| file("authority.pem", &authority.pem())),
        };
        Self { folder, authority, files }
    }

    fn options(&self, streams: StreamOptions) -> CollectorOptions {
        let listen = Listen::tls("127.0.0.1:0".parse().unwrap(), self.files.clone());
        CollectorOptions { streams, ..CollectorOptions::new(vec![listen]) }
    }

    fn collecting(&self) -> Collecting {
        Collecting::new(&self.options(StreamOptions::default()))
    }

    fn exporter(
        &self,
        identity: Option<&Identity>,
        version: &'static SupportedProtocolVersion,
        to: SocketAddr,
    ) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.pem().as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots);
        let config = match identity {
            None => config.with_no_client_auth(),
            Some(identity) => config
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap()],
                    PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap(),
                )
                .unwrap(),
        };
        let name = ServerName::try_from("collector.example").unwrap();
        let stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
    }
}

const VERSIONS: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

#[test]
fn messages_come_through_both_versions_with_and_without_certificates_of_exporters() {
    for mutual in [false, true] {
        let setting = Setting::new(mutual);
        let identity = mutual.then(|| setting.authority.identity("router.example"));
        for version in VERSIONS {
            let mut collecting = setting.collecting();
            let mut exporter = setting.exporter(identity.as_ref(), version, collecting.address());
            let expected: Vec<_> = (0..200).map(|number| message(16 + 300 * number, number as u8)).collect();
            let bytes = expected.concat();
            let sender = std::thread::spawn(move || {
                exporter.write_all(&bytes).unwrap();
                exporter.conn.send_close_notify();
                exporter.flush().unwrap();
                // What the collector says last.
                let _end = exporter.read(&mut [0]);
            });
            collecting.until(|all| all.ended(Ending::Closed) == 1);
            sender.join().unwrap();
            assert_eq!(collecting.messages(), expected.iter().map(Vec::as_slice).collect::<Vec<_>>());
            assert!(matches!(collecting.events.last(), Some(Event::Ended(_))));
        }
    }
}

#[test]
fn exporters_without_a_certificate_of_the_authority_are_refused_and_told_of() {
    let setting = Setting::new(true);
    let stranger = Authority::new("theirs").identity("router.example");
    for (identity, expected) in [(None, "no certificates"), (Some(&stranger), "UnknownIssuer")] {
        for version in VERSIONS {
            let mut collecting = setting.collecting();
            let mut exporter = setting.exporter(identity, version, collecting.address());
            let sender = std::thread::spawn(move || {
                let _refused = exporter.write_all(&message(20, 1));
                exporter.read(&mut [0]).unwrap_err().to_string()
            });
            collecting.until(|all| all.ended(Ending::Tls) == 1);
            let said = sender.join().unwrap();
            assert!(said.contains("alert"), "{said}");
            assert_eq!(collecting.events, []);
            let told = collecting.monitor.events();
            let Heard::CutOff { detail: Some(detail), .. } = &told[0].what else { panic!("{told:?}") };
            assert!(detail.contains(expected), "{detail}");
        }
    }
}

#[test]
fn plain_text_is_not_tls() {
    let setting = Setting::new(false);
    let mut collecting = setting.collecting();
    for bytes in [message(100, 1), b"GET / HTTP/1.1\r\n\r\n".to_vec(), vec![0x16, 3, 1, 0xff, 0xff, 1, 2, 3]]
    {
        let before = collecting.ended(Ending::Tls);
        let mut stream = TcpStream::connect(collecting.address()).unwrap();
        stream.write_all(&bytes).unwrap();
        collecting.until(|all| all.ended(Ending::Tls) == before + 1);
        let mut said = Vec::new();
        let _reset = stream.read_to_end(&mut said);
    }
    assert_eq!(collecting.events, []);
}

#[test]
fn a_handshake_has_its_time() {
    let setting = Setting::new(false);
    for bytes in [&[][..], &[0x16, 3, 1, 0, 200, 1]] {
        let mut collecting = Collecting::new(&setting.options(quick(300)));
        let mut stream = TcpStream::connect(collecting.address()).unwrap();
        stream.write_all(bytes).unwrap();
        collecting.until(|all| all.ended(Ending::SlowHandshake) == 1);
        assert!(is_closed(&mut stream));
    }
    // One that is over does not stand for a message.
    let mut collecting = Collecting::new(&setting.options(quick(500)));
    let mut exporter = setting.exporter(None, VERSIONS[1], collecting.address());
    exporter.flush().unwrap();
    let sender = std::thread::spawn(move || {
        let _end = exporter.read(&mut [0]);
    });
    collecting.until(|all| all.ended(Ending::Slow) == 1);
    sender.join().unwrap();
}

#[test]
fn a_broken_record_ends_the_session() {
    let setting = Setting::new(false);
    let mut collecting = setting.collecting();
    let mut exporter = setting.exporter(None, VERSIONS[1], collecting.address());
    exporter.write_all(&message(20, 1)).unwrap();
    collecting.until(|all| all.events.len() == 1);
    exporter.sock.write_all(&[0x17, 3, 3, 0, 30]).unwrap();
    exporter.sock.write_all(&[7; 30]).unwrap();
    collecting.until(|all| all.ended(Ending::Tls) == 1);
    assert!(matches!(collecting.events[1..], [Event::Ended(_)]));
}

#[test]
fn what_is_wrong_with_files_is_said_with_their_names() {
    let setting = Setting::new(true);
    let other = setting.authority.identity("other.example");
    let write = |name: &str, content: &str| {
        let path = setting.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let (absent, empty) = (PathBuf::from("/nonexistent/file.pem"), write("empty.pem", ""));
    let garbage = write("garbage.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let other_key = write("other.key", &other.key);
    let files = &setting.files;
    let certificate = |path: &Path| TlsFiles { certificate: path.to_owned(), ..files.clone() };
    let key = |path: &Path| TlsFiles { key: path.to_owned(), ..files.clone() };
    let authority = |path: &Path| TlsFiles { client_authority: Some(path.to_owned()), ..files.clone() };
    for (files, wrong) in [
        (certificate(&absent), &absent),
        (certificate(&empty), &empty),
        (key(&absent), &absent),
        (key(&empty), &empty),
        (key(&other_key), &other_key),
        (authority(&absent), &absent),
        (authority(&empty), &empty),
        (authority(&garbage), &garbage),
    ] {
        let listen = Listen::tls("127.0.0.1:0".parse().unwrap(), files);
        let error = collector::open(&CollectorOptions::new(vec![listen])).unwrap_err();
        assert!(error.to_string().starts_with(&format!("{}: ", wrong.display())), "{error}");
        let CollectorError::File { path, .. } = error else { panic!("{error}") };
        assert_eq!(path, *wrong);
    }
}
