//! The pcapng format (draft-ietf-opsawg-pcapng): sections of blocks, each with its length before and behind it.
//!
//! ```text
//!  block:      type 4 │ length 4 │ body, padded to 4 │ length 4
//!  section:    0x0a0d0d0a │ length │ byte order magic 4 │ major 2 │ minor 2 │ section length 8 │ options
//!  interface:  1 │ length │ link type 2 │ reserved 2 │ snap length 4 │ options
//!  packet:     6 │ length │ interface 4 │ time high 4 │ time low 4 │ captured 4 │ original 4 │ bytes │ options
//!  simple:     3 │ length │ original 4 │ bytes
//!  obsolete:   2 │ length │ interface 2 │ drops 2 │ time high 4 │ time low 4 │ captured 4 │ original 4 │ bytes ...
//! ```
//!
//! Where the framing is broken (a length that cannot be, or the two lengths differ) reading stops: nothing after it
//! can be trusted. Where only a block's content is, the block is passed over.

use weir_model::Timestamp;
use weir_model::frame::LinkType;

use crate::field::{ByteOrder, Fields};
use crate::problem::Fault;
use crate::record::{MAX_CAPTURED_BYTES, Record, RecordReader, Step};
use crate::stream::{ByteStream, Data};

/// Length of any block, as in libpcap. A longer one is a broken or hostile length field: reading stops.
pub const MAX_BLOCK_BYTES: usize = 16 * 1024 * 1024;

/// Length of a block that has to be looked into, and so is held in memory: the largest frame and as much again for
/// options. A longer packet block is passed over, so is an interface description (and then the packets that name it).
pub const MAX_BUFFERED_BLOCK_BYTES: usize = 2 * MAX_CAPTURED_BYTES;

/// Interfaces of one section: 1 MiB of descriptions. A file of nothing but interfaces would otherwise grow them
/// without end; further ones, and the packets that name them, are passed over.
pub const MAX_INTERFACES: usize = 65_536;

/// The section header's type, the same in both byte orders.
pub(crate) const MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const BLOCK_INTERFACE: u32 = 1;
const BLOCK_OBSOLETE_PACKET: u32 = 2;
const BLOCK_SIMPLE_PACKET: u32 = 3;
const BLOCK_PACKET: u32 = 6;
const BLOCK_SECTION: u32 = u32::from_be_bytes(MAGIC);

/// Type and length; what a body's offset counts from.
const BLOCK_HEADER_LEN: usize = 8;
/// Type and both lengths.
const BLOCK_FRAME_LEN: usize = 12;

const OPTION_END: u16 = 0;
const OPTION_TIME_RESOLUTION: u16 = 9;
const OPTION_TIME_OFFSET: u16 = 14;

/// A pcapng file at the beginning of its first section.
pub(crate) struct PcapngFile {
    stream: ByteStream,
    order: ByteOrder,
    /// `None` for a description that could not be used: the packets after it still count interfaces rightly.
    interfaces: Vec<Option<Interface>>,
    /// Simple packet blocks have no time: they get that of the packet before.
    last_time: Timestamp,
    /// Bytes of the present block in the stream's window.
    block_len: usize,
    data_start: usize,
    data_len: usize,
}

/// What a packet needs to know of its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Interface {
    link: LinkType,
    snap_len: u32,
    clock: Clock,
}

/// How an interface's time stamps count (if_tsresol, if_tsoffset).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Clock {
    /// Most significant bit clear: 10^-n seconds; set: 2^-n.
    resolution: u8,
    offset_seconds: i64,
}

/// Where a block's packet is: offsets count from the block's beginning.
struct Packet {
    interface: usize,
    /// In ticks of the interface's clock.
    ticks: Option<u64>,
    data_start: usize,
    captured: u32,
    original_len: u32,
}

impl PcapngFile {
    pub(crate) const fn open(stream: ByteStream) -> Self {
        Self {
            stream,
            order: ByteOrder::Little,
            interfaces: Vec::new(),
            last_time: Timestamp::EPOCH,
            block_len: 0,
            data_start: 0,
            data_len: 0,
        }
    }

    /// One block: a step, or `None` when it held no packet.
    fn block(&mut self) -> Result<Option<Step>, Fault> {
        self.stream.pass(std::mem::take(&mut self.block_len));
        if self.stream.fill(BLOCK_HEADER_LEN).is_empty() {
            return self.stream.take_failure().map_or(Ok(Some(Step::End)), Err);
        }
        let (kind, length) = self.block_header()?;
        if length > MAX_BUFFERED_BLOCK_BYTES || !is_of_interest(kind) {
            return self.pass_over(kind, length);
        }
        if self.stream.fill(length).len() < length {
            return Err(self.stream.shortage("a block"));
        }
        self.check_trailer(length)?;
        self.block_len = length;
        match kind {
            BLOCK_SECTION => self.begin_section().map(|()| None),
            BLOCK_INTERFACE => Ok(self.add_interface(true).map(Step::Unusable)),
            _ => Ok(Some(self.packet(kind).map_or_else(Step::Unusable, Step::Record))),
        }
    }

    /// Type and checked length of the block at the window's beginning; of a section header also its byte order,
    /// which decides how the length is read.
    fn block_header(&mut self) -> Result<(u32, usize), Fault> {
        let is_section = self.stream.window().starts_with(&MAGIC);
        if is_section {
            let Some(magic) =
                self.stream.fill(BLOCK_FRAME_LEN).get(8..).and_then(<[u8]>::first_chunk).copied()
            else {
                return Err(self.stream.shortage("a section header"));
            };
            self.order = [ByteOrder::Big, ByteOrder::Little]
                .into_iter()
                .find(|order| order.u32(magic) == BYTE_ORDER_MAGIC)
                .ok_or_else(|| Fault::malformed("a section header without byte order magic"))?;
        }
        let mut fields = Fields::new(self.stream.window(), self.order);
        let (Some(kind), Some(length)) = (fields.u32(), fields.u32()) else {
            return Err(self.stream.shortage("a block header"));
        };
        let kind = if is_section { BLOCK_SECTION } else { kind };
        let length = length as usize;
        if !(BLOCK_FRAME_LEN..=MAX_BLOCK_BYTES).contains(&length) || !length.is_multiple_of(4) {
            return Err(Fault::malformed(format!("a block of type {kind:#x} claims a length of {length}")));
        }
        Ok((kind, length))
    }

    /// Consumes a block without holding it.
    fn pass_over(&mut self, kind: u32, length: usize) -> Result<Option<Step>, Fault> {
        if !self.stream.skip((length - 4) as u64) || self.stream.fill(4).len() < 4 {
            return Err(self.stream.shortage("a block"));
        }
        self.block_len = 4;
        self.check_trailer_value(self.stream.window().first_chunk().copied(), length)?;
        match kind {
            BLOCK_SECTION => Err(Fault::malformed(format!("a section header of {length} bytes"))),
            BLOCK_INTERFACE => Ok(self.add_interface(false).map(Step::Unusable)),
            _ if is_of_interest(kind) => {
                Ok(Some(Step::Unusable(Fault::malformed(format!("a packet block of {length} bytes")))))
            }
            _ => Ok(None),
        }
    }

    fn check_trailer(&self, length: usize) -> Result<(), Fault> {
        let trailer = self.stream.window().get(length - 4..length).and_then(<[u8]>::first_chunk).copied();
        self.check_trailer_value(trailer, length)
    }

    fn check_trailer_value(&self, trailer: Option<[u8; 4]>, length: usize) -> Result<(), Fault> {
        let behind = trailer.map(|bytes| self.order.u32(bytes));
        if behind.is_some_and(|behind| behind as usize == length) {
            return Ok(());
        }
        Err(Fault::malformed(format!("a block's lengths differ: {length} and {}", behind.unwrap_or(0))))
    }

    /// The body of the present block.
    fn body(&self) -> Fields<'_> {
        let end = self.block_len.saturating_sub(4);
        Fields::new(self.stream.window().get(BLOCK_HEADER_LEN..end).unwrap_or_default(), self.order)
    }

    fn begin_section(&mut self) -> Result<(), Fault> {
        let mut body = self.body();
        let version = body.take(4).and_then(|_| Some((body.u16()?, body.u16()?)));
        // 1.2 is 1.0 written by a tool that should not have said so (the draft: read it as 1.0).
        let Some((1, 0 | 2)) = version else {
            return Err(Fault::malformed(match version {
                Some((major, minor)) => format!("pcapng version {major}.{minor} is not known"),
                None => "a section header that is too short".to_owned(),
            }));
        };
        self.interfaces.clear();
        Ok(())
    }

    /// Adds the interface that the present block describes, where it is `readable`; what is wrong with it if not.
    fn add_interface(&mut self, readable: bool) -> Option<Fault> {
        if self.interfaces.len() >= MAX_INTERFACES {
            return Some(Fault::malformed(format!("more than {MAX_INTERFACES} interfaces in a section")));
        }
        let interface = if readable { Interface::parse(self.body(), self.order) } else { None };
        self.interfaces.push(interface);
        match interface {
            Some(_) => None,
            None => Some(Fault::malformed("an interface description that cannot be read")),
        }
    }

    fn packet(&mut self, kind: u32) -> Result<Record, Fault> {
        let packet = match kind {
            BLOCK_SIMPLE_PACKET => self.parse_simple_packet(),
            _ => parse_packet(self.body(), kind),
        };
        let packet = packet.ok_or_else(|| Fault::malformed("a packet block that is too short"))?;
        let Some(Some(interface)) = self.interfaces.get(packet.interface).copied() else {
            return Err(Fault::malformed(format!(
                "a packet of interface {}, which is not described",
                packet.interface
            )));
        };
        let captured = packet.captured as usize;
        let room = self.block_len.saturating_sub(packet.data_start + 4);
        if captured > MAX_CAPTURED_BYTES || captured > room {
            return Err(Fault::malformed(format!("a packet block claims {captured} captured bytes")));
        }
        if let Some(ticks) = packet.ticks {
            self.last_time = interface.clock.time(ticks);
        }
        self.data_start = packet.data_start;
        self.data_len = captured;
        Ok(Record {
            time: self.last_time,
            link: interface.link,
            original_len: packet.original_len.max(packet.captured),
        })
    }

    /// Its captured length is not stored: it is what the snap length left of the original one.
    fn parse_simple_packet(&self) -> Option<Packet> {
        let original_len = self.body().u32()?;
        let snap_len = match self.interfaces.first() {
            Some(Some(Interface { snap_len: snap_len @ 1.., .. })) => *snap_len,
            _ => u32::MAX,
        };
        let data_start = BLOCK_HEADER_LEN + 4;
        let room = self.block_len.saturating_sub(data_start + 4) as u32;
        let captured = original_len.min(snap_len).min(room);
        Some(Packet { interface: 0, ticks: None, data_start, captured, original_len })
    }
}

impl RecordReader for PcapngFile {
    fn step(&mut self) -> Result<Step, Fault> {
        loop {
            if let Some(step) = self.block()? {
                return Ok(step);
            }
        }
    }

    fn data(&self) -> Data<'_> {
        self.stream.data(self.data_start, self.data_len)
    }

    fn stream(&self) -> &ByteStream {
        &self.stream
    }
}

fn is_of_interest(kind: u32) -> bool {
    matches!(
        kind,
        BLOCK_SECTION | BLOCK_INTERFACE | BLOCK_PACKET | BLOCK_SIMPLE_PACKET | BLOCK_OBSOLETE_PACKET
    )
}

/// Enhanced and obsolete packet blocks differ in how wide the interface is.
fn parse_packet(mut body: Fields<'_>, kind: u32) -> Option<Packet> {
    let interface = if kind == BLOCK_OBSOLETE_PACKET {
        let interface = body.u16()?;
        body.u16()?;
        u32::from(interface)
    } else {
        body.u32()?
    };
    let (high, low) = (body.u32()?, body.u32()?);
    let (captured, original_len) = (body.u32()?, body.u32()?);
    Some(Packet {
        interface: interface as usize,
        ticks: Some(u64::from(high) << 32 | u64::from(low)),
        data_start: BLOCK_HEADER_LEN + 20,
        captured,
        original_len,
    })
}

impl Interface {
    fn parse(mut body: Fields<'_>, order: ByteOrder) -> Option<Self> {
        let link = LinkType(body.u16()?);
        body.u16()?;
        let snap_len = body.u32()?;
        Some(Self { link, snap_len, clock: Clock::parse(body, order) })
    }
}

impl Clock {
    /// Microseconds since the epoch, unless options say otherwise; options that cannot be read end the list.
    fn parse(mut options: Fields<'_>, order: ByteOrder) -> Self {
        let mut clock = Self { resolution: 6, offset_seconds: 0 };
        while let (Some(code), Some(length)) = (options.u16(), options.u16()) {
            let Some(value) = options.take(length as usize) else {
                break;
            };
            match (code, value) {
                (OPTION_END, _) => break,
                (OPTION_TIME_RESOLUTION, &[resolution]) => clock.resolution = resolution,
                (OPTION_TIME_OFFSET, value) => {
                    if let Ok(bytes) = value.try_into() {
                        clock.offset_seconds = order.i64(bytes);
                    }
                }
                _ => {}
            }
            let padding = (length as usize).next_multiple_of(4) - length as usize;
            if options.take(padding).is_none() {
                break;
            }
        }
        clock
    }

    /// Saturates at both ends of what a [`Timestamp`] holds.
    fn time(self, ticks: u64) -> Timestamp {
        const NANOS: u128 = 1_000_000_000;
        let exponent = u32::from(self.resolution & 0x7f);
        // 64 bits of ticks times 30 bits of nanoseconds stay far below 128 bits.
        let scaled = u128::from(ticks) * NANOS;
        let nanos = if self.resolution & 0x80 == 0 {
            10_u128.checked_pow(exponent).map_or(0, |unit| scaled / unit)
        } else {
            scaled >> exponent
        };
        let offset = i128::from(self.offset_seconds) * NANOS.cast_signed();
        let nanos = nanos.cast_signed().saturating_add(offset).clamp(0, i128::from(u64::MAX));
        Timestamp::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(resolution: u8, offset_seconds: i64, ticks: u64) -> u64 {
        Clock { resolution, offset_seconds }.time(ticks).as_nanos()
    }

    #[test]
    fn clocks_count_in_powers_of_ten_and_of_two() {
        assert_eq!(nanos(6, 0, 1_500_000), 1_500_000_000);
        assert_eq!(nanos(9, 0, 1_500_000), 1_500_000);
        assert_eq!(nanos(0, 0, 7), 7_000_000_000);
        assert_eq!(nanos(12, 0, 1_999), 1);
        assert_eq!(nanos(0x8a, 0, 1024 + 512), 1_500_000_000);
        assert_eq!(nanos(0x80, 0, 3), 3_000_000_000);
    }

    #[test]
    fn clocks_saturate_whatever_a_file_claims() {
        assert_eq!(nanos(6, 10, 1), 10_000_001_000);
        assert_eq!(nanos(6, -10, 11_000_000), 1_000_000_000);
        assert_eq!(nanos(6, -10, 9_000_000), 0);
        assert_eq!(nanos(0, 0, u64::MAX), u64::MAX);
        assert_eq!(nanos(6, i64::MAX, u64::MAX), u64::MAX);
        assert_eq!(nanos(6, i64::MIN, u64::MAX), 0);
        assert_eq!(nanos(0x7f, 0, u64::MAX), 0);
        assert_eq!(nanos(0xff, 0, u64::MAX), 0);
    }
}
