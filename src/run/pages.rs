//! What the running program tells whoever asks: `/metrics` for Prometheus, `/status` for `weir status`.

use super::board::Board;
use super::books::{Books, Moment, Wanted};
use super::http::{Page, Pages};
use crate::metrics::Published;
use std::sync::Arc;

/// Makes each page when it is asked for.
#[derive(Clone)]
pub(super) struct LivePages {
    pub board: Arc<Board>,
    pub wanted: Wanted,
}

const TEXT: &str = "text/plain; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

impl Pages for LivePages {
    fn page(&self, path: &str) -> Option<Page> {
        let (media_type, body) = match path {
            "/" => (TEXT, Some("weir\n/metrics for Prometheus\n/status as JSON\n".to_owned())),
            "/metrics" => (METRICS, self.metrics()),
            "/status" => ("application/json", serde_json::to_string(&self.books().status()).ok()),
            _ => return None,
        };
        body.map(|body| Page { media_type, body })
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
        let published = Published {
            ledger: &ledger,
            counters: &counters,
            stages: &stages,
            quantiles: &quantiles,
            interfaces: &interfaces,
            collector: collector.as_ref(),
        };
        published.render().ok()
    }
}
