//! SOCKS 4, 4a and 5 (RFC 1928, user names: RFC 1929): the messages before the tunnel, passed over.
//!
//! ```text
//! client 4:  4 command port address user NUL [name NUL, when the address is 0.0.0.x]
//! server 4:  0 status port address
//! client 5:  5 count methods | [1 length user length password] | 5 command 0 type address port
//! server 5:  5 method        | [1 status]                      | 5 status 0 type address port
//! ```

use crate::cursor::{Cursor, Short};
use arrayvec::ArrayVec;

/// Longest message: SOCKS 4a with a user name and a host name as long as a length byte would allow, which the format
/// itself does not bound. A longer one ends the reading.
const MAX_MESSAGE_LEN: usize = 8 + 256 + 256;

const COMMAND_CONNECT: u8 = 1;
const GRANTED_4: u8 = 0x5a;
const METHOD_NONE: u8 = 0;
const METHOD_PASSWORD: u8 = 2;

/// One direction of a SOCKS connection up to the tunnel.
#[derive(Clone, Debug)]
pub(super) struct SocksReader {
    expected: Message,
    message: ArrayVec<u8, MAX_MESSAGE_LEN>,
}

/// The message that is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Client4,
    Server4,
    ClientGreeting,
    /// A user name and password, or the request.
    ClientRequest,
    ServerGreeting,
    ServerPassword,
    ServerReply,
}

/// What bytes brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    More,
    /// No tunnel comes about, or not one that can be followed.
    Done,
    /// The tunnel begins so many bytes in.
    Tunnel(usize),
}

/// What follows a message.
enum Next {
    Message(Message),
    Tunnel,
    Nothing,
}

impl Message {
    /// Whether a client sends it.
    pub(super) const fn is_client(self) -> bool {
        matches!(self, Self::Client4 | Self::ClientGreeting | Self::ClientRequest)
    }
}

impl SocksReader {
    /// Before the first message.
    pub(super) fn new(expected: Message) -> Self {
        Self { expected, message: ArrayVec::new() }
    }

    /// The next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Progress {
        for (index, byte) in bytes.iter().enumerate() {
            if self.message.try_push(*byte).is_err() {
                return Progress::Done;
            }
            match read(self.expected, Cursor::new(&self.message)) {
                Err(Short { .. }) => {}
                Ok(Next::Message(next)) => *self = Self::new(next),
                Ok(Next::Tunnel) => return Progress::Tunnel(index + 1),
                Ok(Next::Nothing) => return Progress::Done,
            }
        }
        Progress::More
    }
}

fn read(expected: Message, mut message: Cursor<'_>) -> Result<Next, Short> {
    let first = message.u8()?;
    let second = message.u8()?;
    let next = match expected {
        Message::Client4 => {
            let [_, _, zeros @ .., last] = message.array::<6>()?;
            skip_text(&mut message)?;
            if zeros == [0; 3] && last != 0 {
                skip_text(&mut message)?;
            }
            if second == COMMAND_CONNECT { Next::Tunnel } else { Next::Nothing }
        }
        Message::Server4 => {
            message.skip(6)?;
            if second == GRANTED_4 { Next::Tunnel } else { Next::Nothing }
        }
        Message::ClientGreeting => {
            message.skip(usize::from(second))?;
            Next::Message(Message::ClientRequest)
        }
        Message::ClientRequest if first == 1 => {
            message.skip(usize::from(second))?;
            let password_len = message.u8()?;
            message.skip(usize::from(password_len))?;
            Next::Message(Message::ClientRequest)
        }
        Message::ClientRequest if first == 5 && second == COMMAND_CONNECT => skip_address(&mut message)?,
        Message::ServerGreeting => match second {
            METHOD_NONE => Next::Message(Message::ServerReply),
            METHOD_PASSWORD => Next::Message(Message::ServerPassword),
            _ => Next::Nothing,
        },
        Message::ServerPassword if second == 0 => Next::Message(Message::ServerReply),
        Message::ServerReply if first == 5 && second == 0 => skip_address(&mut message)?,
        Message::ClientRequest | Message::ServerPassword | Message::ServerReply => Next::Nothing,
    };
    Ok(next)
}

fn skip_text(message: &mut Cursor<'_>) -> Result<(), Short> {
    while message.u8()? != 0 {}
    Ok(())
}

/// Reserved byte, type, address, port.
fn skip_address(message: &mut Cursor<'_>) -> Result<Next, Short> {
    message.skip(1)?;
    let length = match message.u8()? {
        1 => 4,
        3 => usize::from(message.u8()?),
        4 => 16,
        _ => return Ok(Next::Nothing),
    };
    message.skip(length + 2)?;
    Ok(Next::Tunnel)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(first: Message, bytes: &[u8]) -> Progress {
        SocksReader::new(first).push(bytes)
    }

    #[test]
    fn the_tunnel_begins_behind_the_request() {
        assert_eq!(run(Message::Client4, b"\x04\x01\x01\xbb\xc0\0\x02\x01me\0\x16"), Progress::Tunnel(11));
        assert_eq!(
            run(Message::Client4, b"\x04\x01\x01\xbb\0\0\0\x01\0a.example\0\x16"),
            Progress::Tunnel(19)
        );
        assert_eq!(run(Message::Client4, b"\x04\x02\x01\xbb\xc0\0\x02\x01\0"), Progress::Done);
        let greeting = b"\x05\x02\0\x02\x01\x02me\x01p\x05\x01\0\x03\x09a.example\x01\xbb\x16";
        assert_eq!(run(Message::ClientGreeting, greeting), Progress::Tunnel(greeting.len() - 1));
        assert_eq!(run(Message::ClientGreeting, b"\x05\x01\0\x05\x02\0\x01abcd\0\0"), Progress::Done);
    }

    #[test]
    fn the_tunnel_begins_behind_the_reply() {
        assert_eq!(run(Message::Server4, b"\0\x5a\0\0\0\0\0\0\x16"), Progress::Tunnel(8));
        assert_eq!(run(Message::Server4, b"\0\x5b\0\0\0\0\0\0"), Progress::Done);
        assert_eq!(run(Message::ServerGreeting, b"\x05\0\x05\0\0\x01abcd\0\0\x16"), Progress::Tunnel(12));
        assert_eq!(run(Message::ServerGreeting, b"\x05\x02\x01\0\x05\x05\0\x01"), Progress::Done);
        assert_eq!(run(Message::ServerGreeting, b"\x05\xff"), Progress::Done);
    }

    #[test]
    fn a_name_without_end_ends_the_reading() {
        assert_eq!(run(Message::Client4, &[4; 4_096]), Progress::Done);
    }
}
