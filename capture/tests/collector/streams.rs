//! IPFIX over TCP: where messages end, and when sessions do.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};
use weir_capture::collector::{
    self, Arrival, CollectorMonitor, CollectorOptions, CollectorWorker, DatagramBatch, Ending, Heard, Listen,
    Received, SessionId, StreamOptions, StreamStats,
};
use weir_model::dealing;

/// What arrived of streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Message(SessionId, Vec<u8>),
    Ended(SessionId),
}

impl Event {
    fn message(&self) -> Option<&[u8]> {
        match self {
            Self::Message(_, bytes) => Some(bytes),
            Self::Ended(_) => None,
        }
    }
}

/// A collector, and everything that arrived at it.
pub(super) struct Collecting {
    pub(super) workers: Vec<CollectorWorker>,
    pub(super) monitor: CollectorMonitor,
    batch: DatagramBatch,
    pub(super) events: Vec<Event>,
    froms: Vec<(usize, SocketAddr)>,
}

impl Collecting {
    pub(super) fn new(options: &CollectorOptions) -> Self {
        let (workers, monitor) = collector::open(options).unwrap();
        Self { workers, monitor, batch: DatagramBatch::new(), events: Vec::new(), froms: Vec::new() }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.stats().address
    }

    pub(super) fn stats(&self) -> StreamStats {
        let stats = self.monitor.stats().streams.remove(0);
        let ended: u64 = stats.ended.iter().map(|(_, count)| count).sum();
        let refused = stats.strangers + stats.refused + stats.refused_of_exporter;
        assert_eq!(stats.connections, refused + stats.open + ended);
        stats
    }

    pub(super) fn ended(&self, why: Ending) -> u64 {
        self.stats().ended.iter().find(|(reason, _)| *reason == why).unwrap().1
    }

    /// Receives until it is so.
    pub(super) fn until(&mut self, what: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !what(self) {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{:?} {:?} {:?}",
                self.events.len(),
                self.stats(),
                self.monitor.events()
            );
            self.receive();
        }
    }

    fn receive(&mut self) {
        for worker in &mut self.workers {
            if worker.receive(&mut self.batch, Duration::from_millis(2)) == Received::Ended {
                return;
            }
            for arrival in self.batch.iter() {
                match arrival {
                    Arrival::Datagram(datagram) => {
                        self.froms.push((worker.index(), datagram.from));
                        let Some(stream) = datagram.stream else { continue };
                        self.events.push(Event::Message(stream, datagram.bytes.to_vec()));
                    }
                    Arrival::SessionEnded { session, .. } => {
                        self.events.push(Event::Ended(session));
                    }
                }
            }
        }
    }

    pub(super) fn messages(&self) -> Vec<&[u8]> {
        self.events.iter().filter_map(Event::message).collect()
    }
}

fn tcp(streams: StreamOptions) -> CollectorOptions {
    CollectorOptions { streams, ..CollectorOptions::new(vec![Listen::tcp("127.0.0.1:0".parse().unwrap())]) }
}

pub(super) fn quick(millis: u64) -> StreamOptions {
    let message_time = Duration::from_millis(millis);
    StreamOptions { message_time, idle_time: 2 * message_time, ..StreamOptions::default() }
}

/// A message of that length; what is behind its header is never looked at.
pub(super) fn message(len: u16, content: u8) -> Vec<u8> {
    let mut message = vec![content; len.into()];
    message[..2].copy_from_slice(&10_u16.to_be_bytes());
    message[2..4].copy_from_slice(&len.to_be_bytes());
    message
}

fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A connection from another address of this host.
fn connect_from(number: u8, to: SocketAddr) -> TcpStream {
    use std::os::fd::FromRawFd;
    // SAFETY: plain system calls on a descriptor that is new; the addresses are of the size that is said.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0);
        let call = |call: unsafe extern "C" fn(i32, *const libc::sockaddr, u32) -> i32,
                    address: SocketAddr| {
            let SocketAddr::V4(address) = address else { panic!("{address}") };
            let mut name: libc::sockaddr_in = std::mem::zeroed();
            name.sin_family = libc::AF_INET as u16;
            name.sin_port = address.port().to_be();
            name.sin_addr.s_addr = address.ip().to_bits().to_be();
            assert_eq!(call(socket, (&raw const name).cast(), size_of_val(&name) as u32), 0);
        };
        call(libc::bind, (Ipv4Addr::new(127, 0, 77, number), 0).into());
        call(libc::connect, to);
        TcpStream::from_raw_fd(socket)
    }
}

/// Whether the other end closed it.
pub(super) fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    match stream.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn messages_are_whole_wherever_they_are_cut() {
    let mut collecting = Collecting::new(&tcp(StreamOptions::default()));
    let mut stream = connect(collecting.address());
    let messages = [message(16, 1), message(31, 2), message(20, 3)];
    let bytes = messages.concat();
    for cut in 0..=bytes.len() {
        stream.write_all(&bytes[..cut]).unwrap();
        collecting.receive();
        stream.write_all(&bytes[cut..]).unwrap();
        collecting.until(|all| all.events.len() == 3 * (cut + 1));
    }
    let expected: Vec<_> = (0..=bytes.len()).flat_map(|_| messages.iter().map(Vec::as_slice)).collect();
    assert_eq!(collecting.messages(), expected);
    let stats = collecting.stats();
    assert_eq!((stats.messages, stats.bytes, stats.open), (204, 68 * 67, 1));
}

#[test]
fn the_longest_message_and_a_thousand_at_once_are_taken() {
    let mut collecting = Collecting::new(&tcp(StreamOptions::default()));
    let mut stream = connect(collecting.address());
    let mut expected = vec![message(u16::MAX, 1), message(16, 2), message(u16::MAX, 3)];
    expected.extend((0..1000).map(|number| message(16 + number, number as u8)));
    let bytes = expected.concat();
    let sender = std::thread::spawn(move || {
        stream.write_all(&bytes).unwrap();
        stream
    });
    collecting.until(|all| all.events.len() == 1003);
    drop(sender.join().unwrap());
    collecting.until(|all| all.ended(Ending::Closed) == 1);
    assert_eq!(collecting.messages(), expected.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let Event::Message(session, _) = collecting.events[0] else { panic!("a message is first") };
    assert_eq!(collecting.events.last(), Some(&Event::Ended(session)));
}

#[test]
fn a_sender_waits_for_a_collector_that_takes_nothing_and_nothing_is_lost() {
    let mut collecting = Collecting::new(&tcp(StreamOptions::default()));
    let mut stream = connect(collecting.address());
    stream.set_nonblocking(true).unwrap();
    let one = message(50_000, 1);
    let (mut sent, mut rest) = (0_usize, &one[..]);
    let begun = Instant::now();
    // Until nothing more goes for a while.
    let mut progress = Instant::now();
    while progress.elapsed() < Duration::from_millis(300) && begun.elapsed() < Duration::from_secs(10) {
        match stream.write(rest) {
            Ok(count) => {
                (sent, rest, progress) = (sent + count, &rest[count..], Instant::now());
                if rest.is_empty() {
                    rest = &one;
                }
            }
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    assert!(sent < 64 << 20, "{sent} bytes were taken by nobody");
    stream.set_nonblocking(false).unwrap();
    let rest = rest.to_vec();
    let total = (sent + rest.len()) / one.len();
    let sender = std::thread::spawn(move || {
        stream.write_all(&rest).unwrap();
        stream
    });
    collecting.until(|all| all.messages().len() == total);
    assert!(collecting.messages().iter().all(|message| *message == one));
    drop(sender.join());
}

#[test]
fn what_is_not_ipfix_ends_the_session_for_a_reason() {
    let part = &message(100, 1)[..50];
    for (bytes, why) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], Ending::Version),
        (&[0, 9, 0, 1, 0, 0, 0, 0], Ending::Version),
        (&[1], Ending::ClosedWithin),
        (&[0, 10, 0, 15], Ending::Length),
        (&[0, 10, 0, 0], Ending::Length),
        (part, Ending::ClosedWithin),
        (&[], Ending::Closed),
    ] {
        let mut collecting = Collecting::new(&tcp(StreamOptions::default()));
        let mut stream = connect(collecting.address());
        stream.write_all(&message(20, 7)).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        collecting.until(|all| all.events.len() == 2);
        assert_eq!(collecting.ended(why), 1, "{bytes:?}");
        let Event::Message(session, first) = &collecting.events[0] else { panic!("{:?}", collecting.events) };
        assert_eq!(*first, message(20, 7));
        assert_eq!(collecting.events[1], Event::Ended(*session));
        let told = collecting.monitor.events();
        assert_eq!(told.len(), usize::from(why.is_wrong()), "{told:?}");
        for event in told {
            let Heard::CutOff { exporter, listen, why: told, .. } = event.what else { panic!("{event}") };
            assert_eq!((exporter, listen, told), (IpAddr::from([127, 0, 0, 1]), 0, why));
        }
        assert!(is_closed(&mut stream));
    }
}

#[test]
fn any_bytes_end_in_the_books() {
    let mut collecting = Collecting::new(&tcp(StreamOptions::default()));
    let to = collecting.address();
    let mut state = 7_u32;
    let mut random = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    };
    for count in 1..=200 {
        let mut bytes: Vec<u8> = (0..random() % 4000).map(|_| random() as u8).collect();
        // Half of them begin as if they were IPFIX, with a length of any kind.
        if count % 2 == 0 && bytes.len() > 4 {
            bytes[..2].copy_from_slice(&[0, 10]);
        }
        let mut stream = connect(to);
        let _refused = stream.write_all(&bytes);
        drop(stream);
        collecting.until(|all| all.stats().open == 0 && all.stats().connections == count);
    }
    let ends = collecting.events.iter().filter(|event| matches!(event, Event::Ended(..))).count();
    assert_eq!(ends, 200);
    assert!(collecting.ended(Ending::Version) >= 99);
}

#[test]
fn slow_and_silent_senders_are_cut_off() {
    for (bytes, why) in [
        (Vec::new(), Ending::Slow),
        (vec![0], Ending::Slow),
        ([message(20, 1), vec![0, 10, 0, 20]].concat(), Ending::Slow),
        (message(20, 1), Ending::Idle),
    ] {
        let mut collecting = Collecting::new(&tcp(quick(300)));
        let mut stream = connect(collecting.address());
        let begun = Instant::now();
        stream.write_all(&bytes).unwrap();
        collecting.until(|all| all.ended(why) == 1);
        let least = if why == Ending::Idle { 600 } else { 300 };
        assert!(begun.elapsed() >= Duration::from_millis(least - 20), "{why:?} {:?}", begun.elapsed());
        assert!(is_closed(&mut stream));
    }
}

#[test]
fn a_drip_of_bytes_is_not_a_message() {
    let mut collecting = Collecting::new(&tcp(quick(400)));
    let mut stream = connect(collecting.address());
    stream.write_all(&message(20, 1)).unwrap();
    let drip = std::thread::spawn(move || {
        let begun = Instant::now();
        for byte in message(1000, 1) {
            if stream.write_all(&[byte]).is_err() {
                return begun.elapsed();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("nobody minded");
    });
    collecting.until(|all| all.ended(Ending::Slow) == 1);
    assert!(drip.join().unwrap() < Duration::from_secs(10));
}

#[test]
fn a_sender_is_not_blamed_for_a_collector_that_was_busy() {
    let mut collecting = Collecting::new(&tcp(quick(200)));
    let mut stream = connect(collecting.address());
    stream.write_all(&message(20, 1)).unwrap();
    collecting.until(|all| all.events.len() == 1);
    let second = message(1000, 2);
    stream.write_all(&second[..500]).unwrap();
    (0..20).for_each(|_| collecting.receive());
    stream.write_all(&second[500..]).unwrap();
    std::thread::sleep(Duration::from_millis(800));
    collecting.until(|all| all.events.len() == 2);
    assert_eq!(collecting.messages().last(), Some(&second.as_slice()));
}

#[test]
fn a_session_that_goes_on_is_left_alone() {
    let mut collecting = Collecting::new(&tcp(quick(400)));
    let mut stream = connect(collecting.address());
    for count in 1..=8 {
        stream.write_all(&message(20, 1)).unwrap();
        collecting.until(|all| all.events.len() == count);
        std::thread::sleep(Duration::from_millis(150));
    }
    assert_eq!(collecting.stats().open, 1);
}

#[test]
fn sessions_are_bounded_in_all_and_per_exporter() {
    let options = StreamOptions { sessions: 3, sessions_per_exporter: 2, ..StreamOptions::default() };
    let mut collecting = Collecting::new(&tcp(options));
    let to = collecting.address();
    let mut first = connect_from(1, to);
    let second = connect_from(1, to);
    collecting.until(|all| all.stats().open == 2);
    assert!(is_closed(&mut connect_from(1, to)));
    let _third = connect_from(2, to);
    collecting.until(|all| all.stats().open == 3);
    assert!(is_closed(&mut connect_from(3, to)));
    let stats = collecting.stats();
    assert_eq!((stats.connections, stats.refused_of_exporter, stats.refused), (5, 1, 1));
    drop(second);
    collecting.until(|all| all.stats().open == 2);
    assert!(matches!(collecting.events[..], [Event::Ended(_)]));
    let _fourth = connect_from(3, to);
    collecting.until(|all| all.stats().open == 3);
    first.write_all(&message(16, 1)).unwrap();
    drop(first);
    collecting.until(|all| all.events.len() == 3);
    assert!(matches!(collecting.events[1..], [Event::Message(..), Event::Ended(_)]));
}

#[test]
fn the_same_worker_gets_sessions_and_datagrams_of_an_exporter() {
    let mut options = tcp(StreamOptions { sessions_per_exporter: 2, ..StreamOptions::default() });
    options.listen.push(Listen::udp("127.0.0.1:0".parse().unwrap()));
    options.threads = 3;
    options.allowed = vec!["127.0.77.0/27".parse().unwrap()];
    let mut collecting = Collecting::new(&options);
    let (streams, datagrams) = (collecting.address(), collecting.monitor.stats().sockets[0].address);
    let mut open = Vec::new();
    for number in 1..=20 {
        let mut stream = connect_from(number, streams);
        stream.write_all(&message(16, number)).unwrap();
        open.push(stream);
        let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 77, number), 0)).unwrap();
        socket.send_to(&[number], datagrams).unwrap();
    }
    collecting.until(|all| all.froms.len() == 40);
    for (worker, from) in &collecting.froms {
        assert_eq!(*worker, dealing::worker(dealing::exporter(from.ip()), 3));
    }
    assert!(is_closed(&mut connect_from(40, streams)));
    assert_eq!(collecting.stats().strangers, 1);
    let told = collecting.monitor.events();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].what, Heard::Stranger([127, 0, 77, 40].into()));
}

#[test]
fn stopping_reads_what_is_there_and_ends_the_sessions() {
    let mut collecting = Collecting::new(&tcp(StreamOptions::default()));
    let to = collecting.address();
    let mut streams = [connect(to), connect(to)];
    for stream in &mut streams {
        stream.write_all(&message(500, 1).repeat(300)).unwrap();
    }
    std::thread::sleep(Duration::from_millis(100));
    collecting.monitor.stop();
    let mut batch = DatagramBatch::new();
    let mut ends = 0;
    while collecting.workers[0].receive(&mut batch, Duration::from_secs(1)) != Received::Ended {
        ends += batch.iter().filter(|arrival| matches!(arrival, Arrival::SessionEnded { .. })).count();
    }
    assert_eq!((ends, collecting.stats().messages), (2, 600));
    assert_eq!((collecting.ended(Ending::Stopped), collecting.stats().open), (2, 0));
    assert!(TcpStream::connect(to).is_err());
}

#[test]
fn sessions_of_a_worker_that_is_gone_are_over() {
    let mut collecting = Collecting::new(&tcp(StreamOptions::default()));
    let mut stream = connect(collecting.address());
    stream.write_all(&message(20, 1)).unwrap();
    collecting.until(|all| all.events.len() == 1);
    collecting.workers.clear();
    assert!(is_closed(&mut stream));
    assert_eq!((collecting.ended(Ending::Stopped), collecting.stats().open), (1, 0));
}

#[test]
fn sessions_do_not_keep_datagrams_waiting() {
    let mut options = tcp(StreamOptions::default());
    options.listen.push(Listen::udp("127.0.0.1:0".parse().unwrap()));
    let mut collecting = Collecting::new(&options);
    let mut streams = [connect(collecting.address()), connect(collecting.address())];
    for stream in &mut streams {
        stream.write_all(&message(16, 1).repeat(4000)).unwrap();
    }
    std::thread::sleep(Duration::from_millis(100));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(&[1], collecting.monitor.stats().sockets[0].address).unwrap();
    for _ in 0..6 {
        collecting.receive();
    }
    assert!(collecting.froms.len() > collecting.events.len(), "the datagram is not among the first");
    collecting.until(|all| all.messages().len() == 8000);
}
