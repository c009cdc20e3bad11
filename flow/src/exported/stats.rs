//! The books of flows made of exported records.

use weir_model::flow::EndReason;

/// Counts so far. When nobody is putting records in, they balance: see [`ExportedFlowStats::balances`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportedFlowStats {
    /// Records, sampled frames among them, that were put in.
    pub records: u64,
    /// Of them, sampled frames.
    pub sampled: u64,
    /// Records that were added to a flow's first observer.
    pub merged: u64,
    /// Records of further observers of a flow, who may have seen the same packets.
    pub repeated: u64,
    /// Records of observers beyond the cap of a flow: counted there, and nothing more.
    pub uncounted: u64,
    /// Records without both addresses, which belong to no flow.
    pub without_addresses: u64,
    /// Records with an end in a network that is left out ([`super::ExportedFlowsConfig::left_out`]).
    pub left_out: u64,
    /// Flows begun.
    pub begun: u64,
    /// Flows ended, by reason.
    pub ended: EndedBy,
    /// Flows open.
    pub open: u64,
    /// Facts that records and sampled frames told.
    pub facts: u64,
    /// Facts that were told on but not kept in flows, because the budget for them is used up.
    pub facts_not_kept: u64,
    /// Names not kept because their flow had too many.
    pub names_dropped: u64,
    /// Texts in records that no name can be.
    pub names_refused: u64,
    /// Flows that passive DNS named.
    pub named: u64,
    /// DNS answers in sampled frames that passive DNS did not learn: not from a responder.
    pub dns_answers_refused: u64,
    /// Records whose times were moved, because their exporter's clock was wrong.
    pub clocks_corrected: u64,
    /// Bytes of the budget that are used.
    pub bytes: u64,
    /// The budget in bytes.
    pub budget: u64,
}

/// Flows ended, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndedBy {
    /// FIN of both sides, or as the exporter told.
    pub fin: u64,
    /// RST.
    pub rst: u64,
    /// Nothing was received about it any more.
    pub idle: u64,
    /// The active timeout.
    pub active: u64,
    /// The budget was used up.
    pub evicted: u64,
    /// The input ended.
    pub end_of_input: u64,
}

impl EndedBy {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.fin + self.rst + self.idle + self.active + self.evicted + self.end_of_input
    }

    pub(super) const fn count(&mut self, reason: EndReason) {
        let counter = match reason {
            EndReason::Fin => &mut self.fin,
            EndReason::Rst => &mut self.rst,
            EndReason::Idle | EndReason::Reused => &mut self.idle,
            EndReason::Active => &mut self.active,
            EndReason::Evicted => &mut self.evicted,
            EndReason::EndOfInput => &mut self.end_of_input,
        };
        *counter += 1;
    }
}

impl ExportedFlowStats {
    /// Whether every record is in a flow or was refused, and every flow that began ended or is open.
    pub const fn balances(&self) -> bool {
        self.records == self.merged + self.repeated + self.uncounted + self.without_addresses + self.left_out
            && self.begun == self.ended.total() + self.open
    }

    pub(super) fn add(&mut self, other: &Self) {
        let sums = [
            (&mut self.records, other.records),
            (&mut self.sampled, other.sampled),
            (&mut self.merged, other.merged),
            (&mut self.repeated, other.repeated),
            (&mut self.uncounted, other.uncounted),
            (&mut self.without_addresses, other.without_addresses),
            (&mut self.left_out, other.left_out),
            (&mut self.begun, other.begun),
            (&mut self.ended.fin, other.ended.fin),
            (&mut self.ended.rst, other.ended.rst),
            (&mut self.ended.idle, other.ended.idle),
            (&mut self.ended.active, other.ended.active),
            (&mut self.ended.evicted, other.ended.evicted),
            (&mut self.ended.end_of_input, other.ended.end_of_input),
            (&mut self.open, other.open),
            (&mut self.facts, other.facts),
            (&mut self.facts_not_kept, other.facts_not_kept),
            (&mut self.names_dropped, other.names_dropped),
            (&mut self.names_refused, other.names_refused),
            (&mut self.named, other.named),
            (&mut self.dns_answers_refused, other.dns_answers_refused),
            (&mut self.clocks_corrected, other.clocks_corrected),
            (&mut self.bytes, other.bytes),
            (&mut self.budget, other.budget),
        ];
        for (sum, amount) in sums {
            *sum += amount;
        }
    }
}
