//! What the operator decides about a source, as it is written: `[source.NAME.policy]`.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::time::Duration;
use weir_intel::library::{Decay, Filter, Guard, Lifetimes, Policy, Wanted};
use weir_model::{IndicatorValue, Tlp};

/// The keys of a policy; all may be absent. A key and its opposite (`tags`, `not_tags`) hold together.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenPolicy {
    /// Who may see what the source did not mark.
    tlp: Option<String>,
    /// How long its indicators live, where nothing says otherwise.
    lifetime: Option<Time>,
    /// The same by kind.
    lifetimes: BTreeMap<String, Time>,
    decay: Option<WrittenDecay>,
    kinds: Vec<String>,
    not_kinds: Vec<String>,
    tags: Vec<String>,
    not_tags: Vec<String>,
    types: Vec<String>,
    not_types: Vec<String>,
    organisations: Vec<String>,
    not_organisations: Vec<String>,
    min_confidence: Option<u8>,
    max_age: Option<Time>,
    guard: Option<WrittenGuard>,
    /// It may bring networks wider than /12 (IPv6: /28).
    pub(super) allow_wide: bool,
}

/// `decay = true` for MISP's default model, or a table that changes it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum WrittenDecay {
    Default(bool),
    Model(DecayKeys),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DecayKeys {
    lifetime: Option<Time>,
    speed: Option<f64>,
    threshold: Option<f64>,
    base_score: Option<f64>,
    base_is_confidence: Option<bool>,
    kinds: Option<Vec<String>>,
}

/// `guard = false` for none, or a table that changes it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum WrittenGuard {
    Switch(bool),
    Limits(GuardKeys),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GuardKeys {
    floor: Option<u64>,
    least_share: Option<f64>,
    most_times: Option<f64>,
}

/// A time of hours or days: `90m`, `12h`, `30d`, `2w`.
#[derive(Clone, Copy, Debug)]
struct Time(Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match super::long_duration(&text) {
            Some(time) => Ok(Self(time)),
            None => Err(D::Error::custom(format!("`{text}` is not a time such as 12h, 30d or 2w"))),
        }
    }
}

impl WrittenPolicy {
    /// What it means; the error is for people.
    pub(super) fn policy(self) -> Result<Policy, String> {
        let default = Policy::default();
        let unmarked = match &self.tlp {
            None => default.unmarked,
            Some(text) => Tlp::parse(text).ok_or_else(|| {
                format!("tlp: `{text}` is none of CLEAR, GREEN, AMBER, AMBER+STRICT and RED")
            })?,
        };
        for kind in self.kinds.iter().chain(&self.not_kinds).chain(self.lifetimes.keys()) {
            if !kind.contains('*') && !IndicatorValue::KINDS.contains(&kind.as_str()) {
                return Err(format!(
                    "there is no kind `{kind}`; there are {}",
                    IndicatorValue::KINDS.join(", ")
                ));
            }
        }
        if self.min_confidence.is_some_and(|least| least > 100) {
            return Err("min_confidence goes from 0 to 100".to_owned());
        }
        let wanted = |only, never| Wanted { only, never };
        Ok(Policy {
            unmarked,
            lifetimes: Lifetimes {
                kinds: self.lifetimes.into_iter().map(|(kind, time)| (kind, time.0)).collect(),
                others: self.lifetime.map(|time| time.0),
            },
            decay: self.decay.and_then(WrittenDecay::model).map(checked).transpose()?,
            filter: Filter {
                kinds: wanted(self.kinds, self.not_kinds),
                tags: wanted(self.tags, self.not_tags),
                types: wanted(self.types, self.not_types),
                organisations: wanted(self.organisations, self.not_organisations),
                min_confidence: self.min_confidence,
                max_age: self.max_age.map(|time| time.0),
            },
            guard: self.guard.map_or(Ok(default.guard), WrittenGuard::limits)?,
        })
    }
}

impl WrittenDecay {
    fn model(self) -> Option<Decay> {
        let default = Decay::nids_simple();
        match self {
            Self::Default(is_wanted) => is_wanted.then_some(default),
            Self::Model(keys) => Some(Decay {
                lifetime: keys.lifetime.map_or(default.lifetime, |time| time.0),
                speed: keys.speed.unwrap_or(default.speed),
                threshold: keys.threshold.unwrap_or(default.threshold),
                base_score: keys.base_score.unwrap_or(default.base_score),
                is_base_confidence: keys.base_is_confidence.unwrap_or(default.is_base_confidence),
                kinds: keys.kinds.unwrap_or(default.kinds),
            }),
        }
    }
}

fn checked(decay: Decay) -> Result<Decay, String> {
    let is_positive = |number: f64| number.is_finite() && number > 0.0;
    if !is_positive(decay.speed) || !is_positive(decay.base_score) || !decay.threshold.is_finite() {
        return Err(
            "decay: `speed` and `base_score` are numbers above 0, and `threshold` is a number".to_owned()
        );
    }
    Ok(decay)
}

impl WrittenGuard {
    fn limits(self) -> Result<Guard, String> {
        let default = Guard::default();
        let keys = match self {
            Self::Switch(true) => return Ok(default),
            Self::Switch(false) => return Ok(Guard { floor: 0, least_share: 0.0, most_times: 0.0 }),
            Self::Limits(keys) => keys,
        };
        let guard = Guard {
            floor: keys.floor.unwrap_or(default.floor),
            least_share: keys.least_share.unwrap_or(default.least_share),
            most_times: keys.most_times.unwrap_or(default.most_times),
        };
        if !(0.0..=1.0).contains(&guard.least_share) {
            return Err("guard: `least_share` goes from 0 (never held) to 1".to_owned());
        }
        if !(guard.most_times == 0.0 || guard.most_times >= 1.0) {
            return Err("guard: `most_times` is 0 (never held) or at least 1".to_owned());
        }
        Ok(guard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Policy, String> {
        toml::from_str::<WrittenPolicy>(text).map_err(|error| error.to_string())?.policy()
    }

    #[test]
    fn a_policy_is_read() {
        let policy = read(
            "tlp = \"green\"\nlifetime = \"30d\"\nlifetimes = { url = \"2w\" }\ndecay = { threshold = 20 }\n\
             not_tags = [\"false-positive*\"]\nguard = { floor = 10 }\nallow_wide = true",
        )
        .unwrap();
        let day = Duration::from_hours(24);
        assert_eq!((policy.unmarked, policy.lifetimes.others), (Tlp::Green, Some(30 * day)));
        assert_eq!(policy.lifetimes.kinds["url"], 14 * day);
        assert_eq!((policy.guard.floor, policy.guard.least_share), (10, 0.5));
        assert!(policy.decay.unwrap().threshold < 20.5);
        assert_eq!(read("").unwrap(), Policy::default());
        assert_eq!(read("decay = true").unwrap().decay, Some(Decay::nids_simple()));
        assert!(!read("guard = false").unwrap().guard.least_share.is_sign_negative());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (text, told) in [
            ("tlp = \"purple\"", "none of CLEAR"),
            ("lifetime = \"soon\"", "is not a time such as 12h, 30d"),
            ("kinds = [\"domains\"]", "there is no kind `domains`"),
            ("lifetimes = { hash = \"1d\" }", "there is no kind `hash`"),
            ("guard = { least_share = 2 }", "least_share"),
            ("decay = { speed = 0 }", "above 0"),
            ("tagz = []", "unknown field `tagz`"),
            ("min_confidence = 101", "0 to 100"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
