//! What an indicator set costs: nanoseconds a question, memory, and time to make, write and start it.
//!
//! `cargo bench --bench indicator_set` asks made-up sets of 10 k, 100 k and 1 M indicators. There are 65,536 different questions of each
//! sort, asked many at once (`IndicatorSet::addresses`, `names`) and one by one; each has just been read, as a parser would leave it.
//! Behind `--` may stand
//!
//! - numbers: sets of these sizes (`10000 100000 1000000 10000000`), and `svg=FILE` for a picture of them;
//! - files of indicators: the set made of those;
//! - `swap=10000000`: a set of so many is built and mapped, and so is another, while a thread asks; and what that takes of memory;
//! - `keep=FILE`: the snapshot of the last set is left there, and `start=FILE` starts from one, in a process of its own.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::disallowed_methods, reason = "a bench measures time")]
#![expect(unreachable_pub, reason = "the modules of a bench have no reader outside of it")]

mod ask;
mod life;
mod memory;
mod picture;
mod values;

use ask::Cost;
use memory::{Resident, Took};
use std::io;
use std::path::{Path, PathBuf};
use values::Values;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let option = |name: &str| arguments.iter().find_map(|argument| argument.strip_prefix(name));
    if let Some(path) = option("start=") {
        return life::print_start(Path::new(path));
    }
    let folder = std::env::temp_dir().join(format!("weir-indicator-set-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let snapshot = option("keep=").map_or_else(|| folder.join("snapshot"), PathBuf::from);
    let done = match option("swap=").map(str::parse) {
        Some(Ok(count)) => life::swap(count, &folder),
        Some(Err(_)) => Err(io::Error::other("swap=... takes a number")),
        None => measure_all(&arguments, option("svg="), &snapshot),
    };
    std::fs::remove_dir_all(&folder)?;
    done
}

fn measure_all(arguments: &[String], svg: Option<&str>, snapshot: &Path) -> io::Result<()> {
    let mut counts: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let is_file = |argument: &&String| !argument.contains('=') && argument.parse::<usize>().is_err();
    let files: Vec<PathBuf> = arguments.iter().filter(is_file).map(PathBuf::from).collect();
    if !files.is_empty() {
        measure("from files", &Values::load(&files), snapshot)?;
        return Ok(());
    }
    if counts.is_empty() {
        counts = vec![10_000, 100_000, 1_000_000];
        measure("100000 networks", &Values::Networks(100_000), snapshot)?;
    }
    let mut measured = Vec::new();
    for count in counts {
        let values = Values::MadeUp { count, seed: 1 };
        measured.push((count, measure(&format!("{count} made up"), &values, snapshot)?));
    }
    svg.map_or(Ok(()), |path| std::fs::write(path, picture::draw(&measured)))
}

/// Measures a set as it is after a start: mapped.
fn measure(title: &str, values: &Values, snapshot: &Path) -> io::Result<Vec<Cost>> {
    let (made, making) = Took::of(|| values.iter().count());
    Resident::forget_peak();
    let (set, building) = Took::of(|| life::build(values));
    let (megabytes, each) = (set.memory_bytes() as f64 / 1e6, set.memory_bytes() as f64 / set.len() as f64);
    println!(
        "\n{title}: {} indicators of {made} values, {megabytes:.1} MB ({each:.1} bytes each)",
        set.len()
    );
    println!("  built in {}: {}", building.less(&making), Resident::measure());
    let (written, writing) = Took::of(|| life::write(&set, snapshot));
    println!("  snapshot of {:.1} MB written in {writing}", written? as f64 / 1e6);
    drop(set);
    let (set, starting) = Took::of(|| life::start(snapshot));
    println!("  mapped in {starting}: {}", Resident::measure());
    Ok(ask::all(&set?, values))
}
