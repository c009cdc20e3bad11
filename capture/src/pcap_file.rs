//! The pcap format (draft-ietf-opsawg-pcap), in its variants.
//!
//! ```text
//!  file:    magic 4 │ major 2 │ minor 2 │ (unused) 8 │ snap length 4 │ link type 4 (lower 16 bits)
//!  record:  seconds 4 │ micro- or nanoseconds 4 │ captured 4 │ original 4 │ captured bytes
//!  record, "modified" magic:  the same with 8 bytes (interface, protocol, packet type) before the captured bytes
//! ```

use weir_model::Timestamp;
use weir_model::frame::LinkType;

use crate::field::{ByteOrder, Fields};
use crate::problem::Fault;
use crate::record::{MAX_CAPTURED_BYTES, Record, RecordReader, Step};
use crate::run::Run;
use crate::stream::{ByteStream, Data};

const MAGIC_MICROSECONDS: u32 = 0xa1b2_c3d4;
const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Alexey Kuznetzov's patched libpcap of the 1990s.
const MAGIC_MODIFIED: u32 = 0xa1b2_cd34;

const FILE_HEADER_LEN: usize = 24;
const RECORD_HEADER_LEN: usize = 16;
const MODIFIED_RECORD_HEADER_LEN: usize = 24;

/// What the magic number says.
#[derive(Clone, Copy, Debug)]
struct Variant {
    order: ByteOrder,
    nanos_per_tick: u64,
    record_header_len: usize,
}

/// Versions before 2.4 were written with the two lengths in either order (libpcap, `sf-pcap.c`).
#[derive(Clone, Copy, Debug)]
enum LengthOrder {
    CapturedFirst,
    OriginalFirst,
    /// Version 2.3: whichever is smaller was captured.
    Unsure,
}

/// Whether `magic` begins a pcap file.
pub(crate) fn is_pcap(magic: [u8; 4]) -> bool {
    Variant::of(magic).is_some()
}

impl Variant {
    fn of(magic: [u8; 4]) -> Option<Self> {
        [ByteOrder::Big, ByteOrder::Little].into_iter().find_map(|order| {
            let (nanos_per_tick, record_header_len) = match order.u32(magic) {
                MAGIC_MICROSECONDS => (1000, RECORD_HEADER_LEN),
                MAGIC_NANOSECONDS => (1, RECORD_HEADER_LEN),
                MAGIC_MODIFIED => (1000, MODIFIED_RECORD_HEADER_LEN),
                _ => return None,
            };
            Some(Self { order, nanos_per_tick, record_header_len })
        })
    }
}

/// A pcap file after its header.
pub(crate) struct PcapFile {
    stream: ByteStream,
    variant: Variant,
    lengths: LengthOrder,
    link: LinkType,
    captured: usize,
    /// Bytes of the present record in the stream's window, header included.
    record_len: usize,
}

impl PcapFile {
    /// Reads the file header.
    pub(crate) fn open(mut stream: ByteStream) -> Result<Self, Fault> {
        let Some(header) = stream.fill(FILE_HEADER_LEN).first_chunk::<FILE_HEADER_LEN>().copied() else {
            return Err(stream.shortage("the pcap header"));
        };
        stream.pass(FILE_HEADER_LEN);
        let (variant, major, minor, link) =
            parse_header(&header).ok_or_else(|| Fault::malformed("not a pcap header"))?;
        let lengths = match (major, minor) {
            (2, 0..=2) | (543, 0) => LengthOrder::OriginalFirst,
            (2, 3) => LengthOrder::Unsure,
            (2, 4) => LengthOrder::CapturedFirst,
            _ => {
                return Err(Fault::malformed(format!("pcap version {major}.{minor} is not known")));
            }
        };
        Ok(Self { stream, variant, lengths, link, captured: 0, record_len: 0 })
    }

    fn lengths(&self, first: u32, second: u32) -> (u32, u32) {
        match self.lengths {
            LengthOrder::CapturedFirst => (first, second),
            LengthOrder::OriginalFirst => (second, first),
            LengthOrder::Unsure => (first.min(second), first.max(second)),
        }
    }
}

/// A record that lies whole in what is at hand.
#[derive(Clone, Copy)]
struct Next {
    record: Record,
    captured: usize,
    /// With its header.
    record_len: usize,
}

impl PcapFile {
    /// The record at the beginning of `rest`, if it lies there whole and plain.
    #[inline]
    fn next_in(&self, rest: &[u8]) -> Option<Next> {
        let [seconds, ticks, first, second] = record_header(rest, self.variant.order)?;
        let (captured, original_len) = self.lengths(first, second);
        let record_len = self.variant.record_header_len + captured as usize;
        if captured as usize > MAX_CAPTURED_BYTES || record_len > rest.len() {
            return None;
        }
        let record = self.record(seconds, ticks, original_len.max(captured));
        Some(Next { record, captured: captured as usize, record_len })
    }

    fn record(&self, seconds: u32, ticks: u32, original_len: u32) -> Record {
        let nanos = u64::from(seconds) * 1_000_000_000 + u64::from(ticks) * self.variant.nanos_per_tick;
        Record { time: Timestamp::from_nanos(nanos), link: self.link, original_len }
    }
}

impl RecordReader for PcapFile {
    fn step(&mut self) -> Result<Step, Fault> {
        self.stream.pass(std::mem::take(&mut self.record_len));
        let order = self.variant.order;
        let header_len = self.variant.record_header_len;
        let header = self.stream.fill(header_len);
        if header.is_empty() {
            return self.stream.take_failure().map_or(Ok(Step::End), Err);
        }
        let Some([seconds, ticks, first, second]) =
            header.get(..header_len).and_then(|header| record_header(header, order))
        else {
            return Err(self.stream.shortage("a record header"));
        };
        let (captured, original_len) = self.lengths(first, second);
        if captured as usize > MAX_CAPTURED_BYTES {
            return Err(Fault::malformed(format!("a record claims {captured} captured bytes")));
        }
        let record_len = header_len + captured as usize;
        if self.stream.fill(record_len).len() < record_len {
            return Err(self.stream.shortage("a record"));
        }
        self.captured = captured as usize;
        self.record_len = record_len;
        Ok(Step::Record(self.record(seconds, ticks, original_len.max(captured))))
    }

    fn step_at_hand(&mut self) -> Option<Record> {
        let next = self.next_in(self.stream.window().get(self.record_len..)?)?;
        self.stream.pass(self.record_len);
        (self.captured, self.record_len) = (next.captured, next.record_len);
        Some(next.record)
    }

    fn run_at_hand(&mut self, run: &mut Run<'_>) -> Option<Record> {
        let place = self.stream.place()?;
        let mut rest = self.stream.window().get(self.record_len..)?;
        // Without it the batch would hold a block for nothing.
        self.next_in(rest)?;
        let number = run.begin(place);
        let mut passed = 0;
        let mut last: Option<Next> = None;
        let first = place.start + self.record_len + self.variant.record_header_len;
        while let Some(next) = self.next_in(rest)
            && run.take(next.record, number, first + passed, next.captured)
        {
            rest = rest.get(next.record_len..).unwrap_or_default();
            passed += next.record_len;
            last = Some(next);
        }
        let last = last?;
        self.stream.pass(self.record_len + passed - last.record_len);
        (self.captured, self.record_len) = (last.captured, last.record_len);
        Some(last.record)
    }

    fn data(&self) -> Data<'_> {
        self.stream.data(self.variant.record_header_len, self.captured)
    }

    fn stream(&self) -> &ByteStream {
        &self.stream
    }
}

fn parse_header(header: &[u8; FILE_HEADER_LEN]) -> Option<(Variant, u16, u16, LinkType)> {
    let variant = Variant::of(*header.first_chunk()?)?;
    let mut fields = Fields::new(header, variant.order);
    fields.take(4)?;
    let (major, minor) = (fields.u16()?, fields.u16()?);
    fields.take(12)?;
    // The upper half holds the length of a frame check sequence, which no one needs who trusts the inner lengths.
    let link = LinkType(fields.u32()? as u16);
    Some((variant, major, minor, link))
}

fn record_header(header: &[u8], order: ByteOrder) -> Option<[u32; 4]> {
    let (fields, _) = header.first_chunk::<RECORD_HEADER_LEN>()?.as_chunks::<4>();
    let [seconds, ticks, first, second] = fields else { return None };
    Some([seconds, ticks, first, second].map(|field| order.u32(*field)))
}
