//! Steady work allocates nothing: packets of flows that are open, of which all names are known.
//!
//! In a file of its own, because a program has one allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use weir_flow::{Ended, FlowConfig, FlowSink, FlowTable};
use weir_model::flow::FlowHead;
use weir_model::frame::LinkType;
use weir_model::{Frame, Observation, Timestamp};
use weir_wire::{DecodeConfig, Decoder};

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

/// Counts what it is told.
#[derive(Default)]
struct Counts {
    observed: u64,
    ended: u64,
}

impl FlowSink for Counts {
    fn began(&mut self, _: &FlowHead<'_>) {}
    fn observed(&mut self, _: &FlowHead<'_>, _: &Observation) {
        self.observed += 1;
    }
    fn named(&mut self, _: &FlowHead<'_>) {}
    fn ended(&mut self, _: Ended<'_>, _: u64) {
        self.ended += 1;
    }
}

const FLOWS: u8 = 100;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// An Ethernet frame of a TCP segment of one of the flows, with a VLAN tag.
fn frame(flow: u8, up: bool, flags: u8, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let (client, server) = ([10, 0, 0, flow], [192, 0, 2, 1]);
    let (client_port, server_port) = (40_000_u16.to_be_bytes(), 80_u16.to_be_bytes());
    let mut frame = vec![0; 12];
    frame.extend([0x81, 0, 0, 7, 0x08, 0]);
    frame.extend([0x45, 0]);
    frame.extend((40 + payload.len() as u16).to_be_bytes());
    frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    let ends = if up { [client, server] } else { [server, client] };
    let ports = if up { [client_port, server_port] } else { [server_port, client_port] };
    frame.extend(ends.as_flattened());
    frame.extend(ports.as_flattened());
    frame.extend(sequence.to_be_bytes());
    frame.extend([0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0]);
    frame.extend(payload);
    frame
}

/// Hands frames over, all of the same second.
fn take(table: &mut FlowTable, sink: &mut Counts, frames: &[Vec<u8>], second: u64) {
    let mut decoder = Decoder::new(DecodeConfig::default());
    let frames = (second * 1_000 + 1..).zip(frames).map(|(number, data)| Frame {
        number,
        time: Timestamp::new(second, 0),
        link: LinkType::ETHERNET,
        original_len: data.len() as u32,
        data,
    });
    table.frames(&mut decoder, frames, sink);
}

#[test]
fn known_flows_allocate_nothing() {
    let mut table = FlowTable::new(FlowConfig::default());
    let mut sink = Counts::default();
    let of_all = |make: &dyn Fn(u8) -> Vec<u8>| (0..FLOWS).map(make).collect::<Vec<_>>();
    let request = b"GET / HTTP/1.1\r\nHost: www.example\r\n\r\n";
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n";
    take(&mut table, &mut sink, &of_all(&|flow| frame(flow, true, SYN, 100, b"")), 1);
    take(&mut table, &mut sink, &of_all(&|flow| frame(flow, false, SYN | ACK, 500, b"")), 2);
    take(&mut table, &mut sink, &of_all(&|flow| frame(flow, true, ACK, 101, request)), 3);
    take(&mut table, &mut sink, &of_all(&|flow| frame(flow, false, ACK, 501, answer)), 4);
    assert!(sink.observed >= 2 * u64::from(FLOWS), "the test would show nothing");

    let body = [b'x'; 1_000];
    let behind_answer = 501 + answer.len() as u32;
    let seconds: Vec<(u64, Vec<Vec<u8>>)> = (5..400)
        .map(|second| {
            let sequence = behind_answer + (second as u32 - 5) * 1_000;
            let mut frames = of_all(&|flow| frame(flow, false, ACK, sequence, &body));
            frames.extend(of_all(&|flow| frame(flow, true, ACK, 101 + request.len() as u32, b"")));
            (second, frames)
        })
        .collect();
    let before = ALLOCATIONS.get();
    for (second, frames) in &seconds {
        take(&mut table, &mut sink, frames, *second);
    }
    let during = ALLOCATIONS.get() - before;
    let stats = table.stats();
    assert_eq!((stats.packets, sink.ended), (u64::from(FLOWS) * (4 + 2 * 395), 0));
    assert_eq!(during, 0, "allocations while {} packets passed", FLOWS as usize * 2 * 395);
}
