//! `weir config`: for people who write configurations.

mod check;
mod dump;
mod example;
mod explain;
#[cfg(test)]
mod reference;

use crate::Outcome;
use crate::cli::{ConfigArguments, ConfigCommand};
use crate::output;
use anyhow::{Result, bail};
use std::io::Write as _;
use std::path::Path;

/// Where a service has its configuration.
pub(super) const USUAL_PLACE: &str = "/etc/weir/weir.toml";

/// Runs `weir config`.
pub(crate) fn run(arguments: &ConfigArguments) -> Result<Outcome> {
    let text = match &arguments.command {
        ConfigCommand::Check(arguments) => return check::run(arguments),
        ConfigCommand::Dump(arguments) => return dump::run(arguments),
        ConfigCommand::Example => example::example(),
        ConfigCommand::Explain(arguments) => match explain::explain(&arguments.key) {
            Ok(text) => text,
            Err(why) => bail!("{why}"),
        },
    };
    let mut out = output::open(Path::new("-"))?;
    // Whoever closed standard output does not want to know.
    drop(out.write_all(text.as_bytes()));
    Ok(Outcome::Clean)
}
