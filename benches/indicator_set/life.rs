//! The life of a set: built, written, mapped, replaced while it is asked.

use crate::memory::{Resident, Took, most_anonymous};
use crate::values::{Random, Values};
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::{Duration, Instant};
use weir_mem::Mapped;
use weir_model::{Context, Indicator};
use weir_rules::{IndicatorSet, SetBuilder};

pub fn build(values: &Values) -> IndicatorSet {
    let mut builder = SetBuilder::new();
    for value in values.iter() {
        let full = builder
            .add(Indicator::new(value, vec![Context { source: "bench".into(), ..Context::default() }]));
        assert!(full.is_ok(), "the set has room");
    }
    builder.build()
}

pub fn write(set: &IndicatorSet, path: &Path) -> io::Result<u64> {
    set.write_snapshot(b"bench", BufWriter::new(File::create(path)?))
}

/// A set from a snapshot that is mapped.
pub fn start(path: &Path) -> io::Result<IndicatorSet> {
    let mapped = Mapped::new(&File::open(path)?)?;
    IndicatorSet::from_snapshot(mapped).map(|snapshot| snapshot.set).map_err(io::Error::other)
}

/// Starts from a snapshot and says what that took.
pub fn print_start(path: &Path) -> io::Result<()> {
    let (set, took) = Took::of(|| start(path));
    println!("{} indicators from {} in {took}; {}", set?.len(), path.display(), Resident::measure());
    Ok(())
}

/// Builds a set of so many, writes and maps it, and does the same with another while a thread asks whichever there is.
pub fn swap(count: usize, folder: &Path) -> io::Result<()> {
    let (first, second) = (folder.join("first"), folder.join("second"));
    let make = |seed, path: &Path| {
        let (set, took) = Took::of(|| build(&Values::MadeUp { count, seed }));
        println!("built in {took}: {}", Resident::measure());
        let (written, took) = Took::of(|| write(&set, path));
        println!("{} bytes written in {took}", written?);
        drop(set);
        let (set, took) = Took::of(|| start(path));
        println!("mapped in {took}: {}", Resident::measure());
        io::Result::Ok(Arc::new(set?))
    };
    let armed = RwLock::new(make(1, &first)?);
    let done = AtomicBool::new(false);
    let (result, anonymous) = most_anonymous(|| {
        thread::scope(|scope| {
            let asking = scope.spawn(|| ask(&armed, &done));
            let swapped = (|| {
                let newer = make(2, &second)?;
                let older = current(&armed);
                let (same, took) = Took::of(|| newer.without(&newer).len());
                println!("{same} of it are not in itself, found in {took}");
                let (difference, took) = Took::of(|| newer.without(&older));
                let len = difference.len();
                println!("{len} of it are not in the older set, found in {took}: {}", Resident::measure());
                *armed.write().unwrap_or_else(std::sync::PoisonError::into_inner) = newer;
                drop((older, difference));
                println!("swapped: {}", Resident::measure());
                io::Result::Ok(())
            })();
            done.store(true, Ordering::Relaxed);
            swapped.map(|()| asking.join())
        })
    });
    if let Ok((asked, longest)) = result? {
        println!(
            "asked meanwhile {asked} times; the longest batch of 512 took {:.2} ms",
            longest.as_secs_f64() * 1e3
        );
    }
    println!("own memory at its peak during the swap: {:.0} MB", anonymous as f64 * 1024.0 / 1e6);
    Ok(())
}

fn current(armed: &RwLock<Arc<IndicatorSet>>) -> Arc<IndicatorSet> {
    Arc::clone(&armed.read().unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// Asks for addresses until told to stop; how many, and the longest that a batch took.
fn ask(armed: &RwLock<Arc<IndicatorSet>>, done: &AtomicBool) -> (u64, Duration) {
    let mut random = Random(9);
    let (mut asked, mut longest) = (0, Duration::ZERO);
    while !done.load(Ordering::Relaxed) {
        let ips: Vec<_> = (0..512).map(|_| random.address()).collect();
        let started = Instant::now();
        current(armed).addresses(&ips, |_, _| {});
        longest = longest.max(started.elapsed());
        asked += ips.len() as u64;
        // As fast as a busy sensor, and no faster.
        thread::sleep(Duration::from_micros(200));
    }
    (asked, longest)
}
