//! What is remembered of incidents between runs: `incidents.json` in the state directory.

use crate::state::State;
use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use weir_model::Timestamp;
use weir_rules::{Incidents, Remembered};

const FILE: &str = "incidents.json";

/// The form of the file. What a later Weir wrote is refused, because an earlier one would lose what it does not know.
const VERSION: u32 = 1;

/// Makes the incidents of earlier runs known.
pub(crate) fn load(state: &State, incidents: &mut Incidents) -> Result<()> {
    let Some(bytes) = state.load(FILE)? else {
        return Ok(());
    };
    let remembered = parse(&bytes).with_context(|| format!("cannot use {}", state.path(FILE).display()))?;
    for told in remembered {
        incidents.remember(told);
    }
    Ok(())
}

/// Keeps what the next run should know.
pub(crate) fn save(state: &State, incidents: &Incidents) -> Result<()> {
    let incidents = incidents.remembered().into_iter().map(Entry::from).collect();
    state.save(FILE, &serde_json::to_vec(&Contents { version: VERSION, incidents })?)
}

/// Enough to tell whether the rest can be read.
#[derive(Deserialize)]
struct Head {
    version: u32,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    version: u32,
    incidents: Vec<Entry>,
}

/// Times are nanoseconds since 1970.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    key: String,
    opened: u64,
    last: u64,
    incident: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
}

impl From<Remembered> for Entry {
    fn from(told: Remembered) -> Self {
        Self {
            key: told.key,
            opened: told.opened.as_nanos(),
            last: told.last.as_nanos(),
            incident: told.incident.to_string(),
            previous: told.previous.map(|id| id.to_string()),
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Vec<Remembered>> {
    const DAMAGED: &str = "it is damaged; move it away to begin without memory";
    let Head { version } = serde_json::from_slice(bytes).context(DAMAGED)?;
    if version != VERSION {
        bail!("its version is {version}, and this Weir knows version {VERSION} only");
    }
    let contents: Contents = serde_json::from_slice(bytes).context(DAMAGED)?;
    contents.incidents.into_iter().map(remembered).collect::<Result<_>>().context(DAMAGED)
}

fn remembered(entry: Entry) -> Result<Remembered> {
    Ok(Remembered {
        opened: Timestamp::from_nanos(entry.opened),
        last: Timestamp::from_nanos(entry.last),
        incident: entry.incident.parse()?,
        previous: entry.previous.map(|id| id.parse()).transpose()?,
        key: entry.key,
    })
}
