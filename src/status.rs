//! `weir status`: asks a running `weir run` how it is.

mod collector;
mod intel;
mod sinks;
mod snapshot;
mod table;

pub(crate) use intel::{Health, IntelStatus, SetStatus, SourceStatus};
pub(crate) use sinks::table as sinks_table;
pub(crate) use snapshot::{
    CanaryStatus, Check, CollectorStatus, CollectorThreadStatus, Count, ExporterRow, InterfaceStatus,
    QueueStatus, SocketStatus, SpoolStatus, StageStatus, Status, TableStatus, ThreadStatus, VERSION,
    WorkerStatus,
};

use crate::Outcome;
use crate::cli::StatusArguments;
use crate::output;
use crate::service::Service;
use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use std::io::Write as _;
use std::path::Path;

/// Runs the command.
pub(crate) fn run(arguments: &StatusArguments) -> Result<Outcome> {
    let answer = Service::find(arguments.control.as_deref())?.get("/status")?;
    let status = parse(&answer)?;
    let text = if arguments.json { format!("{}\n", answer.trim_end()) } else { table::render(&status) };
    let mut out = output::open(Path::new("-"))?;
    // Whoever closed standard output does not want to know.
    drop(out.write_all(text.as_bytes()));
    Ok(if status.is_well() { Outcome::Clean } else { Outcome::Alerts })
}

fn parse(answer: &str) -> Result<Status> {
    #[derive(Deserialize)]
    struct Head {
        version: u32,
    }
    let head: Head = serde_json::from_str(answer).context("what answers is no weir")?;
    if head.version != VERSION {
        bail!("it answers in version {}, and this weir knows version {VERSION} only", head.version);
    }
    serde_json::from_str(answer).context("its answer is damaged")
}
