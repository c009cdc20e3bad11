//! A backup takes the place of what is there: all of it or nothing, whenever the process is killed.
//!
//! ```text
//!   restore.new      the backup, unpacked and read; until it has its next name, nothing happened
//!   restore.ready    renaming it is the decision. What is there goes to before-restore, file by file
//!   restore.moving   its files go to their places, one by one
//! ```
//!
//! Whoever opens the state directory next finishes what was begun ([`finish`]).

use super::archive::{self, Manifest};
use super::inventory::{self, ITEMS, Kind};
use super::{Opened, State, check, give_to_owner, make_folder_once};
use anyhow::{Context as _, Result, bail};
use std::fs::File;
use std::io;
use std::path::Path;

const NEW: &str = "restore.new";
const READY: &str = "restore.ready";
const MOVING: &str = "restore.moving";
/// What was there before; that of the restore before goes.
pub(super) const BEFORE: &str = "before-restore";

/// Renames a file or a folder; a test breaks off there.
type Rename<'a> = &'a mut dyn FnMut(&Path, &Path) -> io::Result<()>;

/// Puts a backup in the place of what is there.
pub(super) fn restore(folder: &Path, from: &Path) -> Result<Manifest> {
    let _lock = match State::lock(folder)? {
        Opened::Free(state) => state,
        Opened::UsedBy(process) => bail!(
            "the state directory {} is in use by process {process}: stop it first (systemctl stop weir)",
            folder.display()
        ),
    };
    finish(folder)?;
    restore_by(folder, from, &mut |from, to| std::fs::rename(from, to))
}

fn restore_by(folder: &Path, from: &Path, rename: Rename<'_>) -> Result<Manifest> {
    let fresh = folder.join(NEW);
    inventory::remove(&fresh)?;
    let prepared = archive::unpack(from, &fresh).and_then(|manifest| {
        let sound = check::must_be_sound(&fresh);
        sound.with_context(|| format!("{} cannot be restored, and nothing was changed", from.display()))?;
        give_all_to_owner(folder, &fresh)?;
        Ok(manifest)
    });
    let manifest = match prepared {
        Ok(manifest) => manifest,
        Err(error) => {
            drop(inventory::remove(&fresh));
            return Err(error);
        }
    };
    inventory::remove(&folder.join(BEFORE))?;
    sync(folder)?;
    rename(&fresh, &folder.join(READY))?;
    sync(folder)?;
    finish_by(folder, rename)?;
    Ok(manifest)
}

/// Finishes a restore that was broken off behind its decision, and removes one that was broken off before.
pub(super) fn finish(folder: &Path) -> Result<()> {
    finish_by(folder, &mut |from, to| std::fs::rename(from, to))
        .with_context(|| format!("cannot finish what was being restored into {}", folder.display()))
}

fn finish_by(folder: &Path, rename: Rename<'_>) -> Result<()> {
    let (ready, moving) = (folder.join(READY), folder.join(MOVING));
    if ready.exists() {
        put_by(folder, rename)?;
        sync(folder)?;
        rename(&ready, &moving)?;
        sync(folder)?;
    }
    if moving.exists() {
        for entry in std::fs::read_dir(&moving)? {
            let path = entry?.path();
            let name = path.file_name().context("a file without a name")?;
            rename(&path, &folder.join(name))?;
        }
        sync(folder)?;
        inventory::remove(&moving)?;
    }
    inventory::remove(&folder.join(NEW))?;
    Ok(())
}

/// Moves what is there out of the way.
fn put_by(folder: &Path, rename: Rename<'_>) -> Result<()> {
    let before = folder.join(BEFORE);
    make_folder_once(folder, &before)?;
    for item in ITEMS {
        let paths = match item.kind {
            Kind::Depots => vec![folder.join(item.name)],
            _ => item.files(folder),
        };
        let beside = ["-wal", "-shm"].map(|suffix| folder.join(format!("{}{suffix}", item.name)));
        for path in paths.iter().chain(&beside).filter(|path| path.exists()) {
            let name = path.file_name().context("a file without a name")?;
            rename(path, &before.join(name))?;
        }
    }
    Ok(())
}

fn give_all_to_owner(folder: &Path, path: &Path) -> io::Result<()> {
    give_to_owner(folder, path)?;
    if path.symlink_metadata()?.is_dir() {
        for entry in std::fs::read_dir(path)? {
            give_all_to_owner(folder, &entry?.path())?;
        }
    }
    Ok(())
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{DEPOTS, SPOOL, copy};
    use std::time::Duration;
    use weir_alert::spool::{Depot, Limits, Spool};
    use weir_model::Timestamp;

    const NOW: Timestamp = Timestamp::new(1_795_384_000, 0);
    const LIMITS: Limits = Limits { max_bytes: 1 << 30, max_age: Duration::from_hours(1) };

    /// A state that is known by a word.
    fn fill(folder: &Path, word: &str) {
        let state = State::open(folder).unwrap();
        state.save("notices.json", format!("{{\"told\":{{\"{word}\":1}}}}").as_bytes()).unwrap();
        state.save("audit.jsonl.1", word.as_bytes()).unwrap();
        state.save("indicators.set", word.as_bytes()).unwrap();
        drop(Spool::open(&folder.join(SPOOL), LIMITS).unwrap());
        std::fs::create_dir_all(folder.join(DEPOTS)).unwrap();
        drop(Depot::open(&folder.join(DEPOTS).join(format!("{word}.sqlite")), LIMITS).unwrap());
    }

    /// What is there: the word, and which files.
    fn seen(folder: &Path) -> (String, Vec<String>) {
        let mut names: Vec<_> = ITEMS
            .iter()
            .flat_map(|item| item.files(folder))
            .map(|path| path.strip_prefix(folder).unwrap().display().to_string())
            .collect();
        names.sort();
        (std::fs::read_to_string(folder.join("audit.jsonl.1")).unwrap_or_default(), names)
    }

    fn backup(folder: &Path, word: &str) -> tempfile::TempDir {
        let other = tempfile::tempdir().unwrap();
        fill(other.path(), word);
        copy::copy_folder(other.path()).unwrap();
        archive::pack(&other.path().join(copy::FOLDER), &folder.join("backup.zip"), NOW).unwrap();
        other
    }

    /// Broken off at each renaming, what is there is the old state or becomes the new one, whole.
    #[test]
    fn a_restore_that_is_broken_off_leaves_the_old_state_or_the_new_one() {
        let elsewhere = tempfile::tempdir().unwrap();
        let backed_up = backup(elsewhere.path(), "new");
        let from = elsewhere.path().join("backup.zip");
        let (mut olds, mut news) = (0, 0);
        for fuel in 0.. {
            let folder = tempfile::tempdir().unwrap();
            fill(folder.path(), "old");
            let before = seen(folder.path());
            let mut left = fuel;
            let restored = restore_by(folder.path(), &from, &mut |from, to| {
                left -= 1;
                if left < 0 { Err(io::Error::other("killed")) } else { std::fs::rename(from, to) }
            });
            drop(State::open(folder.path()).unwrap());
            let after = seen(folder.path());
            if after == before {
                olds += 1;
            } else {
                assert_eq!(after.0, "new", "after {fuel}");
                let mut expected = seen(backed_up.path()).1;
                expected.retain(|name| name != "indicators.set");
                assert_eq!(after.1, expected, "after {fuel}");
                let was = std::fs::read(folder.path().join(BEFORE).join("indicators.set")).unwrap();
                assert_eq!((was, news >= 0), (b"old".to_vec(), true));
                news += 1;
            }
            for left_over in [NEW, READY, MOVING] {
                assert!(!folder.path().join(left_over).exists(), "{left_over} after {fuel}");
            }
            if restored.is_ok() {
                break;
            }
        }
        assert_eq!(olds, 1, "the first renaming decides");
        assert!(news > 8, "{news}");
    }

    #[test]
    fn what_is_damaged_or_later_or_no_backup_is_refused_and_nothing_changes() {
        let elsewhere = tempfile::tempdir().unwrap();
        drop(backup(elsewhere.path(), "new"));
        let from = elsewhere.path().join("backup.zip");
        let whole = std::fs::read(&from).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), "old");
        let before = seen(folder.path());
        let refused = |bytes: &[u8], what: &str| {
            std::fs::write(&from, bytes).unwrap();
            let error = format!("{:#}", restore(folder.path(), &from).unwrap_err());
            assert!(error.contains("nothing was changed"), "{what}: {error}");
            assert_eq!(seen(folder.path()), before, "{what}");
            assert!(!folder.path().join(NEW).exists(), "{what}");
            error
        };
        refused(b"", "empty");
        for length in (0..whole.len()).step_by(whole.len() / 40) {
            refused(&whole[..length], "cut off");
        }
        // Bits of what is packed, not of what only other programs read (times, permissions): it begins 20 bytes behind the name.
        let start = whole.windows(SPOOL.len()).position(|name| name == SPOOL.as_bytes()).unwrap();
        for place in start + 40..start + 60 {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x10;
            refused(&bytes, "a bit");
        }
        let lock = State::open(folder.path()).unwrap();
        std::fs::write(&from, &whole).unwrap();
        let error = restore(folder.path(), &from).unwrap_err().to_string();
        assert!(error.contains("is in use by process"), "{error}");
        drop(lock);
        restore(folder.path(), &from).unwrap();
        assert_eq!(seen(folder.path()).0, "new");
    }
}
