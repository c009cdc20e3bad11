//! Which information element fills which field.
//!
//! Numbers and meanings: IANA "IP Flow Information Export (IPFIX) Entities"; NetFlow v9 uses the same numbers below 128 (RFC 3954
//! section 8) and the vendors' own above 32,767, where it has no enterprise numbers.

/// RFC 5103: the same elements, of the other direction.
const REVERSE: u32 = 29305;
/// ntop: nProbe. In v9 its elements are numbered from 57,472.
const NTOP: u32 = 35632;
const NTOP_IN_V9: u16 = 57_472;
/// CERT: YAF.
const CERT: u32 = 6871;
/// Citrix: NetScaler.
const CITRIX: u32 = 5951;

/// Where the bytes of an element go. Elements that are none of these are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// Left out.
    Skip,
    SourceV4,
    SourceV6,
    DestinationV4,
    DestinationV6,
    SourcePort,
    DestinationPort,
    Protocol,
    IcmpTypeCode,
    IcmpType,
    IcmpCode,
    Packets,
    Bytes,
    /// Counts for `Packets` where those are none.
    PacketsElse,
    /// Counts for `Bytes` where those are none.
    BytesElse,
    ReversePackets,
    ReverseBytes,
    TcpFlags,
    ReverseTcpFlags,
    Tos,
    Dscp,
    Vlan,
    PostVlan,
    Input,
    Output,
    NextHopV4,
    NextHopV6,
    BgpNextHopV4,
    BgpNextHopV6,
    SourceAs,
    DestinationAs,
    SourcePrefix,
    DestinationPrefix,
    Direction,
    EndReason,
    TranslatedSourceV4,
    TranslatedSourceV6,
    TranslatedDestinationV4,
    TranslatedDestinationV6,
    TranslatedSourcePort,
    TranslatedDestinationPort,
    FirewallEvent,
    AsaEvent,
    NatEvent,
    ApplicationId,
    ApplicationName,
    DnsQuery,
    HttpHost,
    HttpTarget,
    TlsServerName,
    FirstUptime,
    LastUptime,
    First(Unit),
    Last(Unit),
    ReverseFirst(Unit),
    ReverseLast(Unit),
    FirstDelta,
    LastDelta,
    SystemInit,
    DurationMillis,
    DurationMicros,
    Event(Unit),
    SamplingInterval,
    SamplerId,
    SamplingPackets,
    SamplingSpace,
    SamplingSize,
    SamplingPopulation,
    FrameSection,
    IpSection,
    FrameSize,
    FrameType,
}

/// Unit of an absolute time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Millis,
    /// NTP timestamps (RFC 7011 sections 6.1.9 and 6.1.10).
    Micros,
    Nanos,
}

impl Field {
    /// The field of an element; `enterprise` is 0 for IANA's, and always in v9.
    pub(super) const fn of(enterprise: u32, number: u16) -> Self {
        match enterprise {
            0 if number >= NTOP_IN_V9 => ntop(number - NTOP_IN_V9),
            0 => iana(number),
            REVERSE => reverse(number),
            NTOP => ntop(number),
            CERT => cert(number),
            CITRIX => citrix(number),
            _ => Self::Skip,
        }
    }

    /// Bytes that it must have, where a number of another length would not do.
    pub(super) const fn width(self) -> Option<u16> {
        match self {
            Self::SourceV4
            | Self::DestinationV4
            | Self::NextHopV4
            | Self::BgpNextHopV4
            | Self::TranslatedSourceV4
            | Self::TranslatedDestinationV4 => Some(4),
            Self::SourceV6
            | Self::DestinationV6
            | Self::NextHopV6
            | Self::BgpNextHopV6
            | Self::TranslatedSourceV6
            | Self::TranslatedDestinationV6 => Some(16),
            _ => None,
        }
    }

    /// Its value is bytes, not a number.
    pub(super) const fn is_bytes(self) -> bool {
        matches!(
            self,
            Self::SourceV6
                | Self::DestinationV6
                | Self::NextHopV6
                | Self::BgpNextHopV6
                | Self::TranslatedSourceV6
                | Self::TranslatedDestinationV6
                | Self::ApplicationName
                | Self::DnsQuery
                | Self::HttpHost
                | Self::HttpTarget
                | Self::TlsServerName
                | Self::FrameSection
                | Self::IpSection
        )
    }

    /// Says how packets were chosen.
    pub(super) const fn is_sampling(self) -> bool {
        matches!(
            self,
            Self::SamplingInterval
                | Self::SamplerId
                | Self::SamplingPackets
                | Self::SamplingSpace
                | Self::SamplingSize
                | Self::SamplingPopulation
        )
    }

    /// Holds the beginning of a packet.
    pub(super) const fn is_section(self) -> bool {
        matches!(self, Self::FrameSection | Self::IpSection)
    }

    /// Elements of IANA's for which others are left out.
    pub(super) const PREFERRED: &[u16] = &[1, 2, 10, 14, 85, 86, 231, 298];

    /// Elements that count when others are missing: they are left out where a template holds what they stand
    /// for, which is in [`Self::PREFERRED`].
    pub(super) const fn yields_to(enterprise: u32, number: u16) -> &'static [u16] {
        match (enterprise, number) {
            // OUT_PKTS and OUT_BYTES: at the egress of what is counted at the ingress, or (nProbe) the other direction.
            (0, 24 | 172) => &[2, 86, 298],
            (0, 23 | 171 | 352) => &[1, 85, 231],
            (0, 252) => &[10],
            (0, 253) => &[14],
            _ => &[],
        }
    }
}

const fn iana(number: u16) -> Field {
    match number {
        8 => Field::SourceV4,
        27 => Field::SourceV6,
        12 => Field::DestinationV4,
        28 => Field::DestinationV6,
        7 | 180 | 182 => Field::SourcePort,
        11 | 181 | 183 => Field::DestinationPort,
        4 => Field::Protocol,
        32 | 139 => Field::IcmpTypeCode,
        176 | 178 => Field::IcmpType,
        177 | 179 => Field::IcmpCode,
        2 | 298 => Field::Packets,
        1 | 231 => Field::Bytes,
        24 | 86 | 172 => Field::PacketsElse,
        23 | 85 | 171 | 352 => Field::BytesElse,
        299 => Field::ReversePackets,
        232 => Field::ReverseBytes,
        6 => Field::TcpFlags,
        5 => Field::Tos,
        195 => Field::Dscp,
        58 | 243 => Field::Vlan,
        59 | 254 => Field::PostVlan,
        10 | 252 => Field::Input,
        14 | 253 => Field::Output,
        16 => Field::SourceAs,
        17 => Field::DestinationAs,
        9 | 29 => Field::SourcePrefix,
        13 | 30 => Field::DestinationPrefix,
        61 => Field::Direction,
        136 => Field::EndReason,
        _ => iana_less_common(number),
    }
}

const fn iana_less_common(number: u16) -> Field {
    match number {
        15 => Field::NextHopV4,
        62 => Field::NextHopV6,
        18 => Field::BgpNextHopV4,
        63 => Field::BgpNextHopV6,
        225 | 40001 => Field::TranslatedSourceV4,
        226 | 40002 => Field::TranslatedDestinationV4,
        227 | 40003 => Field::TranslatedSourcePort,
        228 | 40004 => Field::TranslatedDestinationPort,
        281 => Field::TranslatedSourceV6,
        282 => Field::TranslatedDestinationV6,
        233 => Field::FirewallEvent,
        40005 => Field::AsaEvent,
        230 => Field::NatEvent,
        95 => Field::ApplicationId,
        // 56701: App-ID of Palo Alto's, in v9.
        96 | 56701 => Field::ApplicationName,
        460 => Field::HttpHost,
        461 => Field::HttpTarget,
        34 | 50 => Field::SamplingInterval,
        48 | 302 => Field::SamplerId,
        305 => Field::SamplingPackets,
        306 => Field::SamplingSpace,
        309 => Field::SamplingSize,
        310 => Field::SamplingPopulation,
        104 | 315 => Field::FrameSection,
        313 => Field::IpSection,
        312 => Field::FrameSize,
        408 => Field::FrameType,
        _ => time(number),
    }
}

const fn time(number: u16) -> Field {
    match number {
        22 => Field::FirstUptime,
        21 => Field::LastUptime,
        150 => Field::First(Unit::Seconds),
        151 => Field::Last(Unit::Seconds),
        152 => Field::First(Unit::Millis),
        153 => Field::Last(Unit::Millis),
        154 => Field::First(Unit::Micros),
        155 => Field::Last(Unit::Micros),
        156 => Field::First(Unit::Nanos),
        157 => Field::Last(Unit::Nanos),
        158 => Field::FirstDelta,
        159 => Field::LastDelta,
        160 => Field::SystemInit,
        161 => Field::DurationMillis,
        162 => Field::DurationMicros,
        322 => Field::Event(Unit::Seconds),
        323 => Field::Event(Unit::Millis),
        324 => Field::Event(Unit::Micros),
        325 => Field::Event(Unit::Nanos),
        _ => Field::Skip,
    }
}

/// Totals of the other direction are not read beside deltas: exporters send one or the other.
const fn reverse(number: u16) -> Field {
    match number {
        1 | 85 => Field::ReverseBytes,
        2 | 86 => Field::ReversePackets,
        6 => Field::ReverseTcpFlags,
        150 => Field::ReverseFirst(Unit::Seconds),
        151 => Field::ReverseLast(Unit::Seconds),
        152 => Field::ReverseFirst(Unit::Millis),
        153 => Field::ReverseLast(Unit::Millis),
        154 => Field::ReverseFirst(Unit::Micros),
        155 => Field::ReverseLast(Unit::Micros),
        156 => Field::ReverseFirst(Unit::Nanos),
        157 => Field::ReverseLast(Unit::Nanos),
        _ => Field::Skip,
    }
}

/// nProbe's user guide, "Plugin templates".
const fn ntop(number: u16) -> Field {
    match number {
        180 => Field::HttpTarget,
        187 => Field::HttpHost,
        188 => Field::TlsServerName,
        205 => Field::DnsQuery,
        _ => Field::Skip,
    }
}

/// The registry of CERT's elements. YAF sends most of them inside lists (RFC 6313), which are left out.
const fn cert(number: u16) -> Field {
    match number {
        179 => Field::DnsQuery,
        294 => Field::TlsServerName,
        _ => Field::Skip,
    }
}

/// AppFlow: URL and host of a request.
const fn citrix(number: u16) -> Field {
    match number {
        130 => Field::HttpTarget,
        142 => Field::HttpHost,
        _ => Field::Skip,
    }
}
