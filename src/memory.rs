//! What is remembered of incidents between runs: `incidents.json` in the state directory.

use crate::state::State;
use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use std::path::Path;
use weir_model::alert::Severity;
use weir_model::{Grade, Timestamp};
use weir_rules::{Incidents, Remembered, Told};

const FILE: &str = "incidents.json";

/// The form of the file. What a later Weir wrote is refused, because an earlier one would lose what it does not know.
const VERSION: u32 = 2;

/// The form without `told`, which is read as well.
const VERSION_WITHOUT_TOLD: u32 = 1;

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

/// What a state directory remembers, also while a run has it.
pub(crate) fn peek(folder: &Path) -> Vec<Remembered> {
    std::fs::read(folder.join(FILE)).ok().and_then(|bytes| parse(&bytes).ok()).unwrap_or_default()
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
    /// The incident was open, and these notices of it had been given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told: Option<Notices>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Notices {
    count: u32,
    grade: String,
    severity: String,
    at: u64,
    repeats: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    unsent: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl From<Told> for Notices {
    fn from(told: Told) -> Self {
        Self {
            count: told.notices,
            grade: told.grade.to_string(),
            severity: told.severity.to_string(),
            at: told.at.as_nanos(),
            repeats: told.repeats,
            unsent: told.unsent,
        }
    }
}

impl From<Remembered> for Entry {
    fn from(told: Remembered) -> Self {
        Self {
            key: told.key,
            opened: told.opened.as_nanos(),
            last: told.last.as_nanos(),
            incident: told.incident.to_string(),
            previous: told.previous.map(|id| id.to_string()),
            told: told.told.map(Notices::from),
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Vec<Remembered>> {
    const DAMAGED: &str = "it is damaged; move it away to begin without memory";
    let Head { version } = serde_json::from_slice(bytes).context(DAMAGED)?;
    if ![VERSION_WITHOUT_TOLD, VERSION].contains(&version) {
        bail!("its version is {version}, and this Weir knows no later than {VERSION}");
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
        told: entry.told.as_ref().map(told).transpose()?,
        key: entry.key,
    })
}

fn told(notices: &Notices) -> Result<Told> {
    let grade = Grade::ALL.iter().copied().find(|grade| grade.keyword() == notices.grade);
    let severity = Severity::ALL.iter().copied().find(|severity| severity.keyword() == notices.severity);
    Ok(Told {
        notices: notices.count,
        grade: grade.context("no such grade")?,
        severity: severity.context("no such severity")?,
        at: Timestamp::from_nanos(notices.at),
        repeats: notices.repeats,
        unsent: notices.unsent,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(told: &str) -> String {
        let id = "00000000-0000-0000-0000-000000000000";
        format!(r#"{{"version":2,"incidents":[{{"key":"a","opened":1,"last":2,"incident":"{id}"{told}}}]}}"#)
    }

    #[test]
    fn open_incidents_come_back_as_they_were() {
        let text = entry(
            r#","told":{"count":2,"grade":"connected","severity":"high","at":3,"repeats":1,"unsent":1}"#,
        );
        let read = parse(text.as_bytes()).unwrap();
        let told = Told {
            notices: 2,
            grade: Grade::Connected,
            severity: Severity::High,
            at: Timestamp::from_nanos(3),
            repeats: 1,
            unsent: 1,
        };
        assert_eq!(read[0].told, Some(told));
        let incidents = read.into_iter().map(Entry::from).collect();
        assert_eq!(serde_json::to_string(&Contents { version: VERSION, incidents }).unwrap(), text);
        assert!(parse(text.replace("connected", "gone").as_bytes()).is_err());
    }

    #[test]
    fn the_earlier_form_is_read_and_a_later_one_refused() {
        let text = entry("");
        let first = parse(text.replace("\"version\":2", "\"version\":1").as_bytes()).unwrap();
        assert_eq!((first.len(), first[0].told), (1, None));
        assert!(parse(text.replace("\"version\":2", "\"version\":3").as_bytes()).is_err());
    }
}
