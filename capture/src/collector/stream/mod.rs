//! IPFIX over TCP and TLS (RFC 7011 sections 10.4 and 11).
//!
//! ```text
//!   listener ─┐
//!   listener ─┴─> gate (a thread): who may, how many, the handshake of TLS ──> inbox of worker 0 ──> sessions
//!                                                                         └─> inbox of worker 1 ──> sessions
//! ```
//!
//! A worker reads the sessions of its exporters itself, as far as its batch has room: where nobody takes messages, nothing is
//! read, and TCP slows the exporter down. Handshakes, which anyone may ask for and which cost a millisecond, are not
//! in the way of those who receive datagrams.

mod channel;
mod counts;
mod framing;
mod gate;
mod listener;
mod places;
mod session;
mod sessions;
mod tls;

use std::io;
use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64};

use super::options::{CollectorError, CollectorOptions, StreamOptions, Transport};
use super::waiting::Waker;
use counts::Counts;
use places::Places;
use session::Arriving;

pub use counts::{Ending, StreamStats};
pub(super) use gate::Gate;
pub(super) use sessions::Sessions;
pub use tls::server_config;

/// What the gate, the workers and the monitor share of streams.
#[derive(Debug)]
pub(super) struct Streams {
    pub(super) options: StreamOptions,
    listeners: Vec<Listener>,
    places: Places,
    /// For each worker, the sessions that it has not taken up; bounded by the places.
    inboxes: Vec<Mutex<Vec<Arriving>>>,
    next_session: AtomicU64,
    /// Wakes the gate.
    waker: Waker,
    /// The gate shall end.
    closing: AtomicBool,
}

/// An address of the options that streams come in at.
#[derive(Debug)]
struct Listener {
    /// The place of its address in the options.
    listen: usize,
    tls: Option<tls::Acceptor>,
    counts: Counts,
}

impl Streams {
    /// Listens on the addresses of the options that are for streams; the sockets are in the order of the listeners.
    pub(super) fn open(options: &CollectorOptions) -> Result<(Self, Vec<TcpListener>), CollectorError> {
        let (mut listeners, mut sockets) = (Vec::new(), Vec::new());
        for (place, listen) in options.listen.iter().enumerate() {
            let tls = match &listen.transport {
                Transport::Udp => continue,
                Transport::Tcp => None,
                Transport::Tls(files) => Some(tls::Acceptor::new(files)?),
            };
            let dual = options.is_dual(listen);
            let failed = |error: io::Error| CollectorError::Listen {
                listen: listen.to_string(),
                message: error.to_string(),
            };
            let socket = listener::open(listen.address, dual).map_err(failed)?;
            let address = socket.local_addr().map_err(failed)?;
            let counts = Counts::new(place, address, listen.transport.name());
            listeners.push(Listener { listen: place, tls, counts });
            sockets.push(socket);
        }
        let streams = Self {
            options: options.streams,
            listeners,
            places: Places::new(options.streams),
            inboxes: (0..options.threads).map(|_| Mutex::default()).collect(),
            next_session: AtomicU64::new(1),
            waker: Waker::new().map_err(|error| CollectorError::System(error.to_string()))?,
            closing: AtomicBool::new(false),
        };
        Ok((streams, sockets))
    }

    /// The counters of each address.
    pub(super) fn stats(&self) -> Vec<StreamStats> {
        self.listeners.iter().map(|listener| listener.counts.stats()).collect()
    }
}
