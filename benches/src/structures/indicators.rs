//! Look-ups in a set of a million indicators: 700,000 domains, 300,000 addresses.

use super::run;
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

fn name(number: u64, is_in_set: bool) -> Option<Name> {
    let kind = if is_in_set { "bad" } else { "good" };
    Name::from_ascii(format!("{kind}{:x}.zone{}.example", mix(number), number % 1000).as_bytes())
}

fn counts(scale: Scale) -> (u64, u64) {
    (scale.pick(700_000, 14_000), scale.pick(300_000, 6_000))
}

/// Made once for each scale: the set does not change.
fn set(scale: Scale) -> Arc<IndicatorSet> {
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
    let domains = (0..domains).filter_map(|number| name(number, true)).map(IndicatorValue::Domain);
    let addresses = (0..addresses).map(|number| IndicatorValue::Address(address(number, true)));
    let mut builder = SetBuilder::new();
    for value in domains.chain(addresses) {
        let full = builder.add(Indicator { value, contexts: vec![Context::default()] });
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
    domains(scale, false)
}

pub(super) fn domain_hit(scale: Scale) -> Run {
    domains(scale, true)
}

fn addresses(scale: Scale, is_in_set: bool) -> Run {
    let (set, mut chance) = (set(scale), Chance::new(5));
    let (_, known) = counts(scale);
    let asked = (0..scale.pick(LOOKUPS, LOOKUPS_SMALL)).map(|_| address(chance.below(known), is_in_set));
    run(asked.collect(), move |ip| set.address(*ip).count() as u64)
}

fn domains(scale: Scale, is_in_set: bool) -> Run {
    let (set, mut chance) = (set(scale), Chance::new(6));
    let (known, _) = counts(scale);
    let asked = (0..scale.pick(LOOKUPS, LOOKUPS_SMALL)).filter_map(|_| name(chance.below(known), is_in_set));
    run(asked.collect(), move |name| set.name(name).count() as u64)
}
