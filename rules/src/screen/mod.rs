//! What is held against indicators before they are compiled: warninglists, public suffixes, the width of networks, our own networks.
//!
//! [`Screen::judge`] says of one value whether it is taken, and how much meeting it weighs. [`Screen::explain`] says why.

mod action;
mod addresses;
mod builtin;
mod compile;
mod judge;
mod names;
mod patterns;
mod suffixes;
#[cfg(test)]
mod tests;
mod types;

pub use action::{Action, Actions, BadAction, DEFAULT_ACTION};
pub use builtin::builtin_lists;
pub use compile::MAX_LISTS;
pub use suffixes::{PublicSuffixes, Suffix};

use addresses::Addresses;
use ipnet::IpNet;
use names::Names;
use patterns::Patterns;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use types::Types;
use weir_model::{Effect, IndicatorValue, Warning, Warninglist};

/// Shortest IPv4 prefix that is taken without permission: a /12 has a million addresses, more than any actor.
pub const WIDEST_V4: u8 = 12;
/// Shortest IPv6 prefix that is taken without permission: registries give providers a /32 to a /29.
pub const WIDEST_V6: u8 = 28;

/// What indicators are screened with.
#[derive(Clone, Debug)]
pub struct Screening {
    /// Warninglists. Of several with the same key the last counts.
    pub lists: Vec<Warninglist>,
    /// What each of them does.
    pub actions: Actions,
    /// Names below which names are given away.
    pub suffixes: PublicSuffixes,
    /// Our own networks, as somebody wrote them. None where nobody did: private ranges are no list of what is ours.
    pub home: Vec<IpNet>,
    /// Sources that may bring networks wider than [`WIDEST_V4`] and [`WIDEST_V6`].
    pub wide_sources: BTreeSet<Arc<str>>,
}

impl Screening {
    /// What works without any file: the lists that are shipped, the shipped table of actions, the shipped public suffixes.
    pub fn shipped() -> Self {
        Self {
            lists: builtin_lists(),
            actions: Actions::shipped(),
            suffixes: PublicSuffixes::shipped(),
            home: Vec::new(),
            wide_sources: BTreeSet::new(),
        }
    }

    /// Adds lists; those with the key of one that is there take its place.
    pub fn extend(&mut self, lists: impl IntoIterator<Item = Warninglist>) {
        self.lists.extend(lists);
    }
}

/// What becomes of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is taken.
    Take {
        /// Where it is to be compared otherwise than it was written, how: of a domain below which names are given away, the host.
        narrowed: Option<IndicatorValue>,
        /// The warninglists that hold it and change what meeting it means.
        warnings: Arc<[Warning]>,
    },
    /// A warninglist, here its name, keeps it out.
    Suppress(Arc<str>),
    /// It names too much.
    Refuse(Refused),
    /// It lies inside this network of ours: it is not to be matched, and somebody is to be told.
    Inside(IpNet),
}

/// Why a value is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refused {
    /// A public suffix (`co.uk`): everybody registers names below it.
    PublicSuffix,
    /// A network so wide that it needs permission.
    TooWide,
}

impl Refused {
    /// As written in tables and metrics.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::PublicSuffix => "public_suffix",
            Self::TooWide => "too_wide",
        }
    }

    /// For people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::PublicSuffix => "a public suffix: anybody can register names below it",
            Self::TooWide => "a network wider than /12 (IPv6: /28), which needs permission",
        }
    }
}

/// A list that holds a value, and what it does to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The list's key in the table of actions.
    pub key: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// What the table says.
    pub action: Action,
    /// What that does to this value; `None`: nothing, as a list of hosts does nothing to a URL on one of them.
    pub does: Option<Does>,
}

/// What a list does to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// It keeps it out.
    Suppress,
    /// It is taken exactly, without what is below it.
    Narrow,
    /// It changes what meeting it means.
    Warn(Effect),
}

/// Places of lists, few.
type Lists = smallvec::SmallVec<[u16; 4]>;

/// An entry of a list that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadEntry {
    /// The list's key.
    pub list: Arc<str>,
    /// The entry.
    pub entry: Box<str>,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for BadEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = weir_model::text::printable(&self.entry, 80);
        write!(f, "warninglist {}: {entry}: {}", self.list, self.reason)
    }
}

/// Everything that is held against indicators, compiled.
#[derive(Clone, Debug, Default)]
pub struct Screen {
    lists: Vec<Compiled>,
    addresses: Addresses,
    names: Names,
    patterns: Patterns,
    suffixes: PublicSuffixes,
    home: Vec<IpNet>,
    wide_sources: BTreeSet<Arc<str>>,
}

/// What is kept of a list beside its entries.
#[derive(Clone, Debug)]
struct Compiled {
    key: Arc<str>,
    name: Arc<str>,
    types: Types,
    action: Action,
}
