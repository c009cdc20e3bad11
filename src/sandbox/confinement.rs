//! What holds of the sandbox.

use super::Access;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What holds, and what is within reach.
#[derive(Clone, Debug)]
pub(crate) struct Confinement {
    parts: Vec<Part>,
    /// Without, all is as before.
    access: Option<Access>,
}

/// One of the things that confine.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Part {
    /// `capabilities`, `files`, `calls` or `threads`.
    pub name: String,
    pub holds: bool,
    /// How, or why not.
    pub text: String,
}

impl Part {
    pub(super) fn new(name: &str, came: Result<String>) -> Self {
        let (holds, text) = match came {
            Ok(text) => (true, text),
            Err(error) => (false, format!("{error:#}")),
        };
        Self { name: name.to_owned(), holds, text }
    }
}

impl Confinement {
    /// Nothing holds, for this reason.
    pub(crate) fn none(why: &str) -> Self {
        let part = |name: &&str| Part { name: (*name).to_owned(), holds: false, text: why.to_owned() };
        Self { parts: ["files", "capabilities", "calls", "threads"].iter().map(part).collect(), access: None }
    }

    pub(super) const fn new(parts: Vec<Part>, access: Access) -> Self {
        Self { parts, access: Some(access) }
    }

    /// For people and metrics.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What was wanted and does not hold.
    pub(super) fn missing(&self) -> impl Iterator<Item = String> {
        self.parts.iter().filter(|part| !part.holds).map(|part| format!("{}: {}", part.name, part.text))
    }

    /// Whether anything confines this program.
    pub(crate) const fn is_in_force(&self) -> bool {
        self.access.is_some()
    }

    /// Whether a file or folder can be read: for settings that are read anew.
    pub(crate) fn may_read(&self, path: &Path) -> bool {
        self.access.as_ref().is_none_or(|access| within(path, access.reads.iter().chain(&access.writes)))
    }

    /// Whether a file can be made, written, rotated and removed.
    pub(crate) fn may_write(&self, path: &Path) -> bool {
        self.access.as_ref().is_none_or(|access| within(path, access.writes.iter()))
    }
}

/// Whether a path, or what of it is there, lies in one of these places, which are without links.
fn within<'a>(path: &Path, mut places: impl Iterator<Item = &'a PathBuf>) -> bool {
    let Ok(path) = std::path::absolute(path) else { return false };
    let there = path.ancestors().find_map(|path| path.canonicalize().ok());
    there.is_some_and(|there| places.any(|place| there.starts_with(place)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_within_reach_can_be_asked() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().canonicalize().unwrap().join(name);
        for name in ["lists", "state", "other"] {
            std::fs::create_dir(place(name)).unwrap();
        }
        std::os::unix::fs::symlink(place("other"), place("lists/other")).unwrap();
        let access = Access { reads: vec![place("lists")], writes: vec![place("state")] };
        let confinement = Confinement::new(Vec::new(), access);
        assert!(confinement.may_read(&place("lists/new.csv")) && confinement.may_read(&place("state/x")));
        assert!(!confinement.may_read(&place("lists/other/x")), "a link leads out");
        assert!(!confinement.may_read(&place("other")) && !confinement.may_write(&place("lists/x")));
        assert!(confinement.may_write(&place("state/a/b")));
        assert!(Confinement::none("off").may_write(&place("other/x")));
    }
}
