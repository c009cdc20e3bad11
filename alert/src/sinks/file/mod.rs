//! A file of JSON lines: rotated, compressed and kept for a time, and never torn.
//!
//! What is acknowledged lies on the disk as a whole line: a batch with a message in it is synced before it is said to be taken. Flows, names
//! and the ledger are synced every few seconds and at each rotation. Lines that a crash tore are mended when the file is opened.

mod archive;
mod lines;
mod own;
mod series;
#[cfg(test)]
mod tests;
mod torn;

use super::clock::time;
use super::stdout::Stdout;
use super::{Kind, Opening, Outcome, Outlet, Parcel, Remarks, Settings, Sink};
use archive::{Archive, Rules};
use lines::{LinesFile, Rotation};
pub use own::RotatedLines;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use weir_model::{Timestamp, Tlp};
use weir_net::{NetError, NetErrorKind, units};

/// Where lines are written, and how long they are kept.
///
/// ```toml
/// type = "file"
/// path = "/var/log/weir/{kind}.json"
/// compress = "zstd"
/// ```
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FileSettings {
    /// The file. `{kind}` in its name stands for `alerts`, `flows`, `names` and `ledger`, each in a file of its own; without it
    /// all that is sent goes into one. `-` is standard output. A pipe or a device is written to, and no more.
    pub path: PathBuf,
    /// Whether files are rotated here. `false` leaves that to somebody else (logrotate): a file that was moved away is noticed.
    #[serde(default = "yes")]
    pub rotate: bool,
    /// A file is rotated before it becomes larger than that.
    #[serde(default = "rotate_size", deserialize_with = "units::size", serialize_with = "units::size_text")]
    pub rotate_size: u64,
    /// A file holds lines of one such span only, counted from 1970 on: with `1d` each day in UTC has its own.
    #[serde(
        default = "rotate_after",
        deserialize_with = "units::duration",
        serialize_with = "units::duration_text"
    )]
    pub rotate_after: Duration,
    /// How rotated files are compressed.
    #[serde(default)]
    pub compress: Compression,
    /// How long rotated files are kept.
    #[serde(default = "keep", deserialize_with = "units::duration", serialize_with = "units::duration_text")]
    pub keep: Duration,
    /// How many bytes rotated files may take; the oldest go first.
    #[serde(default = "keep_size", deserialize_with = "units::size", serialize_with = "units::size_text")]
    pub keep_size: u64,
    /// How often flows, names and the ledger are synced. Messages are synced before they are acknowledged.
    #[serde(
        default = "sync_every",
        deserialize_with = "units::duration",
        serialize_with = "units::duration_text"
    )]
    pub sync_every: Duration,
}

/// How rotated files are compressed; Weir reads both, as it does what is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// gzip (RFC 1952).
    #[default]
    Gzip,
    /// Zstandard (RFC 8878).
    Zstd,
    /// Not at all.
    None,
}

const fn yes() -> bool {
    true
}

/// A few hundred thousand alerts, or some minutes of a busy link's flows: what still opens in an editor.
const fn rotate_size() -> u64 {
    256 << 20
}

const fn rotate_after() -> Duration {
    Duration::from_hours(24)
}

/// As long as an investigation usually looks back.
const fn keep() -> Duration {
    Duration::from_hours(90 * 24)
}

const fn keep_size() -> u64 {
    10 << 30
}

const fn sync_every() -> Duration {
    Duration::from_secs(5)
}

impl FileSettings {
    /// Rotated and compressed as usual, and kept so long.
    pub fn kept(path: impl Into<PathBuf>, keep: Duration) -> Self {
        Self { rotate: true, compress: Compression::default(), keep, ..Self::plain(path) }
    }

    /// One file that only grows.
    pub fn plain(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            rotate: false,
            rotate_size: rotate_size(),
            rotate_after: rotate_after(),
            compress: Compression::None,
            keep: keep(),
            keep_size: keep_size(),
            sync_every: sync_every(),
        }
    }

    fn is_by_kind(&self) -> bool {
        self.path.file_name().is_some_and(|name| name.to_string_lossy().contains(KIND))
    }
}

/// What stands for the kind of lines in a path.
const KIND: &str = "{kind}";

impl Settings for FileSettings {
    const KIND: &'static str = "file";
    const CEILING: Tlp = Tlp::Red;

    fn open(&self, opening: &Opening<'_>) -> Result<Vec<Outlet>, NetError> {
        if self.path.as_os_str() == "-" {
            return Ok(Outlet::only(Stdout::default()));
        }
        let settings = Self { path: opening.base.join(&self.path), ..self.clone() };
        Ok(Outlet::only(FileSink::open(settings, time())?))
    }

    /// Nothing is written, nor mended.
    fn check(&self, opening: &Opening<'_>) -> Result<(), NetError> {
        let path = opening.base.join(&self.path);
        let folder = series::folder(&path);
        if self.path.as_os_str() == "-" || folder.is_dir() {
            return Ok(());
        }
        let text = format!("cannot write {}: there is no folder {}", path.display(), folder.display());
        Err(NetError::new(NetErrorKind::Settings, text))
    }

    fn warnings(&self) -> Vec<String> {
        let in_folder = self.path.parent().is_some_and(|folder| folder.to_string_lossy().contains(KIND));
        if !in_folder {
            return Vec::new();
        }
        vec![format!("`path`: {KIND} only works in the name of the file, not in that of its folder")]
    }
}

struct FileSink {
    settings: FileSettings,
    /// One for all kinds (`None`), or one for each that came.
    files: BTreeMap<Option<Kind>, LinesFile>,
    remarks: Remarks,
}

impl FileSink {
    fn open(settings: FileSettings, now: Timestamp) -> Result<Self, NetError> {
        let mut sink = Self { settings, files: BTreeMap::new(), remarks: Remarks::default() };
        let wrong = |path: &Path, error: &dyn std::fmt::Display| {
            NetError::new(NetErrorKind::Settings, format!("cannot write {}: {error}", path.display()))
        };
        if sink.settings.is_by_kind() {
            let folder = series::folder(&sink.settings.path);
            if !folder.is_dir() {
                return Err(wrong(&sink.settings.path, &"there is no such folder"));
            }
            return Ok(sink);
        }
        let path = sink.settings.path.clone();
        let opened = sink.file(Kind::Alert).open(now);
        match opened {
            // A pipe that nobody reads yet is a receiver that is away.
            Err(error) if !lines::is_pipe(&path) => Err(wrong(&path, &error)),
            _ => Ok(sink),
        }
    }

    /// The file for a kind of lines.
    fn file(&mut self, kind: Kind) -> &mut LinesFile {
        let Self { settings, files, remarks } = self;
        let kind = settings.is_by_kind().then_some(kind);
        files.entry(kind).or_insert_with(|| {
            let path = kind.map_or_else(|| settings.path.clone(), |kind| path_of(&settings.path, kind));
            lines_file(settings, &path, remarks)
        })
    }

    /// Appends what of the parcels goes into the same file, and says how that went.
    fn append(&mut self, parcels: &[&Parcel], now: Timestamp, until: Instant) -> Outcome {
        let Some(first) = parcels.first() else { return Outcome::Taken };
        let sync_every = self.settings.sync_every;
        let file = self.file(first.kind);
        let lines: Vec<u8> = parcels.iter().flat_map(|parcel| [&*parcel.body, b"\n"].concat()).collect();
        let is_acknowledged = parcels.iter().any(|parcel| parcel.kind == Kind::Alert);
        let written = file.append(&lines, is_acknowledged, now, until);
        if !is_acknowledged && written.is_ok() {
            file.sync_if_due(sync_every, now);
        }
        match written {
            Ok(()) => Outcome::Taken,
            Err(error) => Outcome::Failed(format!("cannot write {}: {error}", file.path().display())),
        }
    }
}

impl Sink for FileSink {
    fn deliver(&mut self, parcels: &[Parcel], until: Instant) -> Vec<Outcome> {
        let now = time();
        if !self.settings.is_by_kind() {
            let outcome = self.append(&parcels.iter().collect::<Vec<_>>(), now, until);
            return vec![outcome; parcels.len()];
        }
        let outcomes = Kind::ALL.map(|kind| {
            let of_kind: Vec<_> = parcels.iter().filter(|parcel| parcel.kind == kind).collect();
            (kind, self.append(&of_kind, now, until))
        });
        let outcome = |kind| outcomes.iter().find(|(of, _)| *of == kind).map(|(_, outcome)| outcome.clone());
        parcels.iter().map(|parcel| outcome(parcel.kind).unwrap_or(Outcome::Taken)).collect()
    }

    fn idle(&mut self) {
        let now = time();
        for file in self.files.values_mut() {
            file.sync_if_due(self.settings.sync_every, now);
            file.rotate_if_due(0, now);
        }
    }

    fn remarks(&mut self) -> Vec<String> {
        self.remarks.take()
    }
}

fn lines_file(settings: &FileSettings, path: &Path, remarks: &Remarks) -> LinesFile {
    let rotation = settings.rotate.then(|| {
        let rules =
            Rules { compress: settings.compress, keep: settings.keep, keep_bytes: settings.keep_size };
        Rotation {
            bytes: settings.rotate_size,
            span: settings.rotate_after,
            archive: Archive::new(rules, remarks.clone()),
        }
    });
    LinesFile::new(path, rotation, remarks.clone())
}

/// The path of a kind's file.
fn path_of(path: &Path, kind: Kind) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(name.replace(KIND, kind.plural()))
}
