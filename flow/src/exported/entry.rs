//! A flow that is open, as exported records tell of it.
//!
//! An entry is three cache lines: whose it is, what every record changes, and what is written when it begins. What most flows
//! lack is boxed.

use super::batch::Report;
use super::initiator;
use super::place::{Place, address, bytes};
use super::rare::Rarely;
use super::tally::{Counted, Tally};
use super::witness::Witness;
use crate::ends::Ends;
use crate::orientation::Oriented;
use crate::side::Both;
use crate::slots::NONE;
use std::mem::offset_of;
use std::net::IpAddr;
use weir_model::exported::Observer;
use weir_model::record::{Counters, Sampling, SamplingSource};
use weir_model::{FlowId, Timestamp};
use weir_wire::Side;

/// Most observers of one flow whose counters are kept; records of others are only counted. A packet crosses two or three of
/// a network's border routers; whoever forges exporters would have each flow keep thousands.
pub(super) const MAX_OBSERVERS: usize = 4;

/// From this many packets on a flow counts as established though only one side of it is in view. A flood that wants to push
/// established flows out of a full table has to send as many per flow.
const SETTLED_PACKETS: u64 = 8;

/// A flow and what its first observer counted.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Entry {
    /// Side A is the source of the record that began it.
    pub(super) ends: Ends,
    /// The first observer.
    place: Place,
    /// TCP flags of each side; of ICMP type and code of the first message.
    pub(super) flags: Both<u8>,
    pub(super) oriented: Oriented,
    standing: Standing,

    pub(super) last_received: Timestamp,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    bytes: Both<u64>,
    /// The lower 32 bits; what goes beyond is carried to [`Rarely`].
    packets: Both<u32>,
    payload: Both<u32>,
    /// Records of the first observer.
    records: u32,
    tos: Both<u8>,
    known: u16,

    pub(super) id: FlowId,
    pub(super) rarely: Option<Box<Rarely>>,
    /// Place of what is attached, or [`NONE`].
    pub(super) attached: u32,
    /// By which the index knows it.
    pub(super) tag: u32,
    next_hop: [u8; 16],
    /// From A to B.
    input: u32,
    output: u32,
    autonomous: Both<u32>,
    pub(super) vlans: [u16; 2],
    /// N where one of N packets was chosen, or 0; other rates are in [`Rarely`].
    one_in: u32,
}

const _: () = assert!(size_of::<Option<Entry>>() == 192, "three lines, and vacancy shows in the first");
const _: () = assert!(offset_of!(Entry, last_received) == 64 && offset_of!(Entry, id) == 128);

/// What [`Entry::known`] says.
pub(super) mod known {
    pub(in crate::exported) const INPUT: u16 = 1;
    pub(in crate::exported) const OUTPUT: u16 = 1 << 1;
    pub(in crate::exported) const NEXT_HOP: u16 = 1 << 2;
    pub(in crate::exported) const NEXT_HOP_V4: u16 = 1 << 3;
    /// The next hop is one from B to A.
    pub(in crate::exported) const NEXT_HOP_OF_B: u16 = 1 << 4;
    pub(in crate::exported) const AS_OF_A: u16 = 1 << 5;
    pub(in crate::exported) const AS_OF_B: u16 = 1 << 6;
    pub(in crate::exported) const TOS_OF_A: u16 = 1 << 7;
    pub(in crate::exported) const TOS_OF_B: u16 = 1 << 8;
    pub(in crate::exported) const ICMP: u16 = 1 << 9;
    /// An exporter said that the flow ended.
    pub(in crate::exported) const OVER: u16 = 1 << 10;
    /// The earliest packet is one of B.
    pub(in crate::exported) const FIRST_BY_B: u16 = 1 << 11;
    /// A packet of the other side came later than that.
    pub(in crate::exported) const FIRST_IS_ALONE: u16 = 1 << 12;
    /// The source of [`super::Entry::one_in`].
    pub(in crate::exported) const SOURCE_SHIFT: u32 = 13;
}

/// In which order flows make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// A few packets from one side.
    New,
    /// Packets both ways, or many.
    Settled,
}

impl Standing {
    pub(super) const COUNT: usize = 2;
}

/// What a record was to the flow that it told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hearing {
    /// The first observer's.
    Merged,
    /// Another observer's, who may have seen the same packets.
    Repeated,
    /// Of an observer beyond [`MAX_OBSERVERS`].
    Uncounted,
}

impl Entry {
    /// Nothing counted yet.
    pub(super) fn new(report: &Report) -> Self {
        let end = |side| report.ends.end(side);
        Self {
            ends: report.ends,
            place: report.place,
            flags: Both::default(),
            oriented: Oriented::from_first(report.protocol(), end(Side::A), end(Side::B)),
            standing: Standing::New,
            last_received: report.received,
            first: report.times.first,
            last: report.times.last,
            bytes: Both::default(),
            packets: Both::default(),
            payload: Both::default(),
            records: 0,
            tos: Both::default(),
            known: 0,
            id: report.id,
            rarely: None,
            attached: NONE,
            tag: report.tag,
            next_hop: [0; 16],
            input: 0,
            output: 0,
            autonomous: Both::default(),
            vlans: [0; 2],
            one_in: 0,
        }
    }

    /// Makes this the flow that continues another; `side` of that one is side A of this one.
    pub(super) fn continue_from(&mut self, old: &Self, side: Side) {
        let turn = |of: Side| if side == Side::A { of } else { of.other() };
        self.oriented = Oriented { initiator: turn(old.oriented.initiator), by: old.oriented.by };
        let known = old.rarely.as_deref().cloned().unwrap_or_default();
        self.rarely = Some(Box::new(known.continued(old.id, side)));
    }

    /// Takes up what a record says; `side` is the one that the record calls source.
    pub(super) fn take(&mut self, report: &Report, side: Side) -> Hearing {
        self.last_received = self.last_received.max(report.received);
        initiator::weigh(self, report, side);
        self.last = self.last.max(report.times.last);
        self.note_flags(report, side);
        let hearing = if self.place == report.place {
            self.count(report, side);
            Hearing::Merged
        } else if Witness::hear(self.rarely_mut(), report, side) {
            Hearing::Repeated
        } else {
            Hearing::Uncounted
        };
        self.note_route(report, side);
        if report.times.correction != 0 {
            self.rarely_mut().clock_correction = report.times.correction;
        }
        hearing
    }

    /// Adds a record of the first observer to its counters.
    fn count(&mut self, report: &Report, side: Side) {
        if report.sampling.is_some() && report.sampling != self.sampling() {
            self.change_sampling(report.sampling);
        }
        self.records = self.records.saturating_add(1);
        for (from, to) in [(Side::A, side), (Side::B, side.other())] {
            let tally = *report.tallies.of(from);
            if tally == Tally::default() {
                continue;
            }
            let bytes = self.bytes.of_mut(to);
            *bytes = bytes.saturating_add(tally.bytes);
            let packets = add(self.packets.of_mut(to), tally.packets);
            let payload = add(self.payload.of_mut(to), tally.payload);
            if packets | payload != 0 {
                self.rarely_mut().carried.of_mut(to).add(Tally { packets, bytes: 0, payload });
            }
        }
    }

    fn change_sampling(&mut self, sampling: Option<Sampling>) {
        if self.records > 0 {
            let rescaled = self.counted().rescale();
            self.rarely_mut().rescaled = Some(Box::new(rescaled));
        }
        let Some(sampling) = sampling else { return };
        if let Some(rarely) = self.rarely.as_mut() {
            rarely.sampling = None;
        }
        if sampling.chosen == 1 {
            self.one_in = sampling.of;
            let source = sampling.source as u16;
            self.known = self.known & !(7 << known::SOURCE_SHIFT) | source << known::SOURCE_SHIFT;
        } else {
            self.rarely_mut().sampling = Some(sampling);
        }
    }

    /// How the first observer chose packets, as far as told.
    pub(super) fn sampling(&self) -> Option<Sampling> {
        let elsewhere = self.rarely.as_ref().and_then(|rarely| rarely.sampling);
        elsewhere.or_else(|| Sampling::new(1, self.one_in, source_of(self.known >> known::SOURCE_SHIFT)))
    }

    /// What the first observer counted.
    pub(super) fn counted(&self) -> Counted<'_> {
        let tally = |side| {
            let mut tally =
                self.rarely.as_ref().map_or_else(Tally::default, |rarely| *rarely.carried.of(side));
            let (packets, payload) = (*self.packets.of(side), *self.payload.of(side));
            tally.add(Tally {
                packets: u64::from(packets),
                bytes: *self.bytes.of(side),
                payload: u64::from(payload),
            });
            tally
        };
        Counted {
            tallies: Both { a: tally(Side::A), b: tally(Side::B) },
            sampling: self.sampling(),
            rescaled: self.rarely.as_ref().and_then(|rarely| rarely.rescaled.as_deref()),
        }
    }

    fn note_flags(&mut self, report: &Report, side: Side) {
        if report.is_over {
            self.known |= known::OVER;
        }
        if let Some((kind, code)) = report.icmp {
            if !self.knows(known::ICMP) {
                self.known |= known::ICMP;
                self.flags = Both { a: kind, b: code };
            }
        } else {
            *self.flags.of_mut(side) |= report.flags(Side::A);
            *self.flags.of_mut(side.other()) |= report.flags(Side::B);
        }
        if let Some(tos) = report.tos {
            let bit = if side == Side::A { known::TOS_OF_A } else { known::TOS_OF_B };
            if !self.knows(bit) {
                self.known |= bit;
                *self.tos.of_mut(side) = tos;
            }
        }
    }

    /// Keeps the way that packets took and whose networks they joined, where it is not known yet.
    fn note_route(&mut self, report: &Report, side: Side) {
        if self.place == report.place {
            self.note_next_hop(report, side);
            let (input, output) = match side {
                Side::A => (report.input, report.output),
                Side::B => (report.output, report.input),
            };
            for (bit, told, place) in
                [(known::INPUT, input, &mut self.input), (known::OUTPUT, output, &mut self.output)]
            {
                if let Some(told) = told.filter(|_| self.known & bit == 0) {
                    self.known |= bit;
                    *place = told;
                }
            }
        }
        for (bit, from) in [(known::AS_OF_A, Side::A), (known::AS_OF_B, Side::B)] {
            let of_report = if side == Side::A { from } else { from.other() };
            if let Some(told) = report.autonomous.of(of_report).filter(|_| self.known & bit == 0) {
                self.known |= bit;
                *self.autonomous.of_mut(from) = told;
            }
        }
        if report.vlans != [0; 2] && self.vlans == [0; 2] {
            self.vlans = report.vlans;
        }
    }

    /// Keeps a next hop: the first, but rather one on the way from the initiator.
    fn note_next_hop(&mut self, report: &Report, side: Side) {
        let Some(next_hop) = report.next_hop else { return };
        let kept_of = if self.knows(known::NEXT_HOP_OF_B) { Side::B } else { Side::A };
        let initiator = self.oriented.initiator;
        if self.knows(known::NEXT_HOP) && (kept_of == side || side != initiator) {
            return;
        }
        let (bytes, is_v4) = bytes(next_hop);
        self.next_hop = bytes;
        self.known &= !(known::NEXT_HOP_V4 | known::NEXT_HOP_OF_B);
        self.known |= known::NEXT_HOP;
        self.known |= if is_v4 { known::NEXT_HOP_V4 } else { 0 };
        self.known |= if side == Side::B { known::NEXT_HOP_OF_B } else { 0 };
    }

    /// The first observer, seen from `initiator`.
    pub(super) fn observer(&self, initiator: Side) -> Observer {
        let next_hop_of = if self.knows(known::NEXT_HOP_OF_B) { Side::B } else { Side::A };
        let has_next_hop = self.knows(known::NEXT_HOP) && next_hop_of == initiator;
        let input = self.knows(known::INPUT).then_some(self.input);
        let output = self.knows(known::OUTPUT).then_some(self.output);
        let (input, output) = if initiator == Side::A { (input, output) } else { (output, input) };
        let counted = self.counted();
        Observer {
            exporter: self.place.exporter(),
            version: self.place.version(),
            domain: self.place.domain(),
            observed_at: self.place.observed_at(),
            input,
            output,
            next_hop: has_next_hop.then(|| self.next_hop()),
            records: self.records,
            forward: counted.tallies.of(initiator).counters(),
            reverse: counted.tallies.of(initiator.other()).counters(),
            sampling: counted.coarsest(),
        }
    }

    fn next_hop(&self) -> IpAddr {
        address(self.next_hop, self.knows(known::NEXT_HOP_V4))
    }

    pub(super) fn autonomous(&self, side: Side) -> Option<u32> {
        let bit = if side == Side::A { known::AS_OF_A } else { known::AS_OF_B };
        self.knows(bit).then_some(*self.autonomous.of(side))
    }

    pub(super) fn tos(&self, side: Side) -> Option<u8> {
        let bit = if side == Side::A { known::TOS_OF_A } else { known::TOS_OF_B };
        self.knows(bit).then_some(*self.tos.of(side))
    }

    pub(super) const fn knows(&self, bit: u16) -> bool {
        self.known & bit != 0
    }

    pub(super) const fn learn(&mut self, bits: u16, are: bool) {
        self.known = self.known & !bits | if are { bits } else { 0 };
    }

    pub(super) fn rarely_mut(&mut self) -> &mut Rarely {
        self.rarely.get_or_insert_default()
    }

    /// Bytes of facts.
    pub(super) fn facts_bytes(&self) -> usize {
        let facts = self.rarely.as_ref().and_then(|rarely| rarely.facts.as_ref());
        facts.map_or(0, |facts| facts.cost)
    }

    /// Records of all observers.
    pub(super) fn records(&self) -> u32 {
        let others = self.rarely.as_ref().map_or(0, |rarely| rarely.records_of_others());
        self.records.saturating_add(others)
    }

    pub(super) const fn standing(&self) -> Standing {
        self.standing
    }

    /// Brings the standing up to date with what was counted; whether it changed.
    pub(super) fn update_standing(&mut self) -> bool {
        if self.standing == Standing::Settled || !self.is_settled() {
            return false;
        }
        self.standing = Standing::Settled;
        true
    }

    fn is_settled(&self) -> bool {
        let packets = u64::from(self.packets.a) + u64::from(self.packets.b);
        let heard = |side| {
            *self.bytes.of(side) > 0 || self.rarely.as_ref().is_some_and(|rarely| rarely.others_heard(side))
        };
        let goes_on = self.rarely.as_ref().is_some_and(|rarely| rarely.continues.is_some());
        packets >= SETTLED_PACKETS || goes_on || (heard(Side::A) && heard(Side::B))
    }

    /// Raw counters of a side and what they stand for: those of the observer that saw most.
    pub(super) fn most(&self, side: Side) -> (Tally, Counters) {
        let own = self.counted();
        let of = |counted: &Counted<'_>| (*counted.tallies.of(side), counted.stands_for(side));
        let others =
            self.rarely.iter().flat_map(|rarely| &rarely.others).map(|witness| of(&witness.counted()));
        let size = |(_, stands_for): &(Tally, Counters)| (stands_for.bytes, stands_for.packets);
        others.fold(of(&own), |most, other| if size(&other) > size(&most) { other } else { most })
    }
}

/// Adds to the lower 32 bits; what is to be carried.
const fn add(low: &mut u32, amount: u64) -> u64 {
    let sum = (*low as u64).saturating_add(amount);
    *low = sum as u32;
    sum - *low as u64
}

/// The reverse of `as`.
fn source_of(number: u16) -> SamplingSource {
    const ALL: [SamplingSource; 6] = [
        SamplingSource::Header,
        SamplingSource::Record,
        SamplingSource::Sampler,
        SamplingSource::Interface,
        SamplingSource::Domain,
        SamplingSource::Configured,
    ];
    ALL.get(usize::from(number)).copied().unwrap_or(SamplingSource::Configured)
}
