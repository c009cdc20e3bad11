//! A set as a file: what is stored, with a header in front.
//!
//! ```text
//!   0  magic "weir set"                         all numbers little-endian
//!   8  version of the format, 4 bytes
//!  12  length of the label, 4 bytes
//!  16  length of all, 8 bytes
//!  24  flags, 8 bytes: 1 if there are names of one label
//!  32  secrets of the hashes, 4 of 8 bytes
//!  64  for each section: where it begins, its length, its checksum, 8 bytes each
//!      the label, which belongs to whoever wrote the file
//!      checksum of all before it, 8 bytes
//!      the sections, each at a multiple of 64 bytes
//! ```
//!
//! A set that is read from it borrows all but the filters, which are asked so often that they are copied to memory of their own. Reading
//! one checks lengths and checksums, so a file that was torn or has rotted is refused; what is wrong in spite of that, because
//! somebody made it so, finds nothing or something that is none, and no more: every place is checked when it is used.

use super::builder::{Overview, chosen_keys};
use super::bytes::{Image, Section};
use super::contexts::Contexts;
use super::filter::Filter;
use super::hash::{Hashes, mix};
use super::names::Names;
use super::networks::Networks;
use super::values::{IndicatorId, Values};
use super::{IndicatorSet, MAX_INDICATORS, SetBuilder, Stored};
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

const MAGIC: &[u8; 8] = b"weir set";

/// Changes with everything that makes older files unreadable: the header, the form of any section, hashes, filters.
const VERSION: u32 = 1;

/// Bytes of a label. It stands in the header, which is held in memory twice while it is read.
pub const MAX_LABEL_BYTES: usize = 1 << 20;

/// The sections begin at multiples of a cache line.
const ALIGNMENT: usize = 64;

/// Bytes of the header before the label.
const FIXED_BYTES: usize = 64 + SECTIONS * 24;

const SECTIONS: usize = 10;

/// Indicators that are looked for when a snapshot is read, evenly spread.
const SAMPLES: usize = 256;

/// What a snapshot holds.
#[derive(Debug)]
pub struct Snapshot {
    /// The set.
    pub set: IndicatorSet,
    /// What was written with it.
    pub label: Vec<u8>,
}

/// Why bytes are not a snapshot that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// They begin as no snapshot does.
    Magic,
    /// Another version of the program wrote it: in this version of the format.
    Version(u32),
    /// It is not as long as it says: this long it says, this long it is. It was not written to its end, or was cut.
    Length(u64, u64),
    /// Something in it is not what was written: bytes have changed.
    Checksum,
    /// It contradicts itself: in this.
    Contradiction(&'static str),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("not a snapshot of an indicator set"),
            Self::Version(version) => {
                write!(f, "written in version {version} of the format; this program reads version {VERSION}")
            }
            Self::Length(said, found) => {
                write!(f, "{found} bytes long, but it says {said}: it was not written whole")
            }
            Self::Checksum => f.write_str("damaged: its checksum does not match"),
            Self::Contradiction(what) => write!(f, "it contradicts itself: {what}"),
        }
    }
}

impl std::error::Error for SnapshotError {}

impl IndicatorSet {
    /// Writes the set, with a label (at most [`MAX_LABEL_BYTES`]) that comes back with it. Says how many bytes that took.
    ///
    /// The secrets of the hashes are in it: who can read it can prepare names that make look-ups slow, so let nobody else read the
    /// file.
    pub fn write_snapshot(&self, label: &[u8], mut out: impl Write) -> io::Result<u64> {
        if label.len() > MAX_LABEL_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the label of a snapshot is too long"));
        }
        if self.only.is_some() {
            return self.whole().write_snapshot(label, out);
        }
        let (addresses, names) = (self.addresses.to_bytes(), self.names.filter.to_bytes());
        let sections = self.sections(&addresses, &names);
        let header = self.header(label, sections);
        out.write_all(&header)?;
        let mut written = header.len();
        for section in sections {
            let padded = written.next_multiple_of(ALIGNMENT);
            out.write_all([0; ALIGNMENT].get(..padded - written).unwrap_or_default())?;
            out.write_all(section)?;
            written = padded + section.len();
        }
        out.flush()?;
        Ok(written as u64)
    }

    /// Reads what [`Self::write_snapshot`] wrote: a file that is mapped, or bytes in memory. The set goes on reading from them.
    pub fn from_snapshot(image: impl AsRef<[u8]> + Send + Sync + 'static) -> Result<Snapshot, SnapshotError> {
        Self::from_image(&(Arc::new(image) as Image))
    }

    fn from_image(image: &Image) -> Result<Snapshot, SnapshotError> {
        let header = Header::read((**image).as_ref())?;
        let mut sections = header.sections.into_iter();
        let mut next = || {
            let Place { start, len, checksum: said } = sections.next().unwrap_or_default();
            let end = usize::try_from(start.saturating_add(len)).unwrap_or(usize::MAX);
            let section = Section::of(image, usize::try_from(start).unwrap_or(usize::MAX)..end);
            let section = section.ok_or(SnapshotError::Contradiction("a section lies outside of it"))?;
            if checksum(&section) == said { Ok(section) } else { Err(SnapshotError::Checksum) }
        };
        // In the order in which they are written.
        let stored = Stored {
            values: Values { values: next()?, wide: next()? },
            index: next()?,
            contexts: Contexts {
                first: next()?,
                lines: next()?,
                links: next()?,
                blobs: next()?,
                warned: next()?,
            },
        };
        let filter = |bytes: &[u8]| {
            Filter::from_bytes(bytes)
                .ok_or(SnapshotError::Contradiction("a filter is not as long as filters are"))
        };
        let addresses = filter(&next()?)?;
        let names = Names { filter: filter(&next()?)?, any_single_label: header.any_single_label };
        if stored.values.len() > MAX_INDICATORS {
            return Err(SnapshotError::Contradiction("there are more indicators in it than a set holds"));
        }
        let Overview { kinds, networks } = Overview::of(chosen_keys(&stored.values, None));
        if kinds.iter().sum::<u64>() != stored.values.len() as u64 {
            return Err(SnapshotError::Contradiction("a value is none"));
        }
        let networks = Networks::new(networks);
        let set = Self { addresses, names, networks, kinds, stored, hashes: header.hashes, only: None };
        set.check_samples()?;
        Ok(Snapshot { set, label: header.label })
    }

    /// That what is in the set is found.
    fn check_samples(&self) -> Result<(), SnapshotError> {
        let count = self.stored.values.len();
        let ids =
            (0..SAMPLES.min(count)).map(|sample| IndicatorId((sample * count / SAMPLES.min(count)) as u32));
        for id in ids {
            if self.stored.values.key(id).and_then(|key| self.find(&key)) != Some(id) {
                return Err(SnapshotError::Contradiction("what is in it is not found in it"));
            }
        }
        Ok(())
    }

    /// A part of a set as a set of its own.
    fn whole(&self) -> Self {
        let mut builder = SetBuilder::new();
        for (_, indicator) in self.iter() {
            let added = builder.add(indicator);
            debug_assert!(added.is_ok(), "what is part of a set fits into one");
        }
        builder.build()
    }

    fn sections<'a>(&'a self, addresses: &'a [u8], names: &'a [u8]) -> [&'a [u8]; SECTIONS] {
        let Stored { values, index, contexts } = &self.stored;
        [
            &values.values,
            &values.wide,
            index,
            &contexts.first,
            &contexts.lines,
            &contexts.links,
            &contexts.blobs,
            &contexts.warned,
            addresses,
            names,
        ]
    }

    fn header(&self, label: &[u8], sections: [&[u8]; SECTIONS]) -> Vec<u8> {
        let mut places = Vec::with_capacity(SECTIONS * 24);
        let mut end = FIXED_BYTES + label.len() + 8;
        for section in sections {
            let start = end.next_multiple_of(ALIGNMENT);
            end = start + section.len();
            let place = [start as u64, section.len() as u64, checksum(section)];
            places.extend(place.into_iter().flat_map(u64::to_le_bytes));
        }
        let mut header = MAGIC.to_vec();
        header.extend(VERSION.to_le_bytes());
        header.extend((label.len() as u32).to_le_bytes());
        header.extend((end as u64).to_le_bytes());
        header.extend(u64::from(self.names.any_single_label).to_le_bytes());
        header.extend(self.hashes.secrets().into_iter().flat_map(u64::to_le_bytes));
        header.extend(places);
        header.extend(label);
        let sum = checksum(&header);
        header.extend(sum.to_le_bytes());
        header
    }
}

/// Where a section is.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    start: u64,
    len: u64,
    checksum: u64,
}

struct Header {
    any_single_label: bool,
    hashes: Hashes,
    sections: [Place; SECTIONS],
    label: Vec<u8>,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let found = bytes.len() as u64;
        let short = SnapshotError::Length(FIXED_BYTES as u64 + 8, found);
        if !bytes.starts_with(MAGIC) {
            return Err(SnapshotError::Magic);
        }
        let (fixed, rest) = bytes.split_at_checked(FIXED_BYTES).ok_or(short)?;
        let mut words = fixed.as_chunks::<8>().0.iter().skip(1).map(|word| u64::from_le_bytes(*word));
        let mut next = || words.next().unwrap_or(0);
        let (version_and_label, total, flags) = (next(), next(), next());
        let version = version_and_label as u32;
        if version != VERSION {
            return Err(SnapshotError::Version(version));
        }
        if total != found {
            return Err(SnapshotError::Length(total, found));
        }
        let hashes = Hashes::from_secrets([next(), next(), next(), next()]);
        let sections = [(); SECTIONS].map(|()| Place { start: next(), len: next(), checksum: next() });
        let label_len = (version_and_label >> 32) as usize;
        let label = rest.get(..label_len).filter(|label| label.len() <= MAX_LABEL_BYTES);
        let label = label.ok_or(SnapshotError::Contradiction("its label is too long"))?.to_vec();
        let sum = rest.get(label_len..).and_then(|rest| rest.first_chunk()).ok_or(short)?;
        let summed = bytes.get(..FIXED_BYTES + label_len).unwrap_or_default();
        if checksum(summed) != u64::from_le_bytes(*sum) {
            return Err(SnapshotError::Checksum);
        }
        Ok(Self { any_single_label: flags & 1 == 1, hashes, sections, label })
    }
}

/// Four sums side by side, because each step of one waits for the last. It tells damage, not malice.
fn checksum(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut sums = [1, 2, 3, 4].map(|lane: u64| lane.wrapping_mul(FACTOR));
    let (blocks, rest) = bytes.as_chunks::<32>();
    for block in blocks {
        for (sum, word) in sums.iter_mut().zip(block.as_chunks::<8>().0) {
            *sum = mix(*sum ^ u64::from_le_bytes(*word), FACTOR);
        }
    }
    let rest = rest.iter().fold(bytes.len() as u64, |sum, byte| mix(sum ^ u64::from(*byte), FACTOR));
    sums.into_iter().fold(rest, |all, sum| mix(all ^ sum, FACTOR))
}

#[cfg(test)]
mod tests;
