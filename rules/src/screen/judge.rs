//! What becomes of a value, and why.

use super::{Action, Compiled, Does, Held, Refused, Screen, Suffix, Types, Verdict, WIDEST_V4, WIDEST_V6};
use crate::site::is_private;
use ipnet::IpNet;
use smallvec::SmallVec;
use std::net::IpAddr;
use std::sync::Arc;
use weir_model::indicator::Url;
use weir_model::{Context, Effect, IndicatorValue, Warning};

/// A list that holds a value, and how.
#[derive(Clone, Copy, Debug)]
struct Hold {
    list: u16,
    how: How,
}

/// In the order in which they weigh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    /// The value itself, or the whole network.
    Whole,
    /// Something above the name.
    Above,
    /// Part of the text.
    Part,
    /// The host of a URL that says more than its host.
    Host,
    /// Something above the name, but names are given away between the two.
    Elsewhere,
}

impl Screen {
    /// What becomes of a value of which sources say this.
    pub fn judge(&self, value: &IndicatorValue, contexts: &[Context]) -> Verdict {
        if self.is_too_wide(value, contexts) {
            return Verdict::Refuse(Refused::TooWide);
        }
        let suffix = name_of(value).and_then(|name| self.suffixes.is_suffix(name));
        if suffix == Some(Suffix::Registry) {
            return Verdict::Refuse(Refused::PublicSuffix);
        }
        if let Some(home) = self.home_of(value) {
            return Verdict::Inside(home);
        }
        let mut narrows = suffix == Some(Suffix::Private);
        let mut warnings: Vec<Warning> = Vec::new();
        for (list, hold) in self.holds(value, contexts) {
            match does(value, list.action, hold.how) {
                Some(Does::Suppress) => return Verdict::Suppress(Arc::clone(&list.name)),
                Some(Does::Narrow) => narrows = true,
                Some(Does::Warn(effect)) => warnings.push(Warning { list: Arc::clone(&list.name), effect }),
                None => {}
            }
        }
        let narrowed = match value {
            IndicatorValue::Domain(name) if narrows => Some(IndicatorValue::Host(name.clone())),
            _ => None,
        };
        let warnings = if warnings.is_empty() { Arc::default() } else { warnings.into() };
        Verdict::Take { narrowed, warnings }
    }

    /// All lists that hold a value, in the order of their keys, with what they do to it. Lists whose action is to do nothing are not
    /// looked at.
    pub fn explain(&self, value: &IndicatorValue, contexts: &[Context]) -> Vec<Held> {
        let holds = self.holds(value, contexts);
        let held = |(list, hold): (&Compiled, Hold)| Held {
            key: Arc::clone(&list.key),
            name: Arc::clone(&list.name),
            action: list.action,
            does: does(value, list.action, hold.how),
        };
        holds.map(held).collect()
    }

    fn is_too_wide(&self, value: &IndicatorValue, contexts: &[Context]) -> bool {
        let IndicatorValue::Network(network) = value else { return false };
        let widest = if network.addr().is_ipv4() { WIDEST_V4 } else { WIDEST_V6 };
        let is_permitted = || contexts.iter().any(|context| self.wide_sources.contains(&context.source));
        network.prefix_len() < widest && !is_permitted()
    }

    /// The network of ours in which a value lies, or which lies in it. Private addresses name nobody outside, so that nobody can list ours.
    fn home_of(&self, value: &IndicatorValue) -> Option<IpNet> {
        let network = match value {
            IndicatorValue::Url(url) => address_of(url)?.into(),
            _ => network_of(value)?,
        };
        let meets = |home: &&IpNet| home.contains(&network) || network.contains(*home);
        self.home.iter().find(meets).filter(|_| !is_private(network.addr())).copied()
    }

    /// The lists that hold a value, each once, in the order of their places.
    fn holds(&self, value: &IndicatorValue, contexts: &[Context]) -> impl Iterator<Item = (&Compiled, Hold)> {
        let types = Types::of_value(value, contexts);
        let mut holds: SmallVec<[Hold; 8]> = SmallVec::new();
        if let Some(network) = network_of(value) {
            let whole = |list| Hold { list, how: How::Whole };
            holds.extend(self.addresses.holding(network).into_iter().map(whole));
        }
        if let Some(name) = name_of(value) {
            self.hold_name(name, &mut holds);
        } else if self.names.is_for(types) {
            self.hold_text(value, &mut holds);
        }
        if self.patterns.is_for(types) {
            let text = text_of(value);
            holds.extend(self.patterns.holding(&text).into_iter().map(|list| Hold { list, how: How::Part }));
        }
        holds.sort_unstable_by_key(|hold| (hold.list, hold.how));
        holds.dedup_by_key(|hold| hold.list);
        let of = |hold: Hold| self.lists.get(usize::from(hold.list)).map(|list| (list, hold));
        holds.into_iter().filter_map(of).filter(move |(list, _)| list.types.meets(types))
    }

    /// Lists that hold a name or something above it; what lies above names that are given away says nothing of those.
    fn hold_name(&self, name: &str, holds: &mut impl Extend<Hold>) {
        let given_away = self.given_away_above(name);
        self.names.holding_name(name, |holding| {
            let how = match holding {
                holding if holding.is_itself => How::Whole,
                holding if holding.entry_bytes <= given_away => How::Elsewhere,
                _ => How::Above,
            };
            holds.extend([Hold { list: holding.list, how }]);
        });
    }

    /// The bytes of the longest name above this one below which names are given away; 0 if there is none but registries'.
    fn given_away_above(&self, name: &str) -> usize {
        let Some((_, above)) = name.split_once('.') else { return 0 };
        let mut longest = match self.suffixes.suffix_of(above) {
            (suffix, Suffix::Private) => suffix.len(),
            (_, Suffix::Registry) => 0,
        };
        self.names.holding_name(above, |holding| {
            let list = self.lists.get(usize::from(holding.list));
            if list.is_some_and(|list| list.action == Action::Exact) {
                longest = longest.max(holding.entry_bytes);
            }
        });
        longest
    }

    fn hold_text(&self, value: &IndicatorValue, holds: &mut impl Extend<Hold>) {
        let text = value.to_string();
        holds.extend(self.names.holding_text(&text).map(|list| Hold { list, how: How::Whole }));
        if let IndicatorValue::Url(url) = value {
            let is_root = url.path.len() <= 1;
            self.names.holding_name(url.host.as_str(), |holding| {
                // The root page stands for the host; any other page is one among many, good and bad.
                let how = if is_root && holding.is_itself { How::Whole } else { How::Host };
                holds.extend([Hold { list: holding.list, how }]);
            });
        }
    }
}

/// What a list with an action does to a value that it holds in some way.
fn does(value: &IndicatorValue, action: Action, how: How) -> Option<Does> {
    match (action, how) {
        (Action::None, _) | (_, How::Host | How::Elsewhere) => None,
        (Action::Suppress, How::Whole) => Some(Does::Suppress),
        (Action::Shared, _) if network_of(value).is_some() => Some(Does::Warn(Effect::Shared)),
        (Action::Suppress | Action::Lower | Action::Shared, _) => Some(Does::Warn(Effect::Lower)),
        (Action::Raise, _) => Some(Does::Warn(Effect::Raise)),
        (Action::Exact, How::Whole) if matches!(value, IndicatorValue::Domain(_)) => Some(Does::Narrow),
        (Action::Exact, _) => None,
    }
}

fn name_of(value: &IndicatorValue) -> Option<&str> {
    match value {
        IndicatorValue::Domain(name) | IndicatorValue::Host(name) => Some(name.as_str()),
        _ => None,
    }
}

fn network_of(value: &IndicatorValue) -> Option<IpNet> {
    match value {
        IndicatorValue::Address(ip) | IndicatorValue::AddressPort(ip, _) => Some(ip.to_canonical().into()),
        IndicatorValue::Network(network) => Some(*network),
        _ => None,
    }
}

fn address_of(url: &Url) -> Option<IpAddr> {
    url.host.as_str().parse().ok()
}

/// A value as MISP writes it, for lists that look at parts of it.
fn text_of(value: &IndicatorValue) -> String {
    match value {
        IndicatorValue::Url(_) => format!("http://{value}"),
        _ => value.to_string(),
    }
}
