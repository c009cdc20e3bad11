//! A copy of the state that is of one moment, in a folder of the state directory: what a backup is made of.
//!
//! A running program makes it itself, because it alone may read its spool; who asked for it packs it afterwards.

use super::inventory::{self, INCIDENTS, ITEMS, Item, Kind};
use super::{DEPOTS, LIBRARY, SPOOL, make_folder};
use crate::sinks::Sinks;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use weir_alert::spool::{Depot, Limits, Spool};
use weir_intel::library::Reader;

/// Where it lies, in the state directory. There is one at a time.
pub(super) const FOLDER: &str = "backup.new";

/// To open what is only copied: nothing falls off its end.
const ENDLESS: Limits = Limits { max_bytes: u64::MAX, max_age: Duration::MAX };

/// Makes copies of what a running program has, on a thread of its own: its spool may be large.
pub(crate) struct Copier {
    folder: PathBuf,
    sinks: Sinks,
    progress: Mutex<Progress>,
}

/// How far a copy is, as whoever asked for it hears.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct CopyState {
    /// The state directory.
    pub(super) folder: PathBuf,
    pub(super) progress: Progress,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Progress {
    #[default]
    None,
    Working,
    Done,
    Failed(String),
}

impl Copier {
    /// Of a program that has these.
    pub(crate) fn new(folder: &Path, sinks: Sinks) -> Self {
        Self { folder: folder.to_owned(), sinks, progress: Mutex::default() }
    }

    /// Begins a copy, unless one is being made.
    pub(crate) fn begin(self: &Arc<Self>) -> CopyState {
        let mut progress = self.progress();
        if *progress != Progress::Working {
            let this = Arc::clone(self);
            let spawned = std::thread::Builder::new().name("copy".to_owned()).spawn(move || {
                let copied = this.copy();
                *this.progress() =
                    copied.map_or_else(|error| Progress::Failed(format!("{error:#}")), |()| Progress::Done);
            });
            *progress = match spawned {
                Ok(_) => Progress::Working,
                Err(error) => Progress::Failed(error.to_string()),
            };
        }
        CopyState { folder: self.folder.clone(), progress: progress.clone() }
    }

    /// How far it is.
    pub(crate) fn state(&self) -> CopyState {
        CopyState { folder: self.folder.clone(), progress: self.progress().clone() }
    }

    fn copy(&self) -> Result<()> {
        Parts { folder: &self.folder, spool: Some(self.sinks.spool()), depots: self.sinks.depots() }.copy()
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a copy of a state directory that no program has.
pub(super) fn copy_folder(folder: &Path) -> Result<()> {
    let spool = folder.join(SPOOL);
    let spool = spool.exists().then(|| Spool::open(&spool, ENDLESS)).transpose()?;
    let depots = ITEMS.iter().filter(|item| item.kind == Kind::Depots).flat_map(|item| item.files(folder));
    let open = |path: PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, Depot::open(&path, ENDLESS).with_context(|| path.display().to_string())?))
    };
    let depots = depots.map(open).collect::<Result<_>>()?;
    Parts { folder, spool, depots }.copy()
}

/// What is copied by whoever has it open; the rest are files that are replaced whole, or only grow.
struct Parts<'a> {
    folder: &'a Path,
    spool: Option<Spool>,
    depots: Vec<(String, Depot)>,
}

impl Parts<'_> {
    fn copy(&self) -> Result<()> {
        let into = self.folder.join(FOLDER);
        self.copy_into(&into).with_context(|| format!("cannot copy the state into {}", into.display()))
    }

    fn copy_into(&self, into: &Path) -> Result<()> {
        inventory::remove(into)?;
        make_folder(self.folder, into)?;
        self.spool_and_incidents(into)?;
        for item in ITEMS {
            match item.kind {
                Kind::File | Kind::Journal => copy_files(item, self.folder, into)?,
                Kind::Library => copy_library(self.folder, into)?,
                Kind::Depots => self.copy_depots(into)?,
                Kind::Spool | Kind::MadeAgain => {}
            }
        }
        Ok(())
    }

    /// The spool's notes begin where the file of incidents ends, so both are of one moment.
    fn spool_and_incidents(&self, into: &Path) -> Result<()> {
        let copy_incidents = || copy_file(&self.folder.join(INCIDENTS), &into.join(INCIDENTS));
        match &self.spool {
            Some(spool) => spool.copy_to(&into.join(SPOOL), copy_incidents)?,
            None => copy_incidents(),
        }
    }

    fn copy_depots(&self, into: &Path) -> Result<()> {
        if self.depots.is_empty() {
            return Ok(());
        }
        let folder = into.join(DEPOTS);
        make_folder(into, &folder)?;
        for (sink, depot) in &self.depots {
            depot.copy_to(&folder.join(format!("{sink}.sqlite")))?;
        }
        Ok(())
    }
}

fn copy_library(folder: &Path, into: &Path) -> Result<()> {
    let path = folder.join(LIBRARY);
    if path.exists() {
        Reader::open(&path)?.copy_to(&into.join(LIBRARY))?;
    }
    Ok(())
}

fn copy_files(item: &Item, folder: &Path, into: &Path) -> Result<()> {
    let files = item.files(folder).into_iter().filter(|_| item.name != INCIDENTS);
    for (file, name) in files.filter_map(|file| file.file_name().map(|name| (file.clone(), into.join(name))))
    {
        copy_file(&file, &name)?;
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<()> {
    match std::fs::copy(from, to) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| from.display().to_string())
        }
        _ => Ok(()),
    }
}
