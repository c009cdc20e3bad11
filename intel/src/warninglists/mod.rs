//! Files that indicators are screened with: MISP's warninglists, and the public suffix list.
//!
//! A list is a JSON document (`name`, `type`, `matching_attributes`, `list`). The key by which the table of actions knows it is the
//! name of its folder where its file is called `list.json`, as in MISP's collection, else that of the file.

mod document;
mod suffixes;

pub use suffixes::public_suffixes;

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use weir_model::Warninglist;

/// Largest file: MISP's largest list has 2 MB. A larger one is refused.
pub const MAX_FILE_BYTES: u64 = 64 << 20;
/// Files that one folder may hold, at any depth: MISP publishes 135. Those beyond are not read, and that is told.
pub const MAX_FILES: usize = 4096;
/// How deep folders are followed: a checkout has its lists two levels deep.
const MAX_DEPTH: usize = 4;

/// What was found at a path.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The lists, in the order of their paths.
    pub lists: Vec<Warninglist>,
    /// Files that are no lists, or cannot be read.
    pub refused: Vec<Refused>,
}

/// A file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

/// Reads a list, a folder of lists, or a checkout of MISP's collection. A file that cannot be used does not stop the others.
pub fn load(path: &Path) -> Found {
    let mut found = Found::default();
    let mut files = Vec::new();
    let lists = path.join("lists");
    let root = if lists.is_dir() { lists.as_path() } else { path };
    if let Err(error) = list_files(root, 0, &mut files) {
        found.refuse(root, error.to_string());
    }
    if files.len() > MAX_FILES {
        files.truncate(MAX_FILES);
        found.refuse(root, format!("more than {MAX_FILES} files: the others are not read"));
    }
    for file in files {
        match read(&file).and_then(|bytes| document::parse(key_of(&file), &bytes)) {
            Ok(list) => found.lists.push(list),
            Err(reason) => found.refuse(&file, reason),
        }
    }
    found
}

impl Found {
    fn refuse(&mut self, path: &Path, reason: String) {
        self.refused.push(Refused { path: path.to_owned(), reason });
    }
}

/// The JSON files at and below a path, sorted.
fn list_files(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        // Whether it is there at all is found out by reading it.
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries: Vec<PathBuf> =
        fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
    entries.sort();
    for entry in entries {
        let is_hidden = entry.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if is_hidden || files.len() > MAX_FILES {
            continue;
        }
        if entry.is_dir() && depth < MAX_DEPTH {
            list_files(&entry, depth + 1, files)?;
        } else if entry.is_file() && entry.extension().is_some_and(|extension| extension == "json") {
            files.push(entry);
        }
    }
    Ok(())
}

fn key_of(file: &Path) -> Arc<str> {
    let folder = file.parent().and_then(Path::file_name);
    let name = match (file.file_name(), folder) {
        (Some(name), Some(folder)) if name == "list.json" => Some(folder),
        _ => file.file_stem(),
    };
    name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default().into()
}

/// The content of a file of bounded size.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("larger than {} MiB", MAX_FILE_BYTES >> 20));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
