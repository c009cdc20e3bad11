//! Threat intelligence in: files of indicators become values, each with what its source says of it, handed on one by one.
//!
//! A line that cannot be used is reported with file, line and reason ([`Refusal`]) and never stops the rest. Which
//! formats and notations are understood is written in docs/INDICATORS.md. What an indicator matches
//! is decided in `rules`.

mod adblock;
mod archive;
mod collect;
mod columns;
mod delivery;
mod dnsmasq;
mod feed;
mod file;
mod format;
mod freetext;
mod json;
#[cfg(test)]
mod kept;
pub mod library;
mod lines;
mod linewise;
pub mod misp;
mod pdnssoc;
mod plain;
#[cfg(test)]
mod python;
mod records;
mod refusal;
mod rpz;
mod shape;
mod source;
pub mod stix;
mod suricata;
mod table;
mod taxii;
mod temporary;
mod text;
pub mod value;
pub mod warninglists;
mod zeek;

pub use collect::MAX_REFUSALS_LISTED;
pub use delivery::{Delivery, Entry, Extent, Provider, SyncError, SyncErrorKind};
pub use feed::FeedSettings;
pub use file::MAX_FOLDER_DEPTH;
pub use format::Format;
pub use json::MAX_DOCUMENT_BYTES;
pub use lines::MAX_LINE_BYTES;
pub use refusal::{MAX_REFUSED_TEXT_BYTES, Place, Refusal, RefusalReason};
pub use source::{Reading, Source, SourceError};
pub use taxii::TaxiiSettings;
pub use temporary::keep_temporary_files_in;
pub use text::{MAX_TAGS, MAX_TEXT_BYTES};

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use weir_model::{Context, IndicatorValue};

/// What became of a value that was handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is an indicator that was not there yet.
    New,
    /// It was there already; what this source says of it may have been added.
    Repeated,
    /// There is no room for it.
    Full,
    /// Whoever keeps values does not want it.
    Unwanted(RefusalReason),
}

/// What files of indicators held, besides the values that were handed on.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// What could not be used, the first [`MAX_REFUSALS_LISTED`] of it.
    pub refused: Vec<Refusal>,
    /// All of it, counted.
    pub stats: LoadStats,
}

/// The books of loading: `values` = `indicators` + `repeated` + `refused`.
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
    /// Values that were new.
    pub indicators: u64,
    /// Values that were there already.
    pub repeated: u64,
    /// Values, and lines without usable value, refused.
    pub refused: u64,
    /// `refused` and `files_refused` by reason.
    pub refused_by_reason: BTreeMap<RefusalReason, u64>,
}

/// Reads files, and all files of folders and the folders in them in the order of their names; hidden ones are skipped. Each value
/// goes to `take` as soon as it is read, in the order read, and is not kept here: which values are the same is decided by
/// whoever keeps them. A path may be preceded by its format, see [`Source::parse`].
pub fn load_paths_into<P: AsRef<Path>>(
    paths: impl IntoIterator<Item = P>,
    take: &mut dyn FnMut(IndicatorValue, Context) -> Taken,
) -> Loaded {
    let mut take = take;
    let mut collector = collect::Collector::new(&mut take);
    for path in paths {
        let path = path.as_ref();
        match Source::parse(path) {
            Ok(source) => file::load(&source, &mut collector),
            Err(error) => {
                let name: Arc<str> = path.display().to_string().into();
                let origin = collect::Origin { path: Arc::clone(&name), source: name };
                let reason = RefusalReason::UnsupportedFormat;
                collector.refuse(&origin, Place::File, &error.to_string(), reason);
            }
        }
    }
    collector.finish()
}

/// Reads what is in memory as [`load_paths_into`] reads a file.
pub fn load_bytes_into(
    bytes: &[u8],
    reading: &Reading,
    take: &mut dyn FnMut(IndicatorValue, Context) -> Taken,
) -> Loaded {
    let mut take = take;
    let mut collector = collect::Collector::new(&mut take);
    file::load_bytes(bytes, reading, &mut collector);
    collector.finish()
}

#[cfg(test)]
mod tests;
