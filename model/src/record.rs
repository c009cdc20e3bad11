//! A flow record as a router exported it (NetFlow, IPFIX, sFlow), in one form for all versions.
//!
//! An [`ExportedRecord`] says what the exporter said, and nothing is made up: what a record did not hold is `None`, counters
//! are raw, and how they were sampled stands beside them. It borrows names from the datagram that it was read from.

use crate::frame::LinkType;
use crate::{Frame, Protocol, Timestamp};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One data record of an exporter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExportedRecord<'a> {
    /// Who says so.
    pub origin: Origin,
    /// Source address: of the initiator, where the exporter joins both directions.
    pub source: Option<IpAddr>,
    /// Destination address.
    pub destination: Option<IpAddr>,
    /// Source port; 0 where there is none.
    pub source_port: u16,
    /// Destination port; 0 where there is none.
    pub destination_port: u16,
    /// IP protocol.
    pub protocol: Option<Protocol>,
    /// ICMP or ICMPv6 type and code.
    pub icmp: Option<(u8, u8)>,
    /// Raw counters from source to destination.
    pub forward: Counters,
    /// Raw counters from destination to source, where the exporter joins both directions (RFC 5103, NSEL).
    pub reverse: Option<Counters>,
    /// How packets were chosen; `None` when the exporter has not said.
    pub sampling: Option<Sampling>,
    /// First packet, by the exporter's clock.
    pub first: Option<Timestamp>,
    /// Last packet, by the exporter's clock.
    pub last: Option<Timestamp>,
    /// TCP flags seen, ORed, from source to destination.
    pub tcp_flags: Option<u16>,
    /// TCP flags seen, ORed, from destination to source.
    pub reverse_tcp_flags: Option<u16>,
    /// Type of service, or traffic class.
    pub tos: Option<u8>,
    /// VLAN at the input.
    pub vlan: Option<u16>,
    /// VLAN at the output.
    pub post_vlan: Option<u16>,
    /// SNMP index of the input interface.
    pub input: Option<u32>,
    /// SNMP index of the output interface.
    pub output: Option<u32>,
    /// Next hop.
    pub next_hop: Option<IpAddr>,
    /// Next hop of BGP.
    pub bgp_next_hop: Option<IpAddr>,
    /// Autonomous system of the source: origin or peer, as the exporter is configured.
    pub source_as: Option<u32>,
    /// Autonomous system of the destination.
    pub destination_as: Option<u32>,
    /// Length of the source's routing prefix.
    pub source_prefix_len: Option<u8>,
    /// Length of the destination's routing prefix.
    pub destination_prefix_len: Option<u8>,
    /// At which side of the interface it was seen.
    pub direction: Option<ObservedAt>,
    /// Why the record was exported.
    pub end_reason: Option<EndReason>,
    /// Addresses and ports after translation.
    pub translated: Translated,
    /// firewallEvent (IE 233), or the ASA's own event (40005): 1 created, 2 deleted, 3 denied, 4 alert, 5 updated.
    pub firewall_event: Option<u8>,
    /// natEvent (IE 230), RFC 8158 section 4.3.
    pub nat_event: Option<u8>,
    /// applicationId (IE 95), RFC 6759: the classification engine in the first byte, the selector in the others.
    pub application_id: Option<u64>,
    /// applicationName (IE 96): of the record, or of the exporter's table of applications.
    pub application: Option<&'a [u8]>,
    /// Name that was asked for in DNS.
    pub dns_query: Option<&'a [u8]>,
    /// HTTP host (httpRequestHost, IE 460).
    pub http_host: Option<&'a [u8]>,
    /// HTTP target (httpRequestTarget, IE 461), or the URL as the exporter writes it.
    pub http_target: Option<&'a [u8]>,
    /// Server name of the TLS client hello.
    pub tls_server_name: Option<&'a [u8]>,
}

/// Where a record comes from, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Address that the datagram came from.
    pub exporter: IpAddr,
    /// Version of the protocol.
    pub version: ExportVersion,
    /// Observation domain (IPFIX), source id (v9), engine type and number (v5), sub-agent (sFlow).
    pub domain: u32,
    /// When it was sent, by the exporter's clock; of sFlow, which has none, when it was received.
    pub exported: Timestamp,
    /// When it was received, by ours.
    pub received: Timestamp,
}

/// A protocol by which routers export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ExportVersion {
    /// NetFlow version 1.
    NetFlow1,
    /// NetFlow version 5.
    NetFlow5,
    /// NetFlow version 7 (Catalyst 5000).
    NetFlow7,
    /// NetFlow version 9, RFC 3954.
    NetFlow9,
    /// IPFIX, RFC 7011.
    Ipfix,
    /// sFlow version 5.
    SFlow5,
}

impl ExportVersion {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::NetFlow1, Self::NetFlow5, Self::NetFlow7, Self::NetFlow9, Self::Ipfix, Self::SFlow5];

    /// A stable name for metrics and alerts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NetFlow1 => "netflow_v1",
            Self::NetFlow5 => "netflow_v5",
            Self::NetFlow7 => "netflow_v7",
            Self::NetFlow9 => "netflow_v9",
            Self::Ipfix => "ipfix",
            Self::SFlow5 => "sflow_v5",
        }
    }
}

/// Packets and bytes of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Packets.
    pub packets: u64,
    /// Bytes of IP (layer 3), as most exporters count.
    pub bytes: u64,
}

impl Counters {
    /// What these counters of sampled packets stand for; saturates.
    #[must_use]
    pub fn scaled(self, sampling: Option<Sampling>) -> Self {
        let scale = |count| sampling.map_or(count, |sampling: Sampling| sampling.scale(count));
        Self { packets: scale(self.packets), bytes: scale(self.bytes) }
    }
}

/// So many of so many packets were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampling {
    /// Packets chosen, at least 1.
    pub chosen: u32,
    /// Out of so many, at least `chosen`.
    pub of: u32,
    /// Who says so.
    pub source: SamplingSource,
}

impl Sampling {
    /// `None` when the numbers make no sense (none chosen, or more than there are).
    pub const fn new(chosen: u32, of: u32, source: SamplingSource) -> Option<Self> {
        if chosen == 0 || of < chosen { None } else { Some(Self { chosen, of, source }) }
    }

    /// N of "sampled 1 in N", rounded up.
    pub const fn one_in(self) -> u32 {
        self.of.div_ceil(if self.chosen == 0 { 1 } else { self.chosen })
    }

    /// Whether packets were left out.
    pub const fn is_partial(self) -> bool {
        self.of > self.chosen
    }

    /// The coarser of two ways to choose packets; which one comes first does not count.
    pub fn coarser(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        one.into_iter().chain(other).max_by_key(|sampling| (sampling.one_in(), sampling.of, sampling.source))
    }

    /// What a count of chosen packets stands for; saturates.
    pub fn scale(self, count: u64) -> u64 {
        let scaled = u128::from(count) * u128::from(self.of) / u128::from(self.chosen.max(1));
        u64::try_from(scaled).unwrap_or(u64::MAX)
    }
}

/// Where a sampling rate was learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SamplingSource {
    /// The header of the datagram (NetFlow v5).
    Header,
    /// The record, or sample, itself.
    Record,
    /// Options data about a sampler or selector that the record names.
    Sampler,
    /// Options data about the interface of the record.
    Interface,
    /// Options data about the whole observation domain.
    Domain,
    /// The configuration.
    Configured,
}

impl SamplingSource {
    /// A stable name for alerts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Record => "record",
            Self::Sampler => "sampler",
            Self::Interface => "interface",
            Self::Domain => "domain",
            Self::Configured => "configured",
        }
    }
}

/// flowDirection (IE 61).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ObservedAt {
    /// Ingress flow.
    Ingress,
    /// Egress flow.
    Egress,
}

/// flowEndReason (IE 136).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// 1: nothing was seen for the idle timeout.
    IdleTimeout,
    /// 2: it goes on; the record is an interim one.
    ActiveTimeout,
    /// 3: its end was seen.
    EndOfFlow,
    /// 4: the exporter was told to, or stopped.
    Forced,
    /// 5: the exporter had no room.
    LackOfResources,
}

/// Addresses and ports after translation: IE 225 to 228, 281, 282, Cisco's 40001 to 40004.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Translated {
    /// Source address.
    pub source: Option<IpAddr>,
    /// Destination address.
    pub destination: Option<IpAddr>,
    /// Source port; 0 where there is none.
    pub source_port: u16,
    /// Destination port; 0 where there is none.
    pub destination_port: u16,
}

/// The beginning of a packet that an exporter chose (sFlow, IPFIX elements 313 and 315).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampledFrame<'a> {
    /// Who says so.
    pub origin: Origin,
    /// What the first byte of `data` begins.
    pub link: LinkType,
    /// Length on the wire in bytes.
    pub original_len: u32,
    /// The bytes that were sent on.
    pub data: &'a [u8],
    /// How packets were chosen; `None` when the exporter has not said.
    pub sampling: Option<Sampling>,
    /// SNMP index of the input interface.
    pub input: Option<u32>,
    /// SNMP index of the output interface.
    pub output: Option<u32>,
    /// VLAN at the input.
    pub vlan: Option<u16>,
    /// VLAN at the output.
    pub post_vlan: Option<u16>,
    /// Next hop.
    pub next_hop: Option<IpAddr>,
    /// Autonomous system of the source.
    pub source_as: Option<u32>,
    /// Autonomous system of the destination.
    pub destination_as: Option<u32>,
    /// Length of the source's routing prefix.
    pub source_prefix_len: Option<u8>,
    /// Length of the destination's routing prefix.
    pub destination_prefix_len: Option<u8>,
}

impl<'a> SampledFrame<'a> {
    /// As a frame that the packet decoder reads; `number` is its place in the input.
    pub const fn frame(&self, number: u64) -> Frame<'a> {
        Frame {
            number,
            time: self.origin.received,
            link: self.link,
            original_len: self.original_len,
            data: self.data,
        }
    }
}

impl ExportedRecord<'_> {
    /// A record that says nothing.
    pub const fn empty(origin: Origin) -> Self {
        Self {
            origin,
            source: None,
            destination: None,
            source_port: 0,
            destination_port: 0,
            protocol: None,
            icmp: None,
            forward: Counters { packets: 0, bytes: 0 },
            reverse: None,
            sampling: None,
            first: None,
            last: None,
            tcp_flags: None,
            reverse_tcp_flags: None,
            tos: None,
            vlan: None,
            post_vlan: None,
            input: None,
            output: None,
            next_hop: None,
            bgp_next_hop: None,
            source_as: None,
            destination_as: None,
            source_prefix_len: None,
            destination_prefix_len: None,
            direction: None,
            end_reason: None,
            translated: Translated { source: None, destination: None, source_port: 0, destination_port: 0 },
            firewall_event: None,
            nat_event: None,
            application_id: None,
            application: None,
            dns_query: None,
            http_host: None,
            http_target: None,
            tls_server_name: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sampled_counters_are_scaled_and_saturate() {
        let third = Sampling::new(3, 1000, SamplingSource::Sampler).unwrap();
        assert_eq!(third.one_in(), 334);
        assert_eq!(third.scale(3), 1000);
        let counters = Counters { packets: 9, bytes: u64::MAX };
        assert_eq!(counters.scaled(Some(third)), Counters { packets: 3000, bytes: u64::MAX });
        assert_eq!(counters.scaled(None), counters);
        assert_eq!(Sampling::new(0, 5, SamplingSource::Header), None);
        assert_eq!(Sampling::new(6, 5, SamplingSource::Header), None);
        assert!(!Sampling::new(1, 1, SamplingSource::Header).unwrap().is_partial());
    }

    #[test]
    fn the_coarser_of_two_rates_does_not_depend_on_their_order() {
        let rate = |chosen, of, source| Sampling::new(chosen, of, source);
        let (header, domain) = (SamplingSource::Header, SamplingSource::Domain);
        let ordered =
            [None, rate(1, 10, header), rate(1, 10, domain), rate(2, 20, header), rate(1, 11, header)];
        for (position, coarser) in ordered.iter().enumerate() {
            for finer in &ordered[..position] {
                assert_eq!(Sampling::coarser(*coarser, *finer), *coarser);
                assert_eq!(Sampling::coarser(*finer, *coarser), *coarser);
            }
        }
    }
}
