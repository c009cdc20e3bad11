//! Runs the benches of the hot structures.

use clap::Parser;
use std::io::{self, Write as _};
use weir_bench::harness::{self, Bench};
use weir_bench::structures::ALL;

/// What each hot structure costs.
#[derive(Debug, Parser)]
#[command(name = "weir-bench", max_term_width = 110)]
struct Arguments {
    /// Only benches whose name contains one of these
    names: Vec<String>,

    /// How many runs the median is taken of
    #[arg(long, value_name = "N", default_value_t = 5)]
    runs: usize,

    /// List the names
    #[arg(long)]
    list: bool,

    /// Run each once with small inputs and print how many items it had: for a tool that counts instructions
    #[arg(long)]
    once: bool,
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let mut out = io::stdout().lock();
    let is_wanted = |bench: &&Bench| {
        arguments.names.is_empty() || arguments.names.iter().any(|name| bench.name.contains(name))
    };
    for bench in ALL.iter().filter(is_wanted) {
        if arguments.list {
            writeln!(out, "{}", bench.name)?;
        } else if arguments.once {
            writeln!(out, "{}\t{}", bench.name, harness::once(bench))?;
        } else {
            let timing = harness::time(bench, arguments.runs);
            let harness::Timing { median, least, on_cpu } = timing;
            let name = bench.name;
            writeln!(out, "{name:32} {median:9.1} ns/item  (least {least:.1}, on the core {on_cpu:.1})")?;
        }
    }
    Ok(())
}
