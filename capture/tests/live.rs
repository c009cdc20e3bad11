//! Live capture on virtual interfaces between two network namespaces. Where those cannot be made (not root), the
//! tests say so and pass.

#![expect(
    unsafe_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a thread enters a namespace, a packet socket sends; what goes wrong in helpers of tests shall fail"
)]

mod live_net;

use live_net::frames::{Ends, carried, plain};
use live_net::{Net, Side};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};
use weir_capture::FrameBatch;
use weir_capture::live::{
    self, Happening, InterfaceStats, LinkState, TapMonitor, TapOptions, TapWorker, Woken,
};
use weir_model::frame::LinkType;
use weir_model::{Endpoint, Frame, Timestamp, dealing};
use weir_wire::{Peeked, peek};

/// A frame as a worker got it.
#[derive(Clone, Debug)]
struct Got {
    worker: usize,
    number: u64,
    time: Timestamp,
    link: LinkType,
    original_len: u32,
    data: Vec<u8>,
}

fn options(interfaces: &[&str], workers: usize) -> TapOptions {
    let interfaces = interfaces.iter().map(|name| (*name).to_owned()).collect();
    // In order, however busy the machine is.
    let merge_wait = Duration::from_millis(300);
    TapOptions { workers, ring_bytes: 8 << 20, merge_wait, ..TapOptions::new(interfaces) }
}

/// Runs each worker in a thread until `meanwhile` is over and the tap is stopped: everything captured, and the books.
fn capture(
    workers: Vec<TapWorker>,
    monitor: &TapMonitor,
    meanwhile: impl FnOnce(&TapMonitor),
) -> (Vec<Got>, Vec<InterfaceStats>) {
    let got = thread::scope(|scope| {
        let threads: Vec<_> =
            workers.into_iter().map(|worker| scope.spawn(move || capture_with(worker))).collect();
        meanwhile(monitor);
        thread::sleep(Duration::from_millis(50));
        monitor.stop();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    (got, monitor.stats())
}

fn capture_with(mut worker: TapWorker) -> Vec<Got> {
    let (mut batch, mut all) = (FrameBatch::new(), Vec::new());
    let until = Instant::now() + Duration::from_secs(20);
    while worker.next_batch(&mut batch) != Woken::Ended {
        assert!(Instant::now() < until, "the tap does not end");
        let worker = worker.index();
        all.extend(batch.iter().map(|frame| Got {
            worker,
            number: frame.number,
            time: frame.time,
            link: frame.link,
            original_len: frame.original_len,
            data: frame.data.to_vec(),
        }));
    }
    all
}

/// Ethernet, IPv4, UDP with `number` in it.
fn datagram(number: u32) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    frame.extend([0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 1]);
    frame.extend([0x30, 0x39, 0, 53, 0, 12, 0, 0]);
    frame.extend(number.to_be_bytes());
    frame
}

fn number_in(frame: &[u8]) -> u32 {
    u32::from_be_bytes(*frame.last_chunk().unwrap())
}

fn assert_balanced(stats: &[InterfaceStats]) {
    for interface in stats {
        assert_eq!(interface.in_rings(), 0, "{interface:?}");
    }
}

#[test]
fn one_worker_gets_what_was_sent_and_the_books_balance() {
    let Some(net) = Net::new() else { return };
    net.pair("tap0", "out0");
    let (workers, monitor) = net.inside(Side::Tap, || live::open(&options(&["tap0"], 1)).unwrap());
    let sender = net.sender("out0");
    let before = Timestamp::from_nanos(
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64,
    );
    let (got, stats) = capture(workers, &monitor, |_| {
        for number in 0..1000 {
            assert!(sender.send(&datagram(number)));
        }
    });
    let numbers: Vec<_> = got.iter().map(|frame| number_in(&frame.data)).collect();
    assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
    assert_eq!(got[7].data, datagram(7));
    assert!(got.iter().all(|frame| frame.time >= before), "times are the kernel's");
    assert!(got.iter().any(|frame| frame.time.as_nanos() % 1000 != 0), "in nanoseconds");
    assert!(got.is_sorted_by_key(|frame| (frame.time, frame.number)));
    assert_eq!((stats[0].received, stats[0].delivered, stats[0].state), (1000, 1000, LinkState::Up));
    assert_balanced(&stats);
}

#[test]
fn a_filter_leaves_out_what_it_says_and_that_is_not_counted() {
    let Some(net) = Net::new() else { return };
    net.pair("tap0", "out0");
    let filtered =
        TapOptions { filter: Some("udp port 53 and greater 46".to_owned()), ..options(&["tap0"], 2) };
    let (workers, monitor) = net.inside(Side::Tap, || live::open(&filtered).unwrap());
    let sender = net.sender("out0");
    let (got, stats) = capture(workers, &monitor, |_| {
        for number in 0..100 {
            let mut other = datagram(number);
            other[37] = 54;
            assert!(sender.send(&datagram(number)) && sender.send(&other) && sender.send(&other[..44]));
        }
    });
    assert_eq!(got.len(), 100);
    assert_eq!((stats[0].received, stats[0].before_joining), (100, 0));
    assert_balanced(&stats);
    let wrong = TapOptions { filter: Some("port port".to_owned()), ..options(&["tap0"], 1) };
    let error = net.inside(Side::Tap, || live::open(&wrong).unwrap_err());
    assert!(error.to_string().contains("syntax error"), "{error}");
}

#[test]
fn what_cannot_be_opened_is_said() {
    let error = live::open(&options(&["no-such-interface"], 1)).unwrap_err();
    assert!(error.to_string().contains("no-such-interface"), "{error}");
    assert!(live::open(&options(&[], 1)).is_err());
    assert!(live::open(&options(&["lo", "lo"], 1)).is_err());
    assert!(live::open(&options(&["lo"], 0)).is_err());
    assert!(live::open(&options(&["lo"], live::MAX_WORKERS + 1)).is_err());
}

/// Traffic that runs while handles are opened and joined: no frame comes twice, none is missing that is not counted.
#[test]
fn frames_that_arrive_while_joining_are_counted_once() {
    let Some(net) = Net::new() else { return };
    net.pair("tap0", "out0");
    let sender = net.sender("out0");
    let going = std::sync::atomic::AtomicBool::new(true);
    thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let mut number = 0;
            let until = Instant::now() + Duration::from_secs(10);
            while going.load(std::sync::atomic::Ordering::Relaxed) && Instant::now() < until {
                assert!(sender.send(&flow_datagram(number)));
                number += 1;
            }
            number
        });
        thread::sleep(Duration::from_millis(20));
        let large = TapOptions { ring_bytes: 64 << 20, ..options(&["tap0"], 3) };
        let (workers, monitor) = net.inside(Side::Tap, || live::open(&large).unwrap());
        let mut sent = 0;
        let (got, stats) = capture(workers, &monitor, |monitor| {
            // Whoever sends may not have had its turn since.
            let until = Instant::now() + Duration::from_secs(10);
            while monitor.stats()[0].delivered == 0 && Instant::now() < until {
                thread::sleep(Duration::from_millis(20));
            }
            going.store(false, std::sync::atomic::Ordering::Relaxed);
        });
        sent += sending.join().unwrap();
        let numbers: BTreeSet<_> = got.iter().map(|frame| number_in(&frame.data)).collect();
        assert_eq!(numbers.len(), got.len(), "none twice");
        let (first, last) = (*numbers.first().unwrap(), *numbers.last().unwrap());
        assert_eq!(last + 1, sent);
        // From the first that was handed on, each was handed on, or dropped, or still counted as too early.
        let stats = &stats[0];
        let missing = u64::from(sent - first) - got.len() as u64;
        assert!(missing <= stats.before_joining + stats.dropped, "{missing} missing of {sent}: {stats:?}");
        assert!(stats.before_joining > 0, "traffic ran while joining: {stats:?}");
        assert_eq!(stats.in_rings(), 0, "{stats:?}");
    });
}

/// A different flow for each number.
fn flow_datagram(number: u32) -> Vec<u8> {
    let mut frame = datagram(number);
    frame[34..36].copy_from_slice(&(1024 + number as u16 % 50_000).to_be_bytes());
    frame
}

#[test]
fn two_interfaces_are_one_tap_in_the_order_of_time() {
    let Some(net) = Net::new() else { return };
    net.pair("tap0", "out0");
    net.pair("tap1", "out1");
    let (workers, monitor) = net.inside(Side::Tap, || live::open(&options(&["tap0", "tap1"], 1)).unwrap());
    let senders = [net.sender("out0"), net.sender("out1")];
    let (got, stats) = capture(workers, &monitor, |_| {
        for number in 0..2000 {
            // In turns, and then one of them alone.
            let sender = if number < 1000 { &senders[number as usize % 2] } else { &senders[0] };
            assert!(sender.send(&datagram(number)));
        }
    });
    let numbers: Vec<_> = got.iter().map(|frame| number_in(&frame.data)).collect();
    assert_eq!(numbers, (0..2000).collect::<Vec<_>>());
    assert_eq!(got.iter().map(|frame| frame.number).collect::<Vec<_>>(), (1..=2000).collect::<Vec<_>>());
    assert_eq!((stats[0].delivered, stats[1].delivered), (1500, 500));
    assert_balanced(&stats);
}

/// Waits until something happened to an interface.
fn wait_for(monitor: &TapMonitor, what: &Happening) {
    let until = Instant::now() + Duration::from_secs(10);
    let mut seen = Vec::new();
    while !seen.contains(what) {
        assert!(Instant::now() < until, "{what:?} did not happen, but {seen:?}");
        thread::sleep(Duration::from_millis(5));
        seen.extend(monitor.events().into_iter().map(|event| event.what));
    }
}

#[test]
fn an_interface_that_goes_down_or_away_is_waited_for_and_taken_up_again() {
    let Some(net) = Net::new() else { return };
    net.pair("tap0", "out0");
    let (workers, monitor) = net.inside(Side::Tap, || live::open(&options(&["tap0"], 3)).unwrap());
    let send = |from: u32| {
        let sender = net.sender("out0");
        for number in from..from + 300 {
            assert!(sender.send(&flow_datagram(number)));
        }
        thread::sleep(Duration::from_millis(30));
    };
    let (got, stats) = capture(workers, &monitor, |monitor| {
        send(0);
        net.ip(Side::Tap, &["link", "set", "tap0", "down"]);
        wait_for(monitor, &Happening::WentDown);
        assert_eq!(monitor.stats()[0].state, LinkState::Down);
        net.ip(Side::Tap, &["link", "set", "tap0", "up"]);
        wait_for(monitor, &Happening::TakenUp);
        send(0);
        net.ip(Side::Tap, &["link", "del", "tap0"]);
        wait_for(monitor, &Happening::WentAway);
        thread::sleep(Duration::from_millis(300));
        assert_eq!(monitor.stats()[0].state, LinkState::Absent);
        net.pair("tap0", "out0");
        wait_for(monitor, &Happening::TakenUp);
        send(0);
    });
    let mut workers_of: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); 300];
    let mut times_of = vec![0; 300];
    for frame in &got {
        let number = number_in(&frame.data) as usize;
        workers_of[number].insert(frame.worker);
        times_of[number] += 1;
    }
    assert!(times_of.iter().all(|times| *times == 3), "each frame was sent three times: {times_of:?}");
    assert!(workers_of.iter().all(|workers| workers.len() == 1), "a flow stays with its worker");
    assert_eq!((stats[0].delivered, stats[0].went_down, stats[0].dropped), (900, 2, 0));
    assert_balanced(&stats);
}

/// What the decoder says about whose packet the frame holds.
fn hash_of(frame: &[u8]) -> u32 {
    let frame = Frame {
        number: 1,
        time: Timestamp::EPOCH,
        link: LinkType::ETHERNET,
        original_len: frame.len() as u32,
        data: frame,
    };
    match peek(&frame) {
        Peeked::Packet { protocol, source, destination, .. } => dealing::hash(protocol, source, destination),
        Peeked::Fragment { protocol, source, destination } => {
            dealing::hash(protocol, Endpoint::new(source, 0), Endpoint::new(destination, 0))
        }
        Peeked::Other => 0,
    }
}

/// Each kind of packet in each carrier, both directions of a few flows: whoever receives them (the kernel runs the
/// program on frames that arrive), and whoever sends them (and on those that leave).
#[test]
fn the_kernel_deals_as_files_are_dealt_and_keeps_tags() {
    let Some(net) = Net::new() else { return };
    net.pair("tap0", "out0");
    let mut sent = Vec::new();
    for number in 0..3 {
        for ends in [false, true].map(|reply| Ends { number, reply }) {
            for (_, packet) in plain(ends) {
                sent.extend(carried(ends, &packet).into_iter().map(|(_, frame)| frame));
            }
        }
    }
    let open = |side, interface| net.inside(side, || live::open(&options(&[interface], 3)).unwrap());
    let taps = [open(Side::Tap, "tap0"), open(Side::Sender, "out0")];
    let sender = net.sender("out0");
    let sending = std::sync::Once::new();
    sent.sort();
    for (workers, monitor) in taps {
        let (got, stats) = capture(workers, &monitor, |_| {
            sending.call_once(|| assert!(sent.iter().all(|frame| sender.send(frame))));
        });
        assert_balanced(&stats);
        for frame in &got {
            assert_eq!(frame.worker, dealing::worker(hash_of(&frame.data), 3), "{:02x?}", frame.data);
        }
        let mut got: Vec<_> = got.into_iter().map(|frame| frame.data).collect();
        got.sort();
        assert!(got == sent, "{} frames sent, {} captured, or with other bytes", sent.len(), got.len());
    }
}

#[test]
fn both_directions_meet_and_the_load_is_balanced() {
    const FLOWS: u16 = 2000;
    const WORKERS: usize = 4;
    let Some(net) = Net::new() else { return };
    net.pair("tap0", "out0");
    let packets = plain(Ends { number: 0, reply: false });
    let carriers = carried(Ends { number: 0, reply: false }, &packets[0].1);
    let kinds = [
        ("TCP", "Ethernet"),
        ("IPv6 TCP", "one tag"),
        ("TCP", "QinQ"),
        ("TCP", "VXLAN"),
        ("UDP", "MPLS"),
        ("TCP", "GTP-U with extensions"),
        ("first fragment", "Ethernet"),
        ("later fragment", "QinQ"),
        ("IPv6 later fragment", "one tag"),
    ];
    for (packet_name, carrier_name) in kinds {
        let packet_at = packets.iter().position(|(name, _)| *name == packet_name).unwrap();
        let carrier_at = carriers.iter().position(|(name, _)| *name == carrier_name).unwrap();
        let frame = |ends| carried(ends, &plain(ends).swap_remove(packet_at).1).swap_remove(carrier_at).1;
        let (workers, monitor) = net.inside(Side::Tap, || live::open(&options(&["tap0"], WORKERS)).unwrap());
        let sender = net.sender("out0");
        let (got, _) = capture(workers, &monitor, |_| {
            for number in 0..FLOWS {
                for ends in [false, true].map(|reply| Ends { number, reply }) {
                    assert!(sender.send(&frame(ends)));
                }
            }
        });
        let mut of_flow = std::collections::BTreeMap::<u32, Vec<usize>>::new();
        let mut load = [0; WORKERS];
        for frame in &got {
            of_flow.entry(hash_of(&frame.data)).or_default().push(frame.worker);
            load[frame.worker] += 1;
        }
        let met = of_flow.values().filter(|workers| workers.iter().all(|worker| *worker == workers[0]));
        assert_eq!(got.len(), 2 * usize::from(FLOWS));
        assert_eq!(met.count(), usize::from(FLOWS), "{packet_name} in {carrier_name}");
        let most = load.iter().max().unwrap() * WORKERS * 100 / got.len();
        println!("{packet_name} in {carrier_name}: fullest worker {most} % of its share, {load:?}");
        assert!(most < 115, "{packet_name} in {carrier_name}: {load:?}");
    }
}

#[test]
fn an_interface_that_is_down_at_the_beginning_is_waited_for() {
    let Some(net) = Net::new() else { return };
    net.pair("tap0", "out0");
    net.ip(Side::Tap, &["link", "set", "tap0", "down"]);
    let (workers, monitor) = net.inside(Side::Tap, || live::open(&options(&["tap0"], 2)).unwrap());
    let (got, stats) = capture(workers, &monitor, |monitor| {
        assert_eq!(monitor.stats()[0].state, LinkState::Down);
        net.ip(Side::Tap, &["link", "set", "tap0", "up"]);
        wait_for(monitor, &Happening::TakenUp);
        assert!(net.sender("out0").send(&datagram(1)));
    });
    assert_eq!((got.len(), stats[0].went_down, stats[0].state), (1, 0, LinkState::Up));
    assert_balanced(&stats);
}

/// A passive tap: requests on one interface, answers on the other. Also after one of them was down, an answer follows
/// its request, in the same worker.
#[test]
fn requests_come_before_answers_also_after_an_interface_was_down() {
    let Some(net) = Net::new() else { return };
    net.pair("tap0", "out0");
    net.pair("tap1", "out1");
    let (workers, monitor) = net.inside(Side::Tap, || live::open(&options(&["tap0", "tap1"], 2)).unwrap());
    let senders = [net.sender("out0"), net.sender("out1")];
    let frame = |ends: Ends| carried(ends, &plain(ends)[0].1).swap_remove(1).1;
    let converse = |from: u16| {
        for number in from..from + 200 {
            assert!(senders[0].send(&frame(Ends { number, reply: false })));
            assert!(senders[1].send(&frame(Ends { number, reply: true })));
        }
        thread::sleep(Duration::from_millis(50));
    };
    let (got, stats) = capture(workers, &monitor, |monitor| {
        converse(0);
        for interface in ["tap1", "tap0"] {
            net.ip(Side::Tap, &["link", "set", interface, "down"]);
            wait_for(monitor, &Happening::WentDown);
            net.ip(Side::Tap, &["link", "set", interface, "up"]);
            wait_for(monitor, &Happening::TakenUp);
            converse(if interface == "tap1" { 200 } else { 400 });
        }
    });
    assert_eq!(got.len(), 1200);
    for worker in 0..2 {
        let mine: Vec<_> = got.iter().filter(|frame| frame.worker == worker).collect();
        assert!(mine.is_sorted_by_key(|frame| (frame.time, frame.number)));
        assert!(mine.len() > 400, "{} of 1200", mine.len());
        for pair in mine.chunks(2) {
            assert_eq!(hash_of(&pair[0].data), hash_of(&pair[1].data), "a request and its answer");
            // Behind Ethernet and a tag, at 18: the initiator's network is the source of the first.
            assert_eq!((pair[0].data[30], pair[1].data[30]), (10, 198));
        }
    }
    assert_balanced(&stats);
}

/// What hosts send: packets in pieces that the kernel only describes (segmentation offload), tags that it keeps beside the packet, its
/// own VXLAN. Seen where they leave and where they arrive.
#[test]
fn connections_of_real_hosts_are_dealt_as_files_are() {
    let Some(net) = Net::new() else { return };
    net.pair("tap0", "out0");
    let mut networks = vec![("pair", 77)];
    for (device, network, kind) in [
        ("vlan5", 78, "link DEVICE type vlan id 5"),
        ("vx9", 79, "type vxlan id 9 remote 10.77.0.OTHER dstport 4789 dev DEVICE"),
    ] {
        let make = |(side, own, other)| {
            let how = format!("link add name {device} {kind}").replace("DEVICE", own).replace("OTHER", other);
            net.try_ip(side, &how.split(' ').collect::<Vec<_>>())
        };
        // Not every kernel has the modules.
        if [(Side::Tap, "tap0", "2"), (Side::Sender, "out0", "1")].into_iter().all(make) {
            networks.push((device, network));
        }
    }
    for (device, network) in &networks {
        for (side, pair, own) in [(Side::Tap, "tap0", 1), (Side::Sender, "out0", 2)] {
            let device = if *device == "pair" { pair } else { device };
            net.ip(side, &["address", "add", &format!("10.{network}.0.{own}/24"), "dev", device]);
            net.ip(side, &["link", "set", device, "up"]);
        }
    }
    let (workers, monitor) = net.inside(Side::Tap, || live::open(&options(&["tap0"], 3)).unwrap());
    let (got, stats) = capture(workers, &monitor, |_| {
        for (_, network) in &networks {
            let address = format!("10.{network}.0.1:5001");
            let listener = net.inside(Side::Tap, || std::net::TcpListener::bind(&address).unwrap());
            for _ in 0..10 {
                thread::scope(|scope| {
                    let answering = scope.spawn(|| {
                        let mut stream = listener.accept().unwrap().0;
                        std::io::copy(&mut (&stream).take(1 << 18), &mut std::io::sink()).unwrap();
                        stream.write_all(&vec![b'y'; 1 << 18]).unwrap();
                    });
                    let mut stream =
                        net.inside(Side::Sender, || std::net::TcpStream::connect(&address).unwrap());
                    stream.write_all(&vec![b'x'; 1 << 18]).unwrap();
                    stream.read_to_end(&mut Vec::new()).unwrap();
                    answering.join().unwrap();
                });
            }
        }
    });
    assert!(got.iter().any(|frame| frame.data.len() > 10_000), "segments were left to the card");
    let some = |what: fn(&Got) -> bool| got.iter().any(|frame| what(frame) && frame.worker != 0);
    for (device, _) in networks {
        assert!(match device {
            "vlan5" => some(|frame| frame.data[12..14] == [0x81, 0x00]),
            "vx9" => some(|frame| frame.data[36..38] == 4789_u16.to_be_bytes()),
            _ => some(|frame| frame.data[23] == 6),
        });
    }
    for frame in &got {
        let head = &frame.data[..frame.data.len().min(100)];
        assert_eq!(frame.worker, dealing::worker(hash_of(&frame.data), 3), "{head:02x?}");
    }
    assert_balanced(&stats);
}

/// A flood into a small ring that nobody empties: what did not fit is counted, and so is everything else.
#[test]
fn what_a_full_ring_drops_is_in_the_books() {
    const SENT: u64 = 20_000;
    let Some(net) = Net::new() else { return };
    net.pair("tap0", "out0");
    let small = TapOptions { ring_bytes: 1 << 20, ..options(&["tap0"], 2) };
    let (workers, monitor) = net.inside(Side::Tap, || live::open(&small).unwrap());
    let sender = net.sender("out0");
    let mut frame = flow_datagram(0);
    frame.resize(1400, 0);
    for number in 0..SENT {
        frame[34..36].copy_from_slice(&(1024 + number as u16 % 50_000).to_be_bytes());
        assert!(sender.send(&frame));
    }
    let (got, stats) = capture(workers, &monitor, |_| {});
    let stats = &stats[0];
    assert_eq!((stats.received, stats.before_joining), (SENT, 0));
    assert_eq!(stats.delivered, got.len() as u64);
    assert!(stats.dropped > SENT / 2 && stats.delivered > 100 && stats.freezes > 0, "{stats:?}");
    assert_eq!(stats.in_rings(), 0, "{stats:?}");
}

#[test]
fn how_full_a_ring_is_can_be_asked() {
    let Some(net) = Net::new() else { return };
    net.pair("tap0", "out0");
    let small = TapOptions { ring_bytes: 1 << 20, ..options(&["tap0"], 1) };
    let (mut workers, monitor) = net.inside(Side::Tap, || live::open(&small).unwrap());
    let worker = &mut workers[0];
    let mut batch = FrameBatch::new();
    assert_eq!((worker.next_batch(&mut batch), worker.fullness()), (Woken::Idle, 0));
    let sender = net.sender("out0");
    let mut frame = flow_datagram(0);
    frame.resize(1400, 0);
    let mut asked = Vec::new();
    for frames in [300, 3_000] {
        (0..frames).for_each(|_| assert!(sender.send(&frame)));
        // The kernel makes over a block that is not full, too, after the read timeout.
        thread::sleep(Duration::from_millis(200));
        asked.push(worker.fullness());
    }
    assert!((20..80).contains(&asked[0]) && asked[1] == 100, "{asked:?}");
    while worker.next_batch(&mut batch) == Woken::Frames {}
    assert_eq!(worker.fullness(), 0);
    monitor.stop();
    while worker.next_batch(&mut batch) != Woken::Ended {}
}

/// Not a test: how many frames are captured of those that tcpreplay sends as fast as it can, and what that costs.
/// Takes the capture file from WEIR_RATE_CAPTURE, workers from WEIR_RATE_WORKERS, arguments of tcpreplay from
/// WEIR_RATE_ARGUMENTS.
#[test]
#[ignore = "measures, for minutes"]
fn rate() {
    let setting = |name: &str| std::env::var(name).unwrap_or_default();
    let net = Net::new().expect("root");
    net.pair("tap0", "out0");
    let workers = setting("WEIR_RATE_WORKERS").parse().unwrap_or(1);
    let wide = TapOptions { ring_bytes: 64 << 20, ..options(&["tap0"], workers) };
    let (mut workers, monitor) = net.inside(Side::Tap, || live::open(&wide).unwrap());
    let before = cpu_seconds();
    let (bytes, said) = thread::scope(|scope| {
        let threads: Vec<_> = workers.drain(..).map(|worker| scope.spawn(move || bytes_of(worker))).collect();
        let arguments = setting("WEIR_RATE_ARGUMENTS");
        let output = std::process::Command::new("ip")
            .args(["netns", "exec", &net.namespace(Side::Sender), "tcpreplay", "-q", "-i", "out0"])
            .args(arguments.split_whitespace())
            .arg(setting("WEIR_RATE_CAPTURE"))
            .output()
            .unwrap();
        thread::sleep(Duration::from_millis(200));
        monitor.stop();
        let bytes: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        (bytes, String::from_utf8_lossy(&output.stdout).into_owned())
    });
    let cpu = cpu_seconds() - before;
    let stats = &monitor.stats()[0];
    println!("{said}{stats:?}, {bytes} bytes");
    println!("{cpu:.3} CPU s, {:.0} ns a frame", cpu * 1e9 / stats.delivered as f64);
    assert_eq!(stats.in_rings(), 0);
}

fn bytes_of(mut worker: TapWorker) -> u64 {
    let (mut batch, mut bytes) = (FrameBatch::new(), 0);
    while worker.next_batch(&mut batch) != Woken::Ended {
        bytes += batch.iter().map(|frame| frame.data.len() as u64).sum::<u64>();
    }
    bytes
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let ticks = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}
