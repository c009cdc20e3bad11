//! What is wrong with a configuration, said alike wherever it is found: file, line, place, key, what is wrong, what to write instead.

use std::fmt;
use std::path::{Path, PathBuf};

/// Most mistakes that are listed: what is behind them is mostly the same once more.
const MOST_LISTED: usize = 50;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// From 1; `None` where it is about the file as a whole, or about what is not there.
    pub line: Option<usize>,
    /// The table, as `[sink.soc]`; empty above the first one.
    pub place: String,
    /// The key, and those in which it stands.
    pub key: Option<String>,
    /// What is wrong.
    pub what: String,
    /// What to do: it begins with a verb. Empty where `what` says it all.
    pub remedy: String,
}

impl Mistake {
    /// About a line, without a key.
    pub(super) fn at(line: Option<usize>, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { line, place: String::new(), key: None, what: what.into(), remedy: remedy.into() }
    }

    /// Of a key.
    pub(super) fn of(self, place: &str, key: &str) -> Self {
        Self { place: place.to_owned(), key: Some(key.to_owned()), ..self }
    }

    /// Of a table.
    pub(super) fn in_place(self, place: &str) -> Self {
        Self { place: place.to_owned(), ..self }
    }
}

/// As it follows the name of the file: `, line 12: [sink.soc] ...`.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, place, key, what, remedy } = self;
        if let Some(line) = line {
            write!(f, ", line {line}")?;
        }
        f.write_str(":")?;
        if !place.is_empty() {
            write!(f, " {place}")?;
        }
        if let Some(key) = key {
            write!(f, " `{key}`")?;
        }
        if !place.is_empty() || key.is_some() {
            f.write_str(":")?;
        }
        write!(f, " {what}")?;
        if remedy.is_empty() { Ok(()) } else { write!(f, "; {remedy}") }
    }
}

/// All of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistakes {
    path: PathBuf,
    all: Vec<Mistake>,
}

impl Mistakes {
    /// In the order of their lines, each once.
    pub(super) fn new(path: &Path, mut all: Vec<Mistake>) -> Self {
        all.sort_by_key(|mistake| mistake.line.unwrap_or(usize::MAX));
        all.dedup();
        Self { path: path.to_owned(), all }
    }

    /// How many.
    pub(crate) const fn count(&self) -> usize {
        self.all.len()
    }

    /// One line each.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.all.iter().map(|mistake| format!("{}{mistake}", self.path.display()))
    }

    /// In order.
    pub(crate) fn all(&self) -> &[Mistake] {
        &self.all
    }
}

impl std::error::Error for Mistakes {}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.all.as_slice() {
            return write!(f, "{}{only}", self.path.display());
        }
        write!(f, "{} mistakes in the configuration:", self.count())?;
        for line in self.lines().take(MOST_LISTED) {
            write!(f, "\n  {line}")?;
        }
        match self.count().saturating_sub(MOST_LISTED) {
            0 => Ok(()),
            rest => write!(f, "\n  ... and {rest} more"),
        }
    }
}
