//! sFlow version 5.

use super::Collector;
use crate::build::{bytes, exporter};
use std::net::IpAddr;
use weir_model::frame::LinkType;
use weir_model::record::{Sampling, SamplingSource};
use weir_model::{ExportVersion, Protocol};
use weir_wire::export::Refused;
use weir_wire::{DecodeConfig, Decoder};

fn datagram(number: u32, samples: &[Vec<u8>]) -> Vec<u8> {
    let header =
        bytes![u32 5, u32 1, u32 0x0a00_00fe, u32 3, u32 number, u32 60_000, u32 samples.len() as u32];
    [header, samples.concat()].concat()
}

fn framed(kind: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = bytes![u32 kind, u32 body.len() as u32];
    bytes.extend_from_slice(body);
    bytes
}

/// A flow sample, 1 in 400, with these records.
fn sample(records: &[Vec<u8>]) -> Vec<u8> {
    let head =
        bytes![u32 1, u32 7, u32 400, u32 9_000, u32 0, u32 5, u32 0x8000_0002, u32 records.len() as u32];
    framed(1, &[head, records.concat()].concat())
}

fn expanded(records: &[Vec<u8>]) -> Vec<u8> {
    let head = bytes![u32 1, u32 0, u32 7, u32 400, u32 9_000, u32 0, u32 0, u32 5, u32 0, u32 6, u32 records.len() as u32];
    framed(3, &[head, records.concat()].concat())
}

/// The header of an Ethernet frame with UDP over IPv4.
fn header() -> Vec<u8> {
    let ip = [0x45, 0, 0, 40, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 192, 0, 2, 7];
    let udp = bytes![u16 5_353, u16 53, u16 20, u16 0];
    let frame = [&[2; 12][..], &[8, 0], &ip, &udp, &[0; 2]].concat();
    let head = bytes![u32 1, u32 1_000, u32 4, u32 frame.len() as u32];
    framed(1, &[head, frame].concat())
}

#[test]
fn headers_are_frames_that_the_packet_decoder_reads() {
    let mut collector = Collector::new();
    let router = framed(1_002, &bytes![u32 1, u32 0x0a00_00fd, u32 24, u32 16]);
    let switch = framed(1_001, &bytes![u32 30, u32 0, u32 40, u32 0]);
    let gateway = framed(
        1_003,
        &bytes![u32 1, u32 0x0a00_00fc, u32 64_500, u32 64_501, u32 0, u32 2, u32 2, u32 2, u32 1, u32 2, u32 1, u32 1, u32 64_502, u32 0, u32 100],
    );
    let records = [header(), switch, router, gateway];
    collector.take(exporter(1), &datagram(0, &[sample(&records), expanded(&records)])).unwrap();
    assert_eq!(collector.sink.frames.len(), 2);
    for frame in &collector.sink.frames {
        assert_eq!((frame.link, frame.original_len), (LinkType::ETHERNET, 996));
        assert_eq!(frame.sampling, Sampling::new(1, 400, SamplingSource::Record));
        assert_eq!((frame.vlan, frame.post_vlan, frame.input), (Some(30), Some(40), Some(5)));
        assert_eq!(frame.next_hop, Some(IpAddr::from([10, 0, 0, 253])));
        assert_eq!((frame.source_prefix_len, frame.destination_prefix_len), (Some(24), Some(16)));
        assert_eq!((frame.source_as, frame.destination_as), (Some(64_501), Some(64_502)));
        assert_eq!((frame.origin.version, frame.origin.domain), (ExportVersion::SFlow5, 3));
        let mut ports = Vec::new();
        let mut decoder = Decoder::new(DecodeConfig::default());
        decoder.decode(&frame.frame(1), &mut |packet: &weir_wire::Packet<'_>| {
            ports.push((packet.source.port, packet.destination.port));
        });
        assert_eq!(ports, [(5_353, 53)]);
    }
    let outputs: Vec<_> = collector.sink.frames.iter().map(|frame| frame.output).collect();
    assert_eq!(outputs, [None, Some(6)], "two interfaces are not one");
}

#[test]
fn sampled_fields_are_records() {
    let mut collector = Collector::new();
    let v4 = framed(
        3,
        &bytes![u32 1_400, u32 6, u32 0x0a00_0001, u32 0xc000_0207, u32 40_000, u32 443, u32 0x18, u32 0x28],
    );
    let mut v6 = bytes![u32 100, u32 58];
    v6.extend([0x20; 32]);
    v6.extend(bytes![u32 0, u32 0x8000, u32 0, u32 0]);
    let samples = [sample(&[v4]), sample(&[framed(4, &v6)])];
    collector.take(exporter(1), &datagram(0, &samples)).unwrap();
    let [v4, v6] = &collector.sink.records[..] else { panic!("two records") };
    assert_eq!((v4.forward.packets, v4.forward.bytes, v4.protocol), (1, 1_400, Some(Protocol::TCP)));
    assert_eq!((v4.destination_port, v4.tcp_flags, v4.tos), (443, Some(0x18), Some(0x28)));
    assert_eq!(v4.sampling.unwrap().one_in(), 400);
    assert_eq!((v6.source, v6.icmp), (Some(IpAddr::from([0x20; 16])), Some((128, 0))));
}

#[test]
fn counters_and_strange_samples_are_counted() {
    let mut collector = Collector::new();
    let samples =
        [framed(2, &[0; 40]), framed(4, &[0; 40]), framed(99, &[0; 8]), sample(&[framed(2, &[0; 16])])];
    collector.take(exporter(1), &datagram(0, &samples)).unwrap();
    let stats = collector.decoder.stats();
    assert_eq!((stats.counter_samples, stats.other_samples, stats.faults.total()), (2, 2, 0));
}

#[test]
fn lengths_that_lie_are_faults() {
    let mut collector = Collector::new();
    let good = sample(&[header()]);
    let mut beyond = good.clone();
    beyond[7] = 0xff;
    assert_eq!(collector.take(exporter(1), &datagram(0, &[good.clone(), beyond.clone()])), Ok(()));
    assert_eq!(collector.sink.frames.len(), 1);
    assert_eq!(collector.take(exporter(1), &datagram(1, &[beyond])), Err(Refused::SampleLength));
    let mut record_beyond = sample(&[header(), header()]);
    let second = record_beyond.len() - header().len() + 7;
    record_beyond[second] = 0xff;
    assert_eq!(collector.take(exporter(1), &datagram(2, &[record_beyond])), Ok(()));
    assert_eq!(collector.sink.frames.len(), 2, "what came before it is handed on");
    assert_eq!(collector.decoder.stats().faults.of(Refused::SampleLength), 3);
    let mut many = datagram(3, &[]);
    many[24..28].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(collector.take(exporter(1), &many), Err(Refused::RecordCount));
}

#[test]
fn datagrams_are_numbered_per_agent_and_sub_agent() {
    let mut collector = Collector::new();
    for number in [5, 6, 9] {
        collector.take(exporter(1), &datagram(number, &[])).unwrap();
    }
    let mut other = datagram(100, &[]);
    other[11] = 0xfd;
    collector.take(exporter(1), &other).unwrap();
    let stats = collector.decoder.stats().sequence;
    assert_eq!((stats.announced, stats.received, stats.lost), (6, 4, 2));
}
