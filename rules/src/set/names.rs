//! Which names, and names above them, may be indicators.

use super::filter::{Filter, Kind, Word};
use super::hash::{Hashes, Suffix};
use smallvec::SmallVec;

/// What is known of the names of a set without looking at them: each name, and each name of at least two labels above one.
/// A name is followed from its end for as long as there are members below: mostly its last two labels are enough.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) filter: Filter,
    /// There are members of one label. Lists that are loaded have none; if there are, no name can be put aside early.
    pub(super) any_single_label: bool,
}

impl Names {
    /// From the names of all domains and hosts.
    pub(super) fn new<'a>(names: impl Iterator<Item = &'a str> + Clone, hashes: &Hashes) -> Self {
        let keys = |name: &str| name.bytes().filter(|byte| *byte == b'.').count().max(1);
        let mut this =
            Self { filter: Filter::for_keys(names.clone().map(keys).sum()), any_single_label: false };
        for name in names {
            this.any_single_label |= hashes.suffixes(name).nth(1).is_none();
            for Suffix { start, hash } in hashes.suffixes(name).skip(1) {
                if start > 0 {
                    this.filter.insert(hash, Kind::Ancestor);
                }
            }
            if let Some(Suffix { hash, .. }) = hashes.suffixes(name).last() {
                this.filter.insert(hash, Kind::Member);
            }
        }
        this
    }

    /// What the filter knows of names that end so ([`Hashes::end`]).
    #[inline]
    pub(super) fn word(&self, end_hash: u64) -> Word {
        self.filter.word(end_hash)
    }

    /// Whether a name of whose end this is known may be an indicator or below one.
    #[inline]
    pub(super) fn may_match(&self, end: Word) -> bool {
        end.may_be(Kind::Member) | end.may_be(Kind::Ancestor) | self.any_single_label
    }

    /// The name itself and those above it that may be indicators, shortest first.
    pub(super) fn candidates(&self, name: &str, hashes: &Hashes) -> SmallVec<[Suffix; 4]> {
        let mut candidates = SmallVec::new();
        for (labels, suffix) in (1..).zip(hashes.suffixes(name)) {
            if labels == 1 && suffix.start > 0 && !self.any_single_label {
                continue;
            }
            let word = self.filter.word(suffix.hash);
            if word.may_be(Kind::Member) {
                candidates.push(suffix);
            }
            if labels > 1 && !word.may_be(Kind::Ancestor) {
                break;
            }
        }
        candidates
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.filter.memory_bytes()
    }
}
