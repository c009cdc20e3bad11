//! Sampling rates that the operator configured, for exporters that do not tell theirs, or tell a wrong one.

use foldhash::fast::RandomState;
use std::collections::HashMap;
use weir_model::record::{ExportedRecord, ObservedAt, Sampling, SamplingSource};

/// When a configured sampling rate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precedence {
    /// Where the exporter says nothing of sampling.
    WhenSilent,
    /// Always: the exporter is known to tell a wrong rate.
    Always,
}

/// What was configured for one exporter.
#[derive(Clone, Debug, Default)]
pub(super) struct Configured {
    whole: Option<Rate>,
    interfaces: HashMap<u32, Rate, RandomState>,
}

#[derive(Clone, Copy, Debug)]
struct Rate {
    sampling: Sampling,
    precedence: Precedence,
}

impl Configured {
    /// `interface`: `None` for all that have no rate of their own.
    pub(super) fn set(&mut self, interface: Option<u32>, sampling: Sampling, precedence: Precedence) {
        let rate = Rate { sampling: Sampling { source: SamplingSource::Configured, ..sampling }, precedence };
        match interface {
            Some(interface) => drop(self.interfaces.insert(interface, rate)),
            None => self.whole = Some(rate),
        }
    }

    /// How packets at an interface were chosen, when the exporter tells this.
    pub(super) fn sampling(&self, told: Option<Sampling>, interface: Option<u32>) -> Option<Sampling> {
        let rate = interface.and_then(|interface| self.interfaces.get(&interface)).or(self.whole.as_ref());
        match rate {
            Some(Rate { sampling, precedence: Precedence::Always }) => Some(*sampling),
            rate => told.or(rate.map(|rate| rate.sampling)),
        }
    }
}

/// The interface at which the packets of a record were chosen.
pub(super) const fn sampled_interface(record: &ExportedRecord<'_>) -> Option<u32> {
    match record.direction {
        Some(ObservedAt::Egress) => record.output,
        _ => record.input,
    }
}
