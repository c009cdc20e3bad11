//! Warninglists, as MISP has them: values that are well known, and that feeds of indicators hold by mistake or without saying so.

use std::sync::Arc;

/// A list, as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warninglist {
    /// What it is called in the table of actions: the name of its folder (`public-dns-v4`).
    pub key: Arc<str>,
    /// What it calls itself (`List of known IPv4 public DNS resolvers`).
    pub name: Arc<str>,
    /// How its entries are compared.
    pub comparison: Comparison,
    /// The types of MISP attributes that it is for; for all if there is none.
    pub attributes: Vec<Arc<str>>,
    /// Its entries.
    pub entries: Vec<Box<str>>,
}

/// How the entries of a list are compared: the types of MISP's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Comparison {
    /// The value is an entry.
    String,
    /// An entry is part of the value.
    Substring,
    /// The value, or the host of a URL, is an entry or below it.
    Hostname,
    /// The address or network lies in an entry.
    Cidr,
    /// An entry, an expression in the notation of PCRE (`/.../i`), matches the value.
    Regex,
}

impl Comparison {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::String, Self::Substring, Self::Hostname, Self::Cidr, Self::Regex];

    /// As MISP writes it.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Substring => "substring",
            Self::Hostname => "hostname",
            Self::Cidr => "cidr",
            Self::Regex => "regex",
        }
    }

    /// From its keyword.
    pub fn parse(keyword: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|comparison| comparison.keyword() == keyword)
    }
}
