//! Walks the input and deals its packets.

use super::part::Part;
use crate::errand::{Errand, OwnedPacket};
use crate::latency::StageTimes;
use crate::pipeline::round::Rounds;
use crate::pipeline::worker::{Span, widen};
use crossbeam::queue::ArrayQueue;
use std::sync::Arc;
use weir_capture::{FrameBatch, Reader};
use weir_model::{Endpoint, Frame, Protocol, dealing};
use weir_wire::{About, DecodeConfig, DecodeStats, Decoder, Packet, Peeked, peek_closer, peek_plain};

/// Frames that are dealt at a time: enough that taking turns does not count, few enough that what was touched is still in a
/// cache when the workers come to it.
const DEAL_FRAMES: u64 = 2048;

/// The walk through the input. It reassembles fragments, because those of one datagram tell nobody whose it is.
pub(crate) struct Dealer {
    reader: Reader,
    rounds: Rounds,
    batch: FrameBatch,
    decoder: Decoder,
    /// What is being filled, by worker.
    open: Vec<Part>,
    full: Vec<(usize, Part)>,
    spare: Arc<ArrayQueue<Part>>,
    span: Span,
    times: StageTimes,
}

/// What the dealer has to say at the end.
#[derive(Debug)]
pub(crate) struct DealerReport {
    /// Of frames that are fragments.
    pub decode: DecodeStats,
    pub span: Span,
    pub times: StageTimes,
}

impl Dealer {
    /// At the beginning of the input.
    pub(crate) fn new(reader: Reader, decode: DecodeConfig, workers: usize) -> Self {
        Self {
            reader,
            rounds: Rounds::new(),
            batch: FrameBatch::new(),
            decoder: Decoder::new(decode),
            open: std::iter::repeat_with(Part::default).take(workers).collect(),
            full: Vec::new(),
            spare: Arc::new(ArrayQueue::new(1)),
            span: None,
            times: StageTimes::new(),
        }
    }

    /// Parts to be filled are taken from there.
    pub(super) fn take_spare_from(&mut self, spare: Arc<ArrayQueue<Part>>) {
        self.spare = spare;
    }

    /// Deals some frames; gives the parts, each with its worker, and whether there is more.
    pub(super) fn deal(&mut self) -> (impl Iterator<Item = (usize, Part)>, bool) {
        let mut times = std::mem::replace(&mut self.times, StageTimes::new());
        let more = times.measure(|| self.walk());
        self.times = times;
        (self.full.drain(..), more)
    }

    /// What it counted.
    pub(crate) fn report(&self) -> DealerReport {
        DealerReport { decode: self.decoder.stats(), span: self.span, times: self.times.clone() }
    }

    /// Its reader, for the books.
    pub(crate) const fn reader(&self) -> &Reader {
        &self.reader
    }

    fn walk(&mut self) -> bool {
        let target = self.reader.stats().frames_read + DEAL_FRAMES;
        let mut more = true;
        while more && self.reader.stats().frames_read < target {
            more = self.rounds.next_batch(&mut self.reader, &mut self.batch);
            self.deal_batch();
            if !more {
                self.made_by(Decoder::finish);
            }
            if let Some(end) = self.rounds.end(&self.reader, more) {
                self.open.iter_mut().for_each(|part| part.close(end));
                self.hand_over_all();
            }
        }
        self.hand_over_all();
        more
    }

    fn deal_batch(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        for (index, frame) in batch.iter().enumerate() {
            self.deal_frame(&batch, index, &frame);
        }
        self.batch = batch;
        self.batch.clear();
    }

    fn deal_frame(&mut self, batch: &FrameBatch, index: usize, frame: &Frame<'_>) {
        self.made_by(|decoder, made| decoder.expire(frame.time, made));
        let worker =
            peek_plain(frame, |protocol, source, destination| self.worker_of(protocol, source, destination));
        match worker {
            Some(worker) => self.push(worker, batch, index),
            None => self.deal_unusual(batch, index, frame),
        }
    }

    /// Deals a frame that has to be looked at closer.
    #[inline(never)]
    fn deal_unusual(&mut self, batch: &FrameBatch, index: usize, frame: &Frame<'_>) {
        match peek_closer(frame) {
            Peeked::Packet { protocol, source, destination, about } => {
                let worker = self.worker_of(protocol, source, destination);
                self.push(worker, batch, index);
                if let Some(about) = about {
                    self.note(frame, about);
                }
            }
            Peeked::Fragment { .. } => {
                widen(&mut self.span, Some((frame.time, frame.time)));
                self.made_by(|decoder, made| decoder.decode(frame, made));
            }
            // Whose it is does not matter; an input of nothing else is shared out evenly.
            Peeked::Other => self.push(frame.number as usize % self.open.len().max(1), batch, index),
        }
    }

    fn worker_of(&self, protocol: Protocol, source: Endpoint, destination: Endpoint) -> usize {
        dealing::worker(dealing::hash(protocol, source, destination), self.open.len())
    }

    fn push(&mut self, worker: usize, batch: &FrameBatch, index: usize) {
        self.with_part(worker, |part| part.push(batch, index));
    }

    /// Has the decoder do something, and deals the packets that come of it.
    fn made_by(&mut self, work: impl FnOnce(&mut Decoder, &mut dyn FnMut(&Packet<'_>))) {
        let mut made = Vec::new();
        work(&mut self.decoder, &mut |packet| made.push(OwnedPacket::of(packet)));
        for packet in made {
            self.made(packet);
        }
    }

    /// Deals a packet that was put together.
    fn made(&mut self, packet: OwnedPacket) {
        let (mut worker, mut about) = (0, None);
        packet.lend(|packet| {
            worker = self.worker_of(packet.protocol, packet.source, packet.destination);
            about = packet
                .about()
                .map(|about| (self.worker_of(about.0, about.1, about.2), OwnedPacket::of(packet)));
        });
        self.with_part(worker, |part| part.push_errand(Errand::Made(packet)));
        if let Some((worker, note)) = about {
            self.with_part(worker, |part| part.push_errand(Errand::Note(note)));
        }
    }

    /// Tells the worker of the flow that an ICMP error is about.
    fn note(&mut self, frame: &Frame<'_>, about: About) {
        let worker = self.worker_of(about.0, about.1, about.2);
        let note = OwnedPacket::error_about(frame.number, frame.time, about);
        self.with_part(worker, |part| part.push_errand(Errand::Note(note)));
    }

    /// Lets `put` add to what is being filled for a worker.
    fn with_part(&mut self, worker: usize, put: impl FnOnce(&mut Part)) {
        let Some(part) = self.open.get_mut(worker) else {
            return;
        };
        if part.is_full() {
            let next = self.spare.pop().unwrap_or_default();
            self.full.push((worker, std::mem::replace(part, next)));
        }
        put(part);
    }

    fn hand_over_all(&mut self) {
        for (worker, part) in self.open.iter_mut().enumerate() {
            if !part.is_empty() {
                let next = self.spare.pop().unwrap_or_default();
                self.full.push((worker, std::mem::replace(part, next)));
            }
        }
    }
}
