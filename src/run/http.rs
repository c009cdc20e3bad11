//! Answers over TCP and over the control socket: a few small pages (`GET`), and on the socket a few orders (`POST`, without a body: what
//! is wanted stands in the query). One request a connection.
//!
//! Clients may be hostile: connections at once, bytes of a request and the time that a connection lives (the handshake of TLS included) are
//! bounded, and nothing that is asked reaches another thread than by the [`Pages`]. Who is let in is up to the [`Door`].

use super::door::{Deadline, Door, Ticket};
use crate::percent;
use crate::user::User;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Connections served at once on one listener, a thread each. Somebody who opens more to keep others out keeps them out for
/// [`LIFETIME`] at most; the surplus is closed unread.
const MAX_CONNECTIONS: usize = 8;
/// Bytes of a request, headers included: what Prometheus and curl send is a few hundred.
const MAX_REQUEST_BYTES: usize = 8 * 1024;
/// Headers of a request.
const MAX_HEADERS: usize = 64;
/// How long a connection may take in all; whoever sends or reads byte by byte is cut off.
const LIFETIME: Duration = Duration::from_secs(5);
/// After a connection could not be accepted (no descriptors left), the next try waits: no spinning.
const PAUSE: Duration = Duration::from_millis(100);

/// What can be asked for.
pub(super) trait Pages: Send + Sync + 'static {
    /// The page that is asked for.
    fn page(&self, target: &Target) -> Option<Page>;

    /// Does what is asked for, if it is anything that is done here, and says what came of it.
    fn order(&self, _target: &Target, _user: &User) -> Option<Page> {
        None
    }
}

/// A page.
#[derive(Debug)]
pub(super) struct Page {
    pub status: Status,
    pub media_type: &'static str,
    pub body: String,
}

impl Page {
    /// A page that was asked for rightly.
    pub(super) const fn new(media_type: &'static str, body: String) -> Self {
        Self { status: Status::Ok, media_type, body }
    }

    /// Says why there is no page.
    pub(super) fn problem(status: Status, text: &str) -> Self {
        Self { status, media_type: TEXT, body: format!("{text}\n") }
    }
}

/// How a request was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    /// It is done later.
    Accepted,
    BadRequest,
    /// Without the token.
    Unauthorized,
    NotFound,
    MethodNotAllowed,
    /// Not at this moment.
    Unavailable,
}

impl Status {
    const fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::Accepted => "202 Accepted",
            Self::BadRequest => "400 Bad Request",
            Self::Unauthorized => "401 Unauthorized",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::Unavailable => "503 Service Unavailable",
        }
    }
}

/// What a request is about: a path, and what stands behind its question mark, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub path: String,
    pub query: Vec<(String, String)>,
}

impl Target {
    pub(super) fn parse(text: &str) -> Self {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let pair = |text: &str| {
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            (percent::decode(name), percent::decode(value))
        };
        let query = query.split('&').filter(|text| !text.is_empty()).map(pair).collect();
        Self { path: path.to_owned(), query }
    }

    /// All that is said under a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// A listening socket of either kind.
pub(super) trait Listener: Send + 'static {
    type Connection: Connection;
    fn next(&self) -> io::Result<Self::Connection>;
}

/// A connection of either kind.
pub(super) trait Connection: Read + Write + Send + 'static {
    fn limit(&self, left: Duration) -> io::Result<()>;
    fn hang_up(&self);
    /// Who asks; `None` where that is not known, and nobody can order anything.
    fn user(&self) -> Option<User>;
}

impl Listener for TcpListener {
    type Connection = TcpStream;
    fn next(&self) -> io::Result<TcpStream> {
        self.accept().map(|(stream, _)| stream)
    }
}

impl Listener for UnixListener {
    type Connection = UnixStream;
    fn next(&self) -> io::Result<UnixStream> {
        self.accept().map(|(stream, _)| stream)
    }
}

impl Connection for TcpStream {
    fn limit(&self, left: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(left)).and_then(|()| self.set_write_timeout(Some(left)))
    }
    fn hang_up(&self) {
        drop(self.shutdown(Shutdown::Write));
    }
    fn user(&self) -> Option<User> {
        None
    }
}

impl Connection for UnixStream {
    fn limit(&self, left: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(left)).and_then(|()| self.set_write_timeout(Some(left)))
    }
    fn hang_up(&self) {
        drop(self.shutdown(Shutdown::Write));
    }
    fn user(&self) -> Option<User> {
        User::at(self)
    }
}

/// Serves pages from a thread of its own until the program ends.
pub(super) fn serve(
    name: &str,
    listener: impl Listener,
    door: Door,
    pages: Arc<impl Pages>,
) -> io::Result<()> {
    let (open, door) = (Arc::new(AtomicUsize::new(0)), Arc::new(door));
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        loop {
            match listener.next() {
                Ok(connection) => take(connection, &open, &door, &pages),
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
    })?;
    Ok(())
}

/// Answers on a thread of its own, if there are not too many.
fn take(connection: impl Connection, open: &Arc<AtomicUsize>, door: &Arc<Door>, pages: &Arc<impl Pages>) {
    let slot = Slot(Arc::clone(open));
    if slot.0.fetch_add(1, Ordering::Relaxed) >= MAX_CONNECTIONS {
        return;
    }
    let (door, pages) = (Arc::clone(door), Arc::clone(pages));
    // Where no thread is to be had, the connection is closed, and its slot is free.
    drop(std::thread::Builder::new().name("answer".to_owned()).spawn(move || {
        let _slot = slot;
        // Who does not listen to the answer misses it.
        drop(answer(connection, &door, &*pages));
    }));
}

/// A place among [`MAX_CONNECTIONS`]; free again when dropped.
struct Slot(Arc<AtomicUsize>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn answer(connection: impl Connection, door: &Door, pages: &impl Pages) -> io::Result<()> {
    let (mut visit, ticket) = door.let_in(connection, Deadline::new(LIFETIME))?;
    let asked = asked(&mut visit)?;
    let response = respond(&asked, &ticket, pages, || visit.user());
    visit.write_all(&response)?;
    visit.flush()?;
    visit.leave()
}

/// A request, and the token that came with it.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    request: Request,
    token: Option<Vec<u8>>,
}

/// What was asked.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    Get { target: Target, is_head: bool },
    Post { target: Target },
    OtherMethod,
    Wrong,
}

fn asked(visit: &mut impl Read) -> io::Result<Asked> {
    let mut bytes = Vec::new();
    let mut piece = [0; 1024];
    loop {
        match parse(&bytes) {
            Some(asked) => return Ok(asked),
            None if bytes.len() >= MAX_REQUEST_BYTES => {
                return Ok(Asked { request: Request::Wrong, token: None });
            }
            None => {}
        }
        match visit.read(&mut piece) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => bytes.extend_from_slice(piece.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// `None` while more bytes are needed.
fn parse(bytes: &[u8]) -> Option<Asked> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let request = match parsed.parse(bytes) {
        Ok(httparse::Status::Partial) => return None,
        Err(_) => Request::Wrong,
        Ok(httparse::Status::Complete(_)) => match (parsed.method, parsed.path) {
            (Some(method @ ("GET" | "HEAD")), Some(target)) => {
                Request::Get { target: Target::parse(target), is_head: method == "HEAD" }
            }
            (Some("POST"), Some(target)) => Request::Post { target: Target::parse(target) },
            _ => Request::OtherMethod,
        },
    };
    Some(Asked { request, token: token(parsed.headers) })
}

/// `Authorization: Bearer TOKEN` (RFC 6750 section 2.1).
fn token(headers: &[httparse::Header<'_>]) -> Option<Vec<u8>> {
    let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case("Authorization"))?;
    let (scheme, token) = header.value.split_at_checked(BEARER.len())?;
    scheme.eq_ignore_ascii_case(BEARER).then(|| token.trim_ascii().to_vec())
}

const BEARER: &[u8] = b"Bearer ";

fn respond(
    asked: &Asked,
    ticket: &Ticket,
    pages: &impl Pages,
    user: impl FnOnce() -> Option<User>,
) -> Vec<u8> {
    let is_head = matches!(asked.request, Request::Get { is_head: true, .. });
    let page = match &asked.request {
        Request::Wrong => Page::problem(Status::BadRequest, "this is no request"),
        _ if !ticket.admits(asked.token.as_deref()) => {
            Page::problem(Status::Unauthorized, "say who you are (Authorization: Bearer TOKEN)")
        }
        Request::Get { target, .. } => {
            pages.page(target).unwrap_or_else(|| Page::problem(Status::NotFound, "there is no such page"))
        }
        Request::Post { target } => {
            let ordered = user().and_then(|user| pages.order(target, &user));
            ordered.unwrap_or_else(|| Page::problem(Status::MethodNotAllowed, "GET only"))
        }
        Request::OtherMethod => Page::problem(Status::MethodNotAllowed, "GET only"),
    };
    let mut response = format!(
        "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\nAllow: GET, HEAD\r\n\
         X-Content-Type-Options: nosniff\r\n{}\r\n",
        page.status.line(),
        page.media_type,
        page.body.len(),
        if page.status == Status::Unauthorized { "WWW-Authenticate: Bearer\r\n" } else { "" }
    );
    if !is_head {
        response.push_str(&page.body);
    }
    response.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    /// A page.
    struct One;

    impl Pages for One {
        fn page(&self, target: &Target) -> Option<Page> {
            (target.path == "/one").then(|| Page::new(TEXT, "1\n".into()))
        }
    }

    fn server() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        serve("test", listener, Door::open(), Arc::new(One)).unwrap();
        address
    }

    fn ask(address: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn pages_are_given_and_nothing_else() {
        let address = server();
        let page = ask(address, b"GET /one?x=1 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(page.starts_with("HTTP/1.1 200 ") && page.ends_with("\r\n\r\n1\n"), "{page}");
        let head = ask(address, b"HEAD /one HTTP/1.0\r\n\r\n");
        assert!(head.contains("Content-Length: 2\r\n") && head.ends_with("\r\n\r\n"), "{head}");
        assert!(ask(address, b"GET /two HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
        assert!(ask(address, b"POST /one HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
        assert!(ask(address, b"\x16\x03\x01\x02\x00\x01\r\n").starts_with("HTTP/1.1 400 "));
    }

    #[test]
    fn orders_name_what_they_want_in_the_query() {
        let asked =
            parse(b"POST /sync?source=a%20b&source=c&value=x%3fy&wait HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
        let Some(Asked { request: Request::Post { target }, token: None }) = asked else {
            panic!("{asked:?}")
        };
        assert_eq!(target.path, "/sync");
        assert_eq!(target.all("source").collect::<Vec<_>>(), ["a b", "c"]);
        assert_eq!(target.all("value").collect::<Vec<_>>(), ["x?y"]);
        assert_eq!(target.all("wait").collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn a_request_without_end_is_refused() {
        let mut endless = b"GET /one HTTP/1.1\r\nX: ".to_vec();
        endless.resize(MAX_REQUEST_BYTES + 1, b'a');
        assert_eq!(parse(&endless), None);
        assert!(ask(server(), endless.get(..MAX_REQUEST_BYTES).unwrap()).starts_with("HTTP/1.1 400 "));
    }

    #[test]
    fn silent_clients_do_not_keep_others_out_for_long() {
        let address = server();
        let silent: Vec<_> = (0..2 * MAX_CONNECTIONS).map(|_| TcpStream::connect(address).unwrap()).collect();
        let deadline = Deadline::new(4 * LIFETIME);
        loop {
            let mut stream = TcpStream::connect(address).unwrap();
            drop(stream.write_all(b"GET /one HTTP/1.1\r\n\r\n"));
            let mut answer = String::new();
            if stream.read_to_string(&mut answer).is_ok() && answer.ends_with("1\n") {
                break;
            }
            assert!(deadline.left().is_ok(), "nobody is answered any more");
            std::thread::sleep(PAUSE);
        }
        drop(silent);
    }
}
