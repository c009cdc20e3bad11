//! Sends what a router would export, at a given rate, to measure collectors with: ours, and others next to it.
//!
//! ```text
//! cargo run --release -p weir-capture --example send -- 127.0.0.1:2055 v9 60000 600000 [SOURCES [CONVERSATIONS]]
//! ```
//!
//! That is: where to, which version (v5, v9 or ipfix), datagrams a second (0: as fast as it goes), how many in all, and from how
//! many addresses of the loopback network (one if not said), each with how many conversations (100,000 if not said; up to
//! 15,000,000 are different). It ends after a minute in any case.
//!
//! Datagrams are built before: a record for each direction of each conversation, first those to servers, then those back. They
//! are sent again and again with the sequence numbers and times that they need. v5 has 30 records of 48 bytes, v9 31 of 45, IPFIX 30 of 47; templates come with
//! the first datagram and every thousandth.

#![expect(
    unsafe_code,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a tool to measure with: sendmmsg, the clock"
)]

#[path = "send/export.rs"]
mod export;

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use export::Exporter;

/// Datagrams of one call of the kernel.
const AT_ONCE: usize = 32;

const USAGE: &str =
    "usage: send ADDRESS:PORT v5|v9|ipfix DATAGRAMS_A_SECOND DATAGRAMS [SOURCES [CONVERSATIONS]]";

/// It ends then, whatever was asked for.
const LONGEST: Duration = Duration::from_mins(1);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [to, version, rate, count, more @ ..] = arguments.as_slice() else {
        return Err(USAGE.into());
    };
    let (to, rate, count): (SocketAddr, u64, u64) = (to.parse()?, rate.parse()?, count.parse()?);
    let sources: u8 = more.first().map_or(Ok(1), |sources| sources.parse())?;
    let conversations = more.get(1).map_or(Ok(100_000), |conversations| conversations.parse())?;
    let mut senders = Vec::new();
    for number in 0..sources.max(1) {
        let source = if to.ip().is_loopback() { [127, 0, 77, number] } else { [0; 4] };
        let socket = UdpSocket::bind((Ipv4Addr::from(source), 0))?;
        socket.connect(to)?;
        senders.push((socket, Exporter::new(version.parse()?, conversations, now())));
    }
    let begun = Instant::now();
    let (sent, records) = send(&mut senders, rate, count)?;
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "sent {sent} datagrams, {records} records in {seconds:.3} s: {:.0} datagrams, {:.0} records a second",
        sent as f64 / seconds,
        records as f64 / seconds
    );
    Ok(())
}

fn send(senders: &mut [(UdpSocket, Exporter)], rate: u64, count: u64) -> io::Result<(u64, u64)> {
    let begun = Instant::now();
    let (mut sent, mut records, mut turn) = (0, 0, 0);
    while sent < count && begun.elapsed() < LONGEST {
        let due = sent.saturating_mul(1_000_000_000).checked_div(rate).unwrap_or_default();
        std::thread::sleep(Duration::from_nanos(due).saturating_sub(begun.elapsed()));
        let sender = turn % senders.len();
        turn += 1;
        let Some((socket, exporter)) = senders.get_mut(sender) else { break };
        let batch = AT_ONCE.min(usize::try_from(count - sent).unwrap_or(AT_ONCE));
        let (datagrams, of_records) = exporter.next(batch, now());
        send_all(socket, datagrams)?;
        sent += batch as u64;
        records += of_records;
    }
    Ok((sent, records))
}

/// Since 1970.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Each of them, whatever it takes.
fn send_all(socket: &UdpSocket, datagrams: &[Vec<u8>]) -> io::Result<()> {
    let vector = |datagram: &Vec<u8>| libc::iovec {
        iov_base: datagram.as_ptr().cast_mut().cast(),
        iov_len: datagram.len(),
    };
    let mut vectors: Vec<_> = datagrams.iter().map(vector).collect();
    let header = |vector: &mut libc::iovec| {
        // SAFETY: integers and pointers, of which all may be 0.
        let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
        header.msg_hdr.msg_iov = vector;
        header.msg_hdr.msg_iovlen = 1;
        header
    };
    let mut headers: Vec<_> = vectors.iter_mut().map(header).collect();
    let mut done = 0;
    while let Some(rest) = headers.get_mut(done..).filter(|rest| !rest.is_empty()) {
        // SAFETY: the kernel reads the datagrams that the headers name, and writes to the headers.
        let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), rest.as_mut_ptr(), rest.len() as u32, 0) };
        match usize::try_from(sent) {
            Ok(sent) => done += sent,
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => {}
                // What an earlier datagram met; this one was not sent.
                error if error.kind() == io::ErrorKind::ConnectionRefused => {}
                error => return Err(error),
            },
        }
    }
    Ok(())
}
