//! The lanes between workers: packets, and ICMP errors, of which only the decoder could tell whose they are.
//!
//! The kernel deals fragments by their addresses alone, an ICMP error by its own, and a packet in a tunnel that its program does not
//! look through by the tunnel's. Whose flow they belong to shows when they are decoded; then they travel to the worker of that flow.
//! No other packet changes threads.

use crate::errand::{Errand, OwnedPacket};
use crossbeam::queue::ArrayQueue;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use weir_flow::{FlowSink, FlowTable, Whence};
use weir_model::dealing;
use weir_wire::{About, Packet};

/// Errands that wait for one worker. It looks at its lane before each batch, so this is what the others reassemble within one batch of
/// it, with room for a hiccup; at 64 KiB each, the longest datagrams there are, 64 MiB. The adversary sends a flood of fragments
/// that make many datagrams for one worker. What finds the lane full stays where it was decoded: it is counted into a flow of that
/// worker, beside the one that it belongs to, and counted as such ([`LaneCounts::stayed`]).
pub(super) const LANE_ERRANDS: usize = 1_024;

/// One worker's, into which all others put.
#[derive(Debug)]
struct Lane {
    errands: ArrayQueue<Errand>,
    /// Its worker has taken its last frame, and puts nothing into other lanes.
    is_done: AtomicBool,
    /// Nothing is put there any more, but by who looked before.
    is_closed: AtomicBool,
    /// Its worker looks there no more: whoever put something in behind that takes it out again.
    is_left: AtomicBool,
}

/// Of all workers.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: Vec<Lane>,
}

impl Lanes {
    /// Empty ones.
    pub(super) fn new(workers: usize) -> Self {
        let room = if workers > 1 { LANE_ERRANDS } else { 1 };
        let lane = || Lane {
            errands: ArrayQueue::new(room),
            is_done: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            is_left: AtomicBool::new(false),
        };
        Self { lanes: std::iter::repeat_with(lane).take(workers).collect() }
    }

    /// Whether all workers have taken their last frame, or broke down.
    pub(super) fn all_done(&self) -> bool {
        self.lanes.iter().all(|lane| lane.is_done.load(Ordering::SeqCst))
    }
}

/// What went over the lanes, as one worker saw it. Over all workers at the end, what was handed over was taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LaneCounts {
    /// Packets handed over, and the frames that they came in.
    pub handed: u64,
    pub handed_frames: u64,
    /// Packets taken over, likewise.
    pub taken: u64,
    pub taken_frames: u64,
    /// Packets of other workers that stayed here, because the lane was full.
    pub stayed: u64,
    /// ICMP errors told to the worker of the flow that they are about.
    pub notes: u64,
    /// Not told, because the lane was full.
    pub notes_stayed: u64,
}

impl LaneCounts {
    /// Each count with its name, always in this order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("packets_handed_over", self.handed),
            ("packets_taken_over", self.taken),
            ("packets_stayed_lane_full", self.stayed),
            ("icmp_errors_told", self.notes),
            ("icmp_errors_untold_lane_full", self.notes_stayed),
        ]
        .into_iter()
    }
}

/// A worker's hold on the lanes. When it is dropped, also because the worker broke down, nobody waits for it or relies on it.
#[derive(Debug)]
pub(super) struct Handover {
    index: usize,
    lanes: Arc<Lanes>,
    /// ICMP errors about flows of this worker's own, for when the batch has been taken.
    notes: Vec<OwnedPacket>,
    counts: LaneCounts,
}

impl Handover {
    /// Of the worker of that number.
    pub(super) fn new(index: usize, lanes: Arc<Lanes>) -> Self {
        Self { index, lanes, notes: Vec::new(), counts: LaneCounts::default() }
    }

    /// Whether there is nobody to hand anything to.
    pub(super) fn is_alone(&self) -> bool {
        self.lanes.lanes.len() <= 1
    }

    /// Whether something waits for this worker.
    pub(super) fn is_waited_for(&self) -> bool {
        self.lanes.lanes.get(self.index).is_some_and(|lane| !lane.errands.is_empty())
    }

    /// What went over the lanes.
    pub(super) const fn counts(&self) -> LaneCounts {
        self.counts
    }

    /// Whether a packet is for this worker's own table; if not, it has been handed over. Those that the kernel surely dealt right are
    /// not looked at.
    #[inline]
    pub(super) fn keeps(&mut self, packet: &Packet<'_>, whence: Whence) -> bool {
        let is_dealt = whence == Whence::Frame && packet.rare.is_none() && !packet.vlans.is_full();
        is_dealt || self.is_alone() || self.keeps_after_all(packet)
    }

    #[inline(never)]
    fn keeps_after_all(&mut self, packet: &Packet<'_>) -> bool {
        if let Some(about) = packet.about() {
            self.note(packet, about);
        }
        let worker = self.worker_of((packet.protocol, packet.source, packet.destination));
        if worker == self.index {
            return true;
        }
        let is_gone = self.put(worker, || Errand::Made(OwnedPacket::of(packet)));
        if is_gone {
            self.counts.handed += 1;
            self.counts.handed_frames += u64::from(packet.frames);
        } else {
            self.counts.stayed += 1;
        }
        !is_gone
    }

    /// Tells the worker of the flow that an ICMP error is about.
    fn note(&mut self, packet: &Packet<'_>, about: About) {
        let worker = self.worker_of(about);
        let note = || OwnedPacket::error_about(packet.number, packet.time, about);
        if worker != self.index {
            if self.put(worker, || Errand::Note(note())) {
                self.counts.notes += 1;
                return;
            }
            self.counts.notes_stayed += 1;
        }
        self.notes.push(note());
    }

    fn worker_of(&self, (protocol, source, destination): About) -> usize {
        dealing::worker(dealing::hash(protocol, source, destination), self.lanes.lanes.len())
    }

    /// Whether there was room; only then is the errand made.
    fn put(&self, worker: usize, errand: impl FnOnce() -> Errand) -> bool {
        let open = |lane: &&Lane| !lane.is_closed.load(Ordering::Relaxed) && !lane.errands.is_full();
        self.lanes.lanes.get(worker).filter(open).is_some_and(|lane| lane.errands.push(errand()).is_ok())
    }

    /// Takes what others handed over, and notes the ICMP errors of the batch that was taken before.
    pub(super) fn take_over(&mut self, table: &mut FlowTable, sink: &mut impl FlowSink) {
        for note in self.notes.drain(..) {
            note.lend(|packet| table.note_icmp_error(packet));
        }
        self.empty(self.index, table, sink);
    }

    /// Takes what is in a lane; no more than it holds, because others may be as fast.
    fn empty(&mut self, lane: usize, table: &mut FlowTable, sink: &mut impl FlowSink) {
        let lanes = Arc::clone(&self.lanes);
        let errands = lanes.lanes.get(lane).map(|lane| &lane.errands);
        for errand in
            errands.into_iter().flat_map(|errands| std::iter::from_fn(|| errands.pop())).take(LANE_ERRANDS)
        {
            self.take(&errand, table, sink);
        }
    }

    fn take(&mut self, errand: &Errand, table: &mut FlowTable, sink: &mut impl FlowSink) {
        match errand {
            Errand::Made(packet) => packet.lend(|packet| {
                self.counts.taken += 1;
                self.counts.taken_frames += u64::from(packet.frames);
                table.packet(packet, sink);
            }),
            Errand::Note(packet) => packet.lend(|packet| table.note_icmp_error(packet)),
        }
    }

    /// This worker has taken its last frame, and puts nothing into other lanes.
    pub(super) fn done(&self) {
        self.set(|lane| &lane.is_done);
    }

    /// Takes what is left and leaves its own lane, then looks whether anything was put into a lane that had been left. Who puts looks
    /// here afterwards: either he sees that the lane is closed, and waits for its worker to leave it, or its worker sees what he put.
    pub(super) fn close(&mut self, table: &mut FlowTable, sink: &mut impl FlowSink) {
        self.done();
        self.set(|lane| &lane.is_closed);
        fence(Ordering::SeqCst);
        self.take_over(table, sink);
        self.set(|lane| &lane.is_left);
        let lanes = Arc::clone(&self.lanes);
        for (index, lane) in lanes.lanes.iter().enumerate() {
            if index != self.index && lane.is_closed.load(Ordering::SeqCst) {
                while !lane.is_left.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
                self.empty(index, table, sink);
            }
        }
    }

    fn set(&self, flag: impl Fn(&Lane) -> &AtomicBool) {
        if let Some(lane) = self.lanes.lanes.get(self.index) {
            flag(lane).store(true, Ordering::SeqCst);
        }
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        self.done();
        self.set(|lane| &lane.is_closed);
        self.set(|lane| &lane.is_left);
    }
}
