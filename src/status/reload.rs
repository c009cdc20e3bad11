//! What came of reading the configuration again.

use crate::run::now;
use crate::summary::time;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::time::Duration;

/// Keys that a person is shown; all of them are in the JSON.
const MOST_KEYS: usize = 6;

/// The last time that it was read again, and all times.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct ReloadStatus {
    /// When it was last read again, in seconds since 1970; none, if it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// How often it was taken, and how often it was refused.
    pub accepted: u64,
    pub refused: u64,
    /// Settings that were changed by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applied: Vec<String>,
    /// Settings that only count after a restart, each with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wants_restart: Vec<String>,
    /// Why what was read last was refused; what was there before counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl ReloadStatus {
    /// What was read last does not count.
    pub(crate) const fn is_refused(&self) -> bool {
        self.problem.is_some()
    }

    /// For people; nothing where there is nothing to say. What was refused is among what is wrong.
    pub(super) fn render(&self, text: &mut String) {
        let ago = self
            .at
            .filter(|_| !self.is_refused())
            .map(|at| time(Duration::from_secs((now().as_nanos() / 1_000_000_000).saturating_sub(at))));
        if self.wants_restart.is_empty() {
            if let Some(ago) = ago {
                let _ = writeln!(text, "settings   read again {ago} ago, all of them count");
            }
            return;
        }
        let read = ago.map_or(String::new(), |ago| format!("read again {ago} ago; "));
        let _ = writeln!(text, "settings   {read}these count after a restart:");
        for key in self.wants_restart.iter().take(MOST_KEYS) {
            let _ = writeln!(text, "           {key}");
        }
        if self.wants_restart.len() > MOST_KEYS {
            let rest = self.wants_restart.len() - MOST_KEYS;
            let _ = writeln!(text, "           ... and {rest} more (--json)");
        }
    }
}
