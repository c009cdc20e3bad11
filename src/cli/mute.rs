//! The flags of `weir mute` and `weir unmute`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Arguments of `weir mute`.
#[derive(Args, Debug, Default)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
A mute silences alerts that ring for the value or what lies in or below it: an address with its ports, a network with its addresses, a
domain with the names below it. Something else that is bad about the same flows still rings. It ends by itself; who muted what, when and
why is in audit.jsonl in the state directory (docs/ALERTING.md).

Examples:
  weir mute cdn.example --for 30d --reason 'shared hosting, ticket 4711'
  weir mute 203.0.113.0/24 --host 10.1.2.3 --for 8h --reason 'scanner is tested'
  weir mute list
  weir unmute cdn.example")]
pub(crate) struct MuteArguments {
    /// What to do otherwise.
    #[command(subcommand)]
    pub command: Option<MuteCommand>,

    /// An address, network, name, URL, fingerprint: as indicators are written, defanged or not
    #[arg(required = true, value_name = "VALUE")]
    pub value: Option<String>,

    /// Only incidents about hosts in this network
    #[arg(long, value_name = "CIDR")]
    pub host: Option<String>,

    /// How long: 8h, 30d, 2w; a year at most
    #[arg(long = "for", required = true, value_name = "TIME")]
    pub time: Option<String>,

    /// Why, for whoever finds it muted
    #[arg(long, required = true, value_name = "TEXT")]
    pub reason: Option<String>,

    /// Where they are.
    #[command(flatten)]
    pub place: MutePlaceArguments,
}

/// What else can be done with mutes.
#[derive(Debug, Subcommand)]
pub(crate) enum MuteCommand {
    /// What is muted, until when, why, and how often it silenced something; what ended in the last 30 days, too
    List(MutePlaceArguments),
}

/// Arguments of `weir unmute`.
#[derive(Args, Debug, Default)]
pub(crate) struct UnmuteArguments {
    /// What is muted, as `weir mute list` has it
    #[arg(value_name = "VALUE")]
    pub value: String,

    /// For which hosts it is muted, where it is for some
    #[arg(long, value_name = "CIDR")]
    pub host: Option<String>,

    /// Why, for the audit journal
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,

    /// Where they are.
    #[command(flatten)]
    pub place: MutePlaceArguments,
}

/// Where the mutes are: with a running program, or in a state directory that no program has.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct MutePlaceArguments {
    /// Read settings (state, control) from this file
    #[arg(short, long, value_name = "FILE", help_heading = "Where they are")]
    pub config: Option<PathBuf>,

    /// The state directory
    #[arg(long, value_name = "DIR", help_heading = "Where they are")]
    pub state: Option<PathBuf>,

    /// The control socket of the `weir run` to ask [default: as for `weir run`]
    #[arg(long, value_name = "PATH", help_heading = "Where they are")]
    pub control: Option<PathBuf>,

    /// For programs: JSON
    #[arg(long)]
    pub json: bool,
}
