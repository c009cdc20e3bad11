//! What happens in a second, from two looks at the same program.

use super::snapshot::Status;
use std::fmt::Write as _;

/// Rates between two looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rates {
    seconds: f64,
    packets: Option<u64>,
    bytes: u64,
    dropped: u64,
    datagrams: Option<u64>,
    records: u64,
    flows: u64,
    hits: u64,
    alerts: u64,
}

impl Rates {
    /// Nothing, if it is not the same program, or no time went by.
    pub(super) fn between(before: &Status, after: &Status) -> Option<Self> {
        let is_same = before.process == after.process && before.started == after.started;
        let ms = after.uptime_ms.checked_sub(before.uptime_ms).filter(|ms| *ms > 0 && is_same)?;
        let grown = |count: fn(&Status) -> u64| count(after).saturating_sub(count(before));
        Some(Self {
            seconds: ms as f64 / 1_000.0,
            packets: (!after.interfaces.is_empty()).then(|| grown(packets)),
            bytes: grown(|status| status.workers.iter().map(|worker| worker.bytes).sum()),
            dropped: grown(dropped),
            datagrams: after.collector.is_some().then(|| grown(datagrams)),
            records: grown(records),
            flows: grown(|status| status.flows_begun),
            hits: grown(|status| status.hits),
            alerts: grown(|status| status.alerts.iter().map(|alert| alert.count).sum()),
        })
    }

    /// A line for people.
    pub(super) fn render(&self, text: &mut String) {
        text.push_str("each second  ");
        let mut told = Vec::new();
        if let Some(packets) = self.packets {
            told.push(format!("{} packets", self.each(packets)));
            told.push(format!("{}bit", self.prefixed(self.bytes.saturating_mul(8))));
        }
        if let Some(datagrams) = self.datagrams {
            told.push(format!("{} datagrams", self.each(datagrams)));
            told.push(format!("{} records", self.each(self.records)));
        }
        for (count, what) in [
            (self.flows, "new flows"),
            (self.hits, "hits"),
            (self.alerts, "alerts"),
            (self.dropped, "dropped"),
        ] {
            told.push(format!("{} {what}", self.each(count)));
        }
        let _ = writeln!(text, "{}", told.join(", "));
    }

    /// The same before a unit: `1.2 M`, `0 `.
    fn prefixed(&self, count: u64) -> String {
        let each = self.each(count);
        if each.contains(' ') { each } else { format!("{each} ") }
    }

    /// `0`, `7.5`, `120`, `1.2 k`, `3.4 M`.
    fn each(&self, count: u64) -> String {
        let mut rate = count as f64 / self.seconds;
        if count == 0 {
            return "0".to_owned();
        }
        for unit in ["", " k", " M"] {
            if rate < 999.5 {
                return if rate < 99.5 { format!("{rate:.1}{unit}") } else { format!("{rate:.0}{unit}") };
            }
            rate /= 1_000.0;
        }
        format!("{rate:.1} G")
    }
}

fn packets(status: &Status) -> u64 {
    status.workers.iter().map(|worker| worker.packets).sum()
}

fn dropped(status: &Status) -> u64 {
    let of_interfaces: u64 =
        status.interfaces.iter().map(|interface| interface.kernel_drops + interface.interface_drops).sum();
    let sockets = status.collector.iter().flat_map(|collector| &collector.sockets);
    of_interfaces + sockets.map(|socket| socket.kernel_drops).sum::<u64>()
}

fn datagrams(status: &Status) -> u64 {
    status.collector.iter().flat_map(|collector| &collector.threads).map(|thread| thread.datagrams).sum()
}

fn records(status: &Status) -> u64 {
    status.collector.iter().flat_map(|collector| &collector.threads).map(|thread| thread.records).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{CollectorStatus, InterfaceStatus, WorkerStatus};

    fn status(uptime_ms: u64, packets: u64) -> Status {
        Status {
            process: 7,
            uptime_ms,
            interfaces: vec![InterfaceStatus { kernel_drops: packets / 10, ..InterfaceStatus::default() }],
            workers: vec![WorkerStatus { packets, bytes: packets * 1_000, ..WorkerStatus::default() }],
            collector: Some(CollectorStatus::default()),
            flows_begun: packets / 100,
            ..Status::default()
        }
    }

    #[test]
    fn two_looks_make_rates() {
        let rates = Rates::between(&status(1_000, 1_000), &status(3_000, 2_501_000)).unwrap();
        let mut text = String::new();
        rates.render(&mut text);
        assert_eq!(
            text,
            "each second  1.2 M packets, 10.0 Gbit, 0 datagrams, 0 records, 12.5 k new flows, 0 hits, 0 alerts, \
             125 k dropped\n"
        );
    }

    #[test]
    fn another_process_or_no_time_make_none() {
        let before = status(1_000, 1_000);
        assert_eq!(Rates::between(&before, &Status { process: 8, ..status(2_000, 1_000) }), None);
        assert_eq!(Rates::between(&before, &before), None);
        assert_eq!(Rates::between(&before, &status(500, 1)), None);
    }
}
