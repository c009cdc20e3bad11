//! Our reading of rings beside libpcap's own, on the same traffic: the same frames, times, lengths and order.

use super::frames::{Ends, carried, plain};
use super::tun::{self, Tun};
use super::{Net, Side};
use crate::{assert_balanced, capture, datagram, options};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};
use weir_capture::live::{self, TapOptions};
use weir_model::Timestamp;
use weir_model::frame::LinkType;

/// Time, length on the wire, bytes.
type Seen = (Timestamp, u32, Vec<u8>);

/// libpcap on the same interface.
struct Reference(pcap::Capture<pcap::Active>);

impl Reference {
    fn open(options: &TapOptions) -> Self {
        let mut capture = pcap::Capture::from_device(options.interfaces[0].as_str())
            .unwrap()
            .promisc(options.promiscuous)
            .snaplen(options.snap_len.try_into().unwrap())
            .buffer_size(options.ring_bytes.try_into().unwrap())
            .timeout(10)
            .precision(pcap::Precision::Nano)
            .open()
            .unwrap()
            .setnonblock()
            .unwrap();
        if let Some(filter) = &options.filter {
            capture.filter(filter, true).unwrap();
        }
        Self(capture)
    }

    /// The next frames, so many.
    fn frames(&mut self, count: usize) -> Vec<Seen> {
        let until = Instant::now() + Duration::from_secs(20);
        let mut frames = Vec::new();
        while frames.len() < count {
            assert!(Instant::now() < until, "libpcap saw {} of {count}", frames.len());
            match self.0.next_packet() {
                Ok(packet) => {
                    let time = packet.header.ts;
                    let time = Timestamp::new(time.tv_sec.cast_unsigned(), time.tv_usec.try_into().unwrap());
                    frames.push((time, packet.header.len, packet.data.to_vec()));
                }
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        }
        frames
    }
}

/// Captures with both what `send` sends, and compares; what was seen, and what its frames begin with.
fn compare(net: &Net, options: &TapOptions, send: impl FnOnce()) -> (Vec<Seen>, LinkType) {
    let (got, link, mut reference) = capture_beside(net, options, send);
    for (at, (got, expected)) in got.iter().zip(reference.frames(got.len())).enumerate() {
        assert_eq!(*got, expected, "frame {at}");
    }
    assert!(reference.0.next_packet().is_err(), "libpcap saw more than {}", got.len());
    (got, link)
}

/// Captures what `send` sends, with libpcap beside, which has not been read yet.
fn capture_beside(net: &Net, options: &TapOptions, send: impl FnOnce()) -> (Vec<Seen>, LinkType, Reference) {
    let (reference, (workers, monitor)) =
        net.inside(Side::Tap, || (Reference::open(options), live::open(options).unwrap()));
    let (got, stats) = capture(workers, &monitor, |_| send());
    assert_balanced(&stats);
    let link = got[0].link;
    // libpcap's number for raw IP is not that of files.
    let number = match reference.0.get_datalink().0 {
        12 => LinkType::RAW,
        number => LinkType(number.try_into().unwrap()),
    };
    assert_eq!(link, number);
    let got = got.into_iter().map(|frame| (frame.time, frame.original_len, frame.data)).collect();
    (got, link, reference)
}

/// Frames of all kinds and lengths, with and without tags, which the kernel takes off.
fn mixture() -> Vec<Vec<u8>> {
    let ends = Ends { number: 7, reply: false };
    let mut frames: Vec<_> = plain(ends)
        .iter()
        .flat_map(|(_, packet)| carried(ends, packet))
        .map(|(_, mut frame)| {
            frame.truncate(1500);
            frame
        })
        .collect();
    for len in (14..1514).step_by(37) {
        let mut frame = datagram(len as u32);
        frame.resize(len, 0xa5);
        frames.push(frame);
    }
    frames
}

#[test]
fn frames_are_those_that_libpcap_reads() {
    let Some(net) = Net::new() else { return };
    net.pair("tap0", "out0");
    let sender = net.sender("out0");
    let frames = mixture();
    let (seen, link) = compare(&net, &options(&["tap0"], 1), || {
        assert!(frames.iter().all(|frame| sender.send(frame)));
    });
    assert_eq!((seen.len(), link), (frames.len(), LinkType::ETHERNET));
    assert!(seen.iter().zip(&frames).all(|(seen, sent)| seen.2 == *sent), "tags are where they were");
}

#[test]
fn frames_are_cut_where_libpcap_cuts_them() {
    let Some(net) = Net::new() else { return };
    net.pair("tap0", "out0");
    let sender = net.sender("out0");
    let short = TapOptions { snap_len: 96, ..options(&["tap0"], 1) };
    for filter in [None, Some("vlan or not vlan")] {
        let short = TapOptions { filter: filter.map(str::to_owned), ..short.clone() };
        let (seen, _) = compare(&net, &short, || assert!(mixture().iter().all(|frame| sender.send(frame))));
        assert!(seen.iter().any(|(_, len, data)| data.len() == 96 && *len > 1000), "{filter:?}");
        assert!(seen.iter().all(|(_, len, data)| *len as usize >= data.len()));
    }
}

/// Segments that are left to a card are one frame, longer than what is kept of any.
#[test]
fn frames_that_no_wire_carries_are_those_that_libpcap_reads() {
    let Some(net) = Net::new() else { return };
    net.pair("tap0", "out0");
    for (side, device, own) in [(Side::Tap, "tap0", "10.77.0.1/24"), (Side::Sender, "out0", "10.77.0.2/24")] {
        net.ip(side, &["address", "add", own, "dev", device]);
    }
    let (seen, _, mut reference) = capture_beside(&net, &options(&["tap0"], 1), || {
        let listener = net.inside(Side::Tap, || TcpListener::bind("10.77.0.1:5001").unwrap());
        let mut stream = net.inside(Side::Sender, || TcpStream::connect("10.77.0.1:5001").unwrap());
        thread::scope(|scope| {
            scope.spawn(|| std::io::copy(&mut listener.accept().unwrap().0, &mut std::io::sink()).unwrap());
            stream.write_all(&vec![b'x'; 1 << 20]).unwrap();
            drop(stream);
        });
    });
    // The kernel stamps what its own connections send for each socket anew, so the times are not the same.
    let timeless = |seen: Vec<Seen>| seen.into_iter().map(|(_, len, data)| (len, data)).collect::<Vec<_>>();
    assert!(timeless(reference.frames(seen.len())) == timeless(seen.clone()), "the same frames");
    assert!(seen.iter().any(|(_, len, _)| *len > 10_000), "segments were left to the card");
    assert!(seen.iter().all(|(_, _, data)| data.len() <= 65_535));
}

#[test]
fn a_filter_finds_tags_that_were_taken_off_as_libpcap_finds_them() {
    let Some(net) = Net::new() else { return };
    net.pair("tap0", "out0");
    let sender = net.sender("out0");
    let tagged = TapOptions { filter: Some("vlan 5".to_owned()), ..options(&["tap0"], 1) };
    let (seen, _) = compare(&net, &tagged, || assert!(mixture().iter().all(|frame| sender.send(frame))));
    assert!(!seen.is_empty() && seen.len() < mixture().len());
    assert!(seen.iter().all(|(_, _, data)| data[14] % 16 == 0 && data[15] == 5), "{:02x?}", seen[0].2);
}

#[test]
fn interfaces_without_ethernet_give_what_libpcap_gives() {
    let Some(net) = Net::new() else { return };
    let kinds = [("tunnel", tun::NONE, LinkType::RAW), ("dialled", tun::PPP, LinkType::LINUX_SLL)];
    for (name, hardware_type, expected) in kinds {
        let Some(mut device) = Tun::new(&net, name, hardware_type) else { return };
        for filter in [None, Some("udp port 53")] {
            let some = TapOptions { filter: filter.map(str::to_owned), ..options(&[name], 1) };
            let packets: Vec<_> = (0..200).map(|number| datagram(number).split_off(14)).collect();
            let (seen, link) = compare(&net, &some, || {
                for packet in &packets {
                    device.send(packet);
                    let mut other = packet.clone();
                    other[23] = 54;
                    device.send(&other);
                }
            });
            assert_eq!((seen.len(), link), (if filter.is_some() { 200 } else { 400 }, expected));
            assert!(seen[0].2.ends_with(&packets[0]));
        }
    }
}

/// Dealing and early counting do not depend on Ethernet either.
#[test]
fn several_workers_share_a_cooked_interface() {
    let Some(net) = Net::new() else { return };
    let Some(mut device) = Tun::new(&net, "dialled", tun::PPP) else { return };
    let (workers, monitor) = net.inside(Side::Tap, || live::open(&options(&["dialled"], 3)).unwrap());
    let (got, stats) = capture(workers, &monitor, |_| {
        for number in 0..300_u32 {
            let mut packet = datagram(number).split_off(14);
            packet[20..22].copy_from_slice(&(1024 + number as u16).to_be_bytes());
            device.send(&packet);
        }
    });
    let busy = (0..3).filter(|worker| got.iter().filter(|frame| frame.worker == *worker).count() > 50);
    assert_eq!((got.len(), busy.count()), (300, 3));
    assert_balanced(&stats);
}

#[test]
fn what_a_host_tells_itself_is_seen_once() {
    let Some(net) = Net::new() else { return };
    net.ip(Side::Tap, &["link", "set", "lo", "up"]);
    let (seen, _) = compare(&net, &options(&["lo"], 1), || {
        net.inside(Side::Tap, || {
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            for number in 0..50_u8 {
                socket.send_to(&[number; 40], "127.0.0.1:5353").unwrap();
            }
        });
    });
    let of_socket = seen.iter().filter(|(_, _, data)| data[23] == 17).count();
    assert_eq!(of_socket, 50);
}
