//! `weir intel sync` and `release`: through a running program where there is one, else directly.

use super::place::{self, Place};
use super::report::{SyncRow, render};
use super::say::tell;
use super::view::{OrderState, Progress};
use crate::Outcome;
use crate::cli::{HoldingArguments, ReleaseArguments, SyncArguments};
use crate::percent;
use crate::service::Service;
use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Deserialize;
use std::fmt::Write as _;
use std::time::Duration;

/// How often a running program is asked how far it is.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// What answers is no program of this version.
const STRANGE: &str = "what the running weir answers is not understood; is it of another version?";

/// What is to be done with sources.
enum Task<'a> {
    Sync(&'a [String]),
    /// And why.
    Release(&'a str, &'a str),
}

/// Runs `weir intel sync`.
pub(super) fn run(arguments: &SyncArguments) -> Result<Outcome> {
    let bar = Bar::new(arguments.quiet || arguments.holding.json);
    perform(&arguments.holding, &Task::Sync(&arguments.sources), &bar)
}

/// Runs `weir intel release`.
pub(super) fn release(arguments: &ReleaseArguments) -> Result<Outcome> {
    let reason = arguments.reason.as_deref().unwrap_or_default();
    perform(&arguments.holding, &Task::Release(&arguments.source, reason), &Bar::new(true))
}

fn perform(holding: &HoldingArguments, task: &Task<'_>, bar: &Bar) -> Result<Outcome> {
    let rows = match place::to_change(holding)? {
        Place::Service(service) => through(&service, task, bar)?,
        Place::Here(mut shelf) => {
            let mut progress = |progress: Progress| bar.show(Some(&progress));
            match task {
                Task::Sync(sources) => shelf.sync(sources, &mut progress)?,
                Task::Release(source, reason) => {
                    shelf.record_release(source, reason)?;
                    shelf.release(source)?;
                    shelf.sync(&[(*source).to_owned()], &mut progress)?
                }
            }
        }
    };
    bar.clear();
    tell(holding.json, &rows, |rows| render(rows))?;
    let has_problem = rows.iter().any(|row: &SyncRow| row.outcome.is_problem());
    Ok(if has_problem { Outcome::Alerts } else { Outcome::Clean })
}

/// What a running program answers to an order.
#[derive(Deserialize)]
struct Ordered {
    ticket: u64,
}

/// Has a running program do it, and waits until it has.
fn through(service: &Service, task: &Task<'_>, bar: &Bar) -> Result<Vec<SyncRow>> {
    let order = match task {
        Task::Release(source, reason) => {
            format!("/intel/release?source={}&reason={}", percent::encode(source), percent::encode(reason))
        }
        Task::Sync(sources) => {
            let mut order = "/intel/sync?".to_owned();
            for source in *sources {
                let _ = write!(order, "source={}&", percent::encode(source));
            }
            order
        }
    };
    let Ordered { ticket } = serde_json::from_str(&service.post(&order)?).context(STRANGE)?;
    loop {
        let answer = service.get(&format!("/intel/order?ticket={ticket}"))?;
        let state: OrderState = serde_json::from_str(&answer).context(STRANGE)?;
        if state.is_done {
            return Ok(state.rows);
        }
        bar.show(state.progress.as_ref());
        std::thread::sleep(ASK_EVERY);
    }
}

/// How far it is, where somebody looks.
struct Bar {
    bar: ProgressBar,
}

impl Bar {
    fn new(is_quiet: bool) -> Self {
        let target =
            if is_quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(5) };
        Self { bar: ProgressBar::with_draw_target(None, target) }
    }

    fn show(&self, progress: Option<&Progress>) {
        let Some(progress) = progress else { return };
        let template = if progress.total.is_some() {
            "{msg:20} {bar:32} {human_pos} of {human_len} {prefix}  {eta} left"
        } else {
            "{msg:20} {spinner} {human_pos} {prefix}  {elapsed}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        progress.total.map_or_else(|| self.bar.unset_length(), |total| self.bar.set_length(total));
        self.bar.set_message(progress.source.clone());
        self.bar.set_prefix(progress.unit.clone());
        self.bar.set_position(progress.done);
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
