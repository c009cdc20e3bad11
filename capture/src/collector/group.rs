//! The sockets of one address, one for each thread, and what they count.

use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::options::{CollectorOptions, Listen};
use super::socket::UdpSocket;
use super::stats::SocketStats;
use super::{locked, program};

/// A socket of one thread.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) socket: UdpSocket,
    /// The place of its address in the options.
    pub(super) listen: usize,
    pub(super) worker: usize,
    address: SocketAddr,
    pub(super) counts: Counts,
    dropped: Mutex<Dropped>,
}

/// What a thread counts of its socket.
#[derive(Debug, Default)]
pub(super) struct Counts {
    datagrams: AtomicU64,
    bytes: AtomicU64,
    refused: AtomicU64,
    truncated: AtomicU64,
}

/// Of one call of the kernel.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    pub(super) datagrams: u64,
    pub(super) bytes: u64,
    pub(super) refused: u64,
    pub(super) truncated: u64,
}

impl Counts {
    pub(super) fn add(&self, taken: Taken) {
        self.datagrams.fetch_add(taken.datagrams, Ordering::Relaxed);
        self.bytes.fetch_add(taken.bytes, Ordering::Relaxed);
        self.refused.fetch_add(taken.refused, Ordering::Relaxed);
        self.truncated.fetch_add(taken.truncated, Ordering::Relaxed);
    }
}

/// The kernel's counter has 32 bits; this one does not wrap.
#[derive(Debug, Default)]
struct Dropped {
    last: u32,
    total: u64,
    /// The socket lets nothing in, and the kernel counts that as dropped.
    closed: bool,
}

impl Dropped {
    fn advance(&mut self, to: u32) -> u64 {
        if !self.closed {
            self.total += u64::from(to.wrapping_sub(self.last));
            self.last = to;
        }
        self.total
    }
}

/// Opens the sockets of the address at place `listen` of the options, in the order of the threads.
///
/// Each joins the group when it is bound, and until all have, the program's choice may not be there and the kernel takes another:
/// so nothing is let in before. What comes so early is not counted.
pub(super) fn open(options: &CollectorOptions, listen: usize, at: &Listen) -> io::Result<Vec<Member>> {
    let mut address = at.address;
    let mut members = Vec::new();
    for worker in 0..options.threads {
        let socket = UdpSocket::new(address.ip(), options.is_dual(at))?;
        if options.threads > 1 {
            socket.share_port()?;
        }
        if worker == 0 && options.threads > 1 {
            socket.deal(&program::by_source(options.threads))?;
        }
        socket.ask_buffer(options.receive_buffer)?;
        socket.let_nothing_in()?;
        socket.bind(address)?;
        address = socket.address()?;
        let (counts, dropped) = (Counts::default(), Mutex::default());
        members.push(Member { socket, listen, worker, address, counts, dropped });
    }
    for member in &members {
        member.socket.let_all_in()?;
        locked(&member.dropped).last = member.socket.memory()?.dropped;
    }
    Ok(members)
}

impl Member {
    /// Nothing more comes in.
    pub(super) fn close(&self) {
        let mut dropped = locked(&self.dropped);
        if let Ok(memory) = self.socket.memory() {
            dropped.advance(memory.dropped);
        }
        dropped.closed = true;
        // A filter of one instruction: the kernel may only be out of memory. Then the socket stays open.
        let _out_of_memory = self.socket.let_nothing_in();
    }

    pub(super) fn stats(&self) -> SocketStats {
        let memory = self.socket.memory().unwrap_or_default();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SocketStats {
            listen: self.listen,
            address: self.address,
            worker: self.worker,
            datagrams: count(&self.counts.datagrams),
            bytes: count(&self.counts.bytes),
            refused: count(&self.counts.refused),
            truncated: count(&self.counts.truncated),
            dropped: locked(&self.dropped).advance(memory.dropped),
            buffer: memory.limit as usize / 2,
            waiting: memory.used as usize / 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_are_counted_over_the_wrap_of_32_bits_and_not_after_the_end() {
        let mut dropped = Dropped { last: u32::MAX - 1, ..Dropped::default() };
        assert_eq!(dropped.advance(3), 5);
        assert_eq!(dropped.advance(4), 6);
        dropped.closed = true;
        assert_eq!(dropped.advance(40), 6);
    }
}
