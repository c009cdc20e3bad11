//! What routers export, from the network: datagrams of NetFlow, IPFIX and sFlow.
//!
//! ```text
//!   0.0.0.0:2055 ── group ─┬─ socket 0 ─┐
//!   (our program)          └─ socket 1 ─│─┐
//!                                       │ │
//!   [::]:4739 ───── group ─┬─ socket 0 ─┴─│─> worker 0 ──> DatagramBatch
//!                          └─ socket 1 ───┴─> worker 1
//! ```
//!
//! [`open`] gives a [`CollectorWorker`] for each thread, and a [`CollectorMonitor`] that knows the books and ends it. Nothing
//! about a datagram's content is known here.
//!
//! * **Dealing.** The sockets of an address share its port (SO_REUSEPORT), and our program of classic BPF chooses by the
//!   source address alone (`program`), the same at every address: the decoder's state of an exporter is in one thread,
//!   whatever its ports. The kernel's own choice goes by ports, too.
//! * **Receiving.** A call of the kernel takes up to [`MAX_BATCH_DATAGRAMS`] (recvmmsg) into places that stay. When there was
//!   nothing before, datagrams are let gather for a millisecond first.
//! * **Drops** are counted by the kernel, for each socket, and asked for with the statistics.
//! * **Clock.** A datagram's time is the one at which the kernel got it.

mod allowed;
mod batch;
mod group;
mod monitor;
mod options;
mod program;
mod socket;
mod stats;
mod stream;
mod waiting;
mod worker;

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use allowed::{Allowed, Once};
use group::Member;
use stream::{Gate, Streams};
use waiting::Waker;

pub use allowed::MAX_STRANGERS_TOLD;
pub use batch::{Arrival, Datagram, DatagramBatch, MAX_BATCH_DATAGRAMS, SessionId};
pub use monitor::CollectorMonitor;
pub use options::{
    CollectorError, CollectorOptions, Listen, MAX_COLLECTOR_THREADS, MAX_DATAGRAM_BYTES, MAX_LISTEN,
    StreamOptions, TlsFiles, Transport,
};
pub use stats::{CollectorEvent, CollectorStats, Heard, SocketStats};
pub use stream::{Ending, StreamStats, server_config};
pub use worker::{CollectorWorker, Received};

/// Events kept until somebody asks for them; the oldest go.
pub const MAX_COLLECTOR_EVENTS: usize = 256;

/// What the workers and the monitor share.
#[derive(Debug)]
struct Collector {
    /// Sockets stay in their group until all end: if one left, the kernel would put the last in its place.
    members: Vec<Member>,
    allowed: RwLock<Arc<Allowed>>,
    strangers: Once<IpAddr>,
    cut_off: Once<(IpAddr, Ending)>,
    streams: Streams,
    events: Mutex<VecDeque<CollectorEvent>>,
    /// One for each worker.
    wakers: Vec<Waker>,
    /// Nothing is let in any more: the workers shall end when there is nothing left.
    stopping: AtomicBool,
}

/// Listens. The workers are in order, and each belongs to one thread.
pub fn open(options: &CollectorOptions) -> Result<(Vec<CollectorWorker>, CollectorMonitor), CollectorError> {
    let (workers, monitor) = bind(options)?;
    monitor.let_in()?;
    Ok((workers, monitor))
}

/// The same, but no thread is started yet, which [`CollectorMonitor::let_in`] does: a process that has one thread can still give up
/// rights of all threads that it will have.
pub fn bind(options: &CollectorOptions) -> Result<(Vec<CollectorWorker>, CollectorMonitor), CollectorError> {
    check(options)?;
    let mut members = Vec::new();
    for (place, listen) in options.listen.iter().enumerate() {
        let failed = |error: io::Error| CollectorError::Listen {
            listen: listen.to_string(),
            message: error.to_string(),
        };
        if listen.transport == Transport::Udp {
            members.extend(group::open(options, place, listen).map_err(failed)?);
        }
    }
    let system = |error: io::Error| CollectorError::System(error.to_string());
    let wakers: io::Result<Vec<_>> = (0..options.threads).map(|_| Waker::new()).collect();
    let (streams, listeners) = Streams::open(options)?;
    let collector = Arc::new(Collector {
        members,
        allowed: RwLock::new(Arc::new(Allowed::new(&options.allowed))),
        strangers: Once::default(),
        cut_off: Once::default(),
        streams,
        events: Mutex::default(),
        wakers: wakers.map_err(system)?,
        stopping: AtomicBool::new(false),
    });
    let worker = |index| CollectorWorker::new(index, &collector, options.longest_datagram);
    let workers: io::Result<Vec<_>> = (0..options.threads).map(worker).collect();
    let workers = workers.map_err(system)?;
    let gate = Gate::open(&collector, listeners).map_err(system)?;
    Ok((workers, CollectorMonitor::new(collector, gate)))
}

impl Collector {
    /// Who is heard at this moment.
    fn allowed(&self) -> Arc<Allowed> {
        Arc::clone(&self.allowed.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn refuse(&self, stranger: IpAddr) {
        if self.strangers.meet(stranger) {
            self.tell(Heard::Stranger(stranger));
        }
    }

    fn tell(&self, what: Heard) {
        let mut events = locked(&self.events);
        if events.len() >= MAX_COLLECTOR_EVENTS {
            events.pop_front();
        }
        events.push_back(CollectorEvent { what, when: crate::live::wall_clock() });
    }
}

fn check(options: &CollectorOptions) -> Result<(), CollectorError> {
    let wrong = |message: String| Err(CollectorError::Options(message));
    let count = options.listen.len();
    if !(1..=MAX_LISTEN).contains(&count) {
        return wrong(format!("{count} addresses: 1 to {MAX_LISTEN} can be listened on"));
    }
    for (place, listen) in options.listen.iter().enumerate() {
        let before = options.listen.iter().take(place);
        if let Some(other) = before.into_iter().find(|other| other.covers(listen) || listen.covers(other)) {
            return wrong(format!("{listen} and {other}: what comes to one would come to the other"));
        }
    }
    if !(1..=MAX_COLLECTOR_THREADS).contains(&options.threads) {
        return wrong(format!("{} threads: 1 to {MAX_COLLECTOR_THREADS} are possible", options.threads));
    }
    if !(1..=MAX_DATAGRAM_BYTES).contains(&options.longest_datagram) {
        let longest = options.longest_datagram;
        return wrong(format!("datagrams of {longest} bytes: 1 to {MAX_DATAGRAM_BYTES} are possible"));
    }
    Ok(())
}

/// The lock, also if somebody panicked while he held it: counters and lists are whole at any time.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(
    clippy::disallowed_methods,
    reason = "sessions are cut off by the clock; nothing else is decided by it"
)]
fn clock() -> Instant {
    Instant::now()
}
