//! The bytes of a conversation to what they say.
//!
//! What a conversation speaks is told from its first bytes; ports help only where those leave a doubt. A conversation
//! of which nothing can be learnt is let go after a bounded look.

mod application;
mod datagram;
mod dtls;
mod recognise;
mod socks;
mod starttls;
mod stream;

pub use datagram::DatagramInspector;
pub use stream::StreamInspector;

/// One end of a conversation; `A` sent its first packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The sender of the first packet.
    A,
    /// The other end.
    B,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// Whether more bytes can teach something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appetite {
    /// More bytes from this side may be worth reading.
    More,
    /// Nothing further is to be learnt from this side.
    Done,
}

#[cfg(test)]
mod tests;
