//! The public suffix list (publicsuffix.org): below which names anybody can register.

use foldhash::fast::RandomState;
use std::collections::HashMap;

/// The list, compiled.
#[derive(Clone, Debug, Default)]
pub struct PublicSuffixes {
    rules: HashMap<Box<str>, Rule, RandomState>,
}

/// Who gives names away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suffix {
    /// A registry (`com`, `co.uk`).
    Registry,
    /// Somebody who has registered a name and gives away what is below (`github.io`).
    Private,
}

#[derive(Clone, Copy, Debug, Default)]
struct Rule {
    /// `name`
    itself: Option<Suffix>,
    /// `*.name`
    below: Option<Suffix>,
    /// `!name`
    is_exception: bool,
}

const SHIPPED: &str = include_str!("../../sets/public_suffixes.txt");

impl PublicSuffixes {
    /// The list that is shipped.
    pub fn shipped() -> Self {
        Self::parse(SHIPPED)
    }

    /// From text in the notation of the list, its names as A-labels.
    pub fn parse(text: &str) -> Self {
        let mut suffixes = Self::default();
        let mut section = Suffix::Registry;
        for line in text.lines() {
            if line.starts_with("//") {
                if line.contains("===BEGIN PRIVATE DOMAINS===") {
                    section = Suffix::Private;
                } else if line.contains("===BEGIN ICANN DOMAINS===") {
                    section = Suffix::Registry;
                }
                continue;
            }
            if let Some(rule) = line.split_whitespace().next() {
                suffixes.add(&rule.to_ascii_lowercase(), section);
            }
        }
        suffixes
    }

    fn add(&mut self, rule: &str, section: Suffix) {
        let of = |suffixes: &mut Self, name: &str, change: fn(&mut Rule, Suffix)| {
            change(suffixes.rules.entry(name.into()).or_default(), section);
        };
        if let Some(name) = rule.strip_prefix('!') {
            of(self, name, |rule, _| rule.is_exception = true);
        } else if let Some(name) = rule.strip_prefix("*.") {
            of(self, name, |rule, section| rule.below = Some(section));
        } else {
            of(self, rule, |rule, section| rule.itself = Some(section));
        }
    }

    /// How many rules there are names of.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The longest public suffix of a name, which may be the whole of it, and who gives names away below it. Of a top-level domain that the
    /// list does not have, that domain, as the list's algorithm says.
    pub fn suffix_of<'n>(&self, name: &'n str) -> (&'n str, Suffix) {
        let (mut current, mut rule) = (name, self.rule(name));
        while let Some((_, above)) = current.split_once('.') {
            if rule.is_exception {
                return (above, Suffix::Registry);
            }
            let rule_above = self.rule(above);
            if let Some(section) = rule.itself.or(rule_above.below) {
                return (current, section);
            }
            (current, rule) = (above, rule_above);
        }
        (current, rule.itself.unwrap_or(Suffix::Registry))
    }

    fn rule(&self, name: &str) -> Rule {
        self.rules.get(name).copied().unwrap_or_default()
    }

    /// Whether a name is a public suffix, and who gives names away below it.
    pub fn is_suffix(&self, name: &str) -> Option<Suffix> {
        let rule = self.rule(name);
        match name.split_once('.') {
            None => Some(rule.itself.unwrap_or(Suffix::Registry)),
            Some(_) if rule.is_exception => None,
            Some((_, above)) => rule.itself.or_else(|| self.rule(above).below),
        }
    }

    /// The part of a name that somebody registered: its public suffix and one label more. `None` for a public suffix.
    pub fn registered<'n>(&self, name: &'n str) -> Option<&'n str> {
        let (suffix, _) = self.suffix_of(name);
        let before = name.strip_suffix(suffix)?.strip_suffix('.')?;
        let label = before.rsplit('.').next()?;
        name.get(before.len() - label.len()..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_wildcards_and_exceptions() {
        let list = "// ===BEGIN ICANN DOMAINS===\nuk\nco.uk\n*.ck\n!www.ck\nio\n\n// ===BEGIN PRIVATE DOMAINS===\ngithub.io\n";
        let suffixes = PublicSuffixes::parse(list);
        for (name, suffix) in [
            ("co.uk", Some(Suffix::Registry)),
            ("uk", Some(Suffix::Registry)),
            ("bbc.co.uk", None),
            ("github.io", Some(Suffix::Private)),
            ("x.github.io", None),
            ("any.ck", Some(Suffix::Registry)),
            ("www.ck", None),
            ("a.www.ck", None),
            ("unknown", Some(Suffix::Registry)),
            ("below.unknown", None),
        ] {
            assert_eq!(suffixes.is_suffix(name), suffix, "{name}");
        }
        assert_eq!(suffixes.registered("a.b.any.ck"), Some("b.any.ck"));
        assert_eq!(suffixes.registered("a.www.ck"), Some("www.ck"));
        assert_eq!(suffixes.registered("co.uk"), None);
    }

    #[test]
    fn what_is_shipped_is_the_whole_list() {
        let suffixes = PublicSuffixes::shipped();
        assert!(suffixes.len() > 9_000, "{}", suffixes.len());
        assert_eq!(suffixes.is_suffix("co.uk"), Some(Suffix::Registry));
        assert_eq!(suffixes.is_suffix("github.io"), Some(Suffix::Private));
        assert_eq!(suffixes.is_suffix("xn--p1ai"), Some(Suffix::Registry));
        assert_eq!(suffixes.registered("b.c.kobe.jp"), Some("b.c.kobe.jp"));
    }
}
