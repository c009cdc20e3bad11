//! Where alerts go: lines, no further than the markings of what they tell allow.

use crate::ledger::Entry;
use crate::output::Sink;
use anyhow::{Context as _, Result};
use std::io;
use weir_alert::ceiling::{UNMARKED, Under, under};
use weir_alert::{JsonLines, ecs};
use weir_model::{Alert, SourceNotice, Tlp};

/// Writes alerts and notices as lines.
pub(crate) struct AlertsOut {
    lines: JsonLines<Sink>,
    /// What is marked higher stays here.
    ceiling: Tlp,
    counts: AlertCounts,
}

/// What became of alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AlertCounts {
    /// Written, or wanted by nobody any more.
    pub written: u64,
    /// Of those, without what is marked above the ceiling.
    pub stripped: u64,
    /// Not written, because all that is said of the indicator is marked above the ceiling.
    pub withheld: u64,
}

/// Where alerts went, for the ledger.
pub(crate) fn entries(counts: &AlertCounts) -> Vec<Entry> {
    let mut entries = vec![Entry::new("written", counts.written)];
    entries.extend((counts.withheld > 0).then(|| Entry::new("withheld by their marking", counts.withheld)));
    entries
}

impl AlertsOut {
    /// Nothing written.
    pub(crate) fn new(sink: Sink, ceiling: Tlp) -> Self {
        Self { lines: JsonLines::new(sink), ceiling, counts: AlertCounts::default() }
    }

    /// Writes what of an alert may go.
    pub(crate) fn alert(&mut self, alert: &Alert) -> Result<()> {
        let written = match under(alert, self.ceiling) {
            Under::Whole => self.lines.write(|lines| ecs::alert(alert, lines)),
            Under::Part(part) => {
                self.counts.stripped += 1;
                self.lines.write(|lines| ecs::alert(&part, lines))
            }
            Under::Withheld => {
                self.counts.withheld += 1;
                return Ok(());
            }
        };
        self.counts.written += 1;
        told(written)
    }

    /// Writes a notice about a source, if it may go.
    pub(crate) fn notice(&mut self, notice: &SourceNotice) -> Result<()> {
        if notice.tlp().unwrap_or(UNMARKED) > self.ceiling {
            return Ok(());
        }
        told(self.lines.write(|lines| ecs::notice(notice, lines)))
    }

    /// Has the reader get it all.
    pub(crate) fn flush(&mut self) -> Result<()> {
        told(self.lines.flush())
    }

    /// Nobody reads any more.
    pub(crate) fn reader_left(&self) -> bool {
        self.lines.reader_left()
    }

    /// What was written so far.
    pub(crate) const fn counts(&self) -> AlertCounts {
        self.counts
    }
}

fn told(written: io::Result<()>) -> Result<()> {
    written.context("cannot write alerts")
}
