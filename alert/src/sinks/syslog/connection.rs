//! A connection to a receiver: messages out, framed, and what little there is to hear.

use super::Framing;
use super::kernel::{self, Waiting};
use crate::sinks::clock::now;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use weir_net::{NetError, NetErrorKind};

/// Bytes handed to the kernel at once: between two such, the time is looked at.
const CHUNK: usize = 64 << 10;

/// After the first messages of a connection, a receiver has so long to turn us away (an address or a certificate that it does not
/// want), before they are said to be taken.
const TURNED_AWAY_WITHIN: Duration = Duration::from_millis(300);

/// Between two looks at what is not acknowledged: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Where messages go, and how.
pub(super) struct Receiver {
    host: String,
    port: u16,
    way: Way,
}

enum Way {
    Udp,
    Tcp(Framing),
    Tls(Arc<ClientConfig>, ServerName<'static>),
}

/// Why nothing was sent: for people.
pub(super) type Failure = String;

/// An open connection.
pub(super) struct Connection {
    pipe: Pipe,
    /// Something was sent and confirmed before.
    is_proven: bool,
}

enum Pipe {
    Udp(UdpSocket),
    Tcp(TcpStream, Framing),
    Tls(Box<ClientConnection>, TcpStream),
}

impl Receiver {
    pub(super) const fn udp(host: String, port: u16) -> Self {
        Self { host, port, way: Way::Udp }
    }

    pub(super) const fn tcp(host: String, port: u16, framing: Framing) -> Self {
        Self { host, port, way: Way::Tcp(framing) }
    }

    pub(super) fn tls(host: String, port: u16, config: Arc<ClientConfig>) -> Result<Self, NetError> {
        let name = ServerName::try_from(host.clone()).map_err(|_| {
            NetError::new(NetErrorKind::Settings, "`url`: no certificate can have a host of that name")
        })?;
        Ok(Self { host, port, way: Way::Tls(config, name) })
    }

    pub(super) const fn is_udp(&self) -> bool {
        matches!(self.way, Way::Udp)
    }

    /// Asks for the addresses each time, because they may have changed, and takes the first that answers.
    pub(super) fn connect(&self, until: Instant) -> Result<Connection, Failure> {
        let addresses = (&*self.host, self.port).to_socket_addrs();
        let addresses = addresses.map_err(|error| format!("its address cannot be found: {error}"))?;
        let mut failure = "it has no address".to_owned();
        for address in addresses {
            match self.connect_to(address, until) {
                Ok(pipe) => return Ok(Connection { pipe, is_proven: false }),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn connect_to(&self, address: SocketAddr, until: Instant) -> Result<Pipe, Failure> {
        match &self.way {
            Way::Udp => udp(address).map(Pipe::Udp).map_err(|error| said(&error)),
            Way::Tcp(framing) => {
                let stream = tcp(address, until).map_err(|error| said(&error))?;
                Ok(Pipe::Tcp(stream, *framing))
            }
            Way::Tls(config, name) => {
                let mut stream = tcp(address, until).map_err(|error| said(&error))?;
                let tls = ClientConnection::new(Arc::clone(config), name.clone());
                let mut tls = tls.map_err(|error| format!("TLS: {error}"))?;
                limit(&stream, until).map_err(|error| said(&error))?;
                while tls.is_handshaking() {
                    tls.complete_io(&mut stream).map_err(|error| said(&error))?;
                    limit(&stream, until).map_err(|error| said(&error))?;
                }
                Ok(Pipe::Tls(Box::new(tls), stream))
            }
        }
    }
}

impl fmt::Display for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.way {
            Way::Udp => "udp",
            Way::Tcp(_) => "tcp",
            Way::Tls(..) => "tls",
        };
        let is_ipv6 = self.host.contains(':');
        let (open, close) = if is_ipv6 { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{}{close}:{}", self.host, self.port)
    }
}

impl Connection {
    /// Hands messages to the kernel.
    pub(super) fn send(&mut self, messages: &[Vec<u8>], until: Instant) -> Result<(), Failure> {
        let sent = match &mut self.pipe {
            Pipe::Udp(socket) => messages.iter().try_for_each(|message| socket.send(message).map(|_| ())),
            Pipe::Tcp(stream, framing) => {
                let bytes = framed(messages, *framing);
                bytes.chunks(CHUNK).try_for_each(|chunk| {
                    limit(stream, until)?;
                    stream.write_all(chunk)
                })
            }
            Pipe::Tls(tls, stream) => {
                let bytes = framed(messages, Framing::OctetCounting);
                bytes.chunks(CHUNK).try_for_each(|chunk| {
                    limit(stream, until)?;
                    let mut tls = rustls::Stream::new(&mut **tls, &mut *stream);
                    tls.write_all(chunk).and_then(|()| tls.flush())
                })
            }
        };
        sent.map_err(|error| self.said_last(&error))
    }

    /// Waits until the receiver's kernel has it all. Over UDP it only asks whether a refusal came back.
    pub(super) fn confirm(&mut self, until: Instant) -> Result<(), Failure> {
        if let Pipe::Udp(socket) = &self.pipe {
            let refused = socket.take_error().map_err(|error| said(&error))?;
            return refused.map_or(Ok(()), |error| Err(said(&error)));
        }
        let turned_away = (!self.is_proven).then(|| now() + TURNED_AWAY_WITHIN);
        let mut pause = FIRST_PAUSE;
        loop {
            let heard = self.hear().map_err(|error| said(&error))?;
            let is_waiting = match self.waiting() {
                Waiting::Bytes(bytes) => bytes > 0,
                Waiting::Gone => return Err(self.said_last(&ErrorKind::ConnectionReset.into())),
                Waiting::Unknown => false,
            };
            self.is_proven |= heard > 0 || turned_away.is_none_or(|until| now() >= until);
            if !is_waiting && self.is_proven {
                return Ok(());
            }
            if now() >= until {
                return Err("it did not acknowledge in time what was sent".to_owned());
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Whether the other end has not closed it, as far as is known.
    pub(super) fn is_alive(&mut self) -> bool {
        match &self.pipe {
            Pipe::Udp(socket) => socket.take_error().is_ok_and(|error| error.is_none()),
            Pipe::Tcp(..) | Pipe::Tls(..) => self.hear().is_ok(),
        }
    }

    fn waiting(&self) -> Waiting {
        let (Pipe::Tcp(stream, _) | Pipe::Tls(_, stream)) = &self.pipe else { return Waiting::Unknown };
        match (stream.local_addr(), stream.peer_addr()) {
            (Ok(local), Ok(remote)) => kernel::waiting(local, remote),
            _ => Waiting::Gone,
        }
    }

    /// Why it failed: whoever turns us away over TLS says why and closes, and the closing may be noticed first.
    fn said_last(&mut self, error: &io::Error) -> Failure {
        match self.hear() {
            Err(last) if is_tls(&last) => said(&last),
            _ => said(error),
        }
    }

    /// Takes what the other end said, without waiting: receivers say nothing, but TLS does, and all say that they close. Says how many bytes
    /// came.
    fn hear(&mut self) -> io::Result<usize> {
        let (Pipe::Tcp(stream, _) | Pipe::Tls(_, stream)) = &self.pipe else { return Ok(0) };
        stream.set_nonblocking(true)?;
        let heard = match &mut self.pipe {
            Pipe::Udp(_) => Ok(0),
            Pipe::Tcp(stream, _) => hear_bytes(stream),
            Pipe::Tls(tls, stream) => hear_tls(tls, stream),
        };
        if let Pipe::Tcp(stream, _) | Pipe::Tls(_, stream) = &self.pipe {
            stream.set_nonblocking(false)?;
        }
        heard
    }
}

/// What was sent and not read yet at the other end is not torn away by closing: our side is closed first, in order.
impl Drop for Connection {
    fn drop(&mut self) {
        if let Pipe::Tls(tls, stream) = &mut self.pipe {
            tls.send_close_notify();
            // At most one record, which the kernel takes or does not.
            drop(stream.set_nonblocking(true).and_then(|()| tls.write_tls(stream).map(|_| ())));
        }
        if let Pipe::Tcp(stream, _) | Pipe::Tls(_, stream) = &mut self.pipe {
            drop(stream.shutdown(std::net::Shutdown::Write));
        }
    }
}

fn hear_bytes(stream: &mut TcpStream) -> io::Result<usize> {
    let mut total = 0;
    loop {
        match stream.read(&mut [0; 512]) {
            Ok(0) => return Err(ErrorKind::ConnectionReset.into()),
            // Whoever speaks without end is no receiver of syslog; what it says is taken at the next look.
            Ok(bytes) if total + bytes > CHUNK => return Ok(total + bytes),
            Ok(bytes) => total += bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(total),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn hear_tls(tls: &mut ClientConnection, stream: &mut TcpStream) -> io::Result<usize> {
    let mut total = 0;
    loop {
        match tls.read_tls(stream) {
            Ok(0) => return Err(ErrorKind::ConnectionReset.into()),
            Ok(bytes) => total += bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(total),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        let state =
            tls.process_new_packets().map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        if state.peer_has_closed() {
            return Err(ErrorKind::ConnectionReset.into());
        }
        let said = state.plaintext_bytes_to_read() as u64;
        io::copy(&mut tls.reader().take(said), &mut io::sink())?;
        if total > CHUNK {
            return Ok(total);
        }
    }
}

fn framed(messages: &[Vec<u8>], framing: Framing) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages {
        match framing {
            Framing::OctetCounting => {
                bytes.extend_from_slice(format!("{} ", message.len()).as_bytes());
                bytes.extend_from_slice(message);
            }
            Framing::Lines => {
                bytes.extend_from_slice(message);
                bytes.push(b'\n');
            }
        }
    }
    bytes
}

fn udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    // Not bound, which a process that has given up its rights may not do; connecting gives it an address.
    let socket = rustix::net::socket_with(family, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    let socket = UdpSocket::from(socket);
    // Refusals (ICMP) are only told to a socket that is connected.
    socket.connect(address)?;
    Ok(socket)
}

fn tcp(address: SocketAddr, until: Instant) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, left(until)?)?;
    // Each batch is handed over at once, and its acknowledgement waited for.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// No call on the stream takes longer than there is time.
fn limit(stream: &TcpStream, until: Instant) -> io::Result<()> {
    let left = left(until)?;
    stream.set_write_timeout(Some(left))?;
    stream.set_read_timeout(Some(left))
}

fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

fn said(error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::ConnectionRefused => "nobody listens there".to_owned(),
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "no answer in time".to_owned(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => {
            "it closed the connection".to_owned()
        }
        _ if is_tls(error) => {
            let hint = if error.to_string().contains("ertificate") {
                "; if its authority is yours, name it with `tls.ca_file`"
            } else {
                ""
            };
            format!("TLS: {error}{hint}")
        }
        _ => error.to_string(),
    }
}

fn is_tls(error: &io::Error) -> bool {
    error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).is_some()
}
