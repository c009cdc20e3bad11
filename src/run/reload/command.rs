//! `weir reload`: has a running program read its configuration again, and says what came of it.

use super::OrderState;
use crate::Outcome;
use crate::cli::ReloadArguments;
use crate::intel::say::tell;
use crate::service::Service;
use crate::status::ReloadStatus;
use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use std::fmt::Write as _;
use std::time::Duration;

/// How often the program is asked whether it is done.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// What answers is no program of this version.
const STRANGE: &str = "what the running weir answers is not understood; is it of another version?";

/// What it answers to the order.
#[derive(Deserialize)]
struct Ordered {
    ticket: u64,
}

/// Runs the command.
pub(crate) fn run(arguments: &ReloadArguments) -> Result<Outcome> {
    let service = Service::find(arguments.control.as_deref())?;
    let Ordered { ticket } = serde_json::from_str(&service.post("/reload")?).context(STRANGE)?;
    let reload = loop {
        let answer = service.get(&format!("/reload?ticket={ticket}"))?;
        let state: OrderState = serde_json::from_str(&answer).context(STRANGE)?;
        if state.is_done {
            break state.reload;
        }
        std::thread::sleep(ASK_EVERY);
    };
    if let Some(problem) = reload.problem.as_ref().filter(|_| !arguments.json) {
        bail!("not taken; what counted before counts: {problem}");
    }
    tell(arguments.json, &reload, text)?;
    Ok(match (&reload.problem, reload.wants_restart.is_empty()) {
        (Some(_), _) => Outcome::Usage,
        (None, false) => Outcome::Alerts,
        (None, true) => Outcome::Clean,
    })
}

fn text(reload: &ReloadStatus) -> String {
    let mut text = String::new();
    if reload.applied.is_empty() && reload.wants_restart.is_empty() {
        text.push_str("read again: nothing changed\n");
    }
    for key in &reload.applied {
        let _ = writeln!(text, "counts         {key}");
    }
    for key in &reload.wants_restart {
        let _ = writeln!(text, "after restart  {key}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_to_have_changed_only_where_nothing_did() {
        assert_eq!(text(&ReloadStatus::default()), "read again: nothing changed\n");
        let waits =
            ReloadStatus { wants_restart: vec!["listen: a socket".into()], ..ReloadStatus::default() };
        assert_eq!(text(&waits), "after restart  listen: a socket\n");
    }
}
