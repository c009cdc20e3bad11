//! `weir status`: asks a running `weir run` how it is.

use crate::Outcome;
use crate::cli::StatusArguments;
use anyhow::{Result, bail};

/// Runs the command.
pub(crate) fn run(arguments: &StatusArguments) -> Result<Outcome> {
    match (&arguments.control, arguments.json) {
        (Some(path), _) => bail!("nobody answers at {}", path.display()),
        (None, _) => bail!("no `weir run` answers"),
    }
}
