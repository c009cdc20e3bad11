//! What may tell that a source has something new, before it is time to ask: its files on this host, looked at each second on any file
//! system, and what an instance of MISP publishes.

use crate::config::{ProviderSettings, SourceSettings};
use crate::output::complain;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use weir_intel::misp::MispPush;

/// How often they are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Files of a folder that are looked at. A change in others is found at the source's interval.
const MAX_FILES: usize = 10_000;

/// What a file looked like: device and inode, size, time of the last change in seconds and nanoseconds.
type Look = (u64, u64, u64, i64, i64);

/// Watches the file or folder of a source, if it has one here, and hears what it publishes.
pub(super) struct Watching {
    path: Option<PathBuf>,
    known: BTreeMap<PathBuf, Look>,
    looked: Option<Instant>,
    /// The source, and its publication.
    push: Option<(String, MispPush)>,
    /// What was last said of it.
    problem: Option<String>,
}

impl Watching {
    /// As it is at first counts as known.
    pub(super) fn new(settings: &SourceSettings, base: &Path) -> Self {
        let path = settings.local_path().map(|path| base.join(path));
        Self { push: push(settings), ..Self::of(path) }
    }

    fn of(path: Option<PathBuf>) -> Self {
        let known = path.as_deref().map(look).unwrap_or_default();
        Self { path, known, looked: None, push: None, problem: None }
    }

    /// Whether there may be something new since the last time that this was asked.
    pub(super) fn has_changed(&mut self) -> bool {
        self.was_told() | self.have_files_changed()
    }

    fn was_told(&mut self) -> bool {
        let Some((source, push)) = &self.push else { return false };
        let problem = push.problem();
        if let Some(problem) = problem.as_ref().filter(|_| problem != self.problem) {
            complain(&format!(
                "source {source}: nothing is heard of changes, so it is asked by the clock: {problem}"
            ));
        }
        self.problem = problem;
        push.take_change()
    }

    #[expect(clippy::disallowed_methods, reason = "files are looked at by the clock")]
    fn have_files_changed(&mut self) -> bool {
        let Some(path) = &self.path else { return false };
        let now = Instant::now();
        if self.looked.is_some_and(|looked| now.duration_since(looked) < EVERY) {
            return false;
        }
        self.looked = Some(now);
        let seen = look(path);
        let has_changed = seen != self.known;
        self.known = seen;
        has_changed
    }
}

fn push(settings: &SourceSettings) -> Option<(String, MispPush)> {
    let ProviderSettings::Misp(misp) = &settings.provider else { return None };
    match MispPush::listen(misp) {
        Ok(push) => push.filter(|_| settings.is_enabled).map(|push| (settings.name.clone(), push)),
        Err(error) => {
            complain(&format!("source {}: {error}", settings.name));
            None
        }
    }
}

/// What the files look like; nothing of those that are not there.
fn look(path: &Path) -> BTreeMap<PathBuf, Look> {
    let mut seen = BTreeMap::new();
    let mut folders = vec![path.to_owned()];
    while let Some(path) = folders.pop().filter(|_| seen.len() < MAX_FILES) {
        let Ok(found) = std::fs::metadata(&path) else { continue };
        if found.is_dir() {
            let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
            let real = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| !kind.is_symlink());
            folders.extend(entries.filter(real).take(MAX_FILES).map(|entry| entry.path()));
        }
        let look = (found.dev(), found.ino(), found.size(), found.mtime(), found.mtime_nsec());
        seen.insert(path, look);
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_comes_or_goes_is_noticed_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bad.txt");
        let mut watching = Watching::of(Some(folder.path().to_owned()));
        let mut changed = || {
            watching.looked = None;
            watching.has_changed()
        };
        assert!(!changed());
        std::fs::write(&file, "192.0.2.1\n").unwrap();
        assert!(changed() && !changed());
        std::fs::write(&file, "192.0.2.1\n192.0.2.2\n").unwrap();
        assert!(changed() && !changed());
        std::fs::remove_file(&file).unwrap();
        assert!(changed() && !changed());
        assert!(!Watching::of(None).has_changed());
    }
}
