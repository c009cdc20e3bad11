//! The books of the flow table.

use crate::effort::Shed;
use crate::passive_dns::PassiveDnsStats;
use crate::streams::StreamStats;
use weir_model::flow::{EndReason, NameSource};

/// Plain counts. The ledger: `frames` = `frames_ended` + [`crate::FlowTable::frames_in_open_flows`] + `shed.frames` +
/// `left_out_frames`, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowStats {
    /// Packets taken.
    pub packets: u64,
    /// Frames that they came in.
    pub frames: u64,
    /// Frames counted into records that ended.
    pub frames_ended: u64,
    /// What was left out because there was too much.
    pub shed: Shed,
    /// Packets with an end in a network that is left out ([`crate::FlowConfig::left_out`]).
    pub left_out_packets: u64,
    /// The frames that these came in.
    pub left_out_frames: u64,
    /// Bytes at IP level.
    pub ip_bytes: u64,
    /// Packets whose time was earlier than that of the packet before, as the clock of the rounds says.
    pub steps_backwards: u64,
    /// Records begun, continuations included.
    pub flows_begun: u64,
    /// Of these, continuations after the active timeout.
    pub flows_continued: u64,
    /// Flows open now.
    pub flows_open: u64,
    /// Most flows open at a time.
    pub flows_open_peak: u64,
    /// Records ended, by reason.
    pub ended: EndCounts,
    /// Rounds in which names were asked for before all workers had closed them, because many records waited.
    pub rounds_resolved_early: u64,
    /// ICMP errors that told of an open flow.
    pub icmp_errors_paired: u64,
    /// ICMP errors that told of no open flow.
    pub icmp_errors_unpaired: u64,
    /// Facts that payloads said.
    pub facts: u64,
    /// Facts not kept in a record, because the budget was used up.
    pub facts_not_kept: u64,
    /// Bytes of that budget used now.
    pub facts_bytes: u64,
    /// Names learnt, by source.
    pub names: NameCounts,
    /// Names not kept, because their flow had many.
    pub names_dropped: u64,
    /// DNS answers from the end that asks, or that fit no question of their flow: not learnt.
    pub dns_answers_refused: u64,
    /// TCP flows no longer read, because too many were.
    pub stream_readers_dropped: u64,
    /// UDP flows whose reading began afresh, because too many were read.
    pub datagram_readers_dropped: u64,
    /// HTTP requests beyond what is reported of one flow ([`weir_wire::http::MAX_REQUESTS_REPORTED`]), of flows no longer read.
    pub requests_unreported: u64,
    /// DNS messages in HTTP/2 that were not read because a cap was reached, likewise.
    pub bodies_unread: u64,
    /// TCP payload bytes held for order now, with overhead.
    pub stream_bytes_held: u64,
    /// What became of TCP payload.
    pub streams: StreamStats,
    /// Passive DNS (of the whole store, where it is shared).
    pub passive_dns: PassiveDnsStats,
}

/// Records ended, by [`EndReason`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndCounts {
    /// See [`EndReason::Fin`].
    pub fin: u64,
    /// See [`EndReason::Rst`].
    pub rst: u64,
    /// See [`EndReason::Idle`].
    pub idle: u64,
    /// See [`EndReason::Active`].
    pub active: u64,
    /// See [`EndReason::Evicted`].
    pub evicted: u64,
    /// See [`EndReason::Reused`].
    pub reused: u64,
    /// See [`EndReason::EndOfInput`].
    pub end_of_input: u64,
}

impl EndCounts {
    fn add(&mut self, other: &Self) {
        let Self { fin, rst, idle, active, evicted, reused, end_of_input } = other;
        self.fin += fin;
        self.rst += rst;
        self.idle += idle;
        self.active += active;
        self.evicted += evicted;
        self.reused += reused;
        self.end_of_input += end_of_input;
    }

    pub(crate) const fn count(&mut self, reason: EndReason) {
        let counter = match reason {
            EndReason::Fin => &mut self.fin,
            EndReason::Rst => &mut self.rst,
            EndReason::Idle => &mut self.idle,
            EndReason::Active => &mut self.active,
            EndReason::Evicted => &mut self.evicted,
            EndReason::Reused => &mut self.reused,
            EndReason::EndOfInput => &mut self.end_of_input,
        };
        *counter += 1;
    }

    /// All records ended.
    pub const fn total(&self) -> u64 {
        self.fin + self.rst + self.idle + self.active + self.evicted + self.reused + self.end_of_input
    }
}

/// Names learnt, by [`NameSource`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameCounts {
    /// See [`NameSource::Certificate`].
    pub certificate: u64,
    /// See [`NameSource::PassiveDnsOther`].
    pub passive_dns_other: u64,
    /// See [`NameSource::PassiveDnsClient`].
    pub passive_dns_client: u64,
    /// See [`NameSource::HttpProxy`].
    pub http_proxy: u64,
    /// See [`NameSource::TlsSni`].
    pub tls_sni: u64,
    /// See [`NameSource::QuicSni`].
    pub quic_sni: u64,
    /// See [`NameSource::HttpHost`].
    pub http_host: u64,
}

impl NameCounts {
    fn add(&mut self, other: &Self) {
        let Self {
            certificate,
            passive_dns_other,
            passive_dns_client,
            http_proxy,
            tls_sni,
            quic_sni,
            http_host,
        } = other;
        self.certificate += certificate;
        self.passive_dns_other += passive_dns_other;
        self.passive_dns_client += passive_dns_client;
        self.http_proxy += http_proxy;
        self.tls_sni += tls_sni;
        self.quic_sni += quic_sni;
        self.http_host += http_host;
    }

    pub(crate) const fn count(&mut self, source: NameSource, names: u64) {
        let counter = match source {
            NameSource::Certificate => &mut self.certificate,
            NameSource::PassiveDnsOther => &mut self.passive_dns_other,
            NameSource::PassiveDnsClient => &mut self.passive_dns_client,
            NameSource::HttpProxy => &mut self.http_proxy,
            NameSource::TlsSni => &mut self.tls_sni,
            NameSource::QuicSni => &mut self.quic_sni,
            NameSource::HttpHost => &mut self.http_host,
        };
        *counter += names;
    }
}

impl FlowStats {
    /// Takes up the books of another table, which had other flows of the same input and the same passive DNS. The peak is then the sum
    /// of the tables' peaks: no less than what it was.
    pub fn add(&mut self, other: &Self) {
        let Self {
            packets,
            frames,
            frames_ended,
            shed,
            left_out_packets,
            left_out_frames,
            ip_bytes,
            steps_backwards,
            flows_begun,
            flows_continued,
            flows_open,
            flows_open_peak,
            ended,
            rounds_resolved_early,
            icmp_errors_paired,
            icmp_errors_unpaired,
            facts,
            facts_not_kept,
            facts_bytes,
            names,
            names_dropped,
            dns_answers_refused,
            stream_readers_dropped,
            datagram_readers_dropped,
            requests_unreported,
            bodies_unread,
            stream_bytes_held,
            streams,
            passive_dns,
        } = other;
        self.packets += packets;
        self.frames += frames;
        self.frames_ended += frames_ended;
        self.shed.add(shed);
        self.left_out_packets += left_out_packets;
        self.left_out_frames += left_out_frames;
        self.ip_bytes += ip_bytes;
        // All tables are told of the same clock.
        self.steps_backwards = self.steps_backwards.max(*steps_backwards);
        self.flows_begun += flows_begun;
        self.flows_continued += flows_continued;
        self.flows_open += flows_open;
        self.flows_open_peak += flows_open_peak;
        self.ended.add(ended);
        self.rounds_resolved_early += rounds_resolved_early;
        self.icmp_errors_paired += icmp_errors_paired;
        self.icmp_errors_unpaired += icmp_errors_unpaired;
        self.facts += facts;
        self.facts_not_kept += facts_not_kept;
        self.facts_bytes += facts_bytes;
        self.names.add(names);
        self.names_dropped += names_dropped;
        self.dns_answers_refused += dns_answers_refused;
        self.stream_readers_dropped += stream_readers_dropped;
        self.datagram_readers_dropped += datagram_readers_dropped;
        self.requests_unreported += requests_unreported;
        self.bodies_unread += bodies_unread;
        self.stream_bytes_held += stream_bytes_held;
        self.streams.add(streams);
        // What is shared is counted once.
        self.passive_dns = *passive_dns;
    }

    /// Each count with its name, always in this order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let Self { ended, names, streams, passive_dns, .. } = self;
        [
            ("packets", self.packets),
            ("frames", self.frames),
            ("frames_ended", self.frames_ended),
            ("shed_payloads", self.shed.payloads),
            ("shed_packets", self.shed.packets),
            ("shed_frames", self.shed.frames),
            ("left_out_packets", self.left_out_packets),
            ("left_out_frames", self.left_out_frames),
            ("ip_bytes", self.ip_bytes),
            ("steps_backwards", self.steps_backwards),
            ("flows_begun", self.flows_begun),
            ("flows_continued", self.flows_continued),
            ("flows_open", self.flows_open),
            ("flows_open_peak", self.flows_open_peak),
            ("flows_ended_fin", ended.fin),
            ("flows_ended_rst", ended.rst),
            ("flows_ended_idle", ended.idle),
            ("flows_ended_active", ended.active),
            ("flows_ended_evicted", ended.evicted),
            ("flows_ended_reused", ended.reused),
            ("flows_ended_end_of_input", ended.end_of_input),
            ("rounds_resolved_early", self.rounds_resolved_early),
            ("icmp_errors_paired", self.icmp_errors_paired),
            ("icmp_errors_unpaired", self.icmp_errors_unpaired),
            ("facts", self.facts),
            ("facts_not_kept", self.facts_not_kept),
            ("facts_bytes", self.facts_bytes),
            ("names_certificate", names.certificate),
            ("names_passive_dns_other", names.passive_dns_other),
            ("names_passive_dns_client", names.passive_dns_client),
            ("names_http_proxy", names.http_proxy),
            ("names_tls_sni", names.tls_sni),
            ("names_quic_sni", names.quic_sni),
            ("names_http_host", names.http_host),
            ("names_dropped", self.names_dropped),
            ("dns_answers_refused", self.dns_answers_refused),
            ("stream_readers_dropped", self.stream_readers_dropped),
            ("datagram_readers_dropped", self.datagram_readers_dropped),
            ("requests_unreported", self.requests_unreported),
            ("bodies_unread", self.bodies_unread),
            ("stream_bytes_held", self.stream_bytes_held),
            ("stream_bytes_read", streams.read_bytes),
            ("stream_bytes_repeated", streams.repeated_bytes),
            ("stream_bytes_astray", streams.astray_bytes),
            ("stream_bytes_unused", streams.unused_bytes),
            ("stream_gaps", streams.gaps),
            ("stream_gaps_by_cap", streams.gaps_by_cap),
            ("stream_read_caps_reached", streams.read_caps_reached),
            ("passive_dns_own_learnt", passive_dns.own_learnt),
            ("passive_dns_others_learnt", passive_dns.others_learnt),
            ("passive_dns_own_entries", passive_dns.own_entries),
            ("passive_dns_others_entries", passive_dns.others_entries),
            ("passive_dns_evicted", passive_dns.evicted),
            ("passive_dns_answers_settled", passive_dns.answers_settled),
            ("passive_dns_answers_dropped", passive_dns.answers_dropped),
        ]
        .into_iter()
    }
}
