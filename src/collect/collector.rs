//! The collector: datagrams and messages to records, and what is learnt from them.

use crate::pipeline::{Learnt, Wanted};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use weir_model::Timestamp;
use weir_model::record::{ExportedRecord, SampledFrame};
use weir_rules::{IndicatorSet, Site};
use weir_wire::export::{
    ExportDecoder, ExportLimits, ExportSink, ExportStats, ExporterStatus, Notice, Refused,
};

/// How often the decoder forgets templates and waiting data whose time is over; what is over is not used in between either.
const FORGET_EVERY: Duration = Duration::from_mins(1);
/// Notices that wait to be taken. Forged sources make one each, so further ones are only counted.
const MAX_NOTICES: usize = 64;

/// What a collector works with.
#[derive(Clone)]
#[expect(dead_code, reason = "flows of records are not put together yet")]
pub(crate) struct CollectorConfig {
    pub limits: ExportLimits,
    pub set: Arc<IndicatorSet>,
    pub site: Site,
    pub want_flows: Wanted,
    pub want_names: Wanted,
}

/// Decodes what exporters send, puts it into flows, and matches these. There is one for each thread; datagrams of an exporter always
/// reach the same.
pub(crate) struct Collector {
    decoder: ExportDecoder,
    forgets_at: Timestamp,
    findings: Findings,
}

/// What a collector has to say at the end, or in between.
#[derive(Clone, Debug)]
pub(crate) struct CollectorReport {
    pub decode: ExportStats,
    /// By their addresses.
    pub exporters: Vec<ExporterStatus>,
    /// Notices beyond those that wait to be taken.
    #[expect(dead_code, reason = "for sockets, which `weir run` will have")]
    pub notices_left_out: u64,
}

impl Collector {
    /// Nothing received.
    pub(crate) fn new(config: CollectorConfig) -> Self {
        Self {
            decoder: ExportDecoder::new(config.limits),
            forgets_at: Timestamp::EPOCH,
            findings: Findings { learnt: Learnt::default(), notices: Vec::new(), notices_left_out: 0 },
        }
    }

    /// Takes a datagram.
    pub(crate) fn datagram(
        &mut self,
        exporter: IpAddr,
        received: Timestamp,
        bytes: &[u8],
    ) -> Result<(), Refused> {
        self.decoder.datagram(exporter, received, bytes, &mut self.findings)
    }

    #[expect(dead_code, reason = "for sockets, which `weir run` will have")]
    /// Takes an IPFIX message of a stream.
    pub(crate) fn message(
        &mut self,
        exporter: IpAddr,
        received: Timestamp,
        bytes: &[u8],
    ) -> Result<(), Refused> {
        self.decoder.message(exporter, received, bytes, &mut self.findings)
    }

    #[expect(dead_code, reason = "for sockets, which `weir run` will have")]
    /// The stream of an exporter ended.
    pub(crate) fn session_ended(&mut self, exporter: IpAddr) {
        self.decoder.session_ended(exporter);
    }

    /// Time has passed: what is over by `now` ends.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        if now >= self.forgets_at {
            self.decoder.expire(now);
            self.forgets_at = now + FORGET_EVERY;
        }
    }

    /// Nothing more will come: all flows end.
    pub(crate) fn finish(&mut self) {
        self.forgets_at = Timestamp::EPOCH;
    }

    /// What was learnt since this was last asked.
    pub(crate) fn take_learnt(&mut self) -> Learnt {
        std::mem::take(&mut self.findings.learnt)
    }

    #[expect(dead_code, reason = "for sockets, which `weir run` will have")]
    /// What people should know of exporters, since this was last asked.
    pub(crate) fn take_notices(&mut self) -> Vec<(IpAddr, Notice)> {
        std::mem::take(&mut self.findings.notices)
    }

    #[expect(dead_code, reason = "for sockets, which `weir run` will have")]
    /// The decoder, for templates that are kept over a restart.
    pub(crate) const fn decoder(&mut self) -> &mut ExportDecoder {
        &mut self.decoder
    }

    /// The books so far.
    pub(crate) fn report(&self) -> CollectorReport {
        CollectorReport {
            decode: self.decoder.stats(),
            exporters: self.decoder.exporters(),
            notices_left_out: self.findings.notices_left_out,
        }
    }
}

/// Where records go.
struct Findings {
    learnt: Learnt,
    notices: Vec<(IpAddr, Notice)>,
    notices_left_out: u64,
}

impl ExportSink for Findings {
    fn record(&mut self, _record: &ExportedRecord<'_>) {}

    fn sampled(&mut self, _frame: &SampledFrame<'_>) {}

    fn notice(&mut self, exporter: IpAddr, notice: Notice) {
        if self.notices.len() < MAX_NOTICES {
            self.notices.push((exporter, notice));
        } else {
            self.notices_left_out += 1;
        }
    }
}
