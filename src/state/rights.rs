//! Whose the files of a state directory are, and who can read them.
//!
//! Commands are run by root, too, on the directory of a service. What root makes there is the service's: it could not go on otherwise.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, lchown,
};
use std::path::{Path, PathBuf};

/// What is remembered names hosts of ours and what they met: it is for the owner of the directory alone.
pub(super) const PRIVATE: u32 = 0o600;
/// What sources say may be confidential: it is for the service and its group, not for everybody.
const SHARED: u32 = 0o640;
/// A folder of which nobody else sees what is in it.
const CLOSED: u32 = 0o700;

/// Makes a state directory with those above it, unless it is there. One that is there stays as open as it is.
pub(crate) fn make_directory(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(CLOSED).create(folder)
}

/// Makes a folder in a state directory.
pub(crate) fn make_folder(directory: &Path, folder: &Path) -> io::Result<()> {
    DirBuilder::new().mode(CLOSED).create(folder)?;
    give_to_owner(directory, folder)
}

/// The same; that it is there is no error.
pub(crate) fn make_folder_once(directory: &Path, folder: &Path) -> io::Result<()> {
    match make_folder(directory, folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Opens the lock of a state directory, or makes it.
pub(super) fn open_lock(directory: &Path, path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true).mode(PRIVATE);
    // Root shall not write where a link of the service's leads.
    let file = options.custom_flags(libc::O_NOFOLLOW).open(path)?;
    mend(directory, path, PRIVATE)?;
    Ok(file)
}

/// Begins a file that is renamed when it is whole. What a process that was killed left of it goes: it may be another user's.
pub(crate) fn begin(directory: &Path, path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(path)?;
    give_to_owner(directory, path)?;
    Ok(file)
}

/// Makes the file of the library before SQLite does, which would let everybody read it, and mends what is there. SQLite makes the files
/// beside it with the rights of the file.
pub(crate) fn prepare_library(directory: &Path, path: &Path) -> io::Result<()> {
    prepare(directory, path, SHARED)
}

/// The same for what waits for sinks.
pub(crate) fn prepare_spool(directory: &Path, path: &Path) -> io::Result<()> {
    prepare(directory, path, PRIVATE)
}

fn prepare(directory: &Path, path: &Path, mode: u32) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(mode).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match mend(directory, &PathBuf::from(name), mode) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Nobody may do more with a file than this, and it is the owner's of the directory.
fn mend(directory: &Path, path: &Path, mode: u32) -> io::Result<()> {
    let found = path.symlink_metadata()?;
    let (is, may_be) = (found.mode() & 0o777, found.mode() & mode);
    if found.is_file() && is != may_be {
        match std::fs::set_permissions(path, Permissions::from_mode(may_be)) {
            Err(error) if !is_not_ours(&error) => return Err(error),
            _ => {}
        }
    }
    give_to_owner(directory, path)
}

/// What root makes in the state directory of a service is the service's, so that it can read it. A link is given away itself, not what
/// it leads to.
pub(crate) fn give_to_owner(directory: &Path, path: &Path) -> io::Result<()> {
    let (directory, found) = (directory.metadata()?, path.symlink_metadata()?);
    if (directory.uid(), directory.gid()) == (found.uid(), found.gid()) {
        return Ok(());
    }
    match lchown(path, Some(directory.uid()), Some(directory.gid())) {
        Err(error) if !is_not_ours(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Who is not root, or is confined, has what is its own.
fn is_not_ours(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported)
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use std::os::unix::fs::chown;

    /// Of whom a file is, and who may do what with it.
    fn rights(path: &Path) -> (u32, u32, u32) {
        let found = path.symlink_metadata().unwrap();
        (found.uid(), found.gid(), found.mode() & 0o777)
    }

    #[test]
    fn what_weir_makes_is_closed_to_others_and_what_was_open_is_mended() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("lib/state");
        let state = State::open(&directory).unwrap();
        assert_eq!(rights(&directory).2, 0o700);
        assert_eq!(rights(&state.path("lock")).2, 0o600);
        let path = state.path("intel.db");
        prepare_library(&directory, &path).unwrap();
        assert_eq!(rights(&path).2, 0o640);
        for name in ["intel.db-wal", "intel.db-shm", "lock"] {
            std::fs::write(state.path(name), "").unwrap();
            std::fs::set_permissions(state.path(name), Permissions::from_mode(0o644)).unwrap();
        }
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        prepare_library(&directory, &path).unwrap();
        assert_eq!(rights(&path).2, 0o600, "what somebody closed stays closed");
        assert_eq!(
            [rights(&state.path("intel.db-wal")).2, rights(&state.path("intel.db-shm")).2],
            [0o640; 2]
        );
        drop(state);
        std::fs::set_permissions(&directory, Permissions::from_mode(0o750)).unwrap();
        drop(State::open(&directory).unwrap());
        assert_eq!((rights(&directory).2, rights(&directory.join("lock")).2), (0o750, 0o600));
    }

    #[test]
    fn what_root_makes_belongs_to_the_service() {
        const NOBODY: u32 = 65_534;
        let folder = tempfile::tempdir().unwrap();
        if chown(folder.path(), Some(NOBODY), Some(NOBODY)).is_err() {
            println!("skipped: only root can give files away");
            return;
        }
        let elsewhere = tempfile::tempdir().unwrap();
        let precious = elsewhere.path().join("precious");
        std::fs::write(&precious, "precious").unwrap();
        std::os::unix::fs::symlink(&precious, folder.path().join("x.new")).unwrap();
        let state = State::open(folder.path()).unwrap();
        state.save("x", b"one").unwrap();
        for name in ["x", "lock"] {
            assert_eq!(rights(&state.path(name)), (NOBODY, NOBODY, PRIVATE), "{name}");
        }
        assert_eq!(std::fs::read_to_string(&precious).unwrap(), "precious", "a link is not followed");
        assert_ne!(rights(&precious).0, NOBODY);
    }
}
