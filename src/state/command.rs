//! `weir state`: what is stored, whether it can be read, and a copy of it for another day.

use super::check::{Finding, check};
use super::copy::{self, CopyState, Progress};
use super::inventory::{ITEMS, Item, bytes, changed, remove, set_aside};
use super::version::Mark;
use super::{Opened, State, archive, restore};
use crate::Outcome;
use crate::cli::{HoldingArguments, StateArguments, StateCommand, StatePlaceArguments};
use crate::config::Settings;
use crate::intel::Whereabouts;
use crate::intel::say::{now, relative, tell};
use crate::service::Service;
use crate::summary::bytes as show_bytes;
use crate::table::Table;
use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use weir_model::Timestamp;

/// Runs the command.
pub(crate) fn run(arguments: &StateArguments) -> Result<Outcome> {
    match &arguments.command {
        StateCommand::Show(place) => show(place),
        StateCommand::Check(place) => check_all(place),
        StateCommand::Backup(arguments) => backup(&arguments.place, &arguments.file),
        StateCommand::Restore(arguments) => restored(&arguments.place, &arguments.file),
    }
}

/// What is stored.
#[derive(Debug, Serialize)]
struct Shown {
    folder: PathBuf,
    /// The form of the directory; nothing where no Weir of a form had it.
    form: Option<u32>,
    written_by: Option<String>,
    stored: Vec<Row>,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    holds: &'static str,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<String>,
    #[serde(skip)]
    at: Option<Timestamp>,
    goes: &'static str,
}

fn show(place: &StatePlaceArguments) -> Result<Outcome> {
    let folder = folder(place)?;
    let mark = Mark::of_folder(&folder)?;
    let aside = set_aside(&folder);
    let aside = aside.iter().map(|path| Row::of_aside(&folder, path));
    let stored: Vec<_> = ITEMS.iter().filter_map(|item| Row::of(item, &folder)).chain(aside).collect();
    let bytes = stored.iter().map(|row| row.bytes).sum();
    let (form, written_by) = mark.map(|mark| (mark.form, mark.written_by)).unzip();
    tell(place.json, &Shown { folder, form, written_by, stored, bytes }, Shown::text)?;
    Ok(Outcome::Clean)
}

impl Row {
    fn of(item: &Item, folder: &Path) -> Option<Self> {
        let files = item.files(folder);
        let at = files.iter().filter_map(|path| changed(path)).max().map(time);
        let size = files.iter().map(|path| bytes(path)).sum();
        (!files.is_empty()).then(|| Self {
            name: item.name.to_owned(),
            holds: item.holds,
            bytes: size,
            changed: at.map(|at| at.to_string()),
            at,
            goes: item.goes,
        })
    }

    fn of_aside(folder: &Path, path: &Path) -> Self {
        Self {
            name: path.strip_prefix(folder).unwrap_or(path).display().to_string(),
            holds: "what was there before, or was damaged",
            bytes: bytes(path),
            changed: changed(path).map(|at| time(at).to_string()),
            at: changed(path).map(time),
            goes: "after `set_aside` in [keep], 90 days",
        }
    }
}

fn time(time: SystemTime) -> Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

impl Shown {
    fn text(&self) -> String {
        let mut text = format!("{}", self.folder.display());
        if let Some((form, by)) = self.form.zip(self.written_by.as_ref()) {
            let _ = write!(text, ", form {form}, of {by}");
        }
        text.push_str("\n\n");
        let mut table = Table::new(&["what", "holds", "#size", "changed", "goes"]);
        for row in &self.stored {
            let changed = row.at.map_or("-".to_owned(), |changed| relative(changed, now()));
            table.row([&*row.name, row.holds, &*show_bytes(row.bytes), &*changed, row.goes]);
        }
        let _ = write!(text, "{}\n{} in all\n", table.render(), show_bytes(self.bytes));
        text
    }
}

fn check_all(place: &StatePlaceArguments) -> Result<Outcome> {
    let findings = with_copy_or_lock(place, |folder, _| Ok(check(folder)))?;
    tell(place.json, &findings, |findings| findings_text(findings))?;
    let is_sound = findings.iter().all(|finding| finding.problem.is_none());
    Ok(if is_sound { Outcome::Clean } else { Outcome::Incomplete })
}

fn findings_text(findings: &[Finding]) -> String {
    let mut table = Table::new(&["file", "state"]);
    for finding in findings {
        table.row([&*finding.name, finding.problem.as_deref().unwrap_or("sound")]);
    }
    table.render()
}

/// What a backup or a restore came to.
#[derive(Debug, Serialize)]
struct Done<'a> {
    file: &'a Path,
    state: PathBuf,
    at: String,
    files: usize,
    /// As they are in the state directory.
    bytes: u64,
}

fn backup(place: &StatePlaceArguments, file: &Path) -> Result<Outcome> {
    let done = with_copy(place, |copied, folder| {
        let manifest = archive::pack(copied, file, now())?;
        Ok(Done::of(file, folder, &manifest))
    })?;
    tell(place.json, &done, |done| {
        let (files, bytes) = (done.files, show_bytes(done.bytes));
        format!("{} has {files} files ({bytes}) of {}.\n", file.display(), done.state.display())
    })?;
    Ok(Outcome::Clean)
}

fn restored(place: &StatePlaceArguments, file: &Path) -> Result<Outcome> {
    let Some(folder) = named_folder(place)? else {
        bail!("say which state directory: --state DIR, or --config FILE that names one");
    };
    let manifest = restore::restore(&folder, file)?;
    let done = Done::of(file, &folder, &manifest);
    tell(place.json, &done, |done| {
        format!(
            "{} has what it had at {}. What was there is in {}.\n",
            folder.display(),
            done.at,
            folder.join(restore::BEFORE).display()
        )
    })?;
    Ok(Outcome::Clean)
}

impl<'a> Done<'a> {
    fn of(file: &'a Path, folder: &Path, manifest: &archive::Manifest) -> Self {
        let bytes = manifest.files.iter().map(|listed| listed.bytes).sum();
        let (at, files) = (manifest.at.clone(), manifest.files.len());
        Self { file, state: folder.to_owned(), at, files, bytes }
    }
}

/// The state directory that somebody named; nothing where it is a running program's.
fn named_folder(place: &StatePlaceArguments) -> Result<Option<PathBuf>> {
    let StatePlaceArguments { config, state, .. } = place.clone();
    if config.is_none() && state.is_none() {
        return Ok(None);
    }
    let holding = HoldingArguments { config, state, ..HoldingArguments::default() };
    let folder = Settings::for_intel(&holding)?.0.state;
    let Some(folder) = folder else {
        bail!("the configuration names no state directory: state = \"/var/lib/weir\", or --state DIR");
    };
    if !folder.is_dir() {
        bail!("there is no state directory {}", folder.display());
    }
    Ok(Some(folder))
}

fn folder(place: &StatePlaceArguments) -> Result<PathBuf> {
    if let Some(folder) = named_folder(place)? {
        return Ok(folder);
    }
    let service = service(place)?;
    let place: Whereabouts = serde_json::from_str(&service.get("/intel/where")?).context(STRANGE)?;
    place.state.context("the running weir has no state directory")
}

const STRANGE: &str = "what the running weir answers is not understood; is it of another version?";

fn service(place: &StatePlaceArguments) -> Result<Service> {
    Service::find_or(place.control.as_deref(), "say where the state is: --state DIR or --config FILE")
}

/// Does something with a copy of the state of one moment, and with the state directory's name; the copy goes afterwards.
fn with_copy<T>(place: &StatePlaceArguments, work: impl FnOnce(&Path, &Path) -> Result<T>) -> Result<T> {
    let (folder, _lock) = match lock(place)? {
        Held::Here(folder, state) => {
            copy::copy_folder(&folder)?;
            (folder, Some(state))
        }
        Held::ByService(service, folder) => (ordered(&service, folder.as_deref())?, None),
    };
    let copied = folder.join(copy::FOLDER);
    let worked = work(&copied, &folder);
    remove(&copied).with_context(|| format!("cannot remove {}", copied.display()))?;
    worked
}

/// The same, with the directory itself where no program has it.
fn with_copy_or_lock<T>(
    place: &StatePlaceArguments,
    work: impl FnOnce(&Path, &Path) -> Result<T>,
) -> Result<T> {
    match lock(place)? {
        Held::Here(folder, _state) => work(&folder, &folder),
        Held::ByService(..) => with_copy(place, work),
    }
}

/// Who has the state.
enum Held {
    Here(PathBuf, State),
    /// With the directory, where somebody named it.
    ByService(Service, Option<PathBuf>),
}

fn lock(place: &StatePlaceArguments) -> Result<Held> {
    let Some(folder) = named_folder(place)? else {
        return Ok(Held::ByService(service(place)?, None));
    };
    match State::lock(&folder)? {
        Opened::Free(state) => {
            restore::finish(&folder)?;
            Mark::of_folder(&folder)?.unwrap_or_default().must_be_readable()?;
            Ok(Held::Here(folder, state))
        }
        Opened::UsedBy(process) => {
            let who = format!("the state directory {} is in use by process {process}", folder.display());
            Ok(Held::ByService(Service::find(place.control.as_deref()).context(who)?, Some(folder)))
        }
    }
}

/// Has a running program make a copy, waits for it, and gives its state directory.
fn ordered(service: &Service, named: Option<&Path>) -> Result<PathBuf> {
    const LOOK_EVERY: Duration = Duration::from_millis(100);
    let read = |answer: String| serde_json::from_str::<CopyState>(&answer).context(STRANGE);
    let mut state = read(service.post("/state/copy")?)?;
    let folder = state.folder.canonicalize().unwrap_or_else(|_| state.folder.clone());
    if named.is_some_and(|named| named.canonicalize().ok().as_ref() != Some(&folder)) {
        bail!("the weir that answers has another state directory, {}; say --control PATH", folder.display());
    }
    loop {
        match state.progress {
            Progress::Working => std::thread::sleep(LOOK_EVERY),
            Progress::Done => return Ok(folder),
            Progress::Failed(why) => bail!("the running weir cannot make a copy: {why}"),
            Progress::None => bail!("the running weir made no copy"),
        }
        state = read(service.get("/state/copy")?)?;
    }
}
