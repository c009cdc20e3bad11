//! What was counted, per exporter and in all.

use super::refused::Reasons;
use super::sequence::SequenceStats;

/// Counters of one exporter, or of all. Plain integers that the program publishes.
///
/// The books: `datagrams = decoded + refused.total()`; `data_sets = data_sets_decoded + data_sets_refused + waiting_now` at any
/// moment, where `data_sets_refused` are those dropped, expired or cut short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportStats {
    /// Datagrams, or messages of a stream.
    pub datagrams: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Datagrams of which something was taken, or that were empty.
    pub decoded: u64,
    /// Datagrams of which nothing was taken, by reason.
    pub refused: Reasons,
    /// Parts (sets, templates, records, samples) that were not taken, by reason.
    pub faults: Reasons,
    /// Flow records handed on.
    pub records: u64,
    /// Headers of sampled packets handed on.
    pub frames: u64,
    /// Records of options.
    pub option_records: u64,
    /// sFlow counter samples, left out.
    pub counter_samples: u64,
    /// sFlow records and samples of other kinds, left out.
    pub other_samples: u64,
    /// v9 headers whose number of records is not what the datagram held.
    pub counts_that_lie: u64,
    /// Templates learnt, the first time or after they were forgotten.
    pub templates: u64,
    /// Templates announced again, unchanged.
    pub templates_refreshed: u64,
    /// Templates announced with other fields.
    pub templates_redefined: u64,
    /// Templates withdrawn.
    pub templates_withdrawn: u64,
    /// Withdrawals in datagrams, which RFC 7011 section 8.4 forbids, left out.
    pub withdrawals_ignored: u64,
    /// Templates neither announced nor used for too long.
    pub templates_expired: u64,
    /// Templates that made room for others.
    pub templates_evicted: u64,
    /// Data sets.
    pub data_sets: u64,
    /// Data sets that were read to their end.
    pub data_sets_decoded: u64,
    /// Data sets that were read no further than a fault.
    pub data_sets_cut: u64,
    /// Data sets that came before their template and wait, or waited.
    pub data_sets_waited: u64,
    /// Data sets that were decoded when their template came; also in `data_sets_decoded` or `data_sets_cut`.
    pub data_sets_late: u64,
    /// Data sets whose template did not come in time.
    pub data_sets_expired: u64,
    /// Data sets that came before their template when there was no room to wait.
    pub data_sets_dropped: u64,
    /// Entries of options (samplers, applications, interfaces) for which there was no room.
    pub options_refused: u64,
    /// Domains that made room for others.
    pub domains_evicted: u64,
    /// Exporters that made room for others.
    pub exporters_evicted: u64,
    /// Datagrams whose exporter's clock was further from ours than the limit.
    pub clock_skewed: u64,
    /// What sequence numbers tell.
    pub sequence: SequenceStats,
}

impl ExportStats {
    /// Data sets that wait at this moment.
    pub const fn waiting_now(&self) -> u64 {
        self.data_sets_waited.saturating_sub(self.data_sets_late + self.data_sets_expired)
    }

    /// Whether what went in is what came out.
    pub fn balances(&self) -> bool {
        let sets = self.data_sets_decoded + self.data_sets_cut + self.data_sets_dropped;
        self.datagrams == self.decoded + self.refused.total()
            && self.data_sets == sets + self.data_sets_expired + self.waiting_now()
            && self.sequence.balances()
    }

    /// Adds the counters of another exporter.
    pub fn add(&mut self, other: &Self) {
        self.datagrams += other.datagrams;
        self.bytes += other.bytes;
        self.decoded += other.decoded;
        self.refused.add(&other.refused);
        self.faults.add(&other.faults);
        self.records += other.records;
        self.frames += other.frames;
        self.option_records += other.option_records;
        self.counter_samples += other.counter_samples;
        self.other_samples += other.other_samples;
        self.counts_that_lie += other.counts_that_lie;
        self.templates += other.templates;
        self.templates_refreshed += other.templates_refreshed;
        self.templates_redefined += other.templates_redefined;
        self.templates_withdrawn += other.templates_withdrawn;
        self.withdrawals_ignored += other.withdrawals_ignored;
        self.templates_expired += other.templates_expired;
        self.templates_evicted += other.templates_evicted;
        self.data_sets += other.data_sets;
        self.data_sets_decoded += other.data_sets_decoded;
        self.data_sets_cut += other.data_sets_cut;
        self.data_sets_waited += other.data_sets_waited;
        self.data_sets_late += other.data_sets_late;
        self.data_sets_expired += other.data_sets_expired;
        self.data_sets_dropped += other.data_sets_dropped;
        self.options_refused += other.options_refused;
        self.domains_evicted += other.domains_evicted;
        self.exporters_evicted += other.exporters_evicted;
        self.clock_skewed += other.clock_skewed;
        self.sequence.add(&other.sequence);
    }
}
