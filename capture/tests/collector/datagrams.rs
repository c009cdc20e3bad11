//! UDP: who gets which datagram, in which order, and what is counted of those that nobody gets.

use super::{drain, drain_until, udp};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use weir_capture::collector::{self, CollectorError, CollectorOptions, DatagramBatch, Heard, Received};
use weir_model::dealing;

/// The `number`th address of this host.
fn source(number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 77, number))
}

/// A socket of the address, at a port of its own.
fn sender(ip: IpAddr, to: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    socket.connect(to).unwrap();
    socket
}

#[test]
fn an_exporter_reaches_one_worker_whatever_its_port_and_its_order_is_kept() {
    let (mut workers, monitor) = collector::open(&udp(&["127.0.0.1:0"], 4)).unwrap();
    let to = monitor.stats().sockets[0].address;
    for round in 0..8_u8 {
        for number in 1..=64 {
            sender(source(number), to).send(&[number, round]).unwrap();
        }
    }
    let got = drain_until(&mut workers, 512);
    assert_eq!(got.len(), 512);
    let mut orders: BTreeMap<IpAddr, Vec<u8>> = BTreeMap::new();
    let (mut ports, mut sizes) = (BTreeSet::new(), [0; 4]);
    for one in &got {
        assert_eq!(one.from.ip(), source(one.bytes[0]));
        assert_eq!(one.worker, dealing::worker(dealing::exporter(one.from.ip()), 4));
        orders.entry(one.from.ip()).or_default().push(one.bytes[1]);
        ports.insert(one.from);
        sizes[one.worker] += 1;
    }
    assert!(ports.len() > 400, "{}", ports.len());
    assert!(orders.len() == 64 && orders.values().all(|order| *order == [0, 1, 2, 3, 4, 5, 6, 7]));
    assert!(sizes.iter().all(|size| (64..=192).contains(size)), "{sizes:?}");
    let stats = monitor.stats().sockets;
    assert_eq!(stats.iter().map(|one| one.datagrams).collect::<Vec<_>>(), sizes);
    assert_eq!(stats.iter().map(|one| one.bytes).sum::<u64>(), 1024);
}

#[test]
fn datagrams_come_as_they_were_sent_at_the_time_the_kernel_got_them() {
    let (mut workers, monitor) = collector::open(&udp(&["127.0.0.1:0", "127.0.0.2:0"], 1)).unwrap();
    let stats = monitor.stats().sockets;
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let contents: Vec<Vec<u8>> = [0, 1, 1400, 9000, 65_507_u32]
        .iter()
        .map(|len| (0..*len).map(|at| (at % 251) as u8).collect())
        .collect();
    for content in &contents {
        sender(source(1), stats[1].address).send(content).unwrap();
    }
    let after = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    std::thread::sleep(Duration::from_millis(30));
    let got = drain(&mut workers);
    assert_eq!(got.iter().map(|one| &one.bytes).collect::<Vec<_>>(), contents.iter().collect::<Vec<_>>());
    for one in &got {
        assert_eq!(one.listen, 1);
        let received = u128::from(one.received.as_nanos());
        assert!((before.as_nanos()..=after.as_nanos()).contains(&received));
    }
}

#[test]
fn what_the_kernel_drops_is_counted_exactly() {
    let options = CollectorOptions { receive_buffer: 64 << 10, ..udp(&["127.0.0.1:0"], 2) };
    let (mut workers, monitor) = collector::open(&options).unwrap();
    let to = monitor.stats().sockets[0].address;
    let mut sent = [0_u64; 2];
    for number in 1..=8 {
        let socket = sender(source(number), to);
        for _ in 0..500 {
            socket.send(&[7; 1400]).unwrap();
            sent[dealing::worker(dealing::exporter(source(number)), 2)] += 1;
        }
    }
    let full = monitor.stats().sockets;
    assert!(full.iter().all(|one| one.waiting > 32 << 10 && one.buffer == 64 << 10), "{full:?}");
    let got = drain(&mut workers);
    let stats = monitor.stats().sockets;
    for (one, sent) in stats.iter().zip(sent) {
        assert!(one.dropped > 0, "{one:?}");
        assert_eq!(one.datagrams + one.dropped, sent);
        assert_eq!(one.waiting, 0);
    }
    assert_eq!(got.len() as u64, stats.iter().map(|one| one.datagrams).sum::<u64>());
    monitor.stop();
    sender(source(1), to).send(b"late").unwrap();
    assert_eq!(monitor.stats().sockets, stats, "what comes after the end is not dropped for want of room");
}

#[test]
fn longer_datagrams_than_allowed_are_counted_and_not_handed_on() {
    let options = CollectorOptions { longest_datagram: 1000, ..udp(&["127.0.0.1:0"], 1) };
    let (mut workers, monitor) = collector::open(&options).unwrap();
    let socket = sender(source(1), monitor.stats().sockets[0].address);
    for len in [1000, 1001, 5000, 999] {
        socket.send(&vec![len as u8; len]).unwrap();
    }
    let got = drain(&mut workers);
    assert_eq!(got.iter().map(|one| one.bytes.len()).collect::<Vec<_>>(), [1000, 999]);
    let stats = &monitor.stats().sockets[0];
    assert_eq!((stats.datagrams, stats.bytes, stats.truncated), (2, 1999, 2));
}

#[test]
fn strangers_are_counted_and_told_of_once() {
    let allowed = vec!["127.0.77.0/28".parse().unwrap()];
    let (mut workers, monitor) =
        collector::open(&CollectorOptions { allowed, ..udp(&["127.0.0.1:0"], 2) }).unwrap();
    let to = monitor.stats().sockets[0].address;
    for _ in 0..3 {
        for number in 10..20 {
            sender(source(number), to).send(&[number]).unwrap();
        }
    }
    let got = drain(&mut workers);
    assert_eq!(got.len(), 18);
    assert!(got.iter().all(|one| one.bytes[0] < 16));
    let stats = monitor.stats().sockets;
    assert_eq!(stats.iter().map(|one| one.refused).sum::<u64>(), 12);
    let told: BTreeSet<_> = monitor
        .events()
        .iter()
        .map(|event| match event.what {
            Heard::Stranger(address) => address,
            Heard::CutOff { .. } => panic!("{event} without streams"),
        })
        .collect();
    assert_eq!(told, (16..20).map(source).collect());
    sender(source(16), to).send(&[16]).unwrap();
    assert_eq!(drain(&mut workers), []);
    assert_eq!(monitor.events(), []);
}

#[test]
fn a_busy_socket_does_not_keep_another_waiting() {
    let (mut workers, monitor) = collector::open(&udp(&["127.0.0.1:0", "127.0.0.1:0"], 1)).unwrap();
    let stats = monitor.stats().sockets;
    let (busy, quiet) = (sender(source(1), stats[0].address), sender(source(2), stats[1].address));
    for _ in 0..1000 {
        busy.send(&[1; 100]).unwrap();
    }
    quiet.send(&[2]).unwrap();
    let mut batch = DatagramBatch::new();
    let mut listens = BTreeSet::new();
    for _ in 0..2 {
        assert_eq!(workers[0].receive(&mut batch, Duration::from_secs(1)), Received::Arrivals);
        listens.extend(super::datagrams_of(0, &batch).iter().map(|one| one.listen));
    }
    assert_eq!(listens, BTreeSet::from([0, 1]));
}

#[test]
fn what_waits_at_the_end_is_handed_on() {
    let (mut workers, monitor) = collector::open(&udp(&["127.0.0.1:0"], 1)).unwrap();
    let socket = sender(source(1), monitor.stats().sockets[0].address);
    for _ in 0..300 {
        socket.send(&[1]).unwrap();
    }
    monitor.stop();
    socket.send(&[2]).unwrap();
    let (mut batch, mut got) = (DatagramBatch::new(), 0);
    loop {
        match workers[0].receive(&mut batch, Duration::from_secs(10)) {
            Received::Ended => break,
            _ => got += batch.len(),
        }
    }
    assert_eq!(got, 300);
}

#[test]
fn stopping_wakes_who_waits() {
    let (mut workers, monitor) = collector::open(&udp(&["127.0.0.1:0"], 1)).unwrap();
    let waiting = std::thread::spawn(move || {
        let mut batch = DatagramBatch::new();
        while workers[0].receive(&mut batch, Duration::from_mins(1)) != Received::Ended {}
    });
    std::thread::sleep(Duration::from_millis(20));
    let begun = SystemTime::now();
    monitor.stop();
    waiting.join().unwrap();
    assert!(begun.elapsed().unwrap() < Duration::from_secs(20));
}

#[test]
fn a_port_that_is_taken_is_not_shared() {
    for threads in [1, 2] {
        let (_workers, monitor) = collector::open(&udp(&["127.0.0.1:0"], threads)).unwrap();
        let taken = monitor.stats().sockets[0].address.to_string();
        for others in [1, 2] {
            let error = collector::open(&udp(&[&taken], others)).unwrap_err();
            let expected = format!("listening on udp {taken}: Address already in use");
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
    }
}

#[test]
fn options_that_cannot_be_are_refused() {
    let valid = udp(&["127.0.0.1:2055"], 1);
    for options in [
        CollectorOptions { listen: Vec::new(), ..valid.clone() },
        CollectorOptions { threads: 0, ..valid.clone() },
        CollectorOptions { threads: 100_000, ..valid.clone() },
        CollectorOptions { longest_datagram: 65_536, ..valid },
        udp(&["127.0.0.1:2055", "127.0.0.1:2055"], 1),
        udp(&["127.0.0.1:2055", "0.0.0.0:2055"], 1),
        udp(&["[::]:2055", "127.0.0.1:2055", "[::1]:2055"], 1),
    ] {
        assert!(matches!(collector::open(&options), Err(CollectorError::Options(_))), "{options:?}");
    }
}
