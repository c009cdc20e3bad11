//! A mute as people see it.

use super::book::Mute;
use crate::explain::plain_time;
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering;
use weir_model::Timestamp;

/// One line of `weir mute list`. Times are RFC 3339.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    pub value: String,
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Whether it silences anything still.
    pub in_force: bool,
    pub since: String,
    pub until: String,
    pub by: String,
    pub reason: String,
    /// Notices that it silenced.
    pub silenced: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
}

impl Row {
    pub(super) fn of(mute: &Mute, now: Timestamp) -> Self {
        let last = mute.last.load(Ordering::Relaxed);
        Self {
            value: mute.muted.value.to_string(),
            kind: mute.muted.value.kind().to_owned(),
            host: mute.muted.host.map(|network| network.to_string()),
            in_force: now < mute.until,
            since: mute.since.to_string(),
            until: mute.until.to_string(),
            by: mute.by.clone(),
            reason: mute.reason.clone(),
            silenced: mute.count.load(Ordering::Relaxed),
            last: (last > 0).then(|| Timestamp::from_nanos(last).to_string()),
        }
    }

    /// `evil.example for hosts in 10.0.0.0/8`.
    pub(super) fn name(&self) -> String {
        let value = weir_model::text::printable(&self.value, 200);
        self.host.as_ref().map_or(value.clone(), |host| format!("{value} for hosts in {host}"))
    }

    /// For `weir explain`, which names the value.
    pub(crate) fn sentence(&self) -> String {
        let reason = weir_model::text::printable(&self.reason, 200);
        let (name, until, by) = (self.name(), plain_time(&self.until), &self.by);
        if self.in_force {
            format!(
                "It is muted ({name}) until {until}, by {by}: {reason}. {} silenced so far.",
                notices(self.silenced)
            )
        } else {
            format!("It was muted ({name}) until {until}, by {by}: {reason}. It rings again.")
        }
    }
}

pub(super) fn notices(count: u64) -> String {
    crate::intel::say::count(count, "notice")
}
