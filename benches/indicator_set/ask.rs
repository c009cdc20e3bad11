//! What questions to a set cost, in nanoseconds a question.

use crate::values::{Random, Values, name};
use std::hint::black_box;
use std::net::IpAddr;
use std::time::Instant;
use weir_model::{IndicatorValue, Name};
use weir_rules::IndicatorSet;

const QUESTIONS: usize = 1 << 16;
/// Questions timed together.
const SAMPLE: usize = 512;
/// How often all questions are asked.
const ROUNDS: usize = 5;

/// A sort of questions, and the median of what one costs.
pub struct Cost {
    pub title: &'static str,
    pub median: f64,
}

/// Asks everything, many at once and one by one; prints all, and gives back what many at once cost.
pub fn all(set: &IndicatorSet, values: &Values) -> Vec<Cost> {
    let mut random = Random(7);
    let known = |random: &mut Random| values.get(random.below(values.len()));
    let names: Vec<Name> = (0..QUESTIONS * 8)
        .filter_map(|_| match known(&mut random) {
            Some(IndicatorValue::Domain(name)) => Some(name),
            _ => None,
        })
        .take(QUESTIONS)
        .collect();
    let ips: Vec<IpAddr> = (0..QUESTIONS * 8)
        .filter_map(|_| match known(&mut random) {
            Some(IndicatorValue::Address(ip)) => Some(ip),
            Some(IndicatorValue::Network(net)) => Some(net.addr()),
            _ => None,
        })
        .take(QUESTIONS)
        .collect();
    let other_ips: Vec<IpAddr> =
        until(|| Some(random.address()).filter(|ip| set.address(*ip).next().is_none()));
    let other_names: Vec<Name> =
        until(|| Some(random.name(false)).filter(|name| set.name(name).next().is_none()));
    let siblings: Vec<Name> = match names.first() {
        Some(_) => until(|| {
            let known = names.get(random.below(names.len()))?;
            let (_, above) = known.as_str().split_once('.')?;
            name(&format!("{}.{above}", random.label())).filter(|name| set.name(name).next().is_none())
        }),
        None => Vec::new(),
    };
    let below: Vec<Name> =
        names.iter().filter_map(|known| name(&format!("www.{}", known.as_str()))).collect();
    let costs = [
        addresses(set, "address, not there", &other_ips),
        self::names(set, "name, not there", &other_names),
        self::names(set, "name, not there, but others with the same parent", &siblings),
        addresses(set, "address, there", &ips),
        self::names(set, "name below one that is there", &below),
    ];
    costs.into_iter().flatten().collect()
}

fn addresses(set: &IndicatorSet, title: &'static str, ips: &[IpAddr]) -> Option<Cost> {
    let touch = |ip: &IpAddr| usize::from(ip.is_ipv6());
    let cost = cost(title, "many at once", ips, touch, |ips| {
        let mut found = 0;
        set.addresses(ips, |_, _| found += 1);
        found
    });
    self::cost(title, "one by one", ips, touch, |ips| ips.iter().map(|ip| set.address(*ip).count()).sum());
    cost
}

fn names(set: &IndicatorSet, title: &'static str, names: &[Name]) -> Option<Cost> {
    let touch = |name: &Name| name.as_str().bytes().map(usize::from).sum();
    let cost = cost(title, "many at once", names, touch, |names| {
        let mut found = 0;
        set.names(names, |_, _| found += 1);
        found
    });
    self::cost(title, "one by one", names, touch, |names| {
        names.iter().map(|name| set.name(name).count()).sum()
    });
    cost
}

/// The median over samples that are so short that other work on the machine seldom gets in between.
fn cost<T>(
    title: &'static str,
    how: &str,
    questions: &[T],
    touch: impl Fn(&T) -> usize,
    ask: impl Fn(&[T]) -> usize,
) -> Option<Cost> {
    let mut found = 0;
    let mut samples = Vec::new();
    for round in 0..=ROUNDS {
        found = 0;
        for sample in questions.chunks(SAMPLE) {
            // Who asks has just parsed the question: it is in the nearest cache, the set is where it happens to be.
            black_box(sample.iter().map(&touch).sum::<usize>());
            let started = Instant::now();
            found += black_box(ask(black_box(sample)));
            // The first round only warms the caches.
            if round > 0 {
                samples.push(started.elapsed().as_secs_f64() * 1e9 / sample.len() as f64);
            }
        }
    }
    samples.sort_by(f64::total_cmp);
    let at = |percent: usize| samples.get(samples.len() * percent / 100).copied();
    let (median, tenth) = (at(50)?, at(10)?);
    let asked = questions.len();
    println!(
        "  {median:7.1} ns ({tenth:.1} in the quietest tenth)  {title}, {how}: {found} of {asked} found"
    );
    Some(Cost { title, median })
}

fn until<T>(mut make: impl FnMut() -> Option<T>) -> Vec<T> {
    (0..QUESTIONS * 8).filter_map(|_| make()).take(QUESTIONS).collect()
}
