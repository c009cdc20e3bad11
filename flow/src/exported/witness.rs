//! Observers of a flow after its first: another router on the way, or the other side of the same one.

use super::batch::Report;
use super::entry::MAX_OBSERVERS;
use super::place::Place;
use super::rare::Rarely;
use super::tally::{Counted, Rescaled, Tally};
use crate::side::Both;
use std::net::IpAddr;
use weir_model::exported::Observer;
use weir_model::record::Sampling;
use weir_wire::Side;

/// An observer and what it counted.
#[derive(Clone, Debug)]
pub(super) struct Witness {
    place: Place,
    tallies: Both<Tally>,
    sampling: Option<Sampling>,
    rescaled: Option<Box<Rescaled>>,
    pub(super) records: u32,
    /// From A to B.
    input: Option<u32>,
    output: Option<u32>,
    next_hop: Both<Option<IpAddr>>,
}

impl Witness {
    /// Adds a record to the counters of its observer; whether those are kept.
    pub(super) fn hear(rarely: &mut Rarely, report: &Report, side: Side) -> bool {
        let others = &mut rarely.others;
        let position =
            others.iter().position(|witness| witness.place == report.place).unwrap_or(others.len());
        if position == others.len() && others.len() + 1 < MAX_OBSERVERS {
            others.push(Self::new(report.place));
        }
        let Some(witness) = others.get_mut(position) else {
            rarely.uncounted = rarely.uncounted.saturating_add(1);
            return false;
        };
        witness.count(report, side);
        true
    }

    const fn new(place: Place) -> Self {
        const NOTHING: Tally = Tally { packets: 0, bytes: 0, payload: 0 };
        Self {
            place,
            tallies: Both { a: NOTHING, b: NOTHING },
            sampling: None,
            rescaled: None,
            records: 0,
            input: None,
            output: None,
            next_hop: Both { a: None, b: None },
        }
    }

    fn count(&mut self, report: &Report, side: Side) {
        if report.sampling.is_some() && report.sampling != self.sampling {
            if self.records > 0 {
                let rescaled = self.counted().rescale();
                self.rescaled = Some(Box::new(rescaled));
            }
            self.sampling = report.sampling;
        }
        self.records = self.records.saturating_add(1);
        self.tallies.of_mut(side).add(report.tallies.a);
        self.tallies.of_mut(side.other()).add(report.tallies.b);
        let (input, output) = match side {
            Side::A => (report.input, report.output),
            Side::B => (report.output, report.input),
        };
        self.input = self.input.or(input);
        self.output = self.output.or(output);
        let next_hop = self.next_hop.of_mut(side);
        *next_hop = next_hop.or(report.next_hop);
    }

    /// Bytes that it takes beside itself.
    pub(super) fn boxed(&self) -> usize {
        if self.rescaled.is_some() { size_of::<Rescaled>() } else { 0 }
    }

    /// What it counted.
    pub(super) fn counted(&self) -> Counted<'_> {
        Counted { tallies: self.tallies, sampling: self.sampling, rescaled: self.rescaled.as_deref() }
    }

    /// As the record of the flow has it, seen from `initiator`.
    pub(super) fn observer(&self, initiator: Side) -> Observer {
        let (input, output) =
            if initiator == Side::A { (self.input, self.output) } else { (self.output, self.input) };
        Observer {
            exporter: self.place.exporter(),
            version: self.place.version(),
            domain: self.place.domain(),
            observed_at: self.place.observed_at(),
            input,
            output,
            next_hop: *self.next_hop.of(initiator),
            records: self.records,
            forward: self.tallies.of(initiator).counters(),
            reverse: self.tallies.of(initiator.other()).counters(),
            sampling: self.counted().coarsest(),
        }
    }
}
