//! The audit journal, `audit.jsonl` in the state directory: who changed what is told, when, and why. One JSON object a line, oldest first.

use crate::state::{JOURNAL, State, begin, give_to_owner};
use crate::user::User;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use weir_model::Timestamp;

/// A file of so many bytes is put aside, which is about 20,000 entries. Whoever may give orders could fill the disk otherwise.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// Files put aside, `audit.jsonl.1` the latest; older ones are removed.
const KEPT_FILES: u32 = 4;

/// Appends entries; a state directory has one.
#[derive(Debug)]
pub(crate) struct Audit {
    path: PathBuf,
    max_bytes: u64,
    /// One entry at a time.
    writing: Mutex<()>,
}

/// What somebody did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub(crate) enum Act<'a> {
    /// A value was muted.
    Mute { value: &'a str, host: Option<&'a str>, until: String },
    /// A value rings again.
    Unmute { value: &'a str, host: Option<&'a str> },
    /// What a source delivered, and was held back, is let through.
    IntelRelease { source: &'a str },
    /// The configuration is read again.
    Reload,
    /// Somebody asked what is known of a value, and which hosts met it.
    Explain { value: &'a str },
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    user: &'a User,
    #[serde(flatten)]
    act: &'a Act<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
}

impl Audit {
    /// The journal of a state directory.
    pub(crate) fn of(state: &State) -> Self {
        Self::at(state.path(JOURNAL), MAX_FILE_BYTES)
    }

    fn at(path: PathBuf, max_bytes: u64) -> Self {
        Self { path, max_bytes, writing: Mutex::new(()) }
    }

    /// Writes down what somebody is about to do; it is on the disk when this returns. What cannot be written down must not be done.
    pub(crate) fn record(&self, user: &User, act: &Act<'_>, reason: &str, now: Timestamp) -> Result<()> {
        let line = serde_json::to_string(&Line { time: now.to_string(), user, act, reason })?;
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.append(&line)
            .with_context(|| format!("cannot write {}, without which nothing is done", self.path.display()))
    }

    /// Deletes what was written before a time, also of what was put aside; gives how many lines that were. A line that cannot be read goes
    /// with the one before it.
    pub(crate) fn forget(&self, before: Timestamp) -> Result<u64> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut forgotten = 0;
        for path in
            std::iter::once(self.path.clone()).chain((1..=KEPT_FILES).map(|number| self.aside(number)))
        {
            let cannot = || format!("cannot delete what is too old of {}", path.display());
            forgotten += forget_lines(&path, &before.to_string()).with_context(cannot)?;
        }
        Ok(forgotten)
    }

    fn aside(&self, number: u32) -> PathBuf {
        self.path.with_extension(format!("jsonl.{number}"))
    }

    fn append(&self, line: &str) -> io::Result<()> {
        self.put_aside(line.len() as u64)?;
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&self.path)?;
        if let Some(folder) = self.path.parent() {
            give_to_owner(folder, &self.path)?;
        }
        // What a crash cut off stays a line of its own.
        let end = if ends_line(&mut file)? { "" } else { "\n" };
        file.write_all(format!("{end}{line}\n").as_bytes())?;
        file.sync_all()?;
        sync_folder(&self.path)
    }

    /// Makes room for so many bytes.
    fn put_aside(&self, bytes: u64) -> io::Result<()> {
        let held = match std::fs::metadata(&self.path) {
            Ok(found) => found.len(),
            Err(error) if error.kind() == ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        if held == 0 || held + bytes <= self.max_bytes {
            return Ok(());
        }
        let aside = |number| self.aside(number);
        for number in (1..KEPT_FILES).rev() {
            match std::fs::rename(aside(number), aside(number + 1)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        std::fs::rename(&self.path, aside(1))
    }
}

/// Times of lines are compared as text, which is in the order of time down to the second.
fn forget_lines(path: &Path, before: &str) -> io::Result<u64> {
    #[derive(Deserialize)]
    struct Dated {
        time: String,
    }
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let (mut forgotten, mut is_old, mut kept) = (0, false, Vec::new());
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if let Ok(Dated { time }) = serde_json::from_slice(line) {
            is_old = *time < *before;
        }
        if is_old {
            forgotten += 1;
        } else {
            kept.extend_from_slice(line);
        }
    }
    if forgotten == 0 {
        return Ok(0);
    }
    if kept.is_empty() {
        std::fs::remove_file(path)?;
    } else {
        let mut fresh = path.as_os_str().to_owned();
        fresh.push(".new");
        let mut file = begin(path.parent().unwrap_or(Path::new(".")), Path::new(&fresh))?;
        file.write_all(&kept)?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)?;
    }
    sync_folder(path)?;
    Ok(forgotten)
}

fn ends_line(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn record(audit: &Audit, source: &str) {
        let act = Act::IntelRelease { source };
        audit.record(&User::default(), &act, "looked at it", Timestamp::new(1_795_384_000, 0)).unwrap();
    }

    #[test]
    fn entries_are_lines_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::of(&State::open(folder.path()).unwrap());
        record(&audit, "misp");
        let text = std::fs::read_to_string(&audit.path).unwrap();
        let expected = r#"{"time":"2026-11-22T21:46:40Z","user":{"id":0},"action":"intel_release","source":"misp","reason":"looked at it"}"#;
        assert_eq!(text, format!("{expected}\n"));
        assert_eq!(std::fs::metadata(&audit.path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&audit.path, r#"{"time":"20"#).unwrap();
        record(&audit, "misp");
        assert_eq!(std::fs::read_to_string(&audit.path).unwrap(), format!("{{\"time\":\"20\n{expected}\n"));
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::at(folder.path().join(JOURNAL), 300);
        (0..40).for_each(|number| record(&audit, &format!("source {number}")));
        let mut files: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|file| (file.as_ref().unwrap().file_name(), file.unwrap().metadata().unwrap().len()))
            .collect();
        files.sort();
        assert_eq!(files.len(), 5, "{files:?}");
        assert!(files.iter().all(|(_, bytes)| *bytes <= 300), "{files:?}");
        assert!(std::fs::read_to_string(&audit.path).unwrap().contains("source 39"));
    }

    #[test]
    fn what_is_too_old_goes_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::at(folder.path().join(JOURNAL), 300);
        let at = |day: u64| Timestamp::new(1_795_384_000 + day * 86_400, 0);
        for day in 0..6 {
            let act = Act::IntelRelease { source: "misp" };
            audit.record(&User::default(), &act, "", at(day)).unwrap();
        }
        assert!(audit.aside(1).exists(), "some are put aside");
        assert_eq!(audit.forget(at(0)).unwrap(), 0);
        assert_eq!(audit.forget(at(3)).unwrap(), 3);
        let left = || -> Vec<_> {
            let files = [audit.aside(2), audit.aside(1), audit.path.clone()];
            let text: String = files.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect();
            text.lines().map(|line| line.chars().skip(9).take(10).collect::<String>()).collect()
        };
        assert_eq!(left(), ["2026-11-25", "2026-11-26", "2026-11-27"]);
        let text = std::fs::read_to_string(&audit.path).unwrap();
        std::fs::write(&audit.path, format!("{{torn\n{text}")).unwrap();
        assert_eq!(audit.forget(at(90)).unwrap(), 3);
        assert_eq!(std::fs::read_to_string(&audit.path).unwrap(), "{torn\n", "nobody knows how old it is");
    }

    #[test]
    fn what_cannot_be_written_down_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::at(folder.path().join("away").join(JOURNAL), 300);
        let act = Act::Unmute { value: "x", host: None };
        assert!(audit.record(&User::default(), &act, "", Timestamp::EPOCH).is_err());
    }
}
