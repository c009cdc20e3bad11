//! The form of the state directory, in its file `version.json`: which Weir can read it.
//!
//! ```text
//!   form = ours                      go on
//!   form earlier, or no file         upgrade step by step; what a step changes is copied to before-N/ first
//!   form later, read by ours         go on: what is new in it is not seen, and goes with the next writing (a rollback by one version)
//!   form later, read by none of ours refuse, and touch nothing
//! ```
//!
//! Each file has a form of its own besides ([`super::form`]). What is only added to one (members of JSON, columns with a default) leaves
//! `read_by` as it is; a form that earlier ones cannot read is written one version after the one that learns to read it.

use super::{State, give_to_owner, make_folder};
use crate::output::note;
use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

pub(super) const FILE: &str = "version.json";

/// What this Weir knows.
const FORMS: Forms = Forms { current: 1, read_by: 1, steps: &[] };

/// The form that is written, and how earlier ones become it.
struct Forms {
    current: u32,
    /// The earliest form whose Weir can read what this one writes.
    read_by: u32,
    /// In their order. Without one a form differs from the one before only in what is added.
    steps: &'static [Step],
}

/// From a form to the next.
struct Step {
    from: u32,
    /// Files that it changes; they are copied first.
    changes: &'static [&'static str],
    /// Replaces each file whole or not at all, and can be done again after it was broken off.
    apply: fn(&State) -> Result<()>,
}

/// What the file says. A later Weir may say more.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Mark {
    pub(super) form: u32,
    pub(super) read_by: u32,
    /// By which program it was written.
    pub(super) written_by: String,
    /// An upgrade to this form is under way, and what it changes is copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    copied_for: Option<u32>,
}

impl Mark {
    /// Of what this Weir writes.
    pub(super) fn ours() -> Self {
        Self::of(&FORMS)
    }

    fn of(forms: &Forms) -> Self {
        let written_by = concat!("weir ", env!("CARGO_PKG_VERSION")).to_owned();
        Self { form: forms.current, read_by: forms.read_by, written_by, copied_for: None }
    }

    /// What a directory says of itself; nothing where no Weir had it yet, or one before forms were written down.
    pub(super) fn of_folder(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        match std::fs::read(&path) {
            Ok(bytes) => {
                Self::read(&bytes).with_context(|| format!("cannot use {}", path.display())).map(Some)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    fn read(bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes).context(
            "it is damaged: restore a backup (weir state restore), or remove it if this version of Weir used the directory last",
        )
    }

    /// Whether this Weir can read it.
    pub(super) fn must_be_readable(&self) -> Result<()> {
        self.must_be_readable_by(&FORMS)
    }

    fn must_be_readable_by(&self, forms: &Forms) -> Result<()> {
        if self.form > forms.current && self.read_by > forms.current {
            bail!(
                "it is of {}, form {}, and this Weir reads up to form {}: use that version, or restore a backup of this one; nothing was changed",
                self.written_by,
                self.form,
                forms.current
            );
        }
        Ok(())
    }
}

/// Makes sure that the directory is of our form.
pub(super) fn enter(state: &State) -> Result<()> {
    enter_as(state, &FORMS)
        .with_context(|| format!("the state directory {} cannot be used", state.folder.display()))
}

fn enter_as(state: &State, forms: &Forms) -> Result<()> {
    let (found, ours) = (Mark::of_folder(&state.folder)?, Mark::of(forms));
    if found.as_ref() == Some(&ours) {
        return Ok(());
    }
    let found = found.unwrap_or_default();
    found.must_be_readable_by(forms)?;
    if found.form > forms.current {
        note(&format!(
            "the state directory was used by {} last (form {}): this one reads what it knows, and writes its own form {}",
            found.written_by, found.form, forms.current
        ));
    }
    let (from, mut mark) = (found.form, found);
    for step in forms.steps.iter().filter(|step| step.from >= from) {
        upgrade(state, &mark, step)?;
        mark = Mark { form: step.from + 1, copied_for: None, ..ours.clone() };
        write(state, &mark)?;
    }
    write(state, &ours)
}

fn write(state: &State, mark: &Mark) -> Result<()> {
    state.save(FILE, &serde_json::to_vec(mark)?)
}

fn upgrade(state: &State, found: &Mark, step: &Step) -> Result<()> {
    let form = step.from + 1;
    if found.copied_for != Some(form) {
        let copy = keep_copy(state, step.changes, form)?;
        note(&format!(
            "the state directory becomes form {form}; what changes is kept as it was in {}",
            copy.display()
        ));
        write(state, &Mark { copied_for: Some(form), ..found.clone() })?;
    }
    (step.apply)(state).with_context(|| format!("it cannot become form {form}"))
}

/// How the folder is called in which an upgrade keeps what it changes.
pub(super) const COPY: &str = "before-";

/// Copies what a step changes, in place of what an earlier upgrade to that form kept.
fn keep_copy(state: &State, changes: &[&str], form: u32) -> Result<PathBuf> {
    let folder = state.path(&format!("{COPY}{form}"));
    let copy = || {
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => make_folder(&state.folder, &folder)?,
        }
        for name in changes.iter().filter(|name| state.path(name).exists()) {
            let copied = folder.join(name);
            std::fs::copy(state.path(name), &copied)?;
            give_to_owner(&state.folder, &copied)?;
            File::open(&copied)?.sync_all()?;
        }
        File::open(&folder)?.sync_all()?;
        File::open(&state.folder)?.sync_all()
    };
    copy().with_context(|| format!("cannot keep a copy in {}", folder.display()))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// A made-up later Weir, which keeps `x` in capitals.
    const LATER: Forms = Forms {
        current: 2,
        read_by: 1,
        steps: &[Step { from: 1, changes: &["x", "not-there"], apply: capitals }],
    };
    /// And one that no earlier one can follow.
    const LATEST: Forms = Forms { current: 3, read_by: 3, steps: LATER.steps };

    static FAILS: AtomicBool = AtomicBool::new(false);

    fn capitals(state: &State) -> Result<()> {
        let bytes = state.load("x")?.context("no x")?.to_ascii_uppercase();
        state.save("x", &bytes)?;
        if FAILS.load(Ordering::Relaxed) {
            bail!("broken off");
        }
        Ok(())
    }

    fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let mut all: Vec<_> = files
            .filter(|path| path.is_file() && !path.ends_with("lock"))
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect();
        all.sort();
        all
    }

    /// One test, because the step fails on demand.
    #[test]
    fn upgrades_keep_a_copy_rollbacks_by_one_are_read_and_others_refused() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        state.save("x", b"one").unwrap();
        let copy = || std::fs::read(folder.path().join("before-2/x")).unwrap();
        let form = || Mark::of_folder(folder.path()).unwrap().unwrap().form;
        FAILS.store(true, Ordering::Relaxed);
        assert!(enter_as(&state, &LATER).is_err());
        assert_eq!(
            (form(), state.load("x").unwrap().unwrap(), copy()),
            (1, b"ONE".to_vec(), b"one".to_vec())
        );
        FAILS.store(false, Ordering::Relaxed);
        enter_as(&state, &LATER).unwrap();
        assert_eq!((form(), copy()), (2, b"one".to_vec()), "the copy is of what there was at first");
        enter_as(&state, &FORMS).unwrap();
        assert_eq!((form(), state.load("x").unwrap().unwrap()), (1, b"ONE".to_vec()), "rolled back");
        state.save("x", b"two").unwrap();
        enter_as(&state, &LATER).unwrap();
        assert_eq!((copy(), state.load("x").unwrap().unwrap()), (b"two".to_vec(), b"TWO".to_vec()));
        enter_as(&state, &LATEST).unwrap();
        drop(state);
        let before = contents(folder.path());
        let error = format!("{:#}", State::open(folder.path()).unwrap_err());
        assert!(error.contains("form 3, and this Weir reads up to form 1"), "{error}");
        assert_eq!(contents(folder.path()), before);
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        let error = format!("{:#}", State::open(folder.path()).unwrap_err());
        assert!(error.contains("it is damaged"), "{error}");
    }
}
