//! The state directory: what is remembered between runs, and the lock that keeps it to one process.
//!
//! ```text
//!   inventory   what is stored, and when it goes
//!   version     which Weir can read the directory; form: the same of a file of JSON
//!   copy        a copy of all that is of one moment, also of a running program's
//!   archive     backups: such a copy as one file
//!   keep        what is deleted for its age
//!   rights      whose the files are, and who can read them
//!   restore     a backup takes the place of what is there: all of it or nothing
//!   command     weir state show | check | backup | restore
//! ```

mod archive;
mod check;
mod command;
mod copy;
pub(crate) mod form;
mod inventory;
mod keep;
mod restore;
mod rights;
mod version;

pub(crate) use command::run;
pub(crate) use copy::Copier;
pub(crate) use keep::{Caretaker, Keep};
pub(crate) use rights::{
    begin, give_to_owner, make_directory, make_folder, make_folder_once, prepare_library, prepare_spool,
};

use anyhow::{Context as _, Result, bail};
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// The spool of messages, in the state directory.
pub(crate) const SPOOL: &str = "spool.sqlite";
/// The folder of what else is spooled.
pub(crate) const DEPOTS: &str = "freight";
/// The library of indicators.
pub(crate) const LIBRARY: &str = "intel.db";
/// The audit journal.
pub(crate) const JOURNAL: &str = "audit.jsonl";

/// What came of opening a state directory.
#[derive(Debug)]
pub(crate) enum Opened {
    Free(State),
    /// A process has it, here its number.
    UsedBy(String),
}

/// A locked state directory; the lock is released when this is dropped, also when the process is killed.
#[derive(Debug)]
pub(crate) struct State {
    folder: PathBuf,
    _lock: File,
}

impl State {
    /// Creates the directory if need be and locks it.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        match Self::try_open(folder)? {
            Opened::Free(state) => Ok(state),
            Opened::UsedBy(process) => {
                bail!("the state directory {} is in use by process {process}", folder.display())
            }
        }
    }

    /// The same; that another process has it is no error.
    pub(crate) fn try_open(folder: &Path) -> Result<Opened> {
        let opened = Self::lock(folder)?;
        if let Opened::Free(state) = &opened {
            restore::finish(folder)?;
            version::enter(state)?;
        }
        Ok(opened)
    }

    /// The same, and leaves it as it is, whatever its form.
    fn lock(folder: &Path) -> Result<Opened> {
        make_directory(folder)
            .with_context(|| format!("cannot create the state directory {}", folder.display()))?;
        let path = folder.join("lock");
        let mut lock =
            rights::open_lock(folder, &path).with_context(|| format!("cannot open {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                drop(lock.read_to_string(&mut holder));
                return Ok(Opened::UsedBy(holder.trim().to_owned()));
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
        lock.set_len(0)?;
        lock.rewind()?;
        writeln!(lock, "{}", std::process::id())?;
        Ok(Opened::Free(Self { folder: folder.to_owned(), _lock: lock }))
    }

    /// The directory.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a file of the state is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Reads a file of the state; `None` where there is none yet.
    pub(crate) fn load(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.path(name);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Replaces a file of the state: whole or not at all, also when the machine stops meanwhile. Only its owner can read it.
    pub(crate) fn save(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path(name);
        let fresh = self.path(&format!("{name}.new"));
        let write = || {
            let mut file = begin(&self.folder, &fresh)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&fresh, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn one_process_at_a_time_and_files_are_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let error = State::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("in use by process {}", std::process::id())), "{error}");
        assert_eq!(state.load("x").unwrap(), None);
        state.save("x", b"one").unwrap();
        state.save("x", b"two").unwrap();
        assert_eq!(state.load("x").unwrap().unwrap(), b"two");
        assert_eq!(std::fs::metadata(state.path("x")).unwrap().permissions().mode() & 0o777, 0o600);
        drop(state);
        assert_eq!(State::open(folder.path()).unwrap().load("x").unwrap().unwrap(), b"two");
    }
}
