//! What a stream is read from: the connection, or what TLS makes of it.

use std::fmt;
use std::io::{self, Read};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};

use rustls::ServerConnection;

/// How often a connection is read in one go while no content comes of it: TLS has records without any, and who sends nothing
/// else shall not keep the thread for himself.
const READS_WITHOUT_CONTENT: usize = 16;

/// A connection that does not block.
pub(super) struct Channel {
    connection: TcpStream,
    tls: Option<Box<ServerConnection>>,
}

/// Why nothing more can be read.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing is there now.
    WouldBlock,
    /// The connection broke.
    Broken,
    /// TLS does not go on: what rustls says.
    Tls(rustls::Error),
}

/// How far the handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handshake {
    Done,
    /// Bytes are to come, or to be sent.
    Waits {
        writing: bool,
    },
}

impl Channel {
    pub(super) fn new(connection: TcpStream, tls: Option<ServerConnection>) -> Self {
        Self { connection, tls: tls.map(Box::new) }
    }

    /// Goes on with the handshake as far as that is possible.
    pub(super) fn shake_hands(&mut self) -> Result<Handshake, Failure> {
        loop {
            let Some(tls) = &mut self.tls else { return Ok(Handshake::Done) };
            if !send(tls, &mut self.connection)? {
                return Ok(Handshake::Waits { writing: true });
            }
            if !tls.is_handshaking() {
                return Ok(Handshake::Done);
            }
            match receive(tls, &mut self.connection) {
                Ok(0) => return Err(Failure::Broken),
                Ok(_) => {}
                Err(Failure::WouldBlock) => return Ok(Handshake::Waits { writing: false }),
                Err(failure) => {
                    // So that the exporter's log says why.
                    let _alert = send(tls, &mut self.connection);
                    return Err(failure);
                }
            }
        }
    }

    /// Reads into `buffer`, which is not empty; 0 bytes at the end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        let Some(tls) = &mut self.tls else {
            return read(&mut self.connection, buffer);
        };
        for _ in 0..READS_WITHOUT_CONTENT {
            match tls.reader().read(buffer) {
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Closed without being said (rustls: UnexpectedEof).
                Err(_) => return Ok(0),
            }
            let received = receive(tls, &mut self.connection);
            // Answers to renewed keys, and alerts; what does not go out now does so next time.
            let _sent = send(tls, &mut self.connection);
            received?;
        }
        Err(Failure::WouldBlock)
    }

    /// Says that nothing more is read, if that is possible without waiting.
    pub(super) fn close(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _sent = send(tls, &mut self.connection);
        }
    }
}

fn read(connection: &mut TcpStream, buffer: &mut [u8]) -> Result<usize, Failure> {
    loop {
        match connection.read(buffer) {
            Ok(count) => return Ok(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::of(&error)),
        }
    }
}

/// Takes bytes in, and makes of them what they are; how many, 0 at the end.
fn receive(tls: &mut ServerConnection, connection: &mut TcpStream) -> Result<usize, Failure> {
    loop {
        match tls.read_tls(connection) {
            Ok(count) => {
                tls.process_new_packets().map_err(Failure::Tls)?;
                return Ok(count);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::of(&error)),
        }
    }
}

/// Whether all that is to be sent is out.
fn send(tls: &mut ServerConnection, connection: &mut TcpStream) -> Result<bool, Failure> {
    while tls.wants_write() {
        match tls.write_tls(connection) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(_) => return Err(Failure::Broken),
        }
    }
    Ok(true)
}

impl Failure {
    fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock => Self::WouldBlock,
            _ => Self::Broken,
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.as_fd()
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Channel")
    }
}
