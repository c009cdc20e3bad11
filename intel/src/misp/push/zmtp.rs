//! As much of ZMTP 3.0 (RFC 23/ZMTP) as a subscriber without security needs.
//!
//! Written here because of what there is: `zmq` wants libzmq, a C++ library, on every machine, and `zeromq` brings a runtime of its own,
//! for a few frames of which only the first bytes are looked at.

use std::io::{self, Read, Write};

/// How much of a message is given back: more than the longest topic.
const MAX_BEGINNING: usize = 64;
/// Largest frame that is passed over. Adversary: a publisher who announces a frame without end to be listened to for ever; events have
/// some ten MiB at most. A larger one ends the connection.
const MAX_FRAME_BYTES: u64 = 256 * 1024 * 1024;
/// Most frames of one message; MISP sends one. Further ones end the connection.
const MAX_FRAMES: usize = 16;

const MORE: u8 = 0x01;
const LONG: u8 = 0x02;
const COMMAND: u8 = 0x04;

/// `READY` with the one property that must be there: `Socket-Type` is `SUB`.
const READY: &[u8] = b"\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB";

/// Begins a conversation, and asks for all messages that begin with one of these.
pub(super) fn subscribe<'a>(
    stream: &mut (impl Read + Write),
    topics: impl Iterator<Item = &'a &'a str>,
) -> io::Result<()> {
    stream.write_all(&greeting())?;
    let mut theirs = [0; 64];
    stream.read_exact(&mut theirs)?;
    check(&theirs)?;
    send(stream, COMMAND, READY)?;
    let (flags, answer) = frame(stream)?;
    if flags & COMMAND == 0 || !answer.starts_with(b"\x05READY") {
        return Err(wrong("it does not want to talk to a subscriber"));
    }
    for topic in topics {
        let subscription: Vec<u8> = [1].into_iter().chain(topic.bytes()).collect();
        send(stream, 0, &subscription)?;
    }
    stream.flush()
}

/// The beginning of the next message.
pub(super) fn next(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    loop {
        let (mut flags, first) = frame(stream)?;
        if flags & COMMAND != 0 {
            continue;
        }
        let mut frames = 1;
        while flags & MORE != 0 {
            frames += 1;
            if frames > MAX_FRAMES {
                return Err(wrong("a message has more parts than any of MISP's"));
            }
            (flags, _) = frame(stream)?;
        }
        return Ok(first);
    }
}

/// Signature, version 3.0, mechanism `NULL`, no server.
fn greeting() -> [u8; 64] {
    let mut greeting = [0; 64];
    let parts: [(usize, &[u8]); 3] = [(0, b"\xff"), (9, b"\x7f\x03\x00"), (12, b"NULL")];
    for (at, part) in parts {
        greeting.iter_mut().skip(at).zip(part).for_each(|(place, byte)| *place = *byte);
    }
    greeting
}

fn check(theirs: &[u8; 64]) -> io::Result<()> {
    let [0xff, _, _, _, _, _, _, _, _, last, version, ..] = theirs else {
        return Err(wrong("what answers does not speak ZeroMQ"));
    };
    if last & 1 == 0 || *version < 3 {
        return Err(wrong("what answers does not speak ZeroMQ, or one older than version 4"));
    }
    if theirs.get(12..17) != Some(b"NULL\0".as_slice()) {
        return Err(wrong("the publication is encrypted or wants a password, which is not supported"));
    }
    Ok(())
}

fn send(stream: &mut impl Write, flags: u8, body: &[u8]) -> io::Result<()> {
    let length = u8::try_from(body.len()).map_err(|_| wrong("the topic is too long"))?;
    let framed: Vec<u8> = [flags, length].into_iter().chain(body.iter().copied()).collect();
    stream.write_all(&framed)
}

/// The flags and the beginning of a frame; the rest is passed over.
fn frame(stream: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let [flags] = bytes(stream)?;
    let length = if flags & LONG == 0 {
        u64::from(u8::from_be_bytes(bytes(stream)?))
    } else {
        u64::from_be_bytes(bytes(stream)?)
    };
    if length > MAX_FRAME_BYTES || flags > (MORE | LONG | COMMAND) {
        return Err(wrong("what came is no frame of ZeroMQ, or larger than any of MISP's"));
    }
    let mut frame = stream.take(length);
    let mut beginning = vec![0; MAX_BEGINNING.min(length as usize)];
    frame.read_exact(&mut beginning)?;
    if io::copy(&mut frame, &mut io::sink())? < length - beginning.len() as u64 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((flags, beginning))
}

fn bytes<const COUNT: usize>(stream: &mut impl Read) -> io::Result<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn wrong(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the other end says, and what was said to it.
    struct Scripted<'a>(&'a [u8], Vec<u8>);

    impl Read for Scripted<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            self.0.read(to)
        }
    }

    impl Write for Scripted<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_conversation() {
        let mut theirs = greeting().to_vec();
        theirs.extend(b"\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03PUB");
        theirs.extend(b"\x04\x05\x04PING"); // a command in between
        theirs.extend(b"\x00\x0cmisp_json {}");
        theirs.extend(b"\x02\0\0\0\0\0\0\x00\x50");
        theirs.extend([b'x'; 80]);
        theirs.extend(b"\x01\x01a\x00\x01b");
        let mut stream = Scripted(&theirs, Vec::new());
        subscribe(&mut stream, ["misp_json "].iter()).unwrap();
        assert!(stream.1.starts_with(b"\xff\0\0\0\0\0\0\0\0\x7f\x03\x00NULL\0"));
        assert!(stream.1.ends_with(b"\x00\x0b\x01misp_json "));
        assert_eq!(next(&mut stream).unwrap(), b"misp_json {}");
        assert_eq!(next(&mut stream).unwrap(), [b'x'; MAX_BEGINNING]);
        assert_eq!(next(&mut stream).unwrap(), b"a");
        assert_eq!(next(&mut stream).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn publishers_that_cannot_be_heard() {
        let with = |at: usize, byte: u8| {
            let mut greeting = greeting().to_vec();
            greeting[at] = byte;
            subscribe(&mut Scripted(&greeting, Vec::new()), [].iter()).unwrap_err().to_string()
        };
        assert!(with(0, 0).contains("does not speak"));
        assert!(with(10, 1).contains("older"));
        assert!(with(12, b'C').contains("encrypted"));
        let endless = [2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(next(&mut endless.as_slice()).unwrap_err().kind(), io::ErrorKind::InvalidData);
        let parts = [1, 0].repeat(100);
        assert_eq!(next(&mut parts.as_slice()).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, rest: Vec<u8>) {
            let mut stream = bytes.as_slice();
            while next(&mut stream).is_ok() {}
            let greeted = [greeting().as_slice(), &rest].concat();
            let _ = subscribe(&mut Scripted(&greeted, Vec::new()), ["x"].iter());
        }
    }
}
