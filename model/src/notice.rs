//! Notices about the intelligence itself: what people are told that is not about a flow.

use crate::Timestamp;
use crate::alert::Severity;
use crate::indicator::{Context, IndicatorValue, Tlp};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

/// The namespace of identifiers of notices (UUIDv5, RFC 9562 section 5.5).
const NAMESPACE: Uuid = Uuid::from_u128(0x5b0a_65c2_6f4e_4f0b_9d3c_7765_6972_0002);

/// Something to tell about a source of intelligence, or about what the sources say of us.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceNotice {
    /// When it was found.
    pub time: Timestamp,
    /// The source that it is about, if it is about one.
    pub source: Option<Arc<str>>,
    /// What there is to tell.
    pub matter: Matter,
}

/// What there is to tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Matter {
    /// A source lists an address inside our networks: others take us for bad.
    Listed {
        /// What it lists.
        value: IndicatorValue,
        /// The network of ours in which that lies.
        home: IpNet,
        /// What sources say of it; never empty.
        contexts: Vec<Context>,
    },
    /// What a source delivered looks wrong, so what it said before stays until somebody looks.
    Held {
        /// Why, as the guard says it.
        reason: Arc<str>,
        /// Values that it had.
        before: u64,
        /// Values that it brought.
        brought: u64,
    },
    /// What a source delivers looks right again, or somebody released it.
    Released,
    /// Nothing has come from a source for too long: what it said grows old.
    Stale {
        /// When something last came; `None`: never.
        last_success: Option<Timestamp>,
        /// What went wrong last, without secrets.
        error: Option<Arc<str>>,
    },
    /// A source that was stale delivers again.
    Recovered,
    /// What is loaded could not be written, so a restart begins with less.
    NotSaved {
        /// Where to, and what went wrong.
        reason: Arc<str>,
    },
    /// The canary did not come back: what is met may not be told.
    CanaryLost {
        /// When it came back last; `None`: never.
        last_seen: Option<Timestamp>,
    },
    /// There was more to tell than may be told in a minute: some messages were only counted, and this is told in their place. It
    /// repeats nothing of a source.
    Folded {
        /// When the first of them was.
        since: Timestamp,
        /// How many.
        messages: u64,
        /// Of how many incidents.
        incidents: u64,
        /// How many of each severity, in the order of [`Severity::ALL`].
        by_severity: [u64; 4],
        /// The most frequent kinds, as `outbound attempted ipv4-addr`, and how many of each.
        kinds: Vec<(Arc<str>, u64)>,
    },
    /// What there was to tell could not be kept for a while, so it comes late.
    Delayed {
        /// Since when.
        since: Timestamp,
        /// What went wrong.
        reason: Arc<str>,
    },
}

impl Matter {
    /// As written in events and metrics.
    pub const fn keyword(&self) -> &'static str {
        match self {
            Self::Listed { .. } => "listed",
            Self::Held { .. } => "held",
            Self::Released => "released",
            Self::Stale { .. } => "stale",
            Self::Recovered => "recovered",
            Self::NotSaved { .. } => "not_saved",
            Self::CanaryLost { .. } => "canary_lost",
            Self::Folded { .. } => "folded",
            Self::Delayed { .. } => "delayed",
        }
    }

    /// How urgent it is. Nothing watches while a canary is lost; an old set still does. A summary is as urgent as the most urgent
    /// message that it stands for.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::CanaryLost { .. } => Severity::High,
            Self::Folded { by_severity: [.., high], .. } if *high > 0 => Severity::High,
            Self::Listed { .. }
            | Self::Held { .. }
            | Self::NotSaved { .. }
            | Self::Delayed { .. }
            | Self::Folded { .. } => Severity::Medium,
            Self::Stale { .. } => Severity::Low,
            Self::Released | Self::Recovered => Severity::Informational,
        }
    }

    /// Whether somebody has to do something; the others say that something is over.
    pub const fn is_problem(&self) -> bool {
        !matches!(self, Self::Released | Self::Recovered)
    }
}

impl SourceNotice {
    /// Its identifier: the same for the same matter, source and value found at the same time. A value that is listed has the same one
    /// whenever it is found, so that it can be told once.
    pub fn id(&self) -> Uuid {
        let source = self.source.as_deref().unwrap_or_default();
        let what = self.matter.keyword();
        let text = match &self.matter {
            Matter::Listed { value, .. } => format!("{what} {} {value} {source}", value.kind()),
            _ => format!("{what} {} {source}", self.time),
        };
        Uuid::new_v5(&NAMESPACE, text.as_bytes())
    }

    /// Who may see it: the strictest marking of what it repeats of sources; `None` where it repeats nothing.
    pub fn tlp(&self) -> Option<Tlp> {
        match &self.matter {
            Matter::Listed { contexts, .. } => contexts.iter().map(Context::marking).max(),
            _ => None,
        }
    }
}
