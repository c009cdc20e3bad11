//! How what is told is written: each format is a module that renders alerts, notices, flows and names as lines.

pub mod ecs;

use crate::{Lines, Message};
use weir_model::flow::FlowId;
use weir_model::{Flow, Observation, Protocol};

/// A format of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// Elastic Common Schema 9.
    #[default]
    Ecs,
}

impl Format {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Ecs];

    /// As it is called in options and configurations.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
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
        }
    }

    /// Adds what is told of, as one line.
    pub fn message(self, message: &Message, lines: &mut Lines) {
        match (self, message) {
            (Self::Ecs, Message::Alert(alert)) => ecs::alert(alert, lines),
            (Self::Ecs, Message::Notice(notice)) => ecs::notice(notice, lines),
            (Self::Ecs, Message::Stripped(stripped)) => ecs::stripped(stripped, lines),
        }
    }

    /// Adds a flow record.
    pub fn flow(self, flow: &Flow, lines: &mut Lines) {
        match self {
            Self::Ecs => ecs::flow(flow, lines),
        }
    }

    /// Adds what a conversation taught of a name.
    pub fn name(self, flow: FlowId, protocol: Protocol, observation: &Observation, lines: &mut Lines) {
        match self {
            Self::Ecs => ecs::name(flow, protocol, observation, lines),
        }
    }
}
