//! Whom the pages are for: over TCP behind TLS and a token where settings say so; over the control socket for whoever may open it.

use super::http::Connection;
use crate::config::Guard;
use crate::output::complain;
use crate::user::User;
use anyhow::{Context as _, Result, bail};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::hint::black_box;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use weir_capture::collector::server_config;
use weir_net::Secret;

/// Shorter tokens can be guessed by somebody with patience: 16 characters of hexadecimal digits are 64 bits.
const LEAST_TOKEN_CHARACTERS: usize = 16;

/// What stands before pages.
#[derive(Debug)]
pub(super) struct Door {
    guard: Guard,
    lock: Mutex<Lock>,
}

/// What was read of the files that settings name.
#[derive(Clone, Debug, Default)]
struct Lock {
    tls: Option<Arc<ServerConfig>>,
    token: Option<Secret>,
    /// When each file was changed last.
    changed: Vec<Option<SystemTime>>,
}

/// A connection that is let in so far.
pub(super) enum Visit<C: Connection> {
    Plain(Timed<C>),
    Tls(Box<StreamOwned<ServerConnection, Timed<C>>>),
}

impl Door {
    /// For everybody who reaches it.
    pub(super) fn open() -> Self {
        Self { guard: Guard::default(), lock: Mutex::default() }
    }

    /// As settings say; the error says which file is of no use.
    pub(super) fn guarded(guard: &Guard) -> Result<Self> {
        let lock = Lock::read(guard)?;
        Ok(Self { guard: guard.clone(), lock: Mutex::new(lock) })
    }

    /// Lets a connection in; all that it does must be done by the deadline, the handshake included.
    pub(super) fn let_in<C: Connection>(
        &self,
        connection: C,
        deadline: Deadline,
    ) -> io::Result<(Visit<C>, Ticket)> {
        let Lock { tls, token, .. } = self.current();
        let timed = Timed { connection, deadline };
        let visit = match tls {
            None => Visit::Plain(timed),
            Some(config) => {
                let session = ServerConnection::new(config).map_err(io::Error::other)?;
                Visit::Tls(Box::new(StreamOwned::new(session, timed)))
            }
        };
        Ok((visit, Ticket(token)))
    }

    /// What is in the files. Certificates are renewed every few months while the program runs for years: a file that was changed is read again.
    fn current(&self) -> Lock {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = changes(&self.guard);
        if changed != lock.changed {
            match Lock::read(&self.guard) {
                Ok(fresh) => *lock = fresh,
                Err(error) => complain(&format!("what was there before counts for --listen: {error:#}")),
            }
            lock.changed = changed;
        }
        lock.clone()
    }
}

impl Lock {
    fn read(guard: &Guard) -> Result<Self> {
        let changed = changes(guard);
        let tls = guard.tls.as_ref().map(server_config).transpose();
        let tls = tls.context("TLS for metrics (listen_tls_cert, listen_tls_key, listen_tls_client_ca)")?;
        let token = guard.token.as_ref().map(|place| place.read(Path::new(""))).transpose();
        let token = token.context("the token for metrics")?;
        if let Some(token) = token.as_ref().filter(|token| token.reveal().len() < LEAST_TOKEN_CHARACTERS) {
            bail!(
                "the token for metrics ({}) is too short: at least {LEAST_TOKEN_CHARACTERS} characters (openssl rand -hex 32)",
                token.place()
            );
        }
        Ok(Self { tls, token, changed })
    }
}

fn changes(guard: &Guard) -> Vec<Option<SystemTime>> {
    let of_tls = guard
        .tls
        .iter()
        .flat_map(|tls| [Some(&tls.certificate), Some(&tls.key), tls.client_authority.as_ref()]);
    let of_token = guard.token.iter().map(|token| token.file.as_ref());
    let changed = |path: &PathBuf| path.metadata().and_then(|about| about.modified()).ok();
    of_tls.chain(of_token).flatten().map(changed).collect()
}

/// The token that is asked for, if one is.
pub(super) struct Ticket(Option<Secret>);

impl Ticket {
    /// Whether what was sent will do.
    pub(super) fn admits(&self, sent: Option<&[u8]>) -> bool {
        match (&self.0, sent) {
            (None, _) => true,
            (Some(token), Some(sent)) => is_same(token.reveal().as_bytes(), sent),
            (Some(_), None) => false,
        }
    }
}

/// Takes as long wherever they differ, so that nobody finds out a token byte by byte.
fn is_same(secret: &[u8], sent: &[u8]) -> bool {
    let mut difference = usize::from(secret.len() != sent.len());
    for (known, said) in secret.iter().cycle().zip(sent) {
        difference |= usize::from(black_box(known ^ said));
    }
    black_box(difference) == 0
}

impl<C: Connection> Visit<C> {
    /// Who asks; nobody on the network is anybody.
    pub(super) fn user(&self) -> Option<User> {
        match self {
            Self::Plain(timed) => timed.connection.user(),
            Self::Tls(_) => None,
        }
    }

    /// All is said.
    pub(super) fn leave(mut self) -> io::Result<()> {
        if let Self::Tls(stream) = &mut self {
            stream.conn.send_close_notify();
            stream.flush()?;
        }
        match &self {
            Self::Plain(timed) => timed.connection.hang_up(),
            Self::Tls(stream) => stream.sock.connection.hang_up(),
        }
        Ok(())
    }
}

impl<C: Connection> Read for Visit<C> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(timed) => timed.read(bytes),
            Self::Tls(stream) => stream.read(bytes),
        }
    }
}

impl<C: Connection> Write for Visit<C> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(timed) => timed.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(timed) => timed.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// A connection that is over at its deadline, however little is sent at a time.
pub(super) struct Timed<C> {
    connection: C,
    deadline: Deadline,
}

impl<C: Connection> Read for Timed<C> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.connection.limit(self.deadline.left()?)?;
        self.connection.read(bytes)
    }
}

impl<C: Connection> Write for Timed<C> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.connection.limit(self.deadline.left()?)?;
        self.connection.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.connection.flush()
    }
}

/// A point in time by which all must be done.
pub(super) struct Deadline(Instant);

impl Deadline {
    #[expect(clippy::disallowed_methods, reason = "clients must not take forever")]
    pub(super) fn new(patience: Duration) -> Self {
        Self(Instant::now() + patience)
    }

    #[expect(clippy::disallowed_methods, reason = "clients must not take forever")]
    pub(super) fn left(&self) -> io::Result<Duration> {
        let left = self.0.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

#[cfg(test)]
mod tests;
