//! Steady work allocates nothing: data records of templates that are known, and sampled headers.
//!
//! In a file of its own, because a program has one allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::IpAddr;
use weir_model::{ExportedRecord, SampledFrame, Timestamp};
use weir_wire::export::{ExportDecoder, ExportSink};

/// The system's allocator, counted.
struct Counting;

thread_local! {
    /// Of each thread for itself: the harness of tests has threads of its own.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has no count any more.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

#[expect(unsafe_code, reason = "an allocator is unsafe by its trait; this one only counts")]
// SAFETY: everything is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[derive(Default)]
struct Counts(u64);

impl ExportSink for Counts {
    fn record(&mut self, record: &ExportedRecord<'_>) {
        self.0 += u64::from(record.destination.is_some());
    }
    fn sampled(&mut self, frame: &SampledFrame<'_>) {
        self.0 += u64::from(!frame.data.is_empty());
    }
}

const DATAGRAMS: u32 = 1_000;
const RECORDS: u32 = 20;

fn numbers(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// Destination, bytes, an HTTP host of variable length.
fn ipfix(sequence: u32, set: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = numbers(&[10, 20 + body.len() as u16]);
    bytes.extend([0, 0, 0, 9].into_iter().chain(sequence.to_be_bytes()).chain([0, 0, 0, 1]));
    bytes.extend(numbers(&[set, 4 + body.len() as u16]));
    bytes.extend(body);
    bytes
}

fn sflow(sequence: u32) -> Vec<u8> {
    let words = [
        5,
        1,
        0x0a00_0001,
        0,
        sequence,
        0,
        1,
        1,
        72,
        0,
        0,
        100,
        0,
        0,
        1,
        2,
        1,
        1,
        32,
        1,
        60,
        0,
        16,
        7,
        7,
        7,
        7,
    ];
    words.into_iter().flat_map(u32::to_be_bytes).collect()
}

#[test]
fn records_of_known_templates_allocate_nothing() {
    let template = ipfix(0, 2, &numbers(&[256, 3, 12, 4, 1, 4, 460, 65_535]));
    let record = [192, 0, 2, 1, 0, 0, 1, 0, 3, b'a', b'.', b'b'];
    let data: Vec<_> =
        (0..DATAGRAMS).map(|number| ipfix(number * RECORDS, 256, &record.repeat(RECORDS as usize))).collect();
    let samples: Vec<_> = (0..DATAGRAMS).map(sflow).collect();
    let (mut decoder, mut counts) = (ExportDecoder::default(), Counts::default());
    let mut take = |bytes: &[u8]| {
        let now = Timestamp::new(9, 0);
        assert_eq!(decoder.datagram(IpAddr::from([192, 0, 2, 9]), now, bytes, &mut counts), Ok(()));
    };
    take(&template);
    take(&sflow(u32::MAX));
    let before = ALLOCATIONS.get();
    for bytes in data.iter().chain(&samples) {
        take(bytes);
    }
    let allocations = ALLOCATIONS.get() - before;
    assert_eq!(counts.0, u64::from(DATAGRAMS * (RECORDS + 1) + 1));
    assert_eq!(allocations, 0);
}
