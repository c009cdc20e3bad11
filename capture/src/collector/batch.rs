//! What arrived, by the hundred.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use weir_model::Timestamp;

use super::options::MAX_DATAGRAM_BYTES;

/// Datagrams in one batch: at 1,400 bytes they take 180 KB, which the second cache holds while they are decoded, and a system call
/// is shared by so many that it costs nothing.
pub const MAX_BATCH_DATAGRAMS: usize = 128;

/// From one datagram's place to the next. Each has room for the longest, so that the kernel writes it where it stays and nothing is
/// copied; of what is never written there is no memory, only addresses, so a batch of usual datagrams takes 512 KiB of memory
/// and one of the longest 8.6 MB. The 24 lines beyond the power of two keep the beginnings from falling into the same sets
/// of the caches.
const STRIDE: usize = 65_536 + 24 * 64;

/// What arrived, in order. Made once, by the thread that fills it, and filled again and again.
pub struct DatagramBatch {
    arena: Box<[u8]>,
    /// Places of the arena that are taken, by arrivals or by datagrams that were then not handed on.
    taken: usize,
    arrivals: Vec<Meta>,
}

/// Something that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival<'a> {
    /// A datagram, or a message of a stream.
    Datagram(Datagram<'a>),
    /// A stream ended; its messages were before this.
    SessionEnded {
        /// Whose.
        exporter: IpAddr,
        /// Which.
        session: SessionId,
    },
}

/// A datagram of any protocol, or an IPFIX message of a stream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Who sent it. An IPv4 address is one, also where it came through a socket of IPv6.
    pub from: SocketAddr,
    /// The place of the address that it came in at, in [`super::CollectorOptions::listen`].
    pub listen: usize,
    /// When the kernel got it; of a message of a stream, when it was read.
    pub received: Timestamp,
    /// What it says.
    pub bytes: &'a [u8],
    /// The stream that it is from.
    pub stream: Option<SessionId>,
}

/// A stream, unique in the collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

#[derive(Clone, Copy)]
enum Meta {
    Datagram {
        from: SocketAddr,
        listen: u32,
        received: Timestamp,
        place: u32,
        len: u32,
        stream: Option<SessionId>,
    },
    SessionEnded {
        exporter: IpAddr,
        session: SessionId,
    },
}

impl Default for DatagramBatch {
    fn default() -> Self {
        Self::new()
    }
}

impl DatagramBatch {
    /// Empty.
    pub fn new() -> Self {
        let arena = vec![0; STRIDE * MAX_BATCH_DATAGRAMS].into_boxed_slice();
        Self { arena, taken: 0, arrivals: Vec::with_capacity(MAX_BATCH_DATAGRAMS) }
    }

    /// How much arrived.
    pub const fn len(&self) -> usize {
        self.arrivals.len()
    }

    /// Whether nothing did.
    pub const fn is_empty(&self) -> bool {
        self.arrivals.is_empty()
    }

    /// What arrived, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Arrival<'_>> {
        self.arrivals.iter().map(|meta| self.arrival(meta))
    }

    fn arrival(&self, meta: &Meta) -> Arrival<'_> {
        match *meta {
            Meta::Datagram { from, listen, received, place, len, stream } => {
                let start = place as usize * STRIDE;
                let bytes = self.arena.get(start..start + len as usize).unwrap_or_default();
                Arrival::Datagram(Datagram { from, listen: listen as usize, received, bytes, stream })
            }
            Meta::SessionEnded { exporter, session } => Arrival::SessionEnded { exporter, session },
        }
    }

    /// Forgets everything and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.taken = 0;
        self.arrivals.clear();
    }

    /// How many more may come.
    pub(super) fn room(&self) -> usize {
        MAX_BATCH_DATAGRAMS - self.taken.max(self.arrivals.len())
    }

    /// The free places, in order; each has [`MAX_DATAGRAM_BYTES`].
    pub(super) fn free(&mut self) -> impl Iterator<Item = &mut [u8]> {
        let places = self.arena.chunks_exact_mut(STRIDE).skip(self.taken);
        places.filter_map(|place| place.get_mut(..MAX_DATAGRAM_BYTES))
    }

    /// A stream ended.
    pub(super) fn session_ended(&mut self, exporter: IpAddr, session: SessionId) {
        self.arrivals.push(Meta::SessionEnded { exporter, session });
    }

    /// Copies a message in; `false`, and nothing done, when the batch is full or the message longer than a place.
    pub(super) fn push(&mut self, datagram: Filled, bytes: &[u8]) -> bool {
        if self.room() == 0 {
            return false;
        }
        let place = self.free().next().and_then(|place| place.get_mut(..bytes.len()));
        let Some(place) = place else { return false };
        place.copy_from_slice(bytes);
        self.filled(Some(datagram));
        true
    }

    /// The next free place was filled with a datagram; `None`: with one that nobody gets.
    pub(super) fn filled(&mut self, datagram: Option<Filled>) {
        let place = self.taken as u32;
        self.taken += 1;
        if let Some(Filled { from, listen, received, len, stream }) = datagram {
            self.arrivals.push(Meta::Datagram { from, listen, received, place, len, stream });
        }
    }
}

/// A datagram without its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filled {
    pub(super) from: SocketAddr,
    pub(super) listen: u32,
    pub(super) received: Timestamp,
    pub(super) len: u32,
    pub(super) stream: Option<SessionId>,
}

impl fmt::Debug for DatagramBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Debug for Datagram<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, listen, received, bytes, stream } = self;
        write!(f, "{} bytes from {from} at {received} on {listen} ({stream:?})", bytes.len())
    }
}
