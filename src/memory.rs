//! What is remembered of incidents between runs: `incidents.json` in the state directory, and behind it notes in the spool.
//!
//! The file is written once a minute. A note is written with each message, in the same transaction: what is remembered of its incident from
//! then on. So a run that begins knows of every incident of which anybody was told, however the one before it ended.

use crate::output::complain;
use crate::state::State;
use crate::state::form::Head;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize, Serializer};
use std::path::Path;
use weir_alert::spool::Spool;
use weir_model::alert::Severity;
use weir_model::{Grade, Timestamp};
use weir_rules::{Incidents, Remembered, Told};

const FILE: &str = "incidents.json";

/// The form of the file, and the earliest that can read it: see [`Head`].
const VERSION: u32 = 3;
const READ_BY: u32 = 3;

/// The first form, without `told`; the second had no `sequence`. They are read as well.
const FIRST_VERSION: u32 = 1;

/// Makes the incidents of earlier runs known. Gives the sequence in the spool up to which the file is complete.
pub(crate) fn load(state: &State, incidents: &mut Incidents) -> Result<u64> {
    let Some(bytes) = state.load(FILE)? else {
        return Ok(0);
    };
    let (sequence, remembered) =
        parse(&bytes).with_context(|| format!("cannot use {}", state.path(FILE).display()))?;
    for told in remembered {
        incidents.remember(told);
    }
    Ok(sequence)
}

/// Makes known what anybody was told of before this run, however the one before it ended.
pub(crate) fn load_all(state: &State, spool: &Spool, incidents: &mut Incidents) -> Result<()> {
    let sequence = load(state, incidents)?;
    let unread = take_up(spool, sequence, incidents)?;
    if unread > 0 {
        complain(&format!(
            "{unread} notes of what was told last cannot be read: it may be told again, as something new"
        ));
    }
    Ok(())
}

/// Makes known what was told of incidents behind the file, up to this sequence. Gives how many notes could not be read.
fn take_up(spool: &Spool, sequence: u64, incidents: &mut Incidents) -> Result<u64> {
    // A spool that was moved away begins to count again.
    let behind = if sequence > spool.last_sequence() { 0 } else { sequence };
    let mut unread = 0;
    for note in spool.notes_after(behind).context("cannot read what was told last")? {
        match read_note(&note) {
            Ok(told) => incidents.remember(told),
            Err(_) => unread += 1,
        }
    }
    Ok(unread)
}

/// What a state directory remembers, also while a run has it.
pub(crate) fn peek(folder: &Path) -> Vec<Remembered> {
    let read = std::fs::read(folder.join(FILE)).ok();
    read.and_then(|bytes| parse(&bytes).ok()).map(|(_, remembered)| remembered).unwrap_or_default()
}

/// Whether what a file says can be used.
pub(crate) fn check(bytes: &[u8]) -> Result<()> {
    parse(bytes).map(drop)
}

/// Keeps what the next run should know, which is complete up to this sequence in the spool.
pub(crate) fn save(state: &State, incidents: &[Remembered], sequence: u64) -> Result<()> {
    state.save(
        FILE,
        &serde_json::to_vec(&Written { version: VERSION, read_by: READ_BY, sequence, incidents })?,
    )
}

/// What the spool keeps with a message.
pub(crate) fn note(told: Remembered) -> String {
    serde_json::to_string(&Entry::from(told)).unwrap_or_default()
}

fn read_note(note: &str) -> Result<Remembered> {
    remembered(serde_json::from_str(note)?)
}

#[derive(Deserialize)]
struct Contents {
    #[serde(default)]
    sequence: u64,
    incidents: Vec<Entry>,
}

/// The same, to be written entry by entry: there may be hundreds of thousands.
#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    read_by: u32,
    sequence: u64,
    #[serde(serialize_with = "entries")]
    incidents: &'a [Remembered],
}

fn entries<S: Serializer>(incidents: &[Remembered], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(incidents.iter().map(|told| Entry::from(told.clone())))
}

/// Times are nanoseconds since 1970.
#[derive(Deserialize, Serialize)]
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

fn parse(bytes: &[u8]) -> Result<(u64, Vec<Remembered>)> {
    const DAMAGED: &str = "it is damaged; move it away to begin without memory";
    let head: Head = serde_json::from_slice(bytes).context(DAMAGED)?;
    head.must_be_known(&(FIRST_VERSION..=VERSION))?;
    let contents: Contents = serde_json::from_slice(bytes).context(DAMAGED)?;
    let incidents = contents.incidents.into_iter().map(remembered).collect::<Result<_>>().context(DAMAGED)?;
    Ok((contents.sequence, incidents))
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
        format!(r#"{{"key":"a","opened":1,"last":2,"incident":"{id}"{told}}}"#)
    }

    fn file(entry: &str) -> String {
        format!(r#"{{"version":3,"read_by":3,"sequence":7,"incidents":[{entry}]}}"#)
    }

    fn written(sequence: u64, incidents: &[Remembered]) -> String {
        serde_json::to_string(&Written { version: VERSION, read_by: READ_BY, sequence, incidents }).unwrap()
    }

    #[test]
    fn open_incidents_come_back_as_they_were() {
        let told =
            r#","told":{"count":2,"grade":"connected","severity":"high","at":3,"repeats":1,"unsent":1}"#;
        let text = file(&entry(told));
        let (sequence, read) = parse(text.as_bytes()).unwrap();
        let told = Told {
            notices: 2,
            grade: Grade::Connected,
            severity: Severity::High,
            at: Timestamp::from_nanos(3),
            repeats: 1,
            unsent: 1,
        };
        assert_eq!((sequence, read[0].told), (7, Some(told)));
        assert_eq!(written(sequence, &read), text);
        assert_eq!(read_note(&note(read[0].clone())).unwrap(), read[0], "notes are the same, one by one");
        assert!(parse(text.replace("connected", "gone").as_bytes()).is_err());
    }

    #[test]
    fn earlier_forms_are_read_and_a_later_one_refused() {
        for version in [1, 2] {
            let text = format!(r#"{{"version":{version},"incidents":[{}]}}"#, entry(""));
            let (sequence, read) = parse(text.as_bytes()).unwrap();
            assert_eq!((sequence, read.len(), read[0].told), (0, 1, None));
        }
        let later = file(&entry(r#","more":1"#)).replace("\"version\":3", "\"version\":4,\"more\":[]");
        assert_eq!(parse(later.as_bytes()).unwrap().1.len(), 1, "what was added is not seen");
        assert!(parse(later.replace("\"read_by\":3", "\"read_by\":4").as_bytes()).is_err());
    }

    /// What was told behind the file is known, also when the spool was moved away meanwhile and counts from one again.
    #[test]
    fn notes_behind_the_file_are_taken_up() {
        use weir_alert::Message;
        use weir_alert::spool::{Limits, SpoolEntry};
        use weir_model::SourceNotice;
        use weir_model::notice::Matter;
        let limits = Limits { max_bytes: 1 << 20, max_age: std::time::Duration::from_hours(1) };
        let spool = Spool::in_memory(limits).unwrap();
        let notice = SourceNotice { time: Timestamp::EPOCH, source: None, matter: Matter::Recovered };
        let message = Message::from(notice);
        let cursor = spool.cursor("keeps", "", weir_alert::spool::Beginning::First).unwrap();
        for (count, key) in [(1, "a"), (2, "a"), (1, "b")] {
            let told = format!(
                r#","told":{{"count":{count},"grade":"connected","severity":"high","at":3,"repeats":0}}"#
            );
            let note = Some(entry(&told).replace(r#""key":"a""#, &format!(r#""key":"{key}""#)));
            spool.append(&[SpoolEntry { message: &message, note }], Timestamp::EPOCH).unwrap();
        }
        spool
            .append(&[SpoolEntry { message: &message, note: Some("torn".into()) }], Timestamp::EPOCH)
            .unwrap();
        let known = |sequence| {
            let site = weir_rules::Site::private_ranges();
            let mut incidents = Incidents::new(site, weir_rules::IncidentConfig::live());
            let unread = take_up(&spool, sequence, &mut incidents).unwrap();
            let told = incidents.remembered().into_iter();
            (unread, told.map(|told| (told.key, told.told.unwrap().notices)).collect::<Vec<_>>())
        };
        let both = vec![("a".to_owned(), 2), ("b".to_owned(), 1)];
        assert_eq!(known(0), (1, both.clone()));
        assert_eq!(known(2), (1, both[1..].to_vec()));
        assert_eq!(known(900), (1, both));
        drop(cursor);
    }
}
