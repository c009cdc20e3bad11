//! What a million entries cost. Figures are in docs/ARCHITECTURE.md.

use super::{Says, Shelf, at};
use crate::library::{Policies, Policy};
use crate::{Delivery, Entry, Extent, SyncError};
use std::net::Ipv4Addr;
use std::sync::Arc;
use uuid::Uuid;
use weir_model::{Context, Further, IndicatorValue, Name, Timestamp};

#[test]
#[ignore = "measures: cargo test --release -p weir-intel what_a_million_entries_cost -- --ignored --nocapture; WEIR_ENTRIES=10000000 for more"]
fn what_a_million_entries_cost() {
    let count = std::env::var("WEIR_ENTRIES").ok().and_then(|count| count.parse().ok()).unwrap_or(1_000_000);
    for (name, entry) in [("list", of_a_list as fn(u64) -> Entry), ("names by id", of_misp)] {
        let mut shelf = Shelf::new();
        println!("{name}, {count} entries");
        let everything = |delivery: &mut dyn Delivery, extent| -> Result<Extent, SyncError> {
            (0..count).try_for_each(|number| delivery.put(entry(number)))?;
            Ok(extent)
        };
        measured("first, whole", || {
            deliver(&mut shelf, 0, &mut |delivery| everything(delivery, Extent::Whole));
        });
        measured("again, unchanged", || {
            deliver(&mut shelf, 1, &mut |delivery| everything(delivery, Extent::Whole));
        });
        measured("a thousand changes", || {
            deliver(&mut shelf, 2, &mut |delivery| {
                (0..1_000).try_for_each(|number| {
                    delivery.put(Entry { modified: Some(at(2)), ..entry(number * 7) })
                })?;
                Ok(Extent::Changes)
            });
        });
        measured("composed", || {
            let composed = shelf.library.compose(&Policies::default(), at(3), &mut |_| ()).unwrap();
            assert_eq!(composed.values, count);
        });
        println!("  file {} MB", std::fs::metadata(shelf.path()).unwrap().len() / 1_000_000);
    }
}

fn deliver(
    shelf: &mut Shelf,
    seconds: u64,
    says: &mut (dyn FnMut(&mut dyn Delivery) -> Result<Extent, SyncError> + Send),
) {
    let mut provider = Says(says);
    shelf.library.deliver("a", &Policy::default(), &mut provider, at(seconds), &mut ()).unwrap();
}

/// In the order of a list that is not sorted.
fn scattered(number: u64) -> u64 {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn of_a_list(number: u64) -> Entry {
    let value = IndicatorValue::Address(Ipv4Addr::from((number as u32).wrapping_mul(0x9E37_79B1)).into());
    Entry::new(value, Context { source: "list".into(), line: Some(number as u32), ..Context::default() })
}

/// An attribute of one of a hundred thousand events.
fn of_misp(number: u64) -> Entry {
    let id = Uuid::from_u64_pair(scattered(number), number);
    let group = Uuid::from_u64_pair(7, number / 10);
    let further = Further { id: Some(id), organisation: Some("CERN".into()), ..Further::default() };
    let context = Context {
        source: "misp".into(),
        tags: vec!["tlp:amber".into(), "misp-galaxy:tool=\"x\"".into()],
        description: Some(format!("event {}", number / 10).into()),
        first_seen: Some(Timestamp::new(1_600_000_000, 0)),
        further: Some(Arc::new(further)),
        ..Context::default()
    };
    let value = IndicatorValue::Domain(Name::from_text_form(&format!("{:x}.example", scattered(number))));
    Entry { id: Some(id), group: Some(group), ..Entry::new(value, context) }
}

/// Processor time of this process, in user and system, and the most memory that it had so far.
fn measured(what: &str, run: impl FnOnce()) {
    let before = processor_seconds();
    run();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    println!("  {what}: {:.2} s of processor, {peak}", processor_seconds() - before);
}

fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |field: usize| fields[field].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}
