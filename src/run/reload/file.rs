//! Whether the configuration file changed: it is looked at each second, on any file system, through links. An editor, a copy or a package manager
//! writes in steps, so a change counts when the file has looked the same twice.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Looks at a file.
pub(super) struct Watched {
    path: PathBuf,
    known: Look,
    /// What it looked like last, where that is not known yet.
    fresh: Option<Look>,
    looked: Instant,
}

/// What a file looks like: device, inode, size, and when its content and its status last changed; nothing where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look(Option<(u64, u64, u64, [i64; 4])>);

impl Look {
    fn at(path: &Path) -> Self {
        let times = |found: &std::fs::Metadata| {
            [found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()]
        };
        Self(
            std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino(), found.size(), times(&found))),
        )
    }
}

impl Watched {
    /// As it is at this moment is known. Only files can be watched: a pipe is empty after it was read.
    pub(super) fn new(path: &Path, now: Instant) -> Option<Self> {
        let is_file = std::fs::metadata(path).is_ok_and(|found| found.is_file());
        is_file.then(|| Self { path: path.to_owned(), known: Look::at(path), fresh: None, looked: now })
    }

    /// It is about to be read: what it looks like is known.
    pub(super) fn is_read(&mut self) {
        (self.known, self.fresh) = (Look::at(&self.path), None);
    }

    /// Whether there is something else to be read.
    pub(super) fn has_changed(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.looked) < EVERY {
            return false;
        }
        self.looked = now;
        let look = Look::at(&self.path);
        let is_settled = self.fresh.replace(look) == Some(look);
        look != self.known && is_settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    struct Clock(Instant);

    impl Clock {
        /// The next looks, up to the one that finds a change.
        fn looks_until_changed(&mut self, watched: &mut Watched) -> Option<u32> {
            (1..=5).find(|_| {
                self.0 += EVERY;
                watched.has_changed(self.0)
            })
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a moment to begin with")]
    fn what_was_written_renamed_relinked_or_taken_away_is_noticed_when_it_has_settled() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        // As Kubernetes mounts it: a link to a file in a folder that is a link.
        for (version, text) in [("v1", "a"), ("v2", "b")] {
            fs::create_dir(path(version)).unwrap();
            fs::write(path(version).join("weir.toml"), text).unwrap();
        }
        symlink("v1", path("data")).unwrap();
        symlink("data/weir.toml", path("weir.toml")).unwrap();
        let mut clock = Clock(Instant::now());
        let mut watched = Watched::new(&path("weir.toml"), clock.0).unwrap();
        let mut changed = |watched: &mut Watched| {
            let found = clock.looks_until_changed(watched);
            watched.is_read();
            found
        };
        assert_eq!(changed(&mut watched), None);
        symlink("v2", path("next")).unwrap();
        fs::rename(path("next"), path("data")).unwrap();
        assert_eq!(changed(&mut watched), Some(2), "a link was replaced");
        assert_eq!(changed(&mut watched), None);
        fs::write(path("v2/fresh"), "b").unwrap();
        fs::rename(path("v2/fresh"), path("v2/weir.toml")).unwrap();
        assert_eq!(changed(&mut watched), Some(2), "the file was replaced by one that reads the same");
        fs::remove_file(path("v2/weir.toml")).unwrap();
        assert_eq!(changed(&mut watched), Some(2), "it is gone");
        assert_eq!(changed(&mut watched), None);
        fs::write(path("v2/weir.toml"), "c").unwrap();
        assert_eq!(changed(&mut watched), Some(2), "it is back");
        assert!(Watched::new(folder.path(), clock.0).is_none(), "a folder is no file");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a moment to begin with")]
    fn what_is_still_being_written_waits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weir.toml");
        fs::write(&path, "").unwrap();
        let mut now = Instant::now();
        let mut watched = Watched::new(&path, now).unwrap();
        for length in 1..10 {
            fs::write(&path, "a".repeat(length)).unwrap();
            now += EVERY;
            assert!(!watched.has_changed(now));
        }
        assert!(!watched.has_changed(now + EVERY / 2), "too soon");
        assert!(watched.has_changed(now + EVERY));
    }
}
