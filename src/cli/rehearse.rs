//! The command line of `weir rehearse`.

use super::{CollectorArguments, CommonArguments, ExportedArguments};
use clap::Args;
use std::path::PathBuf;

/// Arguments of `weir rehearse`.
#[derive(Args, Debug, Default)]
#[command(after_help = "\
Nobody is alerted, and nothing is kept: flows, names, metrics and the state are left alone.

Exit codes: 0 rehearsed, 2 usage, configuration or rights, 3 input unreadable or truncated.

Examples:
  weir rehearse monday.pcap.zst --indicators lists/ --home-net 192.0.2.0/24
  weir rehearse --for 1h --interface eth1 --config /etc/weir/weir.toml
  weir rehearse --for 15m --netflow 0.0.0.0:2055 --indicators lists/ --json")]
pub(crate) struct RehearseArguments {
    /// Capture files or folders of them; `-` is standard input. Without any, --interface or a router's port is watched
    #[arg(value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,

    /// How long to watch: 90s, 15m, 1h
    #[arg(long = "for", value_name = "TIME", conflicts_with = "captures", required_unless_present_any = ["captures", "datagrams"])]
    pub time: Option<String>,

    /// Print JSON instead of tables
    #[arg(long)]
    pub json: bool,

    /// An interface to watch; give it twice for a tap whose two directions arrive on two interfaces
    #[arg(long, value_name = "NAME", help_heading = "What is read")]
    pub interface: Vec<String>,

    /// What is heard of routers.
    #[command(flatten)]
    pub collector: CollectorArguments,

    /// Routers' records in captures.
    #[command(flatten)]
    pub exported: ExportedArguments,

    /// What other commands take.
    #[command(flatten)]
    pub common: CommonArguments,
}
