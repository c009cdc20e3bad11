//! `weir config`: for people who write configurations.

use super::Settings;
use crate::Outcome;
use crate::cli::{ConfigArguments, ConfigCommand, DumpArguments};
use crate::intel::say::tell;
use anyhow::Result;
use std::collections::BTreeMap;

/// Runs `weir config`.
pub(crate) fn run(arguments: &ConfigArguments) -> Result<Outcome> {
    match &arguments.command {
        ConfigCommand::Dump(arguments) => dump(arguments),
    }
}

fn dump(arguments: &DumpArguments) -> Result<Outcome> {
    let effective = Settings::for_run(&arguments.run)?.effective();
    let all: BTreeMap<_, _> = effective.shown().map(|(key, shown)| (key, shown.to_string())).collect();
    tell(arguments.json, &all, lines)?;
    Ok(Outcome::Clean)
}

fn lines(all: &BTreeMap<&str, String>) -> String {
    all.iter().map(|(key, shown)| [key, " = ", shown, "\n"].concat()).collect()
}
