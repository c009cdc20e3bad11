//! Who told of it where routers did, and how much may be missing.

use super::Scene;
use crate::text::{bytes, first_of};
use std::fmt::Write as _;
use std::net::IpAddr;
use weir_model::alert::{Direction, Grade};
use weir_model::record::Counters;
use weir_model::{ExportVersion, Exported, Protocol};

impl Scene<'_> {
    /// Whether something may have happened of which routers did not tell, so that nothing is said of what did not happen.
    pub(super) fn may_be_more(&self) -> bool {
        self.alert.at_least && self.told().is_some() && self.alert.grade < Grade::Exchanged
    }

    /// `, as router 192.0.2.1 tells (NetFlow v9), sampled 1 in 1000: at least connected, about 3.2 MB received`.
    pub(super) fn as_told(&self) -> String {
        let sampled = self.alert.sampling.map(|sampling| format!("sampled 1 in {}", sampling.one_in()));
        let Some(told) = self.told() else {
            return sampled
                .map_or_else(String::new, |sampled| format!(", part of it as routers tell, {sampled}"));
        };
        let sampled = sampled.map_or_else(String::new, |sampled| format!(", {sampled}"));
        format!("{}{sampled}{}", by(told), self.least())
    }

    /// Bytes that the host sent and received, for people: of sampled packets what they stand for.
    pub(super) fn traffic(&self) -> [String; 2] {
        self.counted().map(|number| self.amount(number))
    }

    pub(super) fn amount(&self, number: u64) -> String {
        let about = if self.alert.sampling.is_some() { "about " } else { "" };
        format!("{about}{}", bytes(number))
    }

    /// Sent and received: payload where packets were seen, all bytes where routers counted.
    pub(super) fn counted(&self) -> [u64; 2] {
        let alert = self.alert;
        if alert.sampling.is_some() {
            [alert.estimated_sent, alert.estimated_received].map(|Counters { bytes, .. }| bytes)
        } else if self.told().is_some() {
            [alert.sent, alert.received].map(|traffic| traffic.ip_bytes)
        } else {
            [alert.sent, alert.received].map(|traffic| traffic.payload_bytes)
        }
    }

    /// Both sides were told of. Whether data went both ways cannot be told of what fits into large headers.
    pub(super) fn connected(&self, host: &str, peer: &str) -> String {
        let (times, amounts) = (self.times(), self.amounts());
        if self.alert.direction == Direction::Outbound && self.alert.example.protocol == Protocol::TCP {
            format!("{host} connected to {peer}{times}{amounts}")
        } else {
            format!("{host} and {peer} answered each other{times}{amounts}")
        }
    }

    pub(super) fn without_answer(&self) -> &'static str {
        if self.told().is_some_and(Exported::is_denied) {
            "which the firewall denied"
        } else {
            "without answer"
        }
    }

    pub(super) fn told(&self) -> Option<&Exported> {
        self.alert.example.exported.as_deref()
    }

    /// How far it got for certain, and what was counted of it.
    fn least(&self) -> String {
        if !self.may_be_more() {
            return String::new();
        }
        format!(": at least {}{}", self.alert.grade, self.amounts())
    }

    /// `, about 2.0 MB sent, about 3.2 MB received`: what was counted.
    pub(super) fn amounts(&self) -> String {
        let [sent, received] = self.counted();
        let counted = match self.alert.direction {
            Direction::Inbound => [(received, "came in"), (sent, "went out")],
            _ => [(sent, "sent"), (received, "received")],
        };
        let mut text = String::new();
        for (number, way) in counted.into_iter().filter(|(number, _)| *number > 0) {
            let _ = write!(text, ", {} {way}", self.amount(number));
        }
        text
    }
}

fn by(told: &Exported) -> String {
    let mut exporters: Vec<IpAddr> = Vec::new();
    for observer in &told.observers {
        if !exporters.contains(&observer.exporter) {
            exporters.push(observer.exporter);
        }
    }
    let kind = if told.firewall_event.is_some() { "firewall" } else { "router" };
    let (plural, verb) = if exporters.len() == 1 { ("", "tells") } else { ("s", "tell") };
    let version = told.observers.first().map(|first| format!(" ({})", version(first.version)));
    let named = first_of(&exporters, exporters.len() as u64);
    let space = if named.is_empty() { "" } else { " " };
    format!(", as {kind}{plural}{space}{named} {verb}{}", version.unwrap_or_default())
}

fn version(version: ExportVersion) -> &'static str {
    match version {
        ExportVersion::NetFlow1 => "NetFlow v1",
        ExportVersion::NetFlow5 => "NetFlow v5",
        ExportVersion::NetFlow7 => "NetFlow v7",
        ExportVersion::NetFlow9 => "NetFlow v9",
        ExportVersion::Ipfix => "IPFIX",
        ExportVersion::SFlow5 => "sFlow v5",
    }
}
