//! What it costs to ask an indicator set, in nanoseconds a question, and what the set weighs.
//!
//! `cargo bench --bench indicator_set` asks made-up sets of 10 k, 100 k and 1 M indicators; with files of indicators behind `--`
//! it asks the set made of those. There are 65,536 different questions of each sort, asked many at once
//! (`IndicatorSet::addresses`, `names`) and one by one; each has just been read, as a parser would leave it.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Instant;
use weir_intel::Taken;
use weir_model::{Context, IndicatorValue, Name};
use weir_rules::{IndicatorSet, SetBuilder};

const QUESTIONS: usize = 1 << 16;
/// Questions timed together.
const SAMPLE: usize = 512;
/// How often all questions are asked.
const ROUNDS: usize = 5;
/// Top-level domains, the common ones more often.
const TOP_LEVELS: [&str; 8] = ["com", "com", "com", "net", "org", "xyz", "top", "example"];
/// Two-label names below which many indicators are, as dynamic DNS has them.
const SHARED: [&str; 4] = ["dyn.example", "pages.example", "blog.example", "cdn.example"];

fn main() {
    let files: Vec<PathBuf> =
        std::env::args_os().skip(1).filter(|argument| argument != "--bench").map(PathBuf::from).collect();
    if files.is_empty() {
        for count in [10_000, 100_000, 1_000_000] {
            measure(&format!("{count} made up"), || made_up(count));
        }
        measure("100000 networks", || networks(100_000));
    } else {
        measure("from files", || loaded(&files));
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn measure(title: &str, make: impl FnOnce() -> Vec<IndicatorValue>) {
    let values = make();
    let started = Instant::now();
    let set = build(&values);
    let built = started.elapsed();
    let memory = set.memory_bytes() as f64 / 1e6;
    println!("\n{title}: {} indicators, {memory:.1} MB, built in {:.2} s", set.len(), built.as_secs_f64());

    let mut random = Random(7);
    let known = |random: &mut Random| values.get(random.below(values.len()));
    let names: Vec<&Name> = (0..QUESTIONS * 8)
        .filter_map(|_| match known(&mut random) {
            Some(IndicatorValue::Domain(name)) => Some(name),
            _ => None,
        })
        .take(QUESTIONS)
        .collect();
    let ips: Vec<IpAddr> = (0..QUESTIONS * 8)
        .filter_map(|_| match known(&mut random) {
            Some(IndicatorValue::Address(ip)) => Some(*ip),
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

    ask_addresses(&set, "address, not there", &other_ips);
    ask_addresses(&set, "address, there", &ips);
    ask_names(&set, "name, not there", &other_names);
    ask_names(&set, "name, not there, but others with the same parent", &siblings);
    ask_names(&set, "name below one that is there", &below);
}

fn ask_addresses(set: &IndicatorSet, title: &str, ips: &[IpAddr]) {
    let touch = |ip: &IpAddr| usize::from(ip.is_ipv6());
    report(title, ips, touch, |ips| {
        let mut found = 0;
        set.addresses(ips, |_, _| found += 1);
        found
    });
    report(&format!("{title}, one by one"), ips, touch, |ips| {
        ips.iter().map(|ip| set.address(*ip).count()).sum()
    });
}

fn ask_names(set: &IndicatorSet, title: &str, names: &[Name]) {
    let touch = |name: &Name| name.as_str().bytes().map(usize::from).sum();
    report(title, names, touch, |names| {
        let mut found = 0;
        set.names(names, |_, _| found += 1);
        found
    });
    report(&format!("{title}, one by one"), names, touch, |names| {
        names.iter().map(|name| set.name(name).count()).sum()
    });
}

/// Prints the median over samples that are so short that other work on the machine seldom gets in between.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn report<T>(title: &str, questions: &[T], touch: impl Fn(&T) -> usize, ask: impl Fn(&[T]) -> usize) {
    if questions.is_empty() {
        return;
    }
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
    let at = |percent: usize| samples.get(samples.len() * percent / 100).copied().unwrap_or(f64::NAN);
    let (median, tenth) = (at(50), at(10));
    println!(
        "  {median:7.1} ns ({tenth:.1} in the quietest tenth)  {title}: {found} of {} found",
        questions.len()
    );
}

fn build(values: &[IndicatorValue]) -> IndicatorSet {
    let mut builder = SetBuilder::new();
    for value in values {
        let full = builder.add_from(value, Context { source: "bench".into(), ..Context::default() });
        assert!(full.is_ok(), "the set has room");
    }
    builder.build()
}

/// Seven of ten are domains, of which one in ten lies below a shared one.
fn made_up(count: usize) -> Vec<IndicatorValue> {
    let mut random = Random(1);
    (0..count)
        .filter_map(|number| match number % 10 {
            0..3 => Some(IndicatorValue::Address(random.address())),
            3 => {
                let shared = SHARED.get(random.below(SHARED.len()))?;
                name(&format!("{}.{shared}", random.label())).map(IndicatorValue::Domain)
            }
            _ => Some(IndicatorValue::Domain(random.name(true))),
        })
        .collect()
}

/// Prefixes of 16 to 31 bits, most of them 24.
fn networks(count: usize) -> Vec<IndicatorValue> {
    let mut random = Random(2);
    let network = |random: &mut Random| {
        let len = if random.below(2) == 0 { 24 } else { 20 + random.below(12) as u8 };
        ipnet::IpNet::new(random.address(), len).ok().map(|net| IndicatorValue::Network(net.trunc()))
    };
    (0..count).filter_map(|_| network(&mut random)).collect()
}

fn loaded(files: &[PathBuf]) -> Vec<IndicatorValue> {
    let mut values = Vec::new();
    weir_intel::load_paths_into(files, &mut |value, _| {
        values.push(value);
        Taken::New
    });
    values
}

fn until<T>(mut make: impl FnMut() -> Option<T>) -> Vec<T> {
    (0..QUESTIONS * 8).filter_map(|_| make()).take(QUESTIONS).collect()
}

fn name(text: &str) -> Option<Name> {
    Name::from_ascii(text.as_bytes())
}

/// The same numbers in every run (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    fn address(&mut self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(self.next() as u32))
    }

    fn label(&mut self) -> String {
        (0..5 + self.below(12)).map(|_| char::from(b'a' + self.below(26) as u8)).collect()
    }

    /// Two labels, and what a client asks for often three.
    fn name(&mut self, listed: bool) -> Name {
        let top = TOP_LEVELS.get(self.below(TOP_LEVELS.len())).unwrap_or(&"com");
        let www = if listed || self.below(2) == 0 { "" } else { "www." };
        let text = format!("{www}{}.{top}", self.label());
        name(&text).unwrap_or_else(|| Name::from_text_form("bench.example"))
    }
}
