//! What a tap is asked to do, and why it may not be able to.

use std::fmt;
use std::time::Duration;

/// Workers that a tap can be divided among: the kernel's default for the members of a group (PACKET_FANOUT_MAX in
/// Linux' `if_packet.h`), and more cores than a machine with a tap has today.
pub const MAX_WORKERS: usize = 256;

/// Interfaces that one tap may have: each costs a ring per worker, and a step in merging.
pub const MAX_TAP_INTERFACES: usize = 16;

/// What to capture, and with what means. The interfaces are one tap: their frames are merged by time, so both
/// directions of a passive tap with a network card for each are seen as on one wire.
#[derive(Clone, Debug)]
pub struct TapOptions {
    /// Names of interfaces.
    pub interfaces: Vec<String>,
    /// How many workers the frames are dealt to.
    pub workers: usize,
    /// A filter as tcpdump takes it; libpcap compiles it and the kernel runs it, so frames that it leaves out are not
    /// even counted.
    pub filter: Option<String>,
    /// Memory of each ring, in bytes: there is one per interface and worker, and the kernel locks it. What arrives
    /// while it is full is dropped, and counted.
    pub ring_bytes: usize,
    /// Bytes kept of a frame. Frames longer than the MTU are what the kernel joined again (GRO); they take what they
    /// have, not more, in the ring as in batches.
    pub snap_len: usize,
    /// Whether frames that are not for this host are captured.
    pub promiscuous: bool,
    /// How long the kernel may keep frames back in order to hand on many at once.
    pub read_timeout: Duration,
    /// How long a frame waits for earlier ones of another interface.
    pub merge_wait: Duration,
}

impl TapOptions {
    /// One worker; 64 MiB (a tenth of a second at 5 Gb/s); 65,535 bytes; promiscuous; 10 ms; 30 ms.
    pub fn new(interfaces: Vec<String>) -> Self {
        Self {
            interfaces,
            workers: 1,
            filter: None,
            ring_bytes: 64 << 20,
            snap_len: 65_535,
            promiscuous: true,
            read_timeout: Duration::from_millis(10),
            merge_wait: Duration::from_millis(30),
        }
    }
}

/// Why a tap cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TapError {
    /// The options contradict themselves, or pass a limit: how.
    Options(String),
    /// The interface cannot be captured from.
    Interface {
        /// Its name.
        interface: String,
        /// What the system says.
        message: String,
    },
    /// libpcap does not understand the filter, or the kernel cannot run it on this interface.
    Filter {
        /// The filter.
        expression: String,
        /// What libpcap says.
        message: String,
    },
    /// The kernel does not join sockets to a group that our program deals to.
    Group {
        /// The interface.
        interface: String,
        /// What the system says.
        message: String,
    },
    /// A thread or a socket that watches the interfaces cannot be had: what the system says.
    Watch(String),
}

impl fmt::Display for TapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(message) => f.write_str(message),
            Self::Interface { interface, message } => write!(f, "interface {interface}: {message}"),
            Self::Filter { expression, message } => write!(f, "filter '{expression}': {message}"),
            Self::Group { interface, message } => {
                write!(f, "interface {interface}: dealing to several workers: {message}")
            }
            Self::Watch(message) => write!(f, "watching the interfaces: {message}"),
        }
    }
}

impl std::error::Error for TapError {}
