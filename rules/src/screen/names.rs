//! The strings and host names of all lists, in one table.

use super::types::Types;
use foldhash::fast::RandomState;
use smallvec::SmallVec;
use std::collections::HashMap;

/// Which lists hold a text or a name.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    entries: HashMap<Box<str>, SmallVec<[Entry; 2]>, RandomState>,
    /// The types that any of the lists is for.
    types: Types,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    list: u16,
    /// It stands for what is below it, too.
    is_suffix: bool,
}

/// An entry that holds a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holding {
    pub list: u16,
    /// Bytes of the entry, of which the name has as many or more.
    pub entry_bytes: usize,
    /// The name is the entry, or that with `www` before it.
    pub is_itself: bool,
}

impl Names {
    /// Adds an entry; `None`: there is nothing in it.
    pub(super) fn add(&mut self, entry: &str, list: u16, types: Types, is_suffix: bool) -> Option<()> {
        let text = normal(entry);
        // No name begins with a dot: such entries stand for what is below, also in lists that are compared exactly.
        let (text, is_suffix) = match text.strip_prefix('.') {
            Some(rest) => (rest, true),
            None => (text.as_str(), is_suffix),
        };
        // Of an entry that is an address in the web, its host counts where hosts are compared.
        let text = if is_suffix { text.split('/').next().unwrap_or_default() } else { text };
        let text = text.trim_end_matches(['.', '/']);
        if text.is_empty() {
            return None;
        }
        let entry = Entry { list, is_suffix };
        let entries = self.entries.entry(text.into()).or_default();
        if !entries.contains(&entry) {
            entries.push(entry);
        }
        self.types = self.types.union(types);
        Some(())
    }

    /// Whether a list is for a value of these types.
    pub(super) fn is_for(&self, types: Types) -> bool {
        self.types.meets(types)
    }

    /// The lists that hold this very text.
    pub(super) fn holding_text(&self, text: &str) -> impl Iterator<Item = u16> {
        self.entries.get(text).into_iter().flatten().map(|entry| entry.list)
    }

    /// The entries that hold a name: itself, and those above it that stand for what is below.
    pub(super) fn holding_name(&self, name: &str, mut found: impl FnMut(Holding)) {
        let mut rest = Some(name);
        while let Some(current) = rest {
            let before = name.len() - current.len();
            for entry in self.entries.get(current).into_iter().flatten() {
                if before == 0 || entry.is_suffix {
                    let is_itself = before == 0 || (before == "www.".len() && name.starts_with("www."));
                    found(Holding { list: entry.list, entry_bytes: current.len(), is_itself });
                }
            }
            rest = current.split_once('.').map(|(_, above)| above);
        }
    }
}

/// An entry as values are written: lower case, without a scheme.
pub(super) fn normal(entry: &str) -> String {
    let text = entry.trim().to_ascii_lowercase();
    let without = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    without.map(str::to_owned).unwrap_or(text)
}
