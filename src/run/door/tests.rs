//! Whoever comes over TCP: with and without TLS, with and without a token, slowly and with garbage.

use super::*;
use crate::run::http::{Page, Pages, TEXT, Target, serve};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::net::{SocketAddr, TcpListener, TcpStream};
use weir_capture::collector::TlsFiles;
use weir_net::SecretPlace;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

struct One;

impl Pages for One {
    fn page(&self, target: &Target) -> Option<Page> {
        (target.path == "/one").then(|| Page::new(TEXT, "1\n".into()))
    }
}

/// An authority with a certificate for us and one for whoever asks.
struct Papers {
    folder: tempfile::TempDir,
}

impl Papers {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        let issuer = Issuer::new(params, key);
        for who in ["server", "client"] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            let certificate = params.signed_by(&key, &issuer).unwrap();
            std::fs::write(folder.path().join(format!("{who}.pem")), certificate.pem()).unwrap();
            std::fs::write(folder.path().join(format!("{who}.key")), key.serialize_pem()).unwrap();
        }
        std::fs::write(folder.path().join("token"), format!("{TOKEN}\n")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn guard(&self, wants_token: bool, wants_certificate: bool) -> Guard {
        Guard {
            tls: Some(TlsFiles {
                certificate: self.path("server.pem"),
                key: self.path("server.key"),
                client_authority: wants_certificate.then(|| self.path("ca.pem")),
            }),
            token: wants_token.then(|| SecretPlace { file: Some(self.path("token")), env: None }),
        }
    }

    fn client(&self, with_certificate: bool) -> Arc<ClientConfig> {
        let certificates = |name: &str| {
            CertificateDer::pem_file_iter(self.path(name)).unwrap().map(Result::unwrap).collect()
        };
        let mut roots = RootCertStore::empty();
        let authorities: Vec<CertificateDer<'static>> = certificates("ca.pem");
        roots.add(authorities[0].clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(roots);
        Arc::new(if with_certificate {
            let key = PrivateKeyDer::from_pem_file(self.path("client.key")).unwrap();
            builder.with_client_auth_cert(certificates("client.pem"), key).unwrap()
        } else {
            builder.with_no_client_auth()
        })
    }

    fn ask(&self, address: SocketAddr, with_certificate: bool, header: &str) -> io::Result<String> {
        let session =
            ClientConnection::new(self.client(with_certificate), "localhost".try_into().unwrap()).unwrap();
        let mut stream = StreamOwned::new(session, TcpStream::connect(address)?);
        stream.write_all(format!("GET /one HTTP/1.1\r\n{header}\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

fn start(guard: &Guard) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    serve("test", listener, Door::guarded(guard).unwrap(), Arc::new(One)).unwrap();
    address
}

fn bearer(token: &str) -> String {
    format!("authorization: bearer {token}\r\n")
}

#[test]
fn only_the_token_opens() {
    let papers = Papers::new();
    let address = start(&papers.guard(true, false));
    let answer = papers.ask(address, false, &bearer(TOKEN)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n1\n"), "{answer}");
    let longer = format!("{TOKEN}0");
    for header in [
        "",
        &bearer(""),
        &bearer(TOKEN.get(..31).unwrap()),
        &bearer(&longer),
        &bearer("x"),
        "Authorization: Basic eDp5\r\n",
    ] {
        let answer = papers.ask(address, false, header).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 401 ") && answer.contains("WWW-Authenticate: Bearer"),
            "{header}: {answer}"
        );
    }
}

#[test]
fn only_a_certificate_of_ours_opens() {
    let papers = Papers::new();
    let address = start(&papers.guard(false, true));
    assert!(papers.ask(address, true, "").unwrap().ends_with("\r\n\r\n1\n"));
    assert!(papers.ask(address, false, "").is_err(), "the handshake fails");
}

/// Garbage, plain text, silence and half a handshake keep nobody else out, and end by themselves.
#[test]
fn whoever_speaks_no_tls_is_hung_up_on() {
    let papers = Papers::new();
    let address = start(&papers.guard(true, false));
    let silent = TcpStream::connect(address).unwrap();
    let mut half = TcpStream::connect(address).unwrap();
    half.write_all(&[0x16, 3, 1, 2, 0, 1]).unwrap();
    for garbage in
        [&b"GET /one HTTP/1.1\r\n\r\n"[..], &[0xff; 4_096], &[0x16, 3, 1, 0xff, 0xff, 0xff, 0xff, 0xff]]
    {
        let mut stream = TcpStream::connect(address).unwrap();
        drop(stream.write_all(garbage));
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1"), "{answer:?}");
    }
    assert!(papers.ask(address, false, &bearer(TOKEN)).unwrap().ends_with("\r\n\r\n1\n"));
    for mut stream in [silent, half] {
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
    }
}

#[test]
fn renewed_files_count_and_broken_ones_do_not() {
    let papers = Papers::new();
    let door = Door::guarded(&papers.guard(true, false)).unwrap();
    let token = || door.current().token.unwrap().reveal().to_owned();
    let change = |text: &str, seconds: u64| {
        std::fs::write(papers.path("token"), text).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        std::fs::File::options().write(true).open(papers.path("token")).unwrap().set_modified(time).unwrap();
    };
    assert_eq!(token(), TOKEN);
    change("another-token-of-24-char", 1_000);
    assert_eq!(token(), "another-token-of-24-char");
    change("short", 2_000);
    assert_eq!(token(), "another-token-of-24-char");
}

#[test]
fn files_that_are_of_no_use_are_named() {
    let papers = Papers::new();
    let told = |guard: &Guard| format!("{:#}", Door::guarded(guard).unwrap_err());
    std::fs::write(papers.path("token"), "short").unwrap();
    let short = told(&papers.guard(true, false));
    assert!(short.contains("too short") && short.contains("token") && !short.contains("short\n"), "{short}");
    std::fs::remove_file(papers.path("server.key")).unwrap();
    let missing = told(&papers.guard(false, false));
    assert!(missing.contains("server.key") && missing.contains("listen_tls_cert"), "{missing}");
}

#[test]
fn comparing_tells_no_more_than_whether() {
    assert!(is_same(b"abc", b"abc"));
    for other in [&b"abd"[..], b"ab", b"abca", b"abcabc", b""] {
        assert!(!is_same(b"abc", other), "{other:?}");
    }
}
