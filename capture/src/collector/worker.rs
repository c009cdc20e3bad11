//! The receiving of one thread.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Collector;
use super::batch::{DatagramBatch, Filled};
use super::group::{Member, Taken};
use super::socket::Receiver;
use super::stream::Sessions;
use super::waiting::{Ready, Waiter};
use crate::live::wall_clock;

/// How long datagrams are let gather before they are taken, when there were none: at 60,000 a second a call then takes sixty, and
/// not two. What waits so long still is in the kernel, with the time at which it came.
const GATHER: Duration = Duration::from_millis(1);

/// Less than this is granted where nobody raised `net.core.rmem_max`; it may fill up within [`GATHER`].
const BUFFER_TO_GATHER: u32 = 2 << 20;

/// The number under which a waiter knows the waker.
const WOKEN: u64 = u64::MAX;

/// What is to become of a call of [`CollectorWorker::receive`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// The batch has something.
    Arrivals,
    /// Nothing came, or nothing that is handed on.
    Nothing,
    /// Nothing will ever come: the collector was stopped.
    Ended,
}

/// Receives for one thread. Dropping it ends its sessions; datagrams of its exporters are still let in, and counted as dropped when
/// there is no room left.
pub struct CollectorWorker {
    index: usize,
    collector: Arc<Collector>,
    waiter: Waiter,
    receiver: Receiver,
    sessions: Sessions,
    longest_datagram: usize,
    /// Datagrams are let gather.
    gathers: bool,
    /// The last batch was full: there may be more.
    behind: bool,
    /// Who is first changes from call to call, so that a busy socket does not keep the others waiting.
    turn: usize,
}

impl CollectorWorker {
    pub(super) fn new(index: usize, collector: &Arc<Collector>, longest_datagram: usize) -> io::Result<Self> {
        let waiter = Waiter::new()?;
        let mut gathers = true;
        for (number, member) in collector.members.iter().enumerate() {
            if member.worker == index {
                waiter.add(&member.socket, number as u64)?;
                gathers &= member.socket.memory()?.limit >= BUFFER_TO_GATHER;
            }
        }
        if let Some(waker) = collector.wakers.get(index) {
            waiter.add(waker, WOKEN)?;
        }
        Ok(Self {
            index,
            collector: Arc::clone(collector),
            waiter,
            receiver: Receiver::new(),
            sessions: Sessions::new(index),
            longest_datagram,
            gathers,
            behind: false,
            turn: 0,
        })
    }

    /// Its place among the threads.
    pub const fn index(&self) -> usize {
        self.index
    }

    /// Empties the batch, and fills it with what there is; waits at most so long if there is nothing.
    pub fn receive(&mut self, batch: &mut DatagramBatch, wait: Duration) -> Received {
        batch.clear();
        // Before anything is looked at: what waits then is all that there will be.
        let stopping = self.collector.stopping.load(Ordering::Acquire);
        if stopping {
            self.sessions.stop(&self.collector.streams, &self.waiter);
        }
        let mut ready = self.wait(if stopping { Duration::ZERO } else { wait });
        self.sessions.add_to(&mut ready, &self.collector.streams);
        let only_woken = ready.iter().all(|number| *number == WOKEN);
        if !ready.is_empty() {
            let first = self.turn % ready.len();
            ready.rotate_left(first);
            self.turn = self.turn.wrapping_add(1);
        }
        for number in ready {
            self.take(number, batch);
        }
        self.behind = batch.room() == 0;
        match batch.is_empty() {
            false => Received::Arrivals,
            true if stopping && only_woken && self.sessions.is_empty() => Received::Ended,
            true => Received::Nothing,
        }
    }

    /// What is ready, after it was given time to become more.
    fn wait(&self, wait: Duration) -> Ready {
        if self.behind {
            return self.waiter.wait(Duration::ZERO);
        }
        let wait = self.sessions.wait(wait);
        let ready = self.waiter.wait(wait);
        if self.gathers && !wait.is_zero() && !ready.is_empty() {
            std::thread::sleep(GATHER);
        }
        ready
    }

    fn take(&mut self, number: u64, batch: &mut DatagramBatch) {
        let collector = Arc::clone(&self.collector);
        if number == WOKEN {
            if let Some(waker) = collector.wakers.get(self.index) {
                waker.rest();
            }
            self.sessions.take_up(&collector.streams, &self.waiter);
        } else if Sessions::knows(number) {
            self.sessions.read(number, &collector, batch);
        } else if let Some(member) = collector.members.get(number as usize) {
            self.take_datagrams(&collector, member, batch);
        }
    }

    fn take_datagrams(&mut self, collector: &Collector, member: &Member, batch: &mut DatagramBatch) {
        if batch.room() == 0 {
            return;
        }
        let received = match self.receiver.receive(&member.socket, batch.free(), self.longest_datagram) {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(_interrupted_or_out_of_memory) => {
                std::thread::sleep(GATHER);
                return;
            }
        };
        let mut taken = Taken::default();
        let allowed = collector.allowed();
        for one in received {
            let mut from = one.from;
            from.set_ip(from.ip().to_canonical());
            let is_heard = allowed.has(from.ip());
            if !is_heard {
                taken.refused += 1;
                collector.refuse(from.ip());
            } else if one.truncated {
                taken.truncated += 1;
            } else {
                taken.datagrams += 1;
                taken.bytes += one.len as u64;
            }
            let datagram = Filled {
                from,
                listen: member.listen as u32,
                received: one.time.unwrap_or_else(wall_clock),
                len: one.len as u32,
                stream: None,
            };
            batch.filled((is_heard && !one.truncated).then_some(datagram));
        }
        member.counts.add(taken);
    }
}

impl Drop for CollectorWorker {
    fn drop(&mut self) {
        self.sessions.abandon(&self.collector);
    }
}

impl fmt::Debug for CollectorWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CollectorWorker({})", self.index)
    }
}
