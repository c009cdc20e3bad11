use super::stand_in::{Answer, StandIn};
use super::*;
use crate::{NetError, NetErrorKind};
use flate2::Compression;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use url::Url;

fn settings(toml: &str) -> HttpSettings {
    toml::from_str(&format!("proxy = \"none\"\n{toml}")).unwrap()
}

fn get(server: &StandIn, settings: &HttpSettings) -> Result<Response, NetError> {
    Client::new(settings, &server.url, Path::new(""))?.send(&Request::get(&server.url))
}

fn text(response: Response) -> Result<String, NetError> {
    let mut body = response.into_body();
    let mut text = String::new();
    match body.read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(_) => Err(body.failure().expect("a failure is told")),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn error(result: Result<impl Sized, NetError>) -> NetError {
    result.err().expect("this must fail")
}

#[test]
fn settings_name_places_of_secrets_and_refuse_the_rest() {
    let all = settings(
        "ca_file = \"ca.pem\"\nsystem_ca = false\ntimeout = \"2m\"\nmax_size = \"1MiB\"\n\
         credentials.header = { name = \"Authorization\", file = \"misp.key\" }",
    );
    assert_eq!((all.timeout, all.max_size), (Duration::from_mins(2), 1 << 20));
    assert!(matches!(all.credentials, Some(Credentials::Header { .. })));
    assert!(all.warnings("https://misp.example/").is_empty() && all.warnings("http://localhost/").is_empty());
    assert_eq!(all.warnings("http://misp.example/").len(), 1);
    assert_eq!(settings("verify = false").warnings("https://misp.example/").len(), 1);
    for wrong in [
        "prox = \"none\"",
        "proxy = \"http://user:word@proxy.example\"",
        "proxy = \"proxy.example\"",
        "credentials.bearer = { token = \"x\" }",
        "credentials = { bearer = { env = \"A\" }, header = { name = \"X\", env = \"A\" } }",
    ] {
        assert!(toml::from_str::<HttpSettings>(wrong).is_err(), "{wrong}");
    }
    for wrong in
        ["https://user:word@feed.example/", "ftp://feed.example/", "feed.example", "file:///etc/passwd"]
    {
        let error = error(Client::url(wrong));
        assert_eq!(error.kind, NetErrorKind::Settings);
        assert!(!error.text.contains("word@"), "{error}");
    }
}

#[test]
fn credentials_go_where_they_belong_and_are_in_no_message() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("key"), "s3cret\n").unwrap();
    let server = StandIn::new(|asked| {
        let who =
            asked.headers.get("authorization").or(asked.headers.get("x-key")).cloned().unwrap_or_default();
        Answer::new(401, &[], format!("you sent {who}"))
    });
    for (credentials, sent) in [
        ("basic = { user = \"weir\", file = \"key\" }", "Basic d2VpcjpzM2NyZXQ="),
        ("bearer = { file = \"key\" }", "Bearer s3cret"),
        ("header = { name = \"X-Key\", file = \"key\" }", "s3cret"),
    ] {
        let settings = settings(&format!("credentials.{credentials}"));
        let client = Client::new(&settings, &server.url, folder.path()).unwrap();
        let error = error(client.send(&Request::get(&server.url)).unwrap().success());
        assert_eq!(error.kind, NetErrorKind::Unauthorized);
        assert!(error.text.contains(&folder.path().join("key").display().to_string()), "{error}");
        assert!(error.text.contains("you sent") && !error.text.contains("cret"), "{error}");
        let asked = server.asked().pop().unwrap().headers;
        assert!(asked.values().any(|value| value == sent), "{asked:?}");
        assert!(!format!("{settings:?}").contains("cret"));
    }
    fs::write(folder.path().join("key"), "").unwrap();
    for wrong in ["file = \"key\"", "file = \"absent\"", "env = \"WEIR_NO_SUCH\"", ""] {
        let settings = settings(&format!("credentials.bearer = {{ {wrong} }}"));
        assert_eq!(error(Client::new(&settings, &server.url, folder.path())).kind, NetErrorKind::Settings);
    }
}

#[test]
fn redirects_are_few_and_take_no_credentials_elsewhere() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("key"), "s3cret").unwrap();
    let elsewhere = StandIn::new(|_| Answer::new(200, &[], "moved here"));
    let target = elsewhere.url.join("/list?x=1").unwrap().to_string();
    let server = StandIn::new(move |asked| match asked.path.as_str() {
        "/" => Answer::new(302, &[("location", "next")], ""),
        "/next" => Answer::new(307, &[("location", &target)], ""),
        "/file" => Answer::new(302, &[("location", "file:///etc/passwd")], ""),
        _ => Answer::new(302, &[("location", "/circle")], ""),
    });
    let settings = settings("credentials.header = { name = \"X-Key\", file = \"key\" }");
    let client = Client::new(&settings, &server.url, folder.path()).unwrap();
    let response = client.send(&Request::get(&server.url)).unwrap();
    assert_eq!(response.url().path(), "/list");
    assert_eq!(text(response).unwrap(), "moved here");
    assert!(server.asked().iter().all(|asked| asked.headers.contains_key("x-key")));
    assert!(!elsewhere.asked()[0].headers.contains_key("x-key"));
    for path in ["circle", "file"] {
        let request = Request::get(&server.url.join(path).unwrap());
        assert_eq!(error(client.send(&request)).kind, NetErrorKind::Server, "{path}");
    }
    assert_eq!(server.asked().len(), 2 + MAX_REDIRECTS + 1 + 1);
    let post = Request::post_json(&server.url, &serde_json::json!({}));
    assert!(error(client.send(&post)).text.contains("use that address"));
}

#[test]
fn answers_are_bounded_packed_and_unpacked() {
    let bomb = gzip(&vec![0; 3 << 20]);
    assert!(bomb.len() < 1 << 16);
    let server = StandIn::new(move |_| Answer::new(200, &[("content-encoding", "gzip")], &bomb));
    assert_eq!(text(get(&server, &settings("")).unwrap()).unwrap().len(), 3 << 20);
    let small = settings("max_unpacked_size = \"1MiB\"");
    assert_eq!(error(text(get(&server, &small).unwrap())).kind, NetErrorKind::TooLarge);
    let server = StandIn::new(|_| Answer::new(200, &[], vec![b'x'; 2000]));
    let small = settings("max_size = \"1000\"");
    let error = error(text(get(&server, &small).unwrap()));
    assert!(error.kind == NetErrorKind::TooLarge && error.text.contains("max_size"), "{error}");
}

#[test]
fn answers_that_break_off_are_errors() {
    let packed = gzip(b"0123456789 0123456789");
    let short = packed[..packed.len() - 9].to_owned();
    for answer in [
        Answer::new(200, &[], "0123456789").cut(3),
        Answer::raw("HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n"),
        Answer::new(200, &[("content-encoding", "gzip")], short),
        Answer::new(200, &[("content-encoding", "gzip")], "no gzip"),
        Answer::new(200, &[("content-encoding", "br")], "?"),
        Answer::raw("220 mail.example ESMTP\r\n"),
        Answer::raw(""),
    ] {
        let answer = std::sync::Mutex::new(Some(answer));
        let server =
            StandIn::new(move |_| answer.lock().unwrap().take().unwrap_or_else(|| Answer::raw("").close()));
        let result = get(&server, &settings("")).and_then(text);
        assert!(
            matches!(error(result).kind, NetErrorKind::Malformed | NetErrorKind::Unreachable),
            "broken answer"
        );
    }
}

#[test]
fn proxies_are_asked_first() {
    let proxy = StandIn::new(|_| Answer::new(403, &[], ""));
    let feed = Client::url("https://feed.example/list").unwrap();
    let settings: HttpSettings = toml::from_str(&format!("proxy = \"{}\"", proxy.url)).unwrap();
    let client = Client::new(&settings, &feed, Path::new("")).unwrap();
    let error = error(client.send(&Request::get(&feed)));
    assert!(error.kind == NetErrorKind::Unreachable && error.text.contains("proxy"), "{error}");
    let asked = &proxy.asked()[0];
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("CONNECT", "feed.example:443"));
}

#[test]
fn documents_are_read_or_refused() {
    let server = StandIn::new(|asked| Answer::json(&serde_json::json!({ "method": asked.method })));
    let client = Client::new(&settings(""), &server.url, Path::new("")).unwrap();
    let post = Request::post_json(&server.url, &serde_json::json!({ "page": 1 }));
    let answer: serde_json::Value = client.send(&post).unwrap().json().unwrap();
    assert_eq!(answer, serde_json::json!({ "method": "POST" }));
    assert_eq!(server.asked()[0].body, br#"{"page":1}"#);
    assert_eq!(error(client.send(&post).unwrap().json::<u8>()).kind, NetErrorKind::Malformed);
}

#[test]
fn bytes_are_posted_with_headers_and_in_time() {
    let server = StandIn::new(|asked| {
        let answer = Answer::new(200, &[], vec![b'x'; 1000]);
        if asked.path == "/slow" { answer.drip(Duration::from_secs(5)) } else { answer }
    });
    let client = Client::new(&settings(""), &server.url, Path::new("")).unwrap();
    let post = |url: &Url| Request::post(url, "text/plain", b"hello".to_vec());
    let request = post(&server.url).header(format!("X-{}", 1), "one").within(Duration::from_mins(5));
    assert_eq!(client.send(&request).unwrap().status(), 200);
    let asked = &server.asked()[0];
    assert_eq!((&*asked.body, &*asked.headers["x-1"]), (&b"hello"[..], "one"));
    assert_eq!(asked.headers["content-type"], "text/plain");
    let slow = post(&server.url.join("slow").unwrap()).within(Duration::from_millis(300));
    let error = error(client.send(&slow).and_then(text));
    assert!(matches!(error.kind, NetErrorKind::Unreachable | NetErrorKind::TooLarge), "{error}");
}

#[test]
fn slow_servers_end() {
    let server = StandIn::new(|asked| {
        let answer = Answer::new(200, &[], vec![b'x'; 1000]);
        let pause = if asked.path == "/" { 20 } else { 5000 };
        answer.drip(Duration::from_millis(pause))
    });
    let dripping = settings("timeout = \"600ms\"");
    assert_eq!(error(get(&server, &dripping).and_then(text)).kind, NetErrorKind::TooLarge);
    let silent = settings("idle_timeout = \"300ms\"");
    let client = Client::new(&silent, &server.url, Path::new("")).unwrap();
    let request = Request::get(&server.url.join("silent").unwrap());
    let error = error(client.send(&request));
    assert!(error.kind == NetErrorKind::Unreachable && error.text.contains("idle_timeout"), "{error}");
}

#[test]
fn a_connection_that_was_closed_meanwhile_is_opened_again() {
    let server = StandIn::new(|asked| Answer::new(200, &[], &asked.path).close());
    let client = Client::new(&settings(""), &server.url, Path::new("")).unwrap();
    for path in ["a", "b", "c"] {
        let response = client.send(&Request::get(&server.url.join(path).unwrap())).unwrap();
        assert_eq!(text(response).unwrap(), format!("/{path}"));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn statuses_are_told_in_words() {
    let server = StandIn::new(|asked| match asked.path.as_str() {
        "/429" => Answer::new(429, &[("retry-after", "120")], "<html>busy</html>"),
        "/500" => Answer::new(500, &[], "\u{1b}[2Jdatabase is gone"),
        _ => Answer::new(404, &[], ""),
    });
    let client = Client::new(&settings(""), &server.url, Path::new("")).unwrap();
    let told = |path: &str| {
        let url = server.url.join(path).unwrap();
        error(client.send(&Request::get(&url)).unwrap().success()).text
    };
    assert!(told("429").contains("after 120") && !told("429").contains("html"));
    assert!(told("500").contains("\\u{1b}[2Jdatabase is gone"));
    assert!(!told("404?key=s3cret").contains("s3cret"));
    let nobody = Client::url("http://localhost:9/").unwrap();
    let client = Client::new(&settings(""), &nobody, Path::new("")).unwrap();
    assert_eq!(error(client.send(&Request::get(&nobody))).kind, NetErrorKind::Unreachable);
}

struct Authority {
    folder: TempDir,
    config: Arc<rustls::ServerConfig>,
}

/// A server's certificate, which is also the one that clients must show.
fn authority(asks_clients: bool) -> Authority {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("cert.pem"), cert.pem()).unwrap();
    fs::write(folder.path().join("key.pem"), signing_key.serialize_pem()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = if asks_clients {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let verifier =
            rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        builder.with_client_cert_verifier(verifier.unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let config = Arc::new(builder.with_single_cert(vec![cert.der().clone()], key).unwrap());
    Authority { folder, config }
}

#[test]
fn servers_prove_who_they_are() {
    let Authority { folder, config } = authority(false);
    let server = StandIn::with_tls(config, |_| Answer::new(200, &[], "hello"));
    let ask = |toml: &str| {
        let client = Client::new(&settings(toml), &server.url, folder.path())?;
        client.send(&Request::get(&server.url)).and_then(text)
    };
    assert_eq!(ask("ca_file = \"cert.pem\"").unwrap(), "hello");
    assert_eq!(ask("ca_file = \"cert.pem\"\nsystem_ca = false").unwrap(), "hello");
    assert_eq!(ask("verify = false").unwrap(), "hello");
    let untrusted = error(ask(""));
    assert!(untrusted.kind == NetErrorKind::Unreachable && untrusted.text.contains("ca_file"), "{untrusted}");
    assert_eq!(error(ask("system_ca = false")).kind, NetErrorKind::Settings);
    assert_eq!(error(ask("ca_file = \"key.pem\"")).kind, NetErrorKind::Settings);
}

#[test]
fn clients_prove_who_they_are_with_a_certificate() {
    let Authority { folder, config } = authority(true);
    let server = StandIn::with_tls(config, |_| Answer::new(200, &[], "hello"));
    let ask = |toml: &str| {
        let settings = settings(&format!("ca_file = \"cert.pem\"\n{toml}"));
        let client = Client::new(&settings, &server.url, folder.path())?;
        client.send(&Request::get(&server.url)).and_then(text)
    };
    assert_eq!(ask("client_certificate = \"cert.pem\"\nclient_key = \"key.pem\"").unwrap(), "hello");
    assert_eq!(error(ask("")).kind, NetErrorKind::Unreachable);
    assert_eq!(error(ask("client_certificate = \"cert.pem\"")).kind, NetErrorKind::Settings);
    let other = authority(false).folder;
    fs::copy(other.path().join("key.pem"), folder.path().join("other.pem")).unwrap();
    let mismatch = error(ask("client_certificate = \"cert.pem\"\nclient_key = \"other.pem\""));
    assert!(mismatch.kind == NetErrorKind::Settings && mismatch.text.contains("go together"), "{mismatch}");
}
