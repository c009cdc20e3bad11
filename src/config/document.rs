//! A configuration file as it lies there: read within bounds, with its lines.

use super::mistake::{Mistake, Mistakes};
use super::syntax;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Largest file, in bytes: 256 sources with long policies have some hundred thousand. Adversary: a log or a capture that is given by
/// mistake. It is refused.
const MOST_BYTES: u64 = 4 << 20;
/// Most syntax errors that are told of a file: one that is no TOML has one in each line.
const MOST_SYNTAX_ERRORS: usize = 5;

/// A file and its text.
#[derive(Debug)]
pub(super) struct Document {
    pub path: PathBuf,
    pub text: String,
}

impl Document {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Self, Mistakes> {
        let wrong = |mistake| Mistakes::new(path, vec![mistake]);
        let bytes = bytes(path).map_err(wrong)?;
        let text = text(bytes).map_err(wrong)?;
        Ok(Self { path: path.to_owned(), text })
    }

    /// What stands in it, with its places; or all that is no TOML.
    pub(super) fn tree(&self) -> Result<DeTable<'_>, Vec<Mistake>> {
        let (tree, errors) = DeTable::parse_recoverable(&self.text);
        if errors.is_empty() {
            return Ok(tree.into_inner());
        }
        let mut told: Vec<Mistake> = Vec::new();
        for error in errors {
            let mistake = syntax::explain(&self.text, error.message(), error.span());
            // Where a header is wrong or twice there, or all of it is of another language, what follows says nothing.
            if told.iter().any(|other| other.what.contains("table") || other.what.contains("JSON")) {
                break;
            }
            // What follows an error in its line is mostly the same error.
            if told.iter().all(|other| other.line != mistake.line) {
                told.push(mistake);
            }
        }
        told.truncate(MOST_SYNTAX_ERRORS);
        Err(told)
    }

    /// The line in which something stands, from 1.
    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        line_of(&self.text, span.start)
    }

    /// In which line each key stands, as `sink.soc.url`; tables that are written as such have theirs, too.
    pub(super) fn lines(&self) -> BTreeMap<String, usize> {
        let mut lines = BTreeMap::new();
        if let Ok(tree) = self.tree() {
            self.collect("", &tree, &mut lines);
        }
        lines
    }

    fn collect(&self, before: &str, table: &DeTable<'_>, lines: &mut BTreeMap<String, usize>) {
        for (name, value) in table {
            let key = format!("{before}{}", name.get_ref());
            if let DeValue::Table(inner) = value.get_ref() {
                self.collect(&format!("{key}."), inner, lines);
            }
            lines.insert(key, self.line(&name.span()));
        }
    }

    /// The folder in which relative paths begin.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }
}

/// The line of a byte, from 1.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// The value of a key, if it is there.
pub(super) fn value<'a, 'i>(table: &'a DeTable<'i>, name: &str) -> Option<&'a Spanned<DeValue<'i>>> {
    table.iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value)
}

fn bytes(path: &Path) -> Result<Vec<u8>, Mistake> {
    let wrong = |what: &str, remedy: &str| Mistake::at(None, what, remedy);
    let unreadable = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => wrong(
            "there is no such file",
            "look for a slip in its name, or begin one with `weir config example > weir.toml`",
        ),
        ErrorKind::PermissionDenied => wrong(
            "this user may not read it",
            "run weir as a user who may, or change its rights (chown, chmod)",
        ),
        _ => wrong(&format!("cannot be read: {error}"), "look at the file"),
    };
    let about = path.metadata().map_err(unreadable)?;
    if about.is_dir() {
        return Err(wrong("is a folder", "name the file in it, such as weir.toml"));
    }
    if !about.is_file() {
        return Err(wrong(
            "is no plain file but a pipe or a device, which cannot be read again at a reload",
            "write it to a file",
        ));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        let most = MOST_BYTES >> 20;
        return Err(wrong(
            &format!("has more than {most} MiB, so it is hardly a configuration"),
            "look whether it is the right file; lists of indicators stand in files of their own",
        ));
    }
    Ok(bytes)
}

fn text(bytes: Vec<u8>) -> Result<String, Mistake> {
    let save = "save it as UTF-8";
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(Mistake::at(None, "is written in UTF-16", save));
    }
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        let line = bytes.iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
        return Err(Mistake::at(
            Some(line),
            "has a zero byte, as binary files do",
            "look whether it is the right file",
        ));
    }
    match String::from_utf8(bytes) {
        // What editors of Windows begin a file with is no part of it.
        Ok(text) => Ok(text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned)),
        Err(error) => {
            let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let line = good.split(|byte| *byte == b'\n').count();
            Err(Mistake::at(
                Some(line),
                "has letters in another encoding than UTF-8 (Latin-1, perhaps)",
                save,
            ))
        }
    }
}
