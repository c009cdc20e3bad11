//! The thread that connections come to: who may, how many, and the handshakes of TLS.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use weir_model::dealing;

use super::channel::{Channel, Failure, Handshake};
use super::counts::Ending;
use super::places::Full;
use super::session::Arriving;
use super::{Listener, Streams};
use crate::collector::batch::SessionId;
use crate::collector::waiting::Waiter;
use crate::collector::{Collector, clock, locked};

/// Handshakes are known to the waiter by their place and this.
const HANDSHAKE: u64 = 1 << 32;
const WOKEN: u64 = u64::MAX;

/// Connections that are taken from a listener before others are looked at.
const ACCEPTED_AT_ONCE: usize = 16;

/// How long nobody is let in where the system has no more descriptors.
const WITHOUT_DESCRIPTORS: Duration = Duration::from_millis(100);

/// Time between two looks at handshakes that take too long.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A thread; dropping it ends it.
pub(in crate::collector) struct Gate {
    collector: Arc<Collector>,
    /// Until it is started.
    keeper: Option<Keeper>,
    thread: Option<JoinHandle<()>>,
}

impl Gate {
    /// For the listeners' sockets, which it closes when it ends; `None` if there are none.
    pub(in crate::collector) fn open(
        collector: &Arc<Collector>,
        sockets: Vec<TcpListener>,
    ) -> io::Result<Option<Self>> {
        if sockets.is_empty() {
            return Ok(None);
        }
        let waiter = Waiter::new()?;
        waiter.add(&collector.streams.waker, WOKEN)?;
        for (number, socket) in sockets.iter().enumerate() {
            waiter.add(socket, number as u64)?;
        }
        let keeper = Keeper { collector: Arc::clone(collector), sockets, waiter, handshakes: Vec::new() };
        Ok(Some(Self { collector: Arc::clone(collector), keeper: Some(keeper), thread: None }))
    }

    /// Lets connections in; without effect the second time.
    pub(in crate::collector) fn start(&mut self) -> io::Result<()> {
        if let Some(keeper) = self.keeper.take() {
            let builder = std::thread::Builder::new().name("collector-gate".to_owned());
            self.thread = Some(builder.spawn(|| keeper.run())?);
        }
        Ok(())
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("thread", &self.thread).finish_non_exhaustive()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.collector.streams.closing.store(true, Ordering::Release);
        self.collector.streams.waker.wake();
        if let Some(thread) = self.thread.take() {
            // What it panicked about, if it did, was said on standard error.
            let _panicked = thread.join();
        }
    }
}

/// What the thread knows.
struct Keeper {
    collector: Arc<Collector>,
    sockets: Vec<TcpListener>,
    waiter: Waiter,
    handshakes: Vec<Option<Shaking>>,
}

/// A handshake that is under way.
struct Shaking {
    arriving: Arriving,
    /// It waits for room to send in.
    writing: bool,
}

impl Keeper {
    fn run(mut self) {
        let collector = Arc::clone(&self.collector);
        while !collector.streams.closing.load(Ordering::Acquire) {
            let is_quiet = self.handshakes.iter().all(Option::is_none);
            let wait = if is_quiet { Duration::from_mins(1) } else { LOOK_EVERY };
            for number in self.waiter.wait(wait) {
                if number == WOKEN {
                    collector.streams.waker.rest();
                } else if number & HANDSHAKE != 0 {
                    self.shake_hands((number & !HANDSHAKE) as usize);
                } else {
                    self.accept(&collector.streams, number as usize);
                }
            }
            self.cut_off();
        }
        for place in 0..self.handshakes.len() {
            self.end(place, Ending::Stopped, None);
        }
    }

    fn accept(&mut self, streams: &Streams, number: usize) {
        let Some(listener) = streams.listeners.get(number) else { return };
        for _ in 0..ACCEPTED_AT_ONCE {
            let Some(accepted) = self.sockets.get(number).map(TcpListener::accept) else { return };
            match accepted {
                Ok((connection, from)) => self.let_in(streams, number, listener, connection, from),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // Gone before it was taken.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted
                    ) => {}
                Err(_no_descriptors) => {
                    std::thread::sleep(WITHOUT_DESCRIPTORS);
                    return;
                }
            }
        }
    }

    fn let_in(
        &mut self,
        streams: &Streams,
        number: usize,
        listener: &Listener,
        connection: TcpStream,
        mut from: SocketAddr,
    ) {
        from.set_ip(from.ip().to_canonical());
        let counts = &listener.counts;
        counts.connections.fetch_add(1, Ordering::Relaxed);
        if !self.collector.allowed().has(from.ip()) {
            counts.strangers.fetch_add(1, Ordering::Relaxed);
            self.collector.refuse(from.ip());
            return;
        }
        let place = match streams.places.take(from.ip()) {
            Ok(place) => place,
            Err(Full::All) => {
                counts.refused.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Err(Full::Exporter) => {
                counts.refused_of_exporter.fetch_add(1, Ordering::Relaxed);
                return;
            }
        };
        let tls = listener.tls.as_ref().map(super::tls::Acceptor::accept).transpose();
        let tls = match (connection.set_nonblocking(true), tls) {
            (Ok(()), Ok(tls)) => tls,
            (Err(_), _) => return self.collector.session_ended(number, from, Ending::Broken, None),
            (_, Err(error)) => {
                return self.collector.session_ended(number, from, Ending::Tls, Some(error.to_string()));
            }
        };
        let is_encrypted = tls.is_some();
        let arriving = Arriving {
            channel: Channel::new(connection, tls),
            from,
            listener: number,
            place,
            id: SessionId(streams.next_session.fetch_add(1, Ordering::Relaxed)),
            deadline: clock() + streams.options.message_time,
        };
        if is_encrypted { self.begin(arriving) } else { self.hand_over(arriving) }
    }

    /// Begins a handshake.
    fn begin(&mut self, arriving: Arriving) {
        let free = self.handshakes.iter().position(Option::is_none).unwrap_or_else(|| {
            self.handshakes.push(None);
            self.handshakes.len() - 1
        });
        let added = self.waiter.add(&arriving.channel, HANDSHAKE | free as u64);
        if let Some(slot) = self.handshakes.get_mut(free) {
            *slot = Some(Shaking { arriving, writing: false });
        }
        match added {
            Ok(()) => self.shake_hands(free),
            Err(error) => self.end(free, Ending::Broken, Some(error.to_string())),
        }
    }

    fn shake_hands(&mut self, place: usize) {
        let Some(Some(shaking)) = self.handshakes.get_mut(place) else { return };
        match shaking.arriving.channel.shake_hands() {
            Ok(Handshake::Done) => {
                let done = self.handshakes.get_mut(place).and_then(Option::take);
                if let Some(Shaking { arriving, .. }) = done {
                    // It is another waiter's now.
                    let _was_there = self.waiter.remove(&arriving.channel);
                    self.hand_over(arriving);
                }
            }
            Ok(Handshake::Waits { writing }) if writing == shaking.writing => {}
            Ok(Handshake::Waits { writing }) => {
                shaking.writing = writing;
                let number = HANDSHAKE | place as u64;
                if self.waiter.change(&shaking.arriving.channel, number, writing).is_err() {
                    self.end(place, Ending::Broken, None);
                }
            }
            Err(Failure::Tls(error)) => self.end(place, Ending::Tls, Some(error.to_string())),
            Err(Failure::WouldBlock | Failure::Broken) => self.end(place, Ending::Broken, None),
        }
    }

    fn end(&mut self, place: usize, why: Ending, detail: Option<String>) {
        let ended = self.handshakes.get_mut(place).and_then(Option::take);
        if let Some(Shaking { arriving, .. }) = ended {
            self.collector.session_ended(arriving.listener, arriving.from, why, detail);
        }
    }

    fn cut_off(&mut self) {
        let now = clock();
        let is_over = |shaking: &Option<Shaking>| {
            shaking.as_ref().is_some_and(|shaking| now >= shaking.arriving.deadline)
        };
        for place in 0..self.handshakes.len() {
            if self.handshakes.get(place).is_some_and(is_over) {
                self.end(place, Ending::SlowHandshake, None);
            }
        }
    }

    fn hand_over(&self, arriving: Arriving) {
        let streams = &self.collector.streams;
        let worker = worker_of(arriving.from.ip(), streams.inboxes.len());
        if let (Some(inbox), Some(waker)) = (streams.inboxes.get(worker), self.collector.wakers.get(worker)) {
            locked(inbox).push(arriving);
            waker.wake();
        }
    }
}

/// The same that gets the exporter's datagrams.
fn worker_of(exporter: IpAddr, workers: usize) -> usize {
    dealing::worker(dealing::exporter(exporter), workers)
}
