//! Where alerts go: lines, no further than the markings of what they tell allow.

use crate::ledger::Entry;
use crate::output::Sink;
use anyhow::{Context as _, Result};
use std::io;
use weir_alert::marking::{Under, under};
use weir_alert::{Format, JsonLines};
use weir_model::{Alert, Tlp};

/// Writes alerts as lines.
pub(crate) struct AlertsOut {
    lines: JsonLines<Sink>,
    /// What is marked higher stays here.
    ceiling: Tlp,
    format: Format,
    counts: AlertCounts,
}

/// What became of alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AlertCounts {
    /// Written whole, or wanted by nobody any more.
    pub written: u64,
    /// Written without what is marked above the ceiling.
    pub stripped: u64,
    /// Not written, because all that is said of the indicator is marked above the ceiling.
    pub withheld: u64,
}

/// Where alerts went, for the ledger.
pub(crate) fn entries(counts: &AlertCounts) -> Vec<Entry> {
    let by_marking = [
        ("written in part, by their marking", counts.stripped),
        ("withheld by their marking", counts.withheld),
    ];
    let by_marking = by_marking.into_iter().filter(|(_, count)| *count > 0);
    let written = Entry::new("written", counts.written);
    [written].into_iter().chain(by_marking.map(|(name, count)| Entry::new(name, count))).collect()
}

impl AlertsOut {
    /// Nothing written.
    pub(crate) fn new(sink: Sink, ceiling: Tlp, format: Format) -> Self {
        Self { lines: JsonLines::new(sink), ceiling, format, counts: AlertCounts::default() }
    }

    /// Writes what of an alert may go.
    pub(crate) fn alert(&mut self, alert: &Alert) -> Result<()> {
        let Self { lines, format, .. } = self;
        let (count, written) = match under(alert, self.ceiling) {
            Under::Whole => (&mut self.counts.written, lines.write(|lines| format.alert(alert, lines))),
            Under::Part(part) => (&mut self.counts.stripped, lines.write(|lines| format.alert(&part, lines))),
            Under::Withheld => (&mut self.counts.withheld, Ok(())),
        };
        *count += 1;
        told(written)
    }

    /// Has the reader get it all.
    pub(crate) fn flush(&mut self) -> Result<()> {
        told(self.lines.flush())
    }

    /// What was written so far.
    pub(crate) const fn counts(&self) -> AlertCounts {
        self.counts
    }
}

fn told(written: io::Result<()>) -> Result<()> {
    written.context("cannot write alerts")
}
