//! How sinks are, for whoever asks.

use crate::latency::{Distribution, Latency, Quantiles};
use crate::ledger::{Boundary, Entry};
use crate::run::now;
use crate::status::SpoolStatus;
use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use weir_alert::courier::{Hatch, Watch, Watched};
use weir_alert::sinks::Kind;
use weir_alert::spool::{Counts, Spool, SpoolState};
use weir_model::{Timestamp, Tlp};

/// Looks at all sinks of a run.
pub(crate) struct Overlook {
    spool: Spool,
    rows: ArcSwap<Vec<Arc<Row>>>,
}

/// A way out of a sink, and where it can be looked at.
#[derive(Debug)]
pub(super) struct Row {
    pub sink: String,
    pub part: &'static str,
    pub kind: &'static str,
    pub ceiling: Tlp,
    pub sends: Vec<Kind>,
    pub watch: Arc<Watch>,
    /// In the spool until delivered.
    pub latency: Arc<Mutex<Latency>>,
    pub hatch: Option<Hatch>,
    /// Messages that had expired before this run began.
    pub expired_before: u64,
}

/// How a way out of a sink is. Times are seconds since 1970.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct SinkRow {
    /// As the operator calls it; of a sink with several ways out with the name of this one.
    pub name: String,
    /// `kafka`, `file` ...
    pub kind: String,
    /// The highest marking that may go there, as FIRST writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<String>,
    /// Messages for it since it was first configured.
    pub spooled: u64,
    /// Those that it has, in part and stripped ones included.
    pub delivered: u64,
    pub in_part: u64,
    pub stripped: u64,
    /// Those that wait.
    pub waiting: u64,
    /// How long the oldest of them has waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_seconds: Option<u64>,
    /// Not wanted.
    pub filtered: u64,
    /// Marked higher than may go there.
    pub withheld: u64,
    /// Refused by the receiver.
    pub refused: u64,
    /// Too old, or no room: gone without having been delivered.
    pub expired: u64,
    /// Those of them in this run.
    pub expired_in_run: u64,
    /// Since when nothing works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<u64>,
    /// What went wrong last, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error_at: Option<u64>,
    /// How often the sink broke down, and was opened again.
    pub breakdowns: u64,
    /// From the spool to the receiver, in microseconds.
    pub latency: Quantiles,
    /// The same for metrics.
    #[serde(skip)]
    pub distribution: Distribution,
    /// Flows, names and the ledger.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freight: Vec<FreightRow>,
}

/// Flows, names or the ledger on their way to a sink.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct FreightRow {
    /// `flows`, `names`, `ledger`.
    pub name: String,
    pub offered: u64,
    pub delivered: u64,
    pub refused: u64,
    /// No room in the queue, or on the disk.
    pub lost: u64,
    /// Spooled, and too old or no room: gone without having been delivered.
    #[serde(default)]
    pub expired: u64,
    /// Those of them in this run.
    #[serde(default)]
    pub expired_in_run: u64,
    pub waiting: u64,
}

impl Overlook {
    pub(super) fn new(spool: Spool) -> Self {
        Self { spool, rows: ArcSwap::default() }
    }

    /// Looks at these from here on.
    pub(super) fn show(&self, rows: Vec<Arc<Row>>) {
        self.rows.store(Arc::new(rows));
    }

    /// How all are at this moment.
    pub(crate) fn rows(&self) -> Vec<SinkRow> {
        self.look().0
    }

    /// The same, and how the spool is.
    pub(crate) fn look(&self) -> (Vec<SinkRow>, SpoolStatus) {
        let (state, now) = (self.spool.state(), now());
        let rows = self.rows.load().iter().map(|row| row.look(&state, now)).collect();
        let spool = SpoolStatus {
            bytes: state.bytes,
            limit_bytes: state.limit_bytes,
            messages: state.entries,
            oldest_seconds: state.oldest.map(|oldest| now.since(oldest).as_secs()),
            appended: state.appended,
            expired: state.expired,
        };
        (rows, spool)
    }

    /// Nobody will ever take anything any more.
    pub(crate) fn is_over(&self) -> bool {
        let rows = self.rows.load();
        !rows.is_empty() && rows.iter().all(|row| row.watch.look().is_over)
    }
}

impl Row {
    pub(super) fn name(&self) -> String {
        if self.part.is_empty() { self.sink.clone() } else { format!("{} {}", self.sink, self.part) }
    }

    fn look(&self, state: &SpoolState, now: Timestamp) -> SinkRow {
        let is_own = |sink: &str, part: &str| sink == self.sink && part == self.part;
        let cursor = state.cursors.iter().find(|cursor| is_own(&cursor.sink, &cursor.part));
        let counts = cursor.map_or_else(Counts::default, |cursor| cursor.counts);
        let Watched { failing_since, last_error, waits_since, breakdowns, .. } = self.watch.look();
        let (last_error_at, last_error) = last_error.unzip();
        let (latency, distribution) = {
            let latency = self.latency.lock().unwrap_or_else(PoisonError::into_inner);
            (latency.quantiles(), latency.distribution())
        };
        SinkRow {
            name: self.name(),
            kind: self.kind.to_owned(),
            ceiling: Some(self.ceiling.keyword().to_owned()),
            spooled: counts.spooled,
            delivered: counts.delivered,
            in_part: counts.in_part,
            stripped: counts.stripped,
            waiting: counts.waiting(),
            oldest_seconds: waits_since
                .filter(|_| counts.waiting() > 0)
                .map(|since| now.since(since).as_secs()),
            filtered: counts.filtered,
            withheld: counts.withheld,
            refused: counts.refused,
            expired: counts.expired,
            expired_in_run: counts.expired.saturating_sub(self.expired_before),
            failing_since: failing_since.map(seconds),
            last_error,
            last_error_at: last_error_at.map(seconds),
            breakdowns,
            latency,
            distribution,
            freight: self.freight(),
        }
    }

    fn freight(&self) -> Vec<FreightRow> {
        let Some(hatch) = &self.hatch else { return Vec::new() };
        let kinds = self.sends.iter().filter(|kind| **kind != Kind::Alert);
        let row = |kind: &Kind| {
            let counts = hatch.counts(*kind);
            FreightRow {
                name: kind.plural().to_owned(),
                offered: counts.offered,
                delivered: counts.delivered,
                refused: counts.refused,
                lost: counts.lost,
                expired: counts.expired,
                expired_in_run: counts.expired_in_run,
                waiting: counts.waiting(),
            }
        };
        kinds.map(row).collect()
    }
}

impl SinkRow {
    /// Whether nobody has to look after it.
    pub(crate) fn is_well(&self) -> bool {
        self.failing_since.is_none() && self.lost_in_run() == 0
    }

    /// Messages, flows and names that it did not get, since the start.
    pub(crate) fn lost_in_run(&self) -> u64 {
        let of_freight = self.freight.iter().map(|freight| freight.lost + freight.expired_in_run);
        self.expired_in_run + of_freight.sum::<u64>()
    }

    /// Where its messages are, and its flows, names and ledgers.
    pub(crate) fn boundaries(&self) -> Vec<Boundary> {
        let messages = Boundary {
            unit: format!("messages for {}", self.name),
            entered: Entry::new("spooled", self.spooled),
            left: vec![
                Entry::new("delivered", self.delivered),
                Entry::held("waiting", self.waiting),
                Entry::new("not wanted", self.filtered),
                Entry::new("withheld by their marking", self.withheld),
                Entry::new("refused", self.refused),
                Entry::new("expired unsent", self.expired),
            ],
        };
        let freight = self.freight.iter().map(|freight| Boundary {
            unit: format!("{} for {}", freight.name, self.name),
            entered: Entry::new("sent", freight.offered),
            left: vec![
                Entry::new("delivered", freight.delivered),
                Entry::held("waiting", freight.waiting),
                Entry::new("refused", freight.refused),
                Entry::new("lost for want of room", freight.lost),
                Entry::new("expired unsent", freight.expired),
            ],
        });
        std::iter::once(messages).chain(freight).collect()
    }

    /// What waits for it at the end of a run, for people.
    pub(crate) fn left(&self, is_kept: bool) -> Option<String> {
        let becomes = if is_kept {
            "they go there after the next start"
        } else {
            "they are lost, because there is no state directory (--state DIR)"
        };
        let error = self.last_error.as_ref().filter(|_| self.failing_since.is_some());
        let why = error.map_or(String::new(), |error| format!(" ({error})"));
        (self.waiting > 0)
            .then(|| format!("{} messages wait for sink {}: {becomes}{why}", self.waiting, self.name))
    }
}

fn seconds(time: Timestamp) -> u64 {
    time.as_nanos() / 1_000_000_000
}
