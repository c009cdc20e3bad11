//! The flags of `weir capture-helper`, which only `weir run` gives.

use clap::Args;

/// Arguments of `weir capture-helper`.
#[derive(Args, Debug)]
pub(crate) struct CaptureHelperArguments {
    /// An interface that may be asked for; the first is number 0
    #[arg(long, value_name = "NAME", required = true)]
    pub interface: Vec<String>,

    /// Rings that each interface gets
    #[arg(long, value_name = "N")]
    pub workers: usize,

    /// Memory of each ring
    #[arg(long, value_name = "BYTES")]
    pub ring_bytes: usize,

    /// Bytes kept of each packet
    #[arg(long, value_name = "BYTES")]
    pub snaplen: usize,

    /// Only packets that match this filter
    #[arg(long, value_name = "EXPRESSION")]
    pub bpf: Option<String>,

    /// Only packets that are for this host
    #[arg(long)]
    pub no_promiscuous: bool,
}
