//! The bytes of a conversation to what they say.

use weir_model::observation::Fact;

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

/// Reads the two byte streams of a TCP connection (in order, without gaps) as far as names need it.
#[derive(Debug)]
pub struct StreamInspector {}

impl StreamInspector {
    /// Nothing seen. Ports help only where content leaves a doubt: `a` is the port of side A.
    pub fn new(_a_port: u16, _b_port: u16) -> Self {
        Self {}
    }

    /// The next bytes that `side` sent; `learn` is called with each fact.
    pub fn push(&mut self, _side: Side, _bytes: &[u8], _learn: &mut dyn FnMut(Fact)) -> Appetite {
        Appetite::Done
    }

    /// Bytes are missing in what `side` sent (lost by the capture): continue behind them if that can make sense
    /// (DNS over TCP resynchronises never; HTTP may at the next request).
    pub fn gap(&mut self, _side: Side) -> Appetite {
        Appetite::Done
    }
}

/// Reads the datagrams of a UDP flow.
#[derive(Debug)]
pub struct DatagramInspector {}

impl DatagramInspector {
    /// Nothing seen.
    pub fn new(_a_port: u16, _b_port: u16) -> Self {
        Self {}
    }

    /// The payload of the next datagram from `side`.
    pub fn push(&mut self, _side: Side, _payload: &[u8], _learn: &mut dyn FnMut(Fact)) -> Appetite {
        Appetite::Done
    }
}
