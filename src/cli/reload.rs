//! `weir reload`.

use clap::Args;
use std::path::PathBuf;

/// Arguments of `weir reload`.
#[derive(Args, Debug, Default)]
#[command(after_help = "\
Exit codes: 0 all of it counts, 1 something counts after a restart only, 2 it is not taken (what counted before
counts), or nobody answers.

The same happens by itself when the file changes, and at SIGHUP (`systemctl reload weir`). docs/CONFIG.md says which
settings count at once.

Examples:
  weir config check /etc/weir/weir.toml && weir reload
  weir reload --json | jq .wants_restart")]
pub(crate) struct ReloadArguments {
    /// The control socket of the `weir run` to ask [default: as for `weir run`]
    #[arg(long, value_name = "PATH")]
    pub control: Option<PathBuf>,

    /// For programs: one JSON object
    #[arg(long)]
    pub json: bool,
}
