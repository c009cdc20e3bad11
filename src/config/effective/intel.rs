//! Sources of intelligence, and what their indicators are held against.

use super::Effective;
use crate::config::{ProviderSettings, ScreeningSettings, SourceSettings};
use serde_json::Value;
use std::time::Duration;
use weir_intel::library::{Decay, Filter, Policy};
use weir_net::units::show_duration;

impl ScreeningSettings {
    pub(super) fn put(&self, to: &mut Effective) {
        to.put_path("screening.warninglists", self.warninglists.as_deref());
        to.put_path("screening.public_suffixes", self.public_suffixes.as_deref());
        for (list, action) in &self.actions {
            to.put(format!("screening.actions.{list}"), action.clone());
        }
    }
}

impl SourceSettings {
    pub(super) fn put(&self, to: &mut Effective) {
        let key = format!("source.{}", self.name);
        to.put(format!("{key}.type"), self.kind());
        to.put(format!("{key}.enabled"), self.is_enabled);
        to.put(format!("{key}.interval"), show_duration(self.interval));
        match &self.provider {
            ProviderSettings::Feed(own) => to.put_written(&key, own),
            ProviderSettings::Misp(own) => to.put_written(&key, own),
            ProviderSettings::Taxii(own) => to.put_written(&key, own),
        }
        to.put(format!("{key}.policy.allow_wide"), self.is_wide_allowed);
        put_policy(to, &format!("{key}.policy"), &self.policy);
    }
}

fn put_policy(to: &mut Effective, key: &str, policy: &Policy) {
    to.put(format!("{key}.tlp"), policy.unmarked.keyword().to_ascii_lowercase());
    to.put(format!("{key}.lifetime"), policy.lifetimes.others.map(show_duration));
    for (kind, time) in &policy.lifetimes.kinds {
        to.put(format!("{key}.lifetimes.{kind}"), show_duration(*time));
    }
    put_filter(to, key, &policy.filter);
    match &policy.decay {
        None => to.put(format!("{key}.decay"), false),
        Some(decay) => put_decay(to, &format!("{key}.decay"), decay),
    }
    to.put(format!("{key}.guard.floor"), policy.guard.floor);
    to.put(format!("{key}.guard.least_share"), policy.guard.least_share);
    to.put(format!("{key}.guard.most_times"), policy.guard.most_times);
}

fn put_filter(to: &mut Effective, key: &str, filter: &Filter) {
    for (name, wanted) in [
        ("kinds", &filter.kinds),
        ("tags", &filter.tags),
        ("types", &filter.types),
        ("organisations", &filter.organisations),
    ] {
        to.put(format!("{key}.{name}"), wanted.only.clone());
        to.put(format!("{key}.not_{name}"), wanted.never.clone());
    }
    to.put(format!("{key}.min_confidence"), filter.min_confidence);
    to.put(format!("{key}.max_age"), filter.max_age.map(show_duration));
}

fn put_decay(to: &mut Effective, key: &str, decay: &Decay) {
    let Decay { lifetime, speed, threshold, base_score, is_base_confidence, kinds } = decay;
    let time: Duration = *lifetime;
    to.put(format!("{key}.lifetime"), show_duration(time));
    for (name, number) in [("speed", speed), ("threshold", threshold), ("base_score", base_score)] {
        to.put(format!("{key}.{name}"), Value::from(*number));
    }
    to.put(format!("{key}.base_is_confidence"), *is_base_confidence);
    to.put(format!("{key}.kinds"), kinds.clone());
}
