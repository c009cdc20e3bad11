//! What is stored in the state directory: each thing, what it holds, and when it goes. `weir state` and docs/STATE.md follow this list.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Something that is stored.
#[derive(Debug)]
pub(super) struct Item {
    /// Its file, or folder.
    pub(super) name: &'static str,
    pub(super) holds: &'static str,
    /// When what is in it is deleted.
    pub(super) goes: &'static str,
    pub(super) kind: Kind,
}

/// How it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file that is replaced whole.
    File,
    /// Lines, and older ones in files with a number behind their name.
    Journal,
    /// The spool of messages.
    Spool,
    /// Intelligence.
    Library,
    /// A folder with a file for each sink.
    Depots,
    /// Made again from the others: not part of a backup.
    MadeAgain,
}

/// All of it.
pub(super) const ITEMS: &[Item] = &[
    Item { name: super::version::FILE, holds: "the form of this directory", goes: "stays", kind: Kind::File },
    Item {
        name: INCIDENTS,
        holds: "incidents: which hosts met what",
        goes: "31 days after an incident's last hit",
        kind: Kind::File,
    },
    Item {
        name: "mutes.json",
        holds: "what is muted, by whom and why",
        goes: "30 days after its end",
        kind: Kind::File,
    },
    Item {
        name: super::JOURNAL,
        holds: "who muted and released what",
        goes: "after `audit` in [keep], 90 days",
        kind: Kind::Journal,
    },
    Item {
        name: super::SPOOL,
        holds: "messages that wait for sinks",
        goes: "when all have them, else after `age` in [spool]",
        kind: Kind::Spool,
    },
    Item {
        name: super::DEPOTS,
        holds: "flows, names and ledgers that wait for sinks",
        goes: "when the sink has them, else after `flows_age` in [spool]",
        kind: Kind::Depots,
    },
    Item {
        name: "strip.key",
        holds: "the secret of stripped messages' identifiers, and of pseudonyms",
        goes: "stays",
        kind: Kind::File,
    },
    Item {
        name: super::LIBRARY,
        holds: "what sources say",
        goes: "when the source withdraws it, and 30 days for what it withdrew",
        kind: Kind::Library,
    },
    Item {
        name: "indicators.set",
        holds: "indicators as they are matched",
        goes: "is replaced as sources change",
        kind: Kind::MadeAgain,
    },
    Item {
        name: "notices.json",
        holds: "what was told of sources lately",
        goes: "after 24 hours",
        kind: Kind::File,
    },
    Item {
        name: "templates",
        holds: "how exporters describe their records",
        goes: "as their templates end",
        kind: Kind::File,
    },
];

/// Written while messages are told; see [`super::copy`].
pub(super) const INCIDENTS: &str = "incidents.json";

/// Files put aside of a journal that are looked for.
const MOST_ASIDE: u32 = 16;

impl Item {
    /// Its files that are there, without those that SQLite keeps beside them.
    pub(super) fn files(&self, folder: &Path) -> Vec<PathBuf> {
        let path = folder.join(self.name);
        let mut files = match self.kind {
            Kind::Journal => {
                let aside = (1..=MOST_ASIDE).map(|number| folder.join(format!("{}.{number}", self.name)));
                std::iter::once(path).chain(aside).collect()
            }
            Kind::Depots => databases_in(&path),
            _ => vec![path],
        };
        files.retain(|file| file.is_file());
        files
    }

    /// Whether a file of this name is one of its, from the state directory on.
    pub(super) fn owns(&self, name: &str) -> bool {
        match self.kind {
            Kind::Journal => {
                let number = name.strip_prefix(self.name).and_then(|rest| rest.strip_prefix('.'));
                name == self.name || number.is_some_and(|number| number.parse::<u32>().is_ok())
            }
            Kind::Depots => {
                let file = name.strip_prefix(self.name).and_then(|rest| rest.strip_prefix('/'));
                file.is_some_and(|file| !file.contains('/') && file.ends_with(DATABASE))
            }
            _ => name == self.name,
        }
    }
}

const DATABASE: &str = ".sqlite";

fn databases_in(folder: &Path) -> Vec<PathBuf> {
    let found = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path());
    let mut files: Vec<_> =
        found.filter(|path| path.to_str().is_some_and(|path| path.ends_with(DATABASE))).collect();
    files.sort();
    files
}

/// What is there beside the items: what was damaged, what was there before an upgrade or a restore, and a copy that nobody packed.
pub(super) fn set_aside(folder: &Path) -> Vec<PathBuf> {
    let places = [folder.to_owned(), folder.join(super::DEPOTS)];
    let found = places.iter().flat_map(|place| std::fs::read_dir(place).into_iter().flatten().flatten());
    let is_aside = |name: &str| {
        let is_left = name == super::copy::FOLDER;
        is_left
            || name.starts_with(super::version::COPY)
            || name.contains(".damaged")
            || name.ends_with(".unreadable")
    };
    let mut paths: Vec<_> = found
        .filter(|file| file.file_name().to_str().is_some_and(is_aside))
        .map(|file| file.path())
        .collect();
    paths.sort();
    paths
}

/// Bytes of a file with what SQLite keeps beside it, or of all in a folder.
pub(super) fn bytes(path: &Path) -> u64 {
    let Ok(found) = std::fs::symlink_metadata(path) else { return 0 };
    if found.is_dir() {
        let files = std::fs::read_dir(path).into_iter().flatten().flatten();
        return files.map(|file| bytes(&file.path())).sum();
    }
    let beside = ["-wal", "-shm"].map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        std::fs::symlink_metadata(name).map_or(0, |found| found.len())
    });
    found.len() + beside.iter().sum::<u64>()
}

/// When a file was written last, or a folder changed.
pub(super) fn changed(path: &Path) -> Option<SystemTime> {
    std::fs::symlink_metadata(path).ok()?.modified().ok()
}

/// Removes a file or a folder; that it is not there is no error.
pub(super) fn remove(path: &Path) -> std::io::Result<()> {
    let is_folder = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    let removed = if is_folder { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
