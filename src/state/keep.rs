//! What is deleted for its age: of the audit journal, and of what was set aside. All else in the state directory looks after its own age.

use super::inventory::{remove, set_aside};
use crate::audit::Audit;
use crate::output::{complain, note};
use crate::run::now;
use anyhow::{Context as _, Result};
use crossbeam::channel::{RecvTimeoutError, Sender, bounded};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use weir_model::Timestamp;

/// How often it is looked for what is too old; what was deleted is said as often.
const EVERY: Duration = Duration::from_hours(24);

/// How long is kept what nothing else deletes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Keep {
    /// Rotated files of alerts, flows and names: whoever writes them sees to that.
    pub files: Duration,
    /// Lines of the audit journal.
    pub audit: Duration,
    /// What was damaged, and what was there before an upgrade or a restore.
    pub set_aside: Duration,
}

/// Deletes once a day, on a thread of its own, until it is dropped.
pub(crate) struct Caretaker {
    over: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Caretaker {
    /// Begins at once.
    pub(crate) fn start(folder: PathBuf, audit: Arc<Audit>, keep: Keep) -> Result<Self> {
        let (over, is_over) = bounded::<()>(0);
        let work = move || loop {
            match tidy(&folder, &audit, keep, now()) {
                Ok(gone) => gone.said().iter().for_each(|said| note(said)),
                Err(error) => complain(&format!("{error:#}")),
            }
            if is_over.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        };
        let thread = std::thread::Builder::new().name("caretaker".to_owned()).spawn(work);
        let thread = thread.context("cannot start the thread that deletes what is too old")?;
        Ok(Self { over: Some(over), thread: Some(thread) })
    }
}

impl Drop for Caretaker {
    fn drop(&mut self) {
        drop(self.over.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            complain("the thread that deletes what is too old broke down");
        }
    }
}

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Gone {
    audit_lines: u64,
    set_aside: u64,
}

impl Gone {
    fn said(self) -> Option<String> {
        let Self { audit_lines, set_aside } = self;
        (self != Self::default()).then(|| {
            format!(
                "deleted for their age: {audit_lines} lines of the audit journal, {set_aside} files or folders that were set aside"
            )
        })
    }
}

fn tidy(folder: &Path, audit: &Audit, keep: Keep, now: Timestamp) -> Result<Gone> {
    let mut gone = Gone { audit_lines: audit.forget(now - keep.audit)?, set_aside: 0 };
    for path in set_aside(folder) {
        if set_aside_at(&path).is_some_and(|at| at < now - keep.set_aside) {
            remove(&path).with_context(|| format!("cannot delete {}", path.display()))?;
            gone.set_aside += 1;
        }
    }
    Ok(gone)
}

/// When it got its name: what is in it may be much older.
fn set_aside_at(path: &Path) -> Option<Timestamp> {
    let found = std::fs::symlink_metadata(path).ok()?;
    Some(Timestamp::new(u64::try_from(found.ctime()).ok()?, 0))
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn what_was_set_aside_goes_when_it_is_too_old() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let audit = Audit::of(&state);
        for name in
            ["mutes.json.unreadable", "spool.sqlite.damaged", "spool.sqlite.damaged-wal", "mutes.json"]
        {
            state.save(name, b"x").unwrap();
        }
        for name in ["before-restore", "freight"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("soc.sqlite.damaged"), b"x").unwrap();
        }
        let day = Duration::from_hours(24);
        let keep = Keep { files: day, audit: day, set_aside: 90 * day };
        assert_eq!(tidy(folder.path(), &audit, keep, now() + 89 * day).unwrap(), Gone::default());
        let gone = tidy(folder.path(), &audit, keep, now() + 91 * day).unwrap();
        assert_eq!(gone, Gone { audit_lines: 0, set_aside: 5 });
        assert!(gone.said().unwrap().contains("5 files or folders"));
        assert!(state.path("mutes.json").exists() && !state.path("before-restore").exists());
        assert_eq!(set_aside(folder.path()), Vec::<PathBuf>::new());
    }
}
