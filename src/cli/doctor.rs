//! The command line of `weir doctor`.

use super::{CollectorArguments, CommonArguments};
use clap::Args;

/// Arguments of `weir doctor`.
#[derive(Args, Debug, Default)]
#[command(after_help = "\
Looks at the machine as `weir run` with the same settings would use it; nothing is changed, and a running weir is left alone.

Exit codes: 0 nothing is wrong, 1 something is, 2 usage or configuration.

Examples:
  weir doctor --config /etc/weir/weir.toml
  sudo weir doctor --interface eth1 --size 10m
  weir doctor --json --config weir.toml | jq '.findings[] | select(.verdict == \"wrong\")'")]
pub(crate) struct DoctorArguments {
    /// Watch the interfaces for so long, too, and say what memory and disk their traffic needs
    #[arg(long, value_name = "TIME")]
    pub size: Option<String>,

    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,

    /// An interface that is to be watched
    #[arg(long, value_name = "NAME", help_heading = "What is read")]
    pub interface: Vec<String>,

    /// Memory of the kernel for packets that wait, per interface and worker [default: 64MiB]
    #[arg(long, value_name = "BYTES", help_heading = "What is read")]
    pub ring_size: Option<String>,

    /// What is heard of routers.
    #[command(flatten)]
    pub collector: CollectorArguments,

    /// What other commands take.
    #[command(flatten)]
    pub common: CommonArguments,
}
