//! What is told, as it waits in the spool and goes to sinks.

use crate::marking::{self, Stripped};
use std::sync::Arc;
use uuid::Uuid;
use weir_model::alert::{Notice, Severity};
use weir_model::{Alert, SourceNotice, Timestamp, Tlp};

/// What is told to people.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// A notice of an incident.
    Alert(Arc<Alert>),
    /// Something about a source of intelligence, about what sources say of us, or about Weir itself.
    Notice(Arc<SourceNotice>),
    /// What is left of either without anything that sources know; made for a sink, never spooled.
    Stripped(Arc<Stripped>),
}

/// After an outage what opens something goes first, each lane in the order told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// First notices of incidents, and notices about sources.
    Openings,
    /// All that comes after a first notice.
    Rest,
}

impl Lane {
    /// Both, in the order in which they are emptied.
    pub const ALL: [Self; 2] = [Self::Openings, Self::Rest];
}

impl Message {
    /// Its identifier: the same whenever the same is told again, so that a consumer can drop repeats.
    pub fn id(&self) -> Uuid {
        match self {
            Self::Alert(alert) => alert.id,
            Self::Notice(notice) => notice.id(),
            Self::Stripped(stripped) => stripped.id(),
        }
    }

    /// What must stay in order: all notices of an incident have the same key.
    pub fn key(&self) -> Uuid {
        match self {
            Self::Alert(alert) => alert.incident,
            Self::Notice(notice) => notice.id(),
            Self::Stripped(stripped) => stripped.key(),
        }
    }

    /// In which lane it waits. The first notice of an incident that anybody is sent is what opens it for them.
    pub fn lane(&self) -> Lane {
        let is_first = |alert: &Alert| alert.notice == Notice::Opened || alert.unsent + 1 == alert.number;
        match self {
            Self::Alert(alert) if !is_first(alert) => Lane::Rest,
            Self::Stripped(stripped) if !stripped.is_opening() => Lane::Rest,
            Self::Alert(_) | Self::Notice(_) | Self::Stripped(_) => Lane::Openings,
        }
    }

    /// The time of the last packet that it tells of, or when a matter was found.
    pub fn time(&self) -> Timestamp {
        match self {
            Self::Alert(alert) => alert.last,
            Self::Notice(notice) => notice.time,
            Self::Stripped(stripped) => stripped.time(),
        }
    }

    /// How urgent it is; what says that something is over is informational.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Alert(alert) => alert.severity,
            Self::Notice(notice) => notice.matter.severity(),
            Self::Stripped(stripped) => stripped.severity(),
        }
    }

    /// Who may see it; `None` where it repeats nothing of a source.
    pub fn marking(&self) -> Option<Tlp> {
        match self {
            Self::Alert(alert) => Some(marking::marking(alert)),
            Self::Notice(notice) => notice.tlp(),
            Self::Stripped(_) => None,
        }
    }
}

impl From<Alert> for Message {
    fn from(alert: Alert) -> Self {
        Self::Alert(Arc::new(alert))
    }
}

impl From<SourceNotice> for Message {
    fn from(notice: SourceNotice) -> Self {
        Self::Notice(Arc::new(notice))
    }
}
