//! Why a server could not be asked.

use std::fmt;

/// Why nothing came of asking a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetError {
    /// Of which kind.
    pub kind: NetErrorKind,
    /// For people: what happened, and what to do about it. Holds no secrets.
    pub text: String,
}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetErrorKind {
    /// Nobody answers: name, connection, TLS, time-out.
    Unreachable,
    /// Credentials are missing or wrong (HTTP 401, 403).
    Unauthorized,
    /// The server answers with another error.
    Server,
    /// The answer is not what it should be.
    Malformed,
    /// The answer is larger than allowed, or took longer.
    TooLarge,
    /// The settings are wrong.
    Settings,
}

impl NetError {
    /// An error of a kind.
    pub fn new(kind: NetErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for NetError {}
