//! The life of a set: built, written, mapped, replaced while it is asked.

use crate::memory::{Resident, most_anonymous};
use crate::values::{Random, Values};
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::{Duration, Instant};
use weir_mem::Mapped;
use weir_model::Context;
use weir_rules::{IndicatorSet, SetBuilder};

pub fn build(values: &Values) -> IndicatorSet {
    let mut builder = SetBuilder::new();
    for value in values.iter() {
        let full = builder.add_from(&value, Context { source: "bench".into(), ..Context::default() });
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
    let started = Instant::now();
    let set = start(path)?;
    let took = started.elapsed().as_secs_f64();
    println!("{} indicators from {} in {took:.3} s; {}", set.len(), path.display(), Resident::measure());
    Ok(())
}

/// Builds a set of so many, writes and maps it, and does the same with another while a thread asks whichever there is.
pub fn swap(count: usize, folder: &Path) -> io::Result<()> {
    let (first, second) = (folder.join("first"), folder.join("second"));
    let make = |seed, path: &Path| {
        let started = Instant::now();
        let set = build(&Values::MadeUp { count, seed });
        println!("built in {:.2} s: {}", started.elapsed().as_secs_f64(), Resident::measure());
        let started = Instant::now();
        write(&set, path)?;
        println!("written in {:.2} s", started.elapsed().as_secs_f64());
        drop(set);
        let started = Instant::now();
        let set = start(path)?;
        println!("mapped in {:.2} s: {}", started.elapsed().as_secs_f64(), Resident::measure());
        io::Result::Ok(Arc::new(set))
    };
    let armed = RwLock::new(make(1, &first)?);
    let done = AtomicBool::new(false);
    let (result, anonymous) = most_anonymous(|| {
        thread::scope(|scope| {
            let asking = scope.spawn(|| ask(&armed, &done));
            let swapped = (|| {
                let newer = make(2, &second)?;
                let older = current(&armed);
                let started = Instant::now();
                let difference = newer.without(&older);
                let (len, took) = (difference.len(), started.elapsed().as_secs_f64());
                println!("{len} are only in the new set, found in {took:.2} s: {}", Resident::measure());
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
        println!("asked meanwhile {asked} times; the longest batch of 512 took {:.2} ms", longest.as_secs_f64() * 1e3);
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
