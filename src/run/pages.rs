//! What the running program tells whoever asks: `/metrics` for Prometheus, `/status` for `weir status`, and over the control socket alone
//! what `weir intel` and `weir explain` ask for: indicators may be confidential, and orders are not for everybody.

use super::board::Board;
use super::books::{Books, Moment, Wanted};
use super::health;
use super::http::{Page, Pages, Status as Answer, TEXT, Target};
use super::now;
use super::reload::Reloading;
use crate::audit::{Act, Audit};
use crate::intel::Office;
use crate::metrics::{Published, Running};
use crate::mute::{Mutes, Wish};
use crate::process::{Disk, Process};
use crate::sandbox::Confinement;
use crate::state::Copier;
use crate::status::Status;
use crate::timekeeper;
use crate::user::User;
use anyhow::Result;
use serde::Serialize;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use weir_model::text::printable;

/// Makes each page when it is asked for.
#[derive(Clone)]
pub(super) struct LivePages {
    pub board: Arc<Board>,
    pub wanted: Wanted,
    pub intel: Arc<Office>,
    pub mutes: Arc<Mutes>,
    /// Makes copies of the state; without a state directory there is nothing to copy.
    pub copier: Option<Arc<Copier>>,
    /// Where orders are written down; without a state directory there is none.
    pub audit: Option<Arc<Audit>>,
    /// The state directory.
    pub state: Option<PathBuf>,
    pub confinement: Arc<Confinement>,
    pub reloading: Arc<Reloading>,
}

/// What the control socket gives: all that, and intelligence.
#[derive(Clone)]
pub(super) struct ControlPages(pub LivePages);

/// So much of a value that somebody asked for is written down, in characters: a URL of the greatest length that is kept.
const MOST_RECORDED: usize = 2_048;

const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON: &str = "application/json";
const CONTENTS: &str = "weir\n/metrics for Prometheus\n/healthz does it make progress\n/readyz is all captured and armed\n/status as JSON\n";

impl Pages for LivePages {
    fn page(&self, target: &Target) -> Option<Page> {
        match target.path.as_str() {
            "/" => Some(Page::new(TEXT, CONTENTS.to_owned())),
            "/metrics" => self.metrics().map(|body| Page::new(METRICS, body)),
            "/status" => Some(json_page(&self.status(&self.books()))),
            "/healthz" => Some(health::alive(&self.status(&self.books()))),
            "/readyz" => Some(health::ready(&self.status(&self.books()))),
            _ => None,
        }
    }
}

impl LivePages {
    fn books(&self) -> Books {
        Books::new(self.board.see(), self.wanted, Moment::Running)
    }

    /// Everything at this moment.
    #[expect(clippy::disallowed_methods, reason = "it is said how long ago something was lost")]
    fn status(&self, books: &Books) -> Status {
        let status = Status {
            intelligence: self.intel.status(),
            indicators: self.intel.set(),
            reload: self.reloading.status(),
            mutes_active: self.mutes.active(now()),
            clock: timekeeper::quality().into(),
            disk: self.state.as_deref().and_then(Disk::of),
            threads: health::threads(),
            sandbox: self.confinement.parts().to_vec(),
            ..books.status()
        };
        let checks = health::checks(&status, self.intel.is_armed());
        let losses = self.board.losses().look(&status, Instant::now());
        Status { checks, losses, ..status }
    }

    fn metrics(&self) -> Option<String> {
        let books = self.books();
        let (status, counters, stages) = (self.status(&books), books.counters(), books.stages());
        let stages: Vec<_> = stages.iter().map(|(stage, times)| (*stage, times)).collect();
        let latency = books.latency();
        let running =
            Running { status: &status, latency: &latency, process: Some(Process::look()), now: now() };
        let published = Published {
            ledger: &status.ledger,
            counters: &counters,
            stages: &stages,
            running: Some(running),
        };
        published.render().ok()
    }
}

impl Pages for ControlPages {
    fn page(&self, target: &Target) -> Option<Page> {
        let intel = &self.0.intel;
        let first = |name| target.all(name).next().unwrap_or_default();
        match target.path.as_str() {
            "/sinks" => Some(json_page(&self.0.board.sinks())),
            "/intel/where" => Some(json_page(&intel.whereabouts())),
            "/intel/sources" => Some(match intel.status() {
                Some(status) => json_page(&status),
                None => Page::problem(Answer::NotFound, "the running weir has no sources"),
            }),
            "/intel/order" => intel.order_state(first("ticket")).map(|state| json_page(&state)),
            "/reload" => self.0.reloading.order_state(first("ticket")).map(|state| json_page(&state)),
            "/state/copy" => self.0.copier.as_ref().map(|copier| json_page(&copier.state())),
            "/mutes" => Some(json_page(&self.0.mutes.rows(now()))),
            _ => self.0.page(target),
        }
    }

    fn order(&self, target: &Target, user: &User) -> Option<Page> {
        let first = |name| target.all(name).next();
        let word = |name| first(name).unwrap_or_default();
        match target.path.as_str() {
            "/intel/sync" => {
                let sources: Vec<_> = target.all("source").collect();
                Some(ticket_page(self.0.intel.sync(&sources)))
            }
            "/intel/release" => Some(ticket_page(self.release(word("source"), word("reason"), user))),
            "/reload" => Some(ticket_page(self.reload(user))),
            "/intel/explain" => Some(self.explain(word("value"), user)),
            "/state/copy" => Some(match &self.0.copier {
                Some(copier) => json_page(&copier.begin()),
                None => Page::problem(Answer::BadRequest, "the running weir has no state directory"),
            }),
            "/mute" => {
                let wish = Wish {
                    value: word("value"),
                    host: first("host"),
                    time: word("for"),
                    reason: word("reason"),
                };
                Some(done_page(self.0.mutes.mute(wish, user, now())))
            }
            "/unmute" => {
                let unmuted = self.0.mutes.unmute(word("value"), first("host"), word("reason"), user, now());
                Some(done_page(unmuted))
            }
            _ => None,
        }
    }
}

impl ControlPages {
    /// Who has the configuration read is written down first.
    fn reload(&self, user: &User) -> Result<u64, String> {
        if let Some(audit) = &self.0.audit {
            audit.record(user, &Act::Reload, "", now()).map_err(|error| format!("{error:#}"))?;
        }
        self.0.reloading.order().ok_or_else(|| "nothing is read again here, or not any more".to_owned())
    }

    /// Who asks is written down first: the answer tells which hosts met the value.
    fn explain(&self, value: &str, user: &User) -> Page {
        let recorded = self.0.audit.as_ref().map_or(Ok(()), |audit| {
            let value = &*printable(value, MOST_RECORDED);
            audit.record(user, &Act::Explain { value }, "", now())
        });
        match recorded.and_then(|()| self.0.intel.explain(value)) {
            Ok(known) => json_page(&known.with_mutes(self.0.mutes.covering(value, now()))),
            Err(error) => Page::problem(Answer::Unavailable, &format!("{error:#}")),
        }
    }

    /// What somebody let through is written down first.
    fn release(&self, source: &str, reason: &str, user: &User) -> Result<u64, String> {
        if let Some(audit) = &self.0.audit {
            let written = audit.record(user, &Act::IntelRelease { source }, reason, now());
            written.map_err(|error| format!("{error:#}"))?;
        }
        self.0.intel.release(source)
    }
}

fn ticket_page(ordered: Result<u64, String>) -> Page {
    match ordered {
        Ok(ticket) => Page { status: Answer::Accepted, ..json_page(&json!({ "ticket": ticket })) },
        Err(why) => Page::problem(Answer::BadRequest, &why),
    }
}

fn done_page(done: Result<impl Serialize>) -> Page {
    match done {
        Ok(row) => json_page(&row),
        Err(error) => Page::problem(Answer::BadRequest, &format!("{error:#}")),
    }
}

fn json_page(contents: &impl Serialize) -> Page {
    match serde_json::to_string(contents) {
        Ok(body) => Page::new(JSON, body),
        Err(error) => Page::problem(Answer::Unavailable, &error.to_string()),
    }
}
