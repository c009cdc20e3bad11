//! What is known of a flow because routers told of it.

use crate::record::{Counters, ObservedAt};
use crate::{Endpoint, ExportVersion, Sampling};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::net::IpAddr;
use std::sync::Arc;

/// The part of a [`crate::Flow`] that only flows have that were put together from exported records. Raw counters are those of the
/// flow itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exported {
    /// Who told of it, in the order of their first records; capped by the table that puts flows together.
    pub observers: SmallVec<[Observer; 1]>,
    /// Records of all observers, also of those beyond the cap.
    pub records: u32,
    /// How packets were chosen, by the coarsest of the observers; `None` when none has said that any were left out.
    pub sampling: Option<Sampling>,
    /// What the counters from initiator to responder stand for, scaled by how packets were chosen.
    pub estimated_forward: Counters,
    /// The same from responder to initiator.
    pub estimated_reverse: Counters,
    /// The initiator's address and port on the other side of a translator.
    pub initiator_translated: Option<Endpoint>,
    /// The responder's address and port on the other side of a translator.
    pub responder_translated: Option<Endpoint>,
    /// Autonomous system of the initiator.
    pub initiator_as: Option<u32>,
    /// Autonomous system of the responder.
    pub responder_as: Option<u32>,
    /// Type of service, or traffic class, from initiator to responder.
    pub forward_tos: Option<u8>,
    /// Type of service, or traffic class, from responder to initiator.
    pub reverse_tos: Option<u8>,
    /// See [`crate::ExportedRecord::firewall_event`].
    pub firewall_event: Option<u8>,
    /// See [`crate::ExportedRecord::nat_event`].
    pub nat_event: Option<u8>,
    /// applicationName, as the exporter classifies.
    pub application: Option<Arc<str>>,
    /// The first packets of both directions have one time, as exporters write it that keep one start for both: who sent the
    /// first is not known from that.
    pub began_together: bool,
    /// Times were moved by so many nanoseconds, because the exporter's clock was wrong by more than its limit; else 0.
    pub clock_correction: i64,
}

impl Exported {
    /// Whether packets were left out, so that what is not there may have been there.
    pub fn is_sampled(&self) -> bool {
        self.sampling.is_some_and(Sampling::is_partial)
    }

    /// N of "sampled 1 in N", where packets were left out.
    pub fn sampled_one_in(&self) -> Option<u32> {
        self.sampling.filter(|sampling| sampling.is_partial()).map(Sampling::one_in)
    }

    /// Whether a firewall let nothing of it through (firewallEvent 3, IE 233).
    pub fn is_denied(&self) -> bool {
        self.firewall_event == Some(3)
    }
}

/// A place at which an exporter saw the flow: of one observation domain, coming in or going out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observer {
    /// Its address.
    pub exporter: IpAddr,
    /// Protocol by which it told.
    pub version: ExportVersion,
    /// Observation domain (IPFIX), source id (v9), engine (v5), sub-agent (sFlow).
    pub domain: u32,
    /// At which side of its interfaces, if it says.
    pub observed_at: Option<ObservedAt>,
    /// Input interface from initiator to responder, by SNMP index.
    pub input: Option<u32>,
    /// Output interface from initiator to responder.
    pub output: Option<u32>,
    /// Next hop from initiator to responder.
    pub next_hop: Option<IpAddr>,
    /// Its records of the flow.
    pub records: u32,
    /// Its raw counters from initiator to responder.
    pub forward: Counters,
    /// Its raw counters from responder to initiator.
    pub reverse: Counters,
    /// How it chose packets.
    pub sampling: Option<Sampling>,
}
