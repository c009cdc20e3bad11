//! Which incidents met which indicator, so that what incidents have to do with one another is found without looking at all of them.

use super::incident::Key;
use foldhash::fast::RandomState;
use std::collections::{HashMap, HashSet};
use weir_model::IndicatorValue;

/// Keys of incidents by the indicators that they met, each with the number of things that say so.
#[derive(Debug, Default)]
pub(super) struct Met {
    by_indicator: HashMap<IndicatorValue, Keys, RandomState>,
}

/// Nearly every indicator is met in one incident, and a map for that one would be large.
#[derive(Debug)]
enum Keys {
    One(Key, u32),
    Many(HashMap<Key, u32, RandomState>),
}

impl Met {
    /// The incident with this key met these; it does not matter how often that is said.
    pub(super) fn insert<'a>(&mut self, key: &Key, indicators: impl Iterator<Item = &'a IndicatorValue>) {
        for indicator in indicators {
            let is_known = self.by_indicator.get(indicator).is_some_and(|keys| keys.has(key));
            if !is_known {
                self.add(key, std::iter::once(indicator));
            }
        }
    }

    /// Something more says that the incident with this key met these.
    pub(super) fn add<'a>(&mut self, key: &Key, indicators: impl Iterator<Item = &'a IndicatorValue>) {
        for indicator in indicators {
            match self.by_indicator.get_mut(indicator) {
                Some(keys) => keys.add(key),
                None => drop(self.by_indicator.insert(indicator.clone(), Keys::One(key.clone(), 1))),
            }
        }
    }

    /// What was added is not so any more.
    pub(super) fn remove<'a>(&mut self, key: &Key, indicators: impl Iterator<Item = &'a IndicatorValue>) {
        for indicator in indicators {
            if self.by_indicator.get_mut(indicator).is_some_and(|keys| keys.remove(key)) {
                self.by_indicator.remove(indicator);
            }
        }
    }

    /// The incidents that met this one, in no order.
    pub(super) fn keys(&self, indicator: &IndicatorValue) -> impl Iterator<Item = &Key> {
        let (one, many) = match self.by_indicator.get(indicator) {
            None => (None, None),
            Some(Keys::One(key, _)) => (Some(key), None),
            Some(Keys::Many(keys)) => (None, Some(keys.keys())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    /// The incidents that met any of these, each once, in no order.
    pub(super) fn keys_of_any<'a>(
        &self,
        indicators: impl Iterator<Item = &'a IndicatorValue>,
    ) -> HashSet<&Key, RandomState> {
        indicators.flat_map(|indicator| self.keys(indicator)).collect()
    }
}

impl Keys {
    fn has(&self, key: &Key) -> bool {
        match self {
            Self::One(known, _) => known == key,
            Self::Many(keys) => keys.contains_key(key),
        }
    }

    fn add(&mut self, key: &Key) {
        match self {
            Self::One(known, count) if known == key => *count += 1,
            Self::One(known, count) => {
                *self = Self::Many([(known.clone(), *count), (key.clone(), 1)].into_iter().collect());
            }
            Self::Many(keys) => *keys.entry(key.clone()).or_default() += 1,
        }
    }

    /// Says whether nothing is left.
    fn remove(&mut self, key: &Key) -> bool {
        match self {
            Self::One(known, count) => {
                *count -= u32::from(known == key);
                *count == 0
            }
            Self::Many(keys) => {
                if let Some(count) = keys.get_mut(key) {
                    *count -= 1;
                    if *count == 0 {
                        keys.remove(key);
                    }
                }
                keys.is_empty()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::meeting::About;

    #[test]
    fn what_was_said_twice_stays_until_it_was_taken_back_twice() {
        let value = |text: &str| IndicatorValue::Address(text.parse().unwrap());
        let key =
            |host: &str| Key { indicator: value("192.0.2.1"), about: About::Host(host.parse().unwrap()) };
        let (bad, one, other) = (value("192.0.2.1"), key("10.0.0.1"), key("10.0.0.2"));
        let mut met = Met::default();
        let count = |met: &Met| met.keys(&bad).count();
        met.add(&one, std::iter::once(&bad));
        met.add(&one, std::iter::once(&bad));
        met.remove(&other, std::iter::once(&bad));
        assert_eq!(count(&met), 1);
        met.add(&other, [&bad, &value("192.0.2.2")].into_iter());
        assert_eq!(met.keys_of_any([&bad, &value("192.0.2.2")].into_iter()).len(), 2);
        met.remove(&one, std::iter::once(&bad));
        assert_eq!(count(&met), 2);
        met.insert(&one, std::iter::once(&bad));
        met.remove(&one, std::iter::once(&bad));
        assert_eq!(met.keys(&bad).collect::<Vec<_>>(), [&other]);
        met.remove(&other, [&bad, &value("192.0.2.2")].into_iter());
        assert!(met.by_indicator.is_empty());
    }
}
