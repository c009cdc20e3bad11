//! How what is told is written: each format is a module that renders alerts, notices, flows and names as lines.
//!
//! What a format has no place for is known beforehand ([`Format::has`], [`Format::tells`]), so that whoever configures it can be told.

pub mod ecs;
pub mod eve;
pub mod ocsf;
pub mod pdnssoc;
pub(crate) mod registry;

use crate::sinks::Kind;
use crate::{Lines, Message};
use weir_model::flow::FlowId;
use weir_model::observation::Sender;
use weir_model::{Alert, Endpoint, Flow, Observation, Protocol};

/// A format of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// Elastic Common Schema 9.
    #[default]
    Ecs,
    /// Open Cybersecurity Schema Framework 1.5.
    Ocsf,
    /// Events as Suricata writes them (EVE).
    Eve,
    /// Matches as Unicor and pDNSSOC write them; only of alerts.
    Pdnssoc,
}

impl Format {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Ecs, Self::Ocsf, Self::Eve, Self::Pdnssoc];

    /// As it is called in options and configurations.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::Ocsf => "ocsf",
            Self::Eve => "eve",
            Self::Pdnssoc => "pdnssoc",
        }
    }

    /// From its keyword.
    pub fn parse(keyword: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.keyword() == keyword)
    }

    /// Schema and version of what it writes, for whoever must know before reading it.
    pub const fn schema(self) -> &'static str {
        match self {
            Self::Ecs => "ecs/9.0.0",
            Self::Ocsf => "ocsf/1.5.0",
            Self::Eve => "eve/8.0",
            Self::Pdnssoc => "pdnssoc/1",
        }
    }

    /// Whether it has a place for what is of this kind. The ledger is Weir's own, and the same in all of them.
    pub const fn has(self, kind: Kind) -> bool {
        match kind {
            Kind::Alert | Kind::Ledger => true,
            Kind::Flow | Kind::Name => !matches!(self, Self::Pdnssoc),
        }
    }

    /// Whether it has a place for this message; one that it has none for is not written. A match of pDNSSOC says what a
    /// client asked for: notices about sources are not about one, and stripped messages do not tell.
    pub const fn tells(self, message: &Message) -> bool {
        match message {
            Message::Alert(_) => true,
            Message::Notice(_) | Message::Stripped(_) => !matches!(self, Self::Pdnssoc),
        }
    }

    /// Adds what is told of, as one line, if the format [tells](Self::tells) of such.
    pub fn message(self, message: &Message, lines: &mut Lines) {
        match message {
            Message::Alert(alert) => self.alert(alert, lines),
            Message::Notice(notice) => match self {
                Self::Ecs => ecs::notice(notice, lines),
                Self::Ocsf => ocsf::notice(notice, lines),
                Self::Eve => eve::notice(notice, lines),
                Self::Pdnssoc => {}
            },
            Message::Stripped(stripped) => match self {
                Self::Ecs => ecs::stripped(stripped, lines),
                Self::Ocsf => ocsf::stripped(stripped, lines),
                Self::Eve => eve::stripped(stripped, lines),
                Self::Pdnssoc => {}
            },
        }
    }

    /// Adds an alert, as one line.
    pub fn alert(self, alert: &Alert, lines: &mut Lines) {
        match self {
            Self::Ecs => ecs::alert(alert, lines),
            Self::Ocsf => ocsf::alert(alert, lines),
            Self::Eve => eve::alert(alert, lines),
            Self::Pdnssoc => pdnssoc::alert(alert, lines),
        }
    }

    /// Adds a flow record, if the format [has](Self::has) such.
    pub fn flow(self, flow: &Flow, lines: &mut Lines) {
        match self {
            Self::Ecs => ecs::flow(flow, lines),
            Self::Ocsf => ocsf::flow(flow, lines),
            Self::Eve => eve::flow(flow, lines),
            Self::Pdnssoc => {}
        }
    }

    /// Adds what a conversation taught of a name, likewise; nothing for facts that name nothing (a ServerHello, a status).
    pub fn name(self, flow: FlowId, protocol: Protocol, observation: &Observation, lines: &mut Lines) {
        match self {
            Self::Ecs => ecs::name(flow, protocol, observation, lines),
            Self::Ocsf => ocsf::name(flow, protocol, observation, lines),
            Self::Eve => eve::name(flow, protocol, observation, lines),
            Self::Pdnssoc => {}
        }
    }
}

/// The end that asked and the one that answers, whichever sent the message.
fn asked(observation: &Observation) -> (Endpoint, Endpoint) {
    match observation.fact.sent_by() {
        Some(Sender::Responder) => (observation.destination, observation.source),
        _ => (observation.source, observation.destination),
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod valid;
