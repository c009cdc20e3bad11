//! `weir run`: interfaces in, alerts out as they come.

use crate::Outcome;
use crate::cli::RunArguments;
use crate::config::Settings;
use anyhow::{Result, bail};

/// Runs the command.
pub(crate) fn run(arguments: &RunArguments) -> Result<Outcome> {
    let (_settings, tap) = Settings::for_run(arguments)?;
    bail!("cannot watch {}: live capture is not part of this build", tap.interfaces.join(", "))
}
