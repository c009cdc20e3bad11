//! How an instance of MISP is asked, as it stands in a configuration.

use crate::{SyncError, SyncErrorKind};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use weir_net::http::HttpSettings;
use weir_net::units;

/// One instance of MISP.
///
/// ```toml
/// url = "https://misp.example/"
/// http.credentials.header = { name = "Authorization", file = "/etc/weir/misp.key" }
/// ```
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MispSettings {
    /// Where the instance is: what a browser shows when its first page is open, without that page.
    pub url: String,
    /// How it is asked; the key of a user with `perm_sync` shows deletions at once.
    #[serde(default)]
    pub http: HttpSettings,
    /// How long what was published last counts while its event is being edited, which takes it out of publication.
    #[serde(
        default = "one_day",
        deserialize_with = "units::duration",
        serialize_with = "units::duration_text"
    )]
    pub grace: Duration,
    /// How far each delta reaches back behind the newest change that is known: what came late or was passed over because pages shifted.
    #[serde(
        default = "ten_minutes",
        deserialize_with = "units::duration",
        serialize_with = "units::duration_text"
    )]
    pub overlap: Duration,
    /// How often all UUIDs are compared, to find what was deleted without a trace.
    #[serde(
        default = "one_day",
        deserialize_with = "units::duration",
        serialize_with = "units::duration_text"
    )]
    pub reconcile: Duration,
    /// Attributes per page.
    #[serde(default = "five_thousand")]
    pub page_size: u32,
    /// Its publication over ZeroMQ, `tcp://misp.example:50000`: what changes is then known within a second.
    #[serde(default)]
    pub push: Option<String>,
    /// Whether the instance is asked for its own decay scores, which costs it time; they are kept as tags.
    #[serde(default)]
    pub decay_scores: bool,
}

fn one_day() -> Duration {
    Duration::from_hours(24)
}

fn ten_minutes() -> Duration {
    Duration::from_mins(10)
}

fn five_thousand() -> u32 {
    5000
}

impl MispSettings {
    /// Settings for the instance at `url`, all else by default.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            http: HttpSettings::default(),
            grace: one_day(),
            overlap: ten_minutes(),
            reconcile: one_day(),
            page_size: five_thousand(),
            push: None,
            decay_scores: false,
        }
    }

    /// What cannot be meant.
    pub(super) fn check(&self) -> Result<(), SyncError> {
        if !(10..=100_000).contains(&self.page_size) {
            let text = format!("`page_size` is {}; it can be 10 to 100000", self.page_size);
            return Err(SyncError::new(SyncErrorKind::Settings, text));
        }
        Ok(())
    }
}
