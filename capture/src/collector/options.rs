//! What a collector is asked to do, and why it may not be able to.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

/// Addresses that a collector may listen on: the three protocols in both IP versions, ten times over. Each costs a socket
/// and its buffer per thread.
pub const MAX_LISTEN: usize = 64;

/// Threads that exporters may be divided among; more cores than a machine that collects has.
pub const MAX_COLLECTOR_THREADS: usize = 256;

/// The longest datagram there is, jumbograms aside, and the longest IPFIX message (RFC 7011 section 3.1).
pub const MAX_DATAGRAM_BYTES: usize = 65_535;

/// What to hear, whom, and with what means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectorOptions {
    /// Where. An arrival says by its place in here where it came in.
    pub listen: Vec<Listen>,
    /// How many threads the exporters are divided among, by their addresses.
    pub threads: usize,
    /// Memory that the kernel may fill with datagrams that nobody took yet, in bytes; for each address and thread. More
    /// than `net.core.rmem_max` takes the privilege CAP_NET_ADMIN, without which the limit is what is granted.
    pub receive_buffer: usize,
    /// Bytes of a datagram; longer ones are counted, and not handed on.
    pub longest_datagram: usize,
    /// Networks of the exporters that are heard; all are if there are none.
    pub allowed: Vec<IpNet>,
    /// Bounds of TCP and TLS.
    pub streams: StreamOptions,
}

impl CollectorOptions {
    /// One thread; 64 MiB, which hold a third of a second of 60,000 datagrams a second of 1,400 bytes (the kernel counts
    /// twice what it grants, and up to 4 KiB for such a datagram); datagrams of any length; everyone is heard.
    pub fn new(listen: Vec<Listen>) -> Self {
        Self {
            listen,
            threads: 1,
            receive_buffer: 64 << 20,
            longest_datagram: MAX_DATAGRAM_BYTES,
            allowed: Vec::new(),
            streams: StreamOptions::default(),
        }
    }

    /// Whether a socket for all addresses of IPv6 hears IPv4 as well: if no other is asked to, at the same port.
    pub(super) fn is_dual(&self, at: &Listen) -> bool {
        let is_datagrams = |listen: &Listen| listen.transport == Transport::Udp;
        let takes_ipv4 = |other: &Listen| {
            other.address.is_ipv4()
                && other.address.port() == at.address.port()
                && is_datagrams(other) == is_datagrams(at)
        };
        at.address.ip().is_unspecified() && !self.listen.iter().any(takes_ipv4)
    }
}

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Address and port; port 0 is any that is free. `[::]` hears IPv4 as well, unless `0.0.0.0` is listened on at the same
    /// port.
    pub address: SocketAddr,
    /// By what.
    pub transport: Transport,
}

impl Listen {
    /// Datagrams.
    pub const fn udp(address: SocketAddr) -> Self {
        Self { address, transport: Transport::Udp }
    }

    /// IPFIX messages in streams.
    pub const fn tcp(address: SocketAddr) -> Self {
        Self { address, transport: Transport::Tcp }
    }

    /// Whether everything that comes to `other` comes here, too.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let same_kind = (self.transport == Transport::Udp) == (other.transport == Transport::Udp);
        let (ours, theirs) = (self.address, other.address);
        let covers = ours.ip().is_unspecified() && ours.is_ipv4() == theirs.is_ipv4();
        same_kind && ours.port() == theirs.port() && ours.port() != 0 && (ours == theirs || covers)
    }

    /// IPFIX messages in encrypted streams.
    pub const fn tls(address: SocketAddr, files: TlsFiles) -> Self {
        Self { address, transport: Transport::Tls(files) }
    }
}

/// As `tcp 192.0.2.1:4739`.
impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.transport.name(), self.address)
    }
}

/// How exporters send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams of any protocol.
    Udp,
    /// IPFIX over TCP (RFC 7011 section 10.4).
    Tcp,
    /// IPFIX over TLS over TCP (RFC 7011 section 11).
    Tls(TlsFiles),
}

impl Transport {
    /// In one word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls(_) => "tls",
        }
    }
}

/// Who we are to exporters, and who they must be; in files of PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Our certificate, and those between it and the authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities that the certificates of exporters must be from, as RFC 7011 section 11.3 wants it. Without, exporters are
    /// asked for none.
    pub client_authority: Option<PathBuf>,
}

/// Bounds of sessions. Their adversary is whoever can reach the port: each session takes a descriptor and up to
/// [`MAX_DATAGRAM_BYTES`] (with TLS three times that).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    /// Sessions in all; further ones are closed at once.
    pub sessions: usize,
    /// Sessions of one address; further ones are closed at once.
    pub sessions_per_exporter: usize,
    /// Time for the handshake of TLS, for the first message since the session began, and for every further one since it began.
    pub message_time: Duration,
    /// Time without any message.
    pub idle_time: Duration,
}

/// 256 sessions, 16 of one address (a chassis may export from each of its cards), 30 s, 30 min.
impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            sessions: 256,
            sessions_per_exporter: 16,
            message_time: Duration::from_secs(30),
            idle_time: Duration::from_mins(30),
        }
    }
}

/// Why a collector cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CollectorError {
    /// The options contradict themselves, or pass a limit: how.
    Options(String),
    /// It cannot be listened there.
    Listen {
        /// Where and by what, as [`Listen`] is displayed.
        listen: String,
        /// What the system says.
        message: String,
    },
    /// A file for TLS is not there or not what it should be.
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// What collecting needs besides cannot be had: what the system says.
    System(String),
}

impl fmt::Display for CollectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(message) => f.write_str(message),
            Self::Listen { listen, message } => write!(f, "listening on {listen}: {message}"),
            Self::File { path, message } => write!(f, "{}: {message}", path.display()),
            Self::System(message) => write!(f, "collecting: {message}"),
        }
    }
}

impl std::error::Error for CollectorError {}
