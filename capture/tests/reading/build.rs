//! Capture files made byte by byte, and readers over them.

use std::io::{Cursor, Write};

use weir_capture::{FrameBatch, Input, InputProblem, ReadOptions, ReadStats, Reader};

/// Byte order of what is built.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    Big,
    Little,
}

impl Order {
    pub(crate) fn u16(self, value: u16) -> [u8; 2] {
        match self {
            Self::Big => value.to_be_bytes(),
            Self::Little => value.to_le_bytes(),
        }
    }

    pub(crate) fn u32(self, value: u32) -> [u8; 4] {
        match self {
            Self::Big => value.to_be_bytes(),
            Self::Little => value.to_le_bytes(),
        }
    }
}

/// A pcap file header.
pub(crate) fn pcap_header(order: Order, magic: u32, version: (u16, u16), link: u32) -> Vec<u8> {
    let mut bytes = order.u32(magic).to_vec();
    bytes.extend(order.u16(version.0));
    bytes.extend(order.u16(version.1));
    for field in [0, 0, 65535, link] {
        bytes.extend(order.u32(field));
    }
    bytes
}

/// A record: its four header fields as stored, and what follows.
pub(crate) fn pcap_record(order: Order, fields: [u32; 4], rest: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = fields.iter().flat_map(|field| order.u32(*field)).collect();
    bytes.extend(rest);
    bytes
}

/// A little-endian microsecond Ethernet pcap file with one-byte frames at these times (in microseconds). The byte
/// says which frame it is.
pub(crate) fn pcap_at(micros: &[u32], first_byte: u8) -> Vec<u8> {
    let mut bytes = pcap_header(Order::Little, 0xa1b2_c3d4, (2, 4), 1);
    for (index, time) in micros.iter().enumerate() {
        let fields = [time / 1_000_000, time % 1_000_000, 1, 60];
        bytes.extend(pcap_record(Order::Little, fields, &[first_byte + index as u8]));
    }
    bytes
}

/// A pcapng block: its body is padded.
pub(crate) fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let length = 12 + body.len().next_multiple_of(4) as u32;
    let mut bytes = order.u32(kind).to_vec();
    bytes.extend(order.u32(length));
    bytes.extend(body);
    bytes.resize(length as usize - 4, 0);
    bytes.extend(order.u32(length));
    bytes
}

pub(crate) fn section(order: Order) -> Vec<u8> {
    section_of_version(order, 0)
}

/// A section header of version 1 and this minor version.
pub(crate) fn section_of_version(order: Order, minor: u16) -> Vec<u8> {
    let mut body = order.u32(0x1a2b_3c4d).to_vec();
    body.extend(order.u16(1));
    body.extend(order.u16(minor));
    body.extend([0xff; 8]);
    block(order, 0x0a0d_0d0a, &body)
}

pub(crate) fn interface(order: Order, link: u16, snap_len: u32, options: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = order.u16(link).to_vec();
    body.extend([0, 0]);
    body.extend(order.u32(snap_len));
    for (code, value) in options {
        body.extend(order.u16(*code));
        body.extend(order.u16(value.len() as u16));
        body.extend(*value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    block(order, 1, &body)
}

pub(crate) fn enhanced(order: Order, interface: u32, ticks: u64, original_len: u32, data: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for field in [interface, (ticks >> 32) as u32, ticks as u32, data.len() as u32, original_len] {
        body.extend(order.u32(field));
    }
    body.extend(data);
    block(order, 6, &body)
}

pub(crate) fn simple(order: Order, original_len: u32, data: &[u8]) -> Vec<u8> {
    let mut body = order.u32(original_len).to_vec();
    body.extend(data);
    block(order, 3, &body)
}

pub(crate) fn obsolete(order: Order, interface: u16, ticks: u64, data: &[u8]) -> Vec<u8> {
    let mut body = order.u16(interface).to_vec();
    body.extend(order.u16(7));
    for field in [(ticks >> 32) as u32, ticks as u32, data.len() as u32, data.len() as u32] {
        body.extend(order.u32(field));
    }
    body.extend(data);
    block(order, 2, &body)
}

/// Two sections of different byte order with four interfaces, and every kind of packet block.
pub(crate) fn mixed_pcapng() -> Vec<u8> {
    let (big, little) = (Order::Big, Order::Little);
    let mut bytes = section(big);
    bytes.extend(interface(big, 1, 0, &[(2, b"eth"), (9, &[9]), (0, &[])]));
    bytes.extend(interface(big, 101, 64, &[(14, &10_i64.to_be_bytes())]));
    bytes.extend(block(big, 4, b"names, which nobody asks for"));
    bytes.extend(enhanced(big, 0, 5_000_000_001, 60, b"ether"));
    bytes.extend(enhanced(big, 1, 6_000_000, 3, b"raw"));
    bytes.extend(simple(big, 4, b"none"));
    bytes.extend(section(little));
    bytes.extend(interface(little, 113, 3, &[(9, &[0x80 | 1])]));
    bytes.extend(obsolete(little, 0, 41, b"cooked"));
    bytes.extend(simple(little, 60, b"cut"));
    bytes
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// A stream as an input.
pub(crate) fn stream(bytes: impl Into<Vec<u8>>) -> Input {
    Input::Stream { name: "a stream".to_owned(), reader: Box::new(Cursor::new(bytes.into())) }
}

/// A frame that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) number: u64,
    pub(crate) nanos: u64,
    pub(crate) link: u16,
    pub(crate) original_len: u32,
    pub(crate) data: Vec<u8>,
}

/// All that reading gave.
pub(crate) struct Outcome {
    pub(crate) frames: Vec<Read>,
    pub(crate) stats: ReadStats,
    pub(crate) problems: Vec<InputProblem>,
}

impl Outcome {
    /// The frames' bytes; one letter or byte each where the test made them so.
    pub(crate) fn data(&self) -> Vec<&[u8]> {
        self.frames.iter().map(|frame| frame.data.as_slice()).collect()
    }
}

pub(crate) fn read_with(inputs: Vec<Input>, filter: Option<&str>) -> Outcome {
    let options = ReadOptions { filter: filter.map(str::to_owned) };
    drain(Reader::open(inputs, &options).unwrap())
}

pub(crate) fn read(inputs: Vec<Input>) -> Outcome {
    read_with(inputs, None)
}

pub(crate) fn drain(mut reader: Reader) -> Outcome {
    let mut batch = FrameBatch::new();
    let mut frames = Vec::new();
    while reader.next_batch(&mut batch) {
        frames.extend(batch.iter().map(|frame| Read {
            number: frame.number,
            nanos: frame.time.as_nanos(),
            link: frame.link.0,
            original_len: frame.original_len,
            data: frame.data.to_vec(),
        }));
    }
    assert!(!reader.next_batch(&mut batch), "the end is the end");
    let stats = *reader.stats();
    assert_eq!(stats.frames_read, stats.frames_filtered + stats.frames_delivered);
    assert_eq!(stats.frames_delivered, frames.len() as u64);
    assert_eq!(stats.bytes_delivered, frames.iter().map(|frame| frame.data.len() as u64).sum::<u64>());
    Outcome { frames, stats, problems: reader.problems().to_vec() }
}
