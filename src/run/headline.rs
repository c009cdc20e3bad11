//! The line of `systemctl status`: what comes in, what is open, what was told, and whether somebody should look.

use super::board::Board;
use super::books::{Books, Moment, Wanted};
use crate::status::Status;
use crate::supervisor;
use std::time::{Duration, Instant};

/// How often it is made: rates are of this time.
const EVERY: Duration = Duration::from_secs(10);

/// Makes it now and then, where a service manager listens.
pub(super) struct Headline {
    due: Instant,
    last: Option<(Instant, Totals)>,
}

/// What rates are made of.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    packets: u64,
    bytes: u64,
    records: u64,
}

impl Headline {
    /// None made yet.
    #[expect(clippy::disallowed_methods, reason = "rates are by the clock")]
    pub(super) fn new() -> Self {
        Self { due: Instant::now(), last: None }
    }

    /// To be called again and again.
    #[expect(clippy::disallowed_methods, reason = "rates are by the clock")]
    pub(super) fn look(&mut self, board: &Board, wanted: Wanted) {
        let now = Instant::now();
        if now < self.due || !supervisor::is_listening() {
            return;
        }
        self.due = now + EVERY;
        let status = Books::new(board.see(), wanted, Moment::Running).status();
        let totals = Totals::of(&status);
        let since = self.last.replace((now, totals));
        let rates = since.map(|(then, before)| (totals, before, now.saturating_duration_since(then)));
        supervisor::status(&line(&status, rates));
    }
}

impl Totals {
    fn of(status: &Status) -> Self {
        let records = status.collector.iter().flat_map(|collector| &collector.threads);
        Self {
            packets: status.workers.iter().map(|worker| worker.packets).sum(),
            bytes: status.workers.iter().map(|worker| worker.bytes).sum(),
            records: records.map(|thread| thread.records).sum(),
        }
    }
}

fn line(status: &Status, rates: Option<(Totals, Totals, Duration)>) -> String {
    let mut said = Vec::new();
    if let Some((after, before, time)) = rates {
        let rate =
            |after: u64, before: u64| after.saturating_sub(before) as f64 / time.as_secs_f64().max(0.001);
        if !status.workers.is_empty() {
            let bits = rate(after.bytes, before.bytes) * 8.0 / 1e6;
            said.push(format!("{:.0} packets/s, {bits:.1} Mbit/s", rate(after.packets, before.packets)));
        }
        if status.collector.is_some() {
            said.push(format!("{:.0} records/s", rate(after.records, before.records)));
        }
    }
    let alerts: u64 = status.alerts.iter().map(|alert| alert.count).sum();
    said.push(format!("{} flows open, {alerts} alerts", status.flows_open));
    said.push(if status.is_well() { "all is well" } else { "something is wrong: weir status" }.to_owned());
    said.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::WorkerStatus;

    #[test]
    fn a_line_has_rates_when_there_were_two_looks() {
        let worker = WorkerStatus { packets: 5_000, bytes: 1 << 20, ..WorkerStatus::default() };
        let status = Status { workers: vec![worker], is_balanced: true, flows_open: 7, ..Status::default() };
        assert_eq!(line(&status, None), "7 flows open, 0 alerts; all is well");
        let before = Totals { packets: 1_000, ..Totals::default() };
        let rates = Some((Totals::of(&status), before, Duration::from_secs(10)));
        assert_eq!(line(&status, rates), "400 packets/s, 0.8 Mbit/s; 7 flows open, 0 alerts; all is well");
        let lost = Status { is_balanced: false, ..status };
        assert!(line(&lost, None).ends_with("something is wrong: weir status"));
    }
}
