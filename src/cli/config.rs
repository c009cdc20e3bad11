//! The flags of `weir config`.

use super::RunArguments;
use clap::{Args, Subcommand};

/// Arguments of `weir config`.
#[derive(Args, Debug)]
pub(crate) struct ConfigArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What can be done with configurations.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show what `weir run` would use: every key, with its default where nothing is said
    Dump(Box<DumpArguments>),
}

/// Arguments of `weir config dump`.
#[derive(Args, Debug)]
pub(crate) struct DumpArguments {
    /// For programs: JSON
    #[arg(long)]
    pub json: bool,

    /// As `weir run` would be started.
    #[command(flatten)]
    pub run: RunArguments,
}
