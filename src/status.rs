//! `weir status`: asks a running `weir run` how it is.

mod clock;
mod collector;
mod findings;
mod intel;
mod losses;
mod rates;
mod reload;
mod sandbox;
mod screen;
mod sinks;
mod snapshot;
mod table;

pub(crate) use clock::ClockStatus;
pub(crate) use intel::{Health, IntelStatus, SetStatus, SourceStatus};
pub(crate) use losses::Loss;
pub(crate) use reload::ReloadStatus;
pub(crate) use sinks::table as sinks_table;
pub(crate) use snapshot::{
    ArmedStatus, CanaryStatus, Check, CollectorStatus, CollectorThreadStatus, Count, ExporterRow,
    InterfaceStatus, QueueStatus, SocketStatus, SpoolStatus, StageStatus, Status, TableStatus, ThreadStatus,
    VERSION, WorkerStatus,
};

use crate::Outcome;
use crate::cli::StatusArguments;
use crate::output::complain;
use crate::service::Service;
use anyhow::{Context as _, Result, bail};
use findings::findings;
use rates::Rates;
use screen::{Colour, Screen, show};
use serde::Deserialize;
use std::time::Duration;

/// Between two looks, from which rates are made.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// Runs the command.
pub(crate) fn run(arguments: &StatusArguments) -> Result<Outcome> {
    let screen = Screen::new();
    if let Some(seconds) = arguments.watch {
        watch(arguments, Duration::from_secs(seconds), &screen);
        return Ok(Outcome::Clean);
    }
    let (answer, first) = look(arguments)?;
    let status = if arguments.json {
        show(&format!("{}\n", answer.trim_end()));
        first
    } else {
        std::thread::sleep(BETWEEN_LOOKS);
        let (_, status) = look(arguments)?;
        let rates = Rates::between(&first, &status);
        show(&table::render(&status, &findings(&status), rates.as_ref(), &screen));
        status
    };
    Ok(if status.is_well() { Outcome::Clean } else { Outcome::Alerts })
}

/// Looks again and again, until Ctrl-C or until nobody reads any more; a program that is away is waited for.
fn watch(arguments: &StatusArguments, interval: Duration, screen: &Screen) {
    let mut before: Option<Status> = None;
    loop {
        let is_seen = match look(arguments) {
            Ok((answer, _)) if arguments.json => show(&format!("{}\n", answer.trim_end())),
            Ok((_, status)) => {
                let rates = before.as_ref().and_then(|before| Rates::between(before, &status));
                let text = table::render(&status, &findings(&status), rates.as_ref(), screen);
                before = Some(status);
                screen.show_anew(&text)
            }
            Err(error) if arguments.json => {
                complain(&format!("{error:#}"));
                true
            }
            Err(error) => screen.show_anew(&format!("{} {error:#}\n", screen.paint("WRONG", Colour::Wrong))),
        };
        if !is_seen {
            return;
        }
        std::thread::sleep(interval);
    }
}

fn look(arguments: &StatusArguments) -> Result<(String, Status)> {
    let answer = Service::find(arguments.control.as_deref())?.get("/status")?;
    let status = parse(&answer)?;
    Ok((answer, status))
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
