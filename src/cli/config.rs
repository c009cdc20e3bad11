//! The flags of `weir config`.

use super::RunArguments;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Arguments of `weir config`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  weir config example > weir.toml
  weir config check weir.toml
  weir config explain sink.NAME.tlp
  weir config dump --config weir.toml")]
pub(crate) struct ConfigArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What can be done with configurations.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say all that is wrong with a file, each with its line and what to write instead; nothing is started, and nobody asked
    Check(CheckArguments),
    /// Show what `weir run` would use: every key, and where its value is from
    Dump(Box<DumpArguments>),
    /// Write a configuration with all keys, explained, to begin with
    Example,
    /// Say what a key or a table is for, what it takes, what it is by default
    Explain(KeyArguments),
}

/// Arguments of `weir config check`.
#[derive(Args, Debug)]
#[command(after_help = "Exit codes: 0 it can be used (there may be warnings), 2 it cannot.")]
pub(crate) struct CheckArguments {
    /// The configuration [default: /etc/weir/weir.toml]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// For programs: JSON
    #[arg(long)]
    pub json: bool,
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

/// Arguments of `weir config explain`.
#[derive(Args, Debug)]
pub(crate) struct KeyArguments {
    /// A key or a table, as it stands in the file: idle_timeout, storm.per_minute, sink.NAME.tlp, sink.soc.tlp, tlp
    #[arg(value_name = "KEY")]
    pub key: String,
}
