//! What each warninglist does.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What a warninglist does to indicators that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// They are not taken: meeting them means nothing. Of names, those on the list; what is below them is less urgent.
    Suppress,
    /// Meeting them is less urgent.
    Lower,
    /// Their addresses serve many: meeting them is less urgent unless a name that is an indicator was met beside them.
    Shared,
    /// Meeting them is more urgent: only what is infected has a reason to.
    Raise,
    /// Names below them are given away, as below a public suffix: they are compared exactly.
    Exact,
    /// Nothing.
    None,
}

/// The action of lists that the table does not have.
pub const DEFAULT_ACTION: Action = Action::Lower;

/// The table of actions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actions {
    by_list: BTreeMap<Arc<str>, Action>,
}

/// A line of a table of actions that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadAction {
    /// Its number, from 1.
    pub line: usize,
    /// What stands there.
    pub text: String,
}

const SHIPPED: &str = include_str!("../../sets/actions.txt");

impl Action {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Suppress, Self::Lower, Self::Shared, Self::Raise, Self::Exact, Self::None];

    /// As written in the table.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Suppress => "suppress",
            Self::Lower => "lower",
            Self::Shared => "shared",
            Self::Raise => "raise",
            Self::Exact => "exact",
            Self::None => "none",
        }
    }

    /// From its keyword.
    pub fn parse(keyword: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.keyword() == keyword)
    }
}

impl Actions {
    /// The shipped table, which has every list that MISP publishes.
    pub fn shipped() -> Self {
        Self::parse(SHIPPED).unwrap_or_default()
    }

    /// From text: a line for each list, its key and an action; blank lines and what follows `#` do not count.
    pub fn parse(text: &str) -> Result<Self, BadAction> {
        let mut actions = Self::default();
        for (index, line) in text.lines().enumerate() {
            let written = line.split('#').next().unwrap_or_default();
            let mut words = written.split_whitespace();
            let Some(key) = words.next() else { continue };
            let action = words.next().and_then(Action::parse).filter(|_| words.next().is_none());
            let action = action.ok_or_else(|| BadAction { line: index + 1, text: line.to_owned() })?;
            actions.set(key, action);
        }
        Ok(actions)
    }

    /// Says what a list does, by its key or its name, instead of what the table says.
    pub fn set(&mut self, list: &str, action: Action) {
        self.by_list.insert(list.into(), action);
    }

    /// What a list does: what is said of its name, else of its key, else [`DEFAULT_ACTION`].
    pub fn of(&self, key: &str, name: &str) -> Action {
        self.by_list.get(name).or_else(|| self.by_list.get(key)).copied().unwrap_or(DEFAULT_ACTION)
    }

    /// Whether the table has a list.
    pub fn has(&self, list: &str) -> bool {
        self.by_list.contains_key(list)
    }
}

impl fmt::Display for BadAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = weir_model::text::printable(&self.text, 80);
        write!(f, "line {}: not a list and an action (", self.line)?;
        for action in Action::ALL {
            write!(f, "{} ", action.keyword())?;
        }
        write!(f, "): {text}")
    }
}

impl std::error::Error for BadAction {}
