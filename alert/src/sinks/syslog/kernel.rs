//! How much of what was sent the other end's kernel has not acknowledged (`SIOCOUTQ`), as /proc/net/tcp has it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::{IpAddr, SocketAddr};

/// Most bytes of the list that are read: some hundred thousand connections. What is behind them is not known.
const MAX_BYTES: u64 = 64 << 20;

/// Bytes that wait for an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// So many.
    Bytes(u64),
    /// There is no such connection any more.
    Gone,
    /// The system does not tell.
    Unknown,
}

/// What of a connection is not acknowledged.
pub(super) fn waiting(local: SocketAddr, remote: SocketAddr) -> Waiting {
    let list = if local.is_ipv4() { "/proc/self/net/tcp" } else { "/proc/self/net/tcp6" };
    let Ok(list) = File::open(list) else { return Waiting::Unknown };
    waiting_in(BufReader::new(list.take(MAX_BYTES)), local, remote)
}

fn waiting_in(list: impl BufRead, local: SocketAddr, remote: SocketAddr) -> Waiting {
    let (local, remote) = (written(local), written(remote));
    for line in list.lines() {
        let Ok(line) = line else { return Waiting::Unknown };
        let mut fields = line.split_ascii_whitespace().skip(1);
        if fields.next() != Some(&*local) || fields.next() != Some(&*remote) {
            continue;
        }
        let queues = fields.nth(1).and_then(|queues| queues.split_once(':'));
        let bytes = queues.and_then(|(sent, _)| u64::from_str_radix(sent, 16).ok());
        return bytes.map_or(Waiting::Unknown, Waiting::Bytes);
    }
    Waiting::Gone
}

/// An address as the kernel writes it: 32 bits at a time, in the order of the machine.
fn written(address: SocketAddr) -> String {
    let octets = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let mut words = String::new();
    for word in octets.as_chunks::<4>().0 {
        let _ = write!(words, "{:08X}", u32::from_ne_bytes(*word));
    }
    format!("{words}:{:04X}", address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn what_nobody_reads_waits_and_the_rest_does_not() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else {
                println!("skipped: no {address} here");
                continue;
            };
            let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (local, remote) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
            stream.write_all(b"x").unwrap();
            while waiting(local, remote) != Waiting::Bytes(0) {
                std::thread::yield_now();
            }
            stream.set_nonblocking(true).unwrap();
            while stream.write(&[0; 4096]).is_ok() {}
            assert!(matches!(waiting(local, remote), Waiting::Bytes(bytes) if bytes > 0));
            assert_eq!(waiting(local, "192.0.2.1:9".parse().unwrap()), Waiting::Gone);
        }
    }

    #[test]
    fn a_list_that_is_none_tells_nothing() {
        let (local, remote) = ("127.0.0.1:80".parse().unwrap(), "127.0.0.1:81".parse().unwrap());
        for (list, expected) in [
            ("", Waiting::Gone),
            ("  sl local\n 0: 0100007F:0050 0100007F:0051 01 0000000A:00000000 x", Waiting::Bytes(10)),
            ("0: 0100007F:0050 0100007F:0051 01", Waiting::Unknown),
            ("0: 0100007F:0050 0100007F:0051 01 zz:0", Waiting::Unknown),
        ] {
            assert_eq!(waiting_in(list.as_bytes(), local, remote), expected, "{list}");
        }
    }
}
