//! Hearing at once that something changed at an instance of MISP: its publication over ZeroMQ.
//!
//! What is published says neither what an event looks like as a whole nor whether it is published, and some of it gets lost on the way
//! (ZeroMQ drops what a subscriber is too slow for). So it only says that the instance is to be asked, which brings a delta as always.

mod zmtp;

use super::MispSettings;
use crate::{SyncError, SyncErrorKind};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// What is heard of: topics of MISP (`app/files/scripts/mispzmq/mispzmq.py`) after which there may be something new.
const TOPICS: [&str; 5] =
    ["misp_json ", "misp_json_event ", "misp_json_attribute ", "misp_json_object ", "misp_json_tag "];
/// MISP's sign of life, every ten seconds.
const ALIVE: &str = "misp_json_self ";

/// How often it is looked whether to stop.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// After so many looks without a sign of life, a minute, the connection is taken for dead.
const LOOKS_UNTIL_DEAD: u32 = 240;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Between attempts to connect: twice as long after each that failed, from this
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// to this.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// Changes are told of at most so often: an import of ten thousand attributes is not to be ten thousand deltas.
const SPACING: Duration = Duration::from_millis(500);

/// Listens to one instance in a thread of its own, until it is dropped; connects again when the connection is lost.
pub struct MispPush {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    has_changed: AtomicBool,
    is_over: AtomicBool,
    problem: Mutex<Option<String>>,
}

impl MispPush {
    /// Listens to the publication that the settings name, if they name one.
    pub fn listen(settings: &MispSettings) -> Result<Option<Self>, SyncError> {
        settings.push.as_deref().map(Self::listen_to).transpose()
    }

    /// Listens at `tcp://HOST:PORT`.
    fn listen_to(address: &str) -> Result<Self, SyncError> {
        let wrong = |text: String| SyncError::new(SyncErrorKind::Settings, text);
        let place = address.strip_prefix("tcp://").unwrap_or(address).trim_end_matches('/');
        let port = place.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_none() {
            return Err(wrong(format!("`push` is `{address}`; it should be like tcp://misp.example:50000")));
        }
        let shared = Arc::new(Shared::default());
        let (of_thread, place) = (Arc::clone(&shared), place.to_owned());
        thread::Builder::new()
            .name("misp-push".to_owned())
            .spawn(move || of_thread.run(&place))
            .map_err(|error| wrong(format!("no thread to listen to {address}: {error}")))?;
        Ok(Self { shared })
    }

    /// Whether something may have changed since this was last asked. It may have, too, whenever a connection came about.
    pub fn take_change(&self) -> bool {
        self.shared.has_changed.swap(false, Ordering::AcqRel)
    }

    /// Why nothing is heard, while that is so.
    pub fn problem(&self) -> Option<String> {
        self.shared.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for MispPush {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Release);
    }
}

impl Shared {
    fn run(self: &Arc<Self>, place: &str) {
        let mut pause = FIRST_PAUSE;
        while !self.is_over() {
            let connected = self.connect(place).inspect(|_| pause = FIRST_PAUSE);
            let Err(error) = connected.and_then(|mut stream| self.hear(&mut stream)) else { return };
            self.set_problem(Some(format!("tcp://{place}: {error}")));
            self.sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn connect(self: &Arc<Self>, place: &str) -> io::Result<Patient> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in place.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(LOOK_EVERY))?;
                    stream.set_write_timeout(Some(CONNECT_TIMEOUT))?;
                    let mut stream = Patient { stream, shared: Arc::clone(self) };
                    zmtp::subscribe(&mut stream, TOPICS.iter().chain([&ALIVE]))?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Hears what comes, until the connection is lost; well only when it is over.
    fn hear(&self, stream: &mut Patient) -> io::Result<()> {
        self.set_problem(None);
        // What was said before the connection came about was not heard.
        self.has_changed.store(true, Ordering::Release);
        while !self.is_over() {
            let message = zmtp::next(stream)?;
            if TOPICS.iter().any(|topic| message.starts_with(topic.as_bytes())) {
                self.has_changed.store(true, Ordering::Release);
                thread::sleep(SPACING);
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    fn set_problem(&self, problem: Option<String>) {
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }

    fn sleep(&self, time: Duration) {
        let looks = time.as_millis().div_ceil(LOOK_EVERY.as_millis());
        for _ in 0..looks {
            if self.is_over() {
                return;
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

/// A connection of which one waits for more as long as there are signs of life.
struct Patient {
    stream: TcpStream,
    shared: Arc<Shared>,
}

impl Read for Patient {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        for _ in 0..LOOKS_UNTIL_DEAD {
            if self.shared.is_over() {
                return Err(io::Error::other("stopped"));
            }
            match self.stream.read(to) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                }
                read => return read,
            }
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, "no sign of life for a minute"))
    }
}

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn addresses_of_publications() {
        let settings = |push: &str| MispSettings {
            push: Some(push.to_owned()),
            ..MispSettings::new("https://misp.example")
        };
        for wrong in ["misp.example", "tcp://misp.example", "tcp://misp.example:99999", ""] {
            assert_eq!(
                MispPush::listen(&settings(wrong)).err().unwrap().kind,
                SyncErrorKind::Settings,
                "{wrong}"
            );
        }
        assert!(MispPush::listen(&MispSettings::new("https://misp.example")).unwrap().is_none());
    }

    /// Somebody who hangs up, and then is no publisher: it is said, and tried again.
    #[test]
    fn it_tries_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let push = MispPush::listen_to(&format!("tcp://{}", listener.local_addr().unwrap())).unwrap();
        drop(listener.accept().unwrap());
        let (mut second, _) = listener.accept().unwrap();
        second.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        second.write_all(&[0; 64]).unwrap();
        let mut looks = 0;
        while !push.problem().is_some_and(|problem| problem.contains("ZeroMQ")) {
            looks += 1;
            assert!(looks < 500, "{:?}", push.problem());
            thread::sleep(Duration::from_millis(10));
        }
        assert!(!push.take_change());
    }
}
