//! What the operator decides about a source: how long its indicators live, which of them count, who may see them.

use super::decay::Decay;
use super::guard::Guard;
use std::collections::BTreeMap;
use std::time::Duration;
use weir_model::{Context, IndicatorValue, Timestamp, Tlp};

/// The policies of all sources.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policies {
    /// For sources that have none of their own.
    pub default: Policy,
    /// By the name of the source.
    pub sources: BTreeMap<String, Policy>,
}

impl Policies {
    /// The policy of a source.
    pub fn of(&self, source: &str) -> &Policy {
        self.sources.get(source).unwrap_or(&self.default)
    }
}

/// The policy of one source. Only the guard matters while something is delivered; all else is applied when the set is composed, so
/// that a change of mind needs no new fetch.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Who may see what the source did not mark.
    pub unmarked: Tlp,
    /// How long its indicators live.
    pub lifetimes: Lifetimes,
    /// How they lose their worth with time, if they do.
    pub decay: Option<Decay>,
    /// Which of them count.
    pub filter: Filter,
    /// When what it delivers looks wrong.
    pub guard: Guard,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            unmarked: Tlp::UNMARKED,
            lifetimes: Lifetimes::default(),
            decay: None,
            filter: Filter::default(),
            guard: Guard::default(),
        }
    }
}

/// How long indicators live, counted from when they were last seen, else changed, else told. The source's own dates hold beside
/// it: the earlier end counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lifetimes {
    /// By kind, as [`IndicatorValue::kind`] writes it.
    pub kinds: BTreeMap<String, Duration>,
    /// Of all other kinds.
    pub others: Option<Duration>,
}

impl Lifetimes {
    fn of(&self, value: &IndicatorValue) -> Option<Duration> {
        self.kinds.get(value.kind()).copied().or(self.others)
    }
}

/// Which indicators of a source count. What is not wanted stays in the library and counts as soon as the filter lets it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// By kind, as [`IndicatorValue::kind`] writes it.
    pub kinds: Wanted,
    /// By tag or category.
    pub tags: Wanted,
    /// By what it indicates in the source's words: STIX indicator types, the MISP category.
    pub types: Wanted,
    /// By who says so.
    pub organisations: Wanted,
    /// Least confidence. Where a source gives none, this does not hold it back.
    pub min_confidence: Option<u8>,
    /// Longest time since the source last saw or changed it, else first saw it. Where a source gives none of these, this does not
    /// hold it back: [`Lifetimes`] do.
    pub max_age: Option<Duration>,
}

/// Words that are wanted and words that are not; `*` stands for any text, and case does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// One of these there must be, unless this is empty.
    pub only: Vec<String>,
    /// None of these may be there.
    pub never: Vec<String>,
}

impl Wanted {
    fn takes<'a>(&self, words: &(impl Iterator<Item = &'a str> + Clone)) -> bool {
        let any = |patterns: &[String]| {
            patterns.iter().any(|pattern| words.clone().any(|word| matches(pattern, word)))
        };
        (self.only.is_empty() || any(&self.only)) && !any(&self.never)
    }
}

/// Why a filter holds an entry back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Filtered {
    /// Its kind.
    Kind,
    /// Its tags.
    Tag,
    /// What it indicates.
    Type,
    /// Who says so.
    Organisation,
    /// Confidence too low.
    Confidence,
    /// Too old.
    Age,
}

impl Filtered {
    /// As written in tables.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Tag => "tag",
            Self::Type => "type",
            Self::Organisation => "organisation",
            Self::Confidence => "confidence",
            Self::Age => "age",
        }
    }
}

impl Filter {
    /// Whether what is said (of any value) is held back.
    pub(super) fn judge(&self, context: &Context) -> Option<Filtered> {
        let further = context.further.as_deref();
        let types = further.map(|further| &*further.types).unwrap_or_default();
        let organisation = further.and_then(|further| further.organisation.as_deref());
        if !self.tags.takes(&context.tags.iter().map(AsRef::as_ref)) {
            Some(Filtered::Tag)
        } else if !self.types.takes(&types.iter().map(AsRef::as_ref)) {
            Some(Filtered::Type)
        } else if !self.organisations.takes(&organisation.into_iter()) {
            Some(Filtered::Organisation)
        } else {
            let is_enough =
                context.confidence.is_none_or(|given| self.min_confidence.is_none_or(|least| given >= least));
            (!is_enough).then_some(Filtered::Confidence)
        }
    }

    /// Whether a value is held back, whatever is said of it.
    pub(super) fn judge_value(&self, value: &IndicatorValue) -> Option<Filtered> {
        (!self.kinds.takes(&std::iter::once(value.kind()))).then_some(Filtered::Kind)
    }
}

/// From when the life of an entry is counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Age {
    /// When the source last saw it.
    pub(super) last_seen: Option<Timestamp>,
    /// When the source last changed it, by its own account.
    pub(super) modified: Option<Timestamp>,
    /// When the source first saw it.
    pub(super) first_seen: Option<Timestamp>,
    /// When we were last told: of lists that come whole when the list last held it, of others when what is said last changed.
    pub(super) told: Timestamp,
}

impl Age {
    fn origin(&self) -> Timestamp {
        self.last_seen.or(self.modified).unwrap_or(self.told)
    }
}

/// Until when (not including) an entry counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct End {
    /// By the filter of age.
    pub(super) filtered: Option<Timestamp>,
    /// By everything else.
    pub(super) expires: Option<Timestamp>,
}

impl End {
    pub(super) fn at(self) -> Option<Timestamp> {
        self.filtered.into_iter().chain(self.expires).min()
    }
}

impl Policy {
    /// When an entry stops to count: the source's own date, the lifetime, the decay, whichever comes first.
    pub(super) fn end(
        &self,
        value: &IndicatorValue,
        confidence: Option<u8>,
        own: Option<Timestamp>,
        age: Age,
    ) -> End {
        let lifetime = self.lifetimes.of(value);
        let decay = self.decay.as_ref().and_then(|decay| decay.lifetime_of(value, confidence));
        let ends = [lifetime, decay].into_iter().flatten().map(|life| age.origin() + life);
        let oldest = age.last_seen.or(age.modified).or(age.first_seen);
        End {
            filtered: oldest.zip(self.filter.max_age).map(|(from, most)| from + most),
            expires: ends.chain(own).min(),
        }
    }
}

/// Whether a word is what a pattern says. Walks both once, going back to the last `*`: no more than their product of steps.
fn matches(pattern: &str, word: &str) -> bool {
    let (pattern, word) = (pattern.as_bytes(), word.as_bytes());
    let (mut at, mut here, mut star) = (0, 0, None);
    while let Some(byte) = word.get(here) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, here));
                at += 1;
            }
            Some(wanted) if wanted.eq_ignore_ascii_case(byte) => {
                at += 1;
                here += 1;
            }
            _ => {
                let Some((of_star, taken)) = star else { return false };
                star = Some((of_star, taken + 1));
                at = of_star + 1;
                here = taken + 1;
            }
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_words() {
        for (pattern, word) in
            [("tlp:*", "TLP:red"), ("*", ""), ("a*c*e", "abcde"), ("x", "X"), ("*b", "abab")]
        {
            assert!(matches(pattern, word), "{pattern} {word}");
        }
        for (pattern, word) in [("tlp:*", "tl"), ("", "a"), ("a*c", "abcd"), ("x", "xx")] {
            assert!(!matches(pattern, word), "{pattern} {word}");
        }
    }

    #[test]
    fn the_earliest_end_counts() {
        let day = Duration::from_hours(24);
        let at = |days: u32| Timestamp::EPOCH + day * days;
        let value = IndicatorValue::Ja3([0; 16]);
        let age = Age { last_seen: None, modified: Some(at(10)), first_seen: Some(at(1)), told: at(20) };
        let mut policy = Policy::default();
        assert_eq!(policy.end(&value, None, None, age).at(), None);
        policy.lifetimes.others = Some(day * 30);
        assert_eq!(policy.end(&value, None, None, age).at(), Some(at(40)));
        assert_eq!(policy.end(&value, None, Some(at(35)), age).at(), Some(at(35)));
        policy.lifetimes.kinds.insert("ja3".into(), day);
        assert_eq!(policy.end(&value, None, Some(at(35)), age).at(), Some(at(11)));
        assert_eq!(policy.end(&value, None, None, Age { last_seen: Some(at(12)), ..age }).at(), Some(at(13)));
        assert_eq!(policy.end(&value, None, None, Age { modified: None, ..age }).at(), Some(at(21)));
        policy.filter.max_age = Some(day / 2);
        let end = policy.end(&value, None, None, Age { modified: None, ..age });
        assert_eq!((end.filtered, end.at()), (Some(at(1) + day / 2), Some(at(1) + day / 2)));
    }
}
