//! Threat intelligence in: files of indicators become [`Indicator`]s, each with what its sources say of it.
//!
//! A line that cannot be used is reported with file, line and reason ([`Refusal`]) and never stops the rest. Which
//! formats and notations are understood is written in docs/INDICATORS.md. This crate reads files; it does not fetch
//! them, and what an indicator matches is decided in `rules`.

mod collect;
mod columns;
mod file;
mod lines;
mod plain;
mod refusal;
mod shape;
mod table;
mod text;
pub mod value;

pub use collect::{MAX_CONTEXTS_PER_INDICATOR, MAX_INDICATORS, MAX_REFUSALS_LISTED};
pub use file::MAX_FOLDER_DEPTH;
pub use lines::MAX_LINE_BYTES;
pub use refusal::{MAX_REFUSED_TEXT_BYTES, Refusal, RefusalReason};
pub use text::{MAX_TAGS, MAX_TEXT_BYTES};

use std::collections::BTreeMap;
use std::path::Path;
use weir_model::Indicator;

/// What files of indicators held.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Each value once, in the order first read, with the contexts of every line that has it.
    pub indicators: Vec<Indicator>,
    /// What could not be used, the first [`MAX_REFUSALS_LISTED`] of it.
    pub refused: Vec<Refusal>,
    /// All of it, counted.
    pub stats: LoadStats,
}

/// The books of loading: `values` = indicators + `repeated` + `refused`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadStats {
    /// Files opened.
    pub files: u64,
    /// Files refused as a whole, or not read to their end.
    pub files_refused: u64,
    /// Lines read.
    pub lines: u64,
    /// Lines that hold no value: blank, comments, headers.
    pub lines_without_value: u64,
    /// Values met. One line may hold several (hosts files), and one row several lines.
    pub values: u64,
    /// Values that had been read before.
    pub repeated: u64,
    /// Values, and lines without usable value, refused.
    pub refused: u64,
    /// `refused` and `files_refused` by reason.
    pub refused_by_reason: BTreeMap<RefusalReason, u64>,
}

/// Loads a file, or all files of a folder and the folders in it, in the order of their names; hidden ones are skipped.
pub fn load_path(path: &Path) -> Loaded {
    load_paths([path])
}

/// Loads several files and folders as one.
pub fn load_paths<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Loaded {
    let mut collector = collect::Collector::default();
    for path in paths {
        file::load(path.as_ref(), &mut collector);
    }
    collector.finish()
}

#[cfg(test)]
mod tests;
