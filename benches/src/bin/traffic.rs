//! Writes traffic made to order as a capture to standard output.

use clap::Parser;
use std::io::{self, BufWriter, IsTerminal as _};
use std::process::ExitCode;
use weir_bench::traffic::{Profile, Traffic};
use weir_capture::write::PcapWriter;
use weir_model::frame::LinkType;

/// Writes traffic made to order as a pcap file to standard output: the same bytes for the same arguments.
#[derive(Debug, Parser)]
#[command(name = "weir-traffic", max_term_width = 110)]
struct Arguments {
    /// What kind of traffic
    profile: Profile,

    /// How many packets
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    packets: u64,

    /// Flows: in all (spread, elephants), open at a time (campus), real ones (synflood)
    #[arg(long, value_name = "N")]
    flows: Option<u64>,

    /// Another seed, other traffic
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match write(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the only thing that it ever has to say")]
            {
                eprintln!("weir-traffic: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

fn write(arguments: &Arguments) -> io::Result<()> {
    let out = io::stdout().lock();
    if out.is_terminal() {
        return Err(io::Error::other("a capture is nothing for a terminal: redirect it to a file"));
    }
    let flows = arguments.flows.unwrap_or_else(|| arguments.profile.default_flows());
    let mut traffic = Traffic::new(arguments.profile, arguments.seed, flows);
    let mut capture = PcapWriter::new(BufWriter::with_capacity(1 << 20, out), LinkType::ETHERNET)?;
    for _ in 0..arguments.packets {
        capture.write_frame(&traffic.next_frame())?;
    }
    capture.finish().map(drop)
}
