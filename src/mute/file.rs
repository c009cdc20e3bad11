//! Mutes as they are kept: `mutes.json` in the state directory, written whole.

use super::book::{Mute, Muted};
use crate::state::form::Head;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use weir_model::Timestamp;

pub(super) const FILE: &str = "mutes.json";

/// The form of the file, and the earliest that can read it: see [`Head`].
const VERSION: u32 = 1;
const READ_BY: u32 = 1;

#[derive(Deserialize, Serialize)]
struct Contents {
    version: u32,
    #[serde(default)]
    read_by: u32,
    mutes: Vec<Entry>,
}

/// Times are nanoseconds since 1970.
#[derive(Deserialize, Serialize)]
struct Entry {
    value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    since: u64,
    until: u64,
    by: String,
    reason: String,
    silenced: u64,
    last: u64,
}

pub(super) fn to_bytes(mutes: &[Arc<Mute>]) -> Result<Vec<u8>> {
    let mutes = mutes.iter().map(|mute| Entry::of(mute)).collect();
    Ok(serde_json::to_vec_pretty(&Contents { version: VERSION, read_by: READ_BY, mutes })?)
}

pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Arc<Mute>>> {
    let head: Head = serde_json::from_slice(bytes)?;
    head.must_be_known(&(VERSION..=VERSION))?;
    let contents: Contents = serde_json::from_slice(bytes)?;
    contents.mutes.into_iter().map(|entry| entry.mute().map(Arc::new)).collect()
}

impl Entry {
    fn of(mute: &Mute) -> Self {
        Self {
            value: mute.muted.written(),
            host: mute.muted.host.map(|network| network.to_string()),
            since: mute.since.as_nanos(),
            until: mute.until.as_nanos(),
            by: mute.by.clone(),
            reason: mute.reason.clone(),
            silenced: mute.count.load(Ordering::Relaxed),
            last: mute.last.load(Ordering::Relaxed),
        }
    }

    fn mute(self) -> Result<Mute> {
        let muted =
            Muted::parse(&self.value, self.host.as_deref()).with_context(|| format!("`{}`", self.value))?;
        Ok(Mute {
            muted,
            since: Timestamp::from_nanos(self.since),
            until: Timestamp::from_nanos(self.until),
            by: self.by,
            reason: self.reason,
            count: AtomicU64::new(self.silenced),
            last: AtomicU64::new(self.last),
        })
    }
}
