//! What the running program tells whoever asks: `/metrics` for Prometheus, `/status` for `weir status`, and over the control socket alone
//! what `weir intel` and `weir explain` ask for: indicators may be confidential, and orders are not for everybody.

use super::board::Board;
use super::books::{Books, Moment, Wanted};
use super::http::{Page, Pages, Status, Target};
use super::now;
use crate::audit::{Act, Audit};
use crate::intel::Office;
use crate::metrics::Published;
use crate::mute::{Mutes, Wish};
use crate::user::User;
use anyhow::Result;
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;

/// Makes each page when it is asked for.
#[derive(Clone)]
pub(super) struct LivePages {
    pub board: Arc<Board>,
    pub wanted: Wanted,
    pub intel: Arc<Office>,
    pub mutes: Arc<Mutes>,
    /// Where orders are written down; without a state directory there is none.
    pub audit: Option<Arc<Audit>>,
}

/// What the control socket gives: all that, and intelligence.
#[derive(Clone)]
pub(super) struct ControlPages(pub LivePages);

const TEXT: &str = "text/plain; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON: &str = "application/json";

impl Pages for LivePages {
    fn page(&self, target: &Target) -> Option<Page> {
        let (media_type, body) = match target.path.as_str() {
            "/" => (TEXT, Some("weir\n/metrics for Prometheus\n/status as JSON\n".to_owned())),
            "/metrics" => (METRICS, self.metrics()),
            "/status" => {
                let status =
                    crate::status::Status { intelligence: self.intel.status(), ..self.books().status() };
                (JSON, serde_json::to_string(&status).ok())
            }
            _ => return None,
        };
        body.map(|body| Page::new(media_type, body))
    }
}

impl LivePages {
    fn books(&self) -> Books {
        Books::new(self.board.see(), self.wanted, Moment::Running)
    }

    fn metrics(&self) -> Option<String> {
        let books = self.books();
        let (ledger, counters, stages) = (books.ledger(), books.counters(), books.stages());
        let stages: Vec<_> = stages.iter().map(|(stage, times)| (*stage, times)).collect();
        let (quantiles, interfaces, collector) = (books.quantiles(), books.interfaces(), books.collector());
        let intelligence = self.intel.status();
        let canaries = books.canaries();
        let published = Published {
            ledger: &ledger,
            counters: &counters,
            stages: &stages,
            quantiles: &quantiles,
            interfaces: &interfaces,
            collector: collector.as_ref(),
            intelligence: intelligence.as_ref(),
            canaries: &canaries,
            sinks: books.sinks(),
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
                None => Page::problem(Status::NotFound, "the running weir has no sources"),
            }),
            "/intel/order" => intel.order_state(first("ticket")).map(|state| json_page(&state)),
            "/mutes" => Some(json_page(&self.0.mutes.rows(now()))),
            "/intel/explain" => Some(match intel.explain(first("value")) {
                Ok(known) => json_page(&known.with_mutes(self.0.mutes.covering(first("value"), now()))),
                Err(error) => Page::problem(Status::Unavailable, &format!("{error:#}")),
            }),
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
        Ok(ticket) => Page { status: Status::Accepted, ..json_page(&json!({ "ticket": ticket })) },
        Err(why) => Page::problem(Status::BadRequest, &why),
    }
}

fn done_page(done: Result<impl Serialize>) -> Page {
    match done {
        Ok(row) => json_page(&row),
        Err(error) => Page::problem(Status::BadRequest, &format!("{error:#}")),
    }
}

fn json_page(contents: &impl Serialize) -> Page {
    match serde_json::to_string(contents) {
        Ok(body) => Page::new(JSON, body),
        Err(error) => Page::problem(Status::Unavailable, &error.to_string()),
    }
}
