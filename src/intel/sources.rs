//! `weir intel sources`: how each source is.

use super::place::{self, Place};
use super::say::tell;
use crate::Outcome;
use crate::cli::SourcesArguments;
use crate::status::IntelStatus;
use anyhow::{Context as _, Result, bail};

/// Runs the command.
pub(super) fn run(arguments: &SourcesArguments) -> Result<Outcome> {
    if !arguments.holding.indicators.is_empty() {
        bail!("files are no sources that are asked: --indicators does not go with this");
    }
    let status: IntelStatus = match place::to_ask(&arguments.holding)? {
        Place::Service(service) => serde_json::from_str(&service.get("/intel/sources")?)
            .context("what the running weir answers is not understood; is it of another version?")?,
        Place::Here(shelf) => shelf.intel_status(),
    };
    tell(arguments.holding.json, &status, |status| {
        if status.sources.is_empty() {
            "there are no sources: each has a table [source.NAME] in the configuration\n".to_owned()
        } else {
            status.sources_table()
        }
    })?;
    Ok(if status.is_well() { Outcome::Clean } else { Outcome::Alerts })
}
