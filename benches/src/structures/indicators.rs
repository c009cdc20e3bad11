//! Look-ups in a set of a million indicators: 700,000 domains, 300,000 addresses.

use crate::harness::{Run, Scale};
use crate::traffic::chance::{Chance, mix};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};
use weir_model::Name;
use weir_model::indicator::{Context, Indicator, IndicatorValue};
use weir_rules::{IndicatorSet, SetBuilder};

const LOOKUPS: u64 = 500_000;
const LOOKUPS_SMALL: u64 = 5_000;

/// Addresses of one half of the address space are in the set, those of the other are asked for and missed.
fn address(number: u64, is_in_set: bool) -> IpAddr {
    let bits = mix(number) as u32;
    IpAddr::V4(Ipv4Addr::from_bits(if is_in_set { bits | 1 << 31 } else { bits & !(1 << 31) }))
}

/// Which names.
#[derive(Clone, Copy, Debug)]
enum Names {
    InSet,
    /// Not in the set, but below the same parents.
    Siblings,
    Elsewhere,
}

fn name(number: u64, which: Names) -> Option<Name> {
    let (kind, zone) = match which {
        Names::InSet => ("bad", "zone"),
        Names::Siblings => ("good", "zone"),
        Names::Elsewhere => ("good", "clean"),
    };
    Name::from_ascii(format!("{kind}{:x}.{zone}{}.example", mix(number), number % 1000).as_bytes())
}

fn counts(scale: Scale) -> (u64, u64) {
    (scale.pick(700_000, 14_000), scale.pick(300_000, 6_000))
}

/// Made once for each scale: the set does not change.
pub(super) fn set(scale: Scale) -> Arc<IndicatorSet> {
    static FULL: OnceLock<Arc<IndicatorSet>> = OnceLock::new();
    static SMALL: OnceLock<Arc<IndicatorSet>> = OnceLock::new();
    let made = match scale {
        Scale::Full => &FULL,
        Scale::Small => &SMALL,
    };
    Arc::clone(made.get_or_init(|| Arc::new(build(scale))))
}

fn build(scale: Scale) -> IndicatorSet {
    let (domains, addresses) = counts(scale);
    let domains = (0..domains).filter_map(|number| name(number, Names::InSet)).map(IndicatorValue::Domain);
    let addresses = (0..addresses).map(|number| IndicatorValue::Address(address(number, true)));
    let mut builder = SetBuilder::new();
    for value in domains.chain(addresses) {
        let full = builder.add(Indicator::new(value, vec![Context::default()]));
        debug_assert!(full.is_ok(), "a million is less than the set can hold");
    }
    builder.build()
}

pub(super) fn address_miss(scale: Scale) -> Run {
    addresses(scale, false)
}

pub(super) fn address_hit(scale: Scale) -> Run {
    addresses(scale, true)
}

pub(super) fn domain_miss(scale: Scale) -> Run {
    domains(scale, Names::Elsewhere)
}

pub(super) fn domain_miss_siblings(scale: Scale) -> Run {
    domains(scale, Names::Siblings)
}

pub(super) fn domain_hit(scale: Scale) -> Run {
    domains(scale, Names::InSet)
}

fn addresses(scale: Scale, is_in_set: bool) -> Run {
    let (set, mut chance) = (set(scale), Chance::new(5));
    let (_, known) = counts(scale);
    let asked = (0..scale.pick(LOOKUPS, LOOKUPS_SMALL)).map(|_| address(chance.below(known), is_in_set));
    let asked: Vec<_> = asked.collect();
    let items = asked.len() as u64;
    let work = move || {
        let mut found = 0;
        set.addresses(&asked, |_, _| found += 1);
        found
    };
    Run { items, work: Box::new(work) }
}

fn domains(scale: Scale, which: Names) -> Run {
    let (set, mut chance) = (set(scale), Chance::new(6));
    let (known, _) = counts(scale);
    let asked = (0..scale.pick(LOOKUPS, LOOKUPS_SMALL)).filter_map(|_| name(chance.below(known), which));
    let asked: Vec<_> = asked.collect();
    let items = asked.len() as u64;
    let work = move || {
        let mut found = 0;
        set.names(&asked, |_, _| found += 1);
        found
    };
    Run { items, work: Box::new(work) }
}
