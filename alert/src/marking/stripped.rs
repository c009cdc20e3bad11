//! What is left of a message of which nobody may know what it met.

use super::StripKey;
use std::net::IpAddr;
use std::time::Duration;
use uuid::Uuid;
use weir_model::alert::{Direction, Grade, Notice, Role, Severity};
use weir_model::{Alert, ClockQuality, Indicator, IndicatorValue, SourceNotice, Timestamp};

/// Times are told to the minute: their fractions are those of a flow record, which may be had elsewhere and names both ends.
const TIMES: Duration = Duration::from_mins(1);

/// A message stripped of all intelligence: that something was met, and where in our own networks.
///
/// It is a type of its own, so that no format can write what it must not: it holds no value, no matched field, no other end, no name, no
/// source, and no identifier that could be guessed from any of them. Each field of an alert that is not here was left out for a reason;
/// see [`Stripped::of_alert`].
#[derive(Clone, Debug, PartialEq)]
pub enum Stripped {
    /// Of an alert.
    Alert(StrippedAlert),
    /// Of a notice that sources list an address of ours.
    Listing(StrippedListing),
}

/// What is left of an alert.
#[derive(Clone, Debug, PartialEq)]
pub struct StrippedAlert {
    /// Made with the installation's secret.
    pub id: Uuid,
    /// Likewise; the same for all notices of an incident.
    pub incident: Uuid,
    /// The incident before this one, likewise.
    pub previous: Option<Uuid>,
    /// Which notice it is.
    pub notice: Notice,
    /// Its number, from 1.
    pub number: u32,
    /// Notices before it that nobody was sent.
    pub unsent: u32,
    /// Direction.
    pub direction: Direction,
    /// Grade reached.
    pub grade: Grade,
    /// The grade may be higher.
    pub at_least: bool,
    /// How urgent.
    pub severity: Severity,
    /// The host that it is about; for inbound incidents the inside host, where it is one alone.
    pub host: Option<IpAddr>,
    /// Roles of that host.
    pub roles: Vec<Role>,
    /// First packet, to the minute before.
    pub first: Timestamp,
    /// Last packet, to the minute before.
    pub last: Timestamp,
    /// Flows, rounded down to 1, 2, 5, 10, 20, 50 ...
    pub flows: u64,
    /// Bytes at IP level that the host (inbound: the inside) sent, rounded; of sampled flows what they stand for.
    pub sent_bytes: u64,
    /// Received, likewise.
    pub received_bytes: u64,
    /// Inbound: how many inside hosts were touched, rounded.
    pub touched_count: u64,
    /// Something kept the clock, where that is known. By how much it may be wrong is far below a minute then.
    pub synchronised: Option<bool>,
}

/// What is left of a notice that sources list an address of ours: that there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrippedListing {
    /// Made with the installation's secret.
    pub id: Uuid,
    /// When it was found.
    pub time: Timestamp,
    /// How urgent.
    pub severity: Severity,
}

impl Stripped {
    /// Strips an alert. What stays is ours: the host, what it is for, and how far it got.
    ///
    /// What goes, where that is not obvious:
    /// - *identifiers*: they are hashes over the indicator's value, which a list of candidates would reveal;
    /// - *the example flow*, whole: with its Community ID, ports, VLANs, fingerprints and exporters it is a key into every flow store;
    /// - *tunnel ends, translated ports, look-ups, resolvers asked*: each names the other end, or leads to the line of a log that does;
    /// - *other hosts, touched hosts, hosts that called back, an earlier contact*: what several hosts at several times have in common
    ///   is the other end. Those that called back have alerts of their own;
    /// - *the kind of the indicator, how it is known, what warninglists say*: words on the value;
    /// - *exact times and counts*: those of one flow are its fingerprint. Whoever sees all flows of a host can still guess among
    ///   those of the minute: flows and stripped alerts are not for the same stranger.
    pub fn of_alert(alert: &Alert, key: &StripKey) -> Self {
        let host = host(alert);
        let bytes =
            |counted: u64, estimated: u64| about(if alert.sampling.is_some() { estimated } else { counted });
        Self::Alert(StrippedAlert {
            id: key.identifier("alert", alert.id),
            incident: key.identifier("incident", alert.incident),
            previous: alert.previous.map(|previous| key.identifier("incident", previous)),
            notice: alert.notice,
            number: alert.number,
            unsent: alert.unsent,
            direction: alert.direction,
            grade: alert.grade,
            at_least: alert.at_least,
            severity: alert.severity,
            host,
            roles: if host.is_some() { alert.roles.clone() } else { Vec::new() },
            first: to_the_minute(alert.first),
            last: to_the_minute(alert.last),
            flows: about(alert.flows),
            sent_bytes: bytes(alert.sent.ip_bytes, alert.estimated_sent.bytes),
            received_bytes: bytes(alert.received.ip_bytes, alert.estimated_received.bytes),
            touched_count: about(alert.touched_count),
            synchronised: alert.clock.map(ClockQuality::is_synchronised),
        })
    }

    /// Strips a notice that an address of ours is listed. The network that it lies in may be as small as the address.
    pub fn of_listing(notice: &SourceNotice, key: &StripKey) -> Self {
        Self::Listing(StrippedListing {
            id: key.identifier("listing", notice.id()),
            time: to_the_minute(notice.time),
            severity: notice.matter.severity(),
        })
    }

    /// Its identifier: the same whenever the same is stripped again with the same secret.
    pub const fn id(&self) -> Uuid {
        match self {
            Self::Alert(alert) => alert.id,
            Self::Listing(listing) => listing.id,
        }
    }

    /// What must stay in order.
    pub const fn key(&self) -> Uuid {
        match self {
            Self::Alert(alert) => alert.incident,
            Self::Listing(listing) => listing.id,
        }
    }

    /// The time of the last packet that it tells of, or when a listing was found; to the minute.
    pub const fn time(&self) -> Timestamp {
        match self {
            Self::Alert(alert) => alert.last,
            Self::Listing(listing) => listing.time,
        }
    }

    /// How urgent it is.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::Alert(alert) => alert.severity,
            Self::Listing(listing) => listing.severity,
        }
    }

    /// Whether it is the first notice that anybody is sent.
    pub const fn is_opening(&self) -> bool {
        match self {
            Self::Alert(alert) => {
                matches!(alert.notice, Notice::Opened) || alert.unsent.saturating_add(1) == alert.number
            }
            Self::Listing(_) => true,
        }
    }
}

/// The host of an alert, unless it is itself what an indicator names: then there is nothing left to say where.
fn host(alert: &Alert) -> Option<IpAddr> {
    let only_touched = if let [only] = *alert.touched { Some(only) } else { None };
    let host = alert.host.or(only_touched.filter(|_| alert.touched_count <= 1))?;
    let mut indicators = std::iter::once(&alert.indicator).chain(&alert.also_matched);
    let (began, answered) = match alert.tunnel {
        Some(tunnel) => (tunnel.source, tunnel.destination),
        None => (alert.example.initiator.ip, alert.example.responder.ip),
    };
    let other = if alert.host_began() { answered } else { began };
    let is_named = indicators.any(|indicator| names(indicator, host)) || other == host;
    (!is_named).then_some(host)
}

fn names(indicator: &Indicator, host: IpAddr) -> bool {
    match &indicator.value {
        IndicatorValue::Address(ip) | IndicatorValue::AddressPort(ip, _) => *ip == host,
        IndicatorValue::Network(network) => network.contains(&host),
        IndicatorValue::Url(url) => url.host.as_str().parse() == Ok(host),
        _ => false,
    }
}

fn to_the_minute(time: Timestamp) -> Timestamp {
    let minute = u64::try_from(TIMES.as_nanos()).unwrap_or(1);
    Timestamp::from_nanos(time.as_nanos() / minute * minute)
}

/// A count as people say it, the last of 1, 2, 5, 10, 20, 50 ... that it reaches: exact ones are found again in flow records.
pub(super) fn about(count: u64) -> u64 {
    let mut power = 1_u64;
    while count / power >= 10 {
        power *= 10;
    }
    power
        * match count / power {
            0 => 0,
            1 => 1,
            2..=4 => 2,
            _ => 5,
        }
}
