//! The flags of `weir state`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Arguments of `weir state`.
#[derive(Args, Debug)]
#[command(after_help = "\
docs/STATE.md says what is stored where and how long, and how to upgrade and to go back.

Examples:
  weir state show
  weir state backup /var/backups/weir-2026-11-23.zip
  weir state check --state /var/lib/weir
  systemctl stop weir; weir state restore /var/backups/weir-2026-11-23.zip --state /var/lib/weir; systemctl start weir")]
pub(crate) struct StateArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: StateCommand,
}

/// What can be done with the state.
#[derive(Debug, Subcommand)]
pub(crate) enum StateCommand {
    /// What is stored, how much, how old, and when it goes
    Show(StatePlaceArguments),
    /// Read all that is stored, and say what is damaged
    Check(StatePlaceArguments),
    /// Write all that is stored into one file, also while `weir run` has it
    Backup(BackupArguments),
    /// Put a backup in the place of what is stored, all of it or nothing; `weir run` must be stopped
    Restore(RestoreArguments),
}

/// Arguments of `weir state backup`.
#[derive(Args, Debug)]
pub(crate) struct BackupArguments {
    /// The file, a zip archive, readable by its owner alone: it names hosts and what they met
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Where the state is.
    #[command(flatten)]
    pub place: StatePlaceArguments,
}

/// Arguments of `weir state restore`.
#[derive(Args, Debug)]
pub(crate) struct RestoreArguments {
    /// What `weir state backup` wrote
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Where the state is.
    #[command(flatten)]
    pub place: StatePlaceArguments,
}

/// Where the state is: with a running program, or in a directory.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct StatePlaceArguments {
    /// Read settings (state, control) from this file
    #[arg(short, long, value_name = "FILE", help_heading = "Where the state is")]
    pub config: Option<PathBuf>,

    /// The state directory
    #[arg(long, value_name = "DIR", help_heading = "Where the state is")]
    pub state: Option<PathBuf>,

    /// The control socket of the `weir run` to ask [default: as for `weir run`]
    #[arg(long, value_name = "PATH", help_heading = "Where the state is")]
    pub control: Option<PathBuf>,

    /// For programs: JSON
    #[arg(long)]
    pub json: bool,
}
