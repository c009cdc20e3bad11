//! A server for tests: on the loopback, answering as a test says, and remembering what it was asked.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "for tests: what goes wrong here shall fail"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use url::Url;

/// The server; it goes when this is dropped.
pub struct StandIn {
    /// Where it listens.
    pub url: Url,
    asked: Arc<Mutex<Vec<Asked>>>,
    is_over: Arc<AtomicBool>,
}

/// A request, as it came.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// As it came.
    pub method: String,
    /// With the query.
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// All of it.
    pub body: Vec<u8>,
}

/// What is sent, and what happens then.
#[derive(Clone)]
pub struct Answer {
    bytes: Vec<u8>,
    then: Then,
}

#[derive(Clone, Copy)]
enum Then {
    Keep,
    Close,
    /// A byte after the other, each after this time.
    Drip(Duration),
}

impl Answer {
    /// An answer with its length, after which the connection is kept.
    pub fn new(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        head.push_str("\r\n");
        Self { bytes: [head.as_bytes(), body].concat(), then: Then::Keep }
    }

    /// The same with a document.
    pub fn json(value: &serde_json::Value) -> Self {
        Self::new(200, &[("content-type", "application/json")], value.to_string())
    }

    /// These bytes as they are, then the connection is closed.
    pub fn raw(bytes: impl AsRef<[u8]>) -> Self {
        Self { bytes: bytes.as_ref().to_owned(), then: Then::Close }
    }

    /// The same, and the connection is closed without a word.
    pub fn close(self) -> Self {
        Self { then: Then::Close, ..self }
    }

    /// The same, cut short by so many bytes.
    pub fn cut(mut self, by: usize) -> Self {
        self.bytes.truncate(self.bytes.len().saturating_sub(by));
        self.close()
    }

    /// The same, a byte after the other.
    pub fn drip(self, pause: Duration) -> Self {
        Self { then: Then::Drip(pause), ..self }
    }
}

impl StandIn {
    /// Answers each request so.
    pub fn new(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::with("http", answer, |stream| Some(Box::new(stream)))
    }

    /// The same over TLS.
    pub fn with_tls(
        config: Arc<rustls::ServerConfig>,
        answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::with("https", answer, move |stream| {
            let session = rustls::ServerConnection::new(Arc::clone(&config)).ok()?;
            Some(Box::new(rustls::StreamOwned::new(session, stream)))
        })
    }

    fn with(
        scheme: &str,
        answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
        wrap: impl Fn(TcpStream) -> Option<Box<dyn Connection>> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{scheme}://localhost:{}/", listener.local_addr().unwrap().port());
        let (asked, is_over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (log, over, answer) = (Arc::clone(&asked), Arc::clone(&is_over), Arc::new(answer));
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                let Some(stream) = wrap(stream) else { continue };
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                std::thread::spawn(move || converse(stream, &log, &*answer));
            }
        });
        Self { url: url.parse().unwrap(), asked, is_over }
    }

    /// What it was asked, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.url.port().unwrap()));
    }
}

trait Connection: Read + Write + Send {}
impl<T: Read + Write + Send> Connection for T {}

fn converse(stream: Box<dyn Connection>, log: &Mutex<Vec<Asked>>, answer: &dyn Fn(&Asked) -> Answer) {
    let mut stream = BufReader::new(stream);
    while let Some(asked) = read_request(&mut stream) {
        let Answer { bytes, then } = answer(&asked);
        log.lock().unwrap().push(asked);
        let stream = stream.get_mut();
        let sent = match then {
            Then::Keep | Then::Close => stream.write_all(&bytes).and_then(|()| stream.flush()),
            Then::Drip(pause) => bytes.chunks(1).try_for_each(|byte| {
                std::thread::sleep(pause);
                stream.write_all(byte).and_then(|()| stream.flush())
            }),
        };
        if sent.is_err() || matches!(then, Then::Close) {
            return;
        }
    }
}

fn read_request(stream: &mut impl BufRead) -> Option<Asked> {
    let mut asked = Asked::default();
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    (asked.method, asked.path) = (words.next()?.to_owned(), words.next()?.to_owned());
    loop {
        line.clear();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        asked.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = asked.headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    asked.body = vec![0; length];
    stream.read_exact(&mut asked.body).ok()?;
    Some(asked)
}
