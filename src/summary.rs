//! What a person reads at the end of a run.

use crate::latency::{Quantiles, StageTimes};
use crate::ledger::{self, Ledger};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;
use weir_model::Timestamp;

/// Everything that the summary tells.
#[derive(Debug)]
pub(crate) struct Summary<'a> {
    pub inputs: String,
    pub span: Option<(Timestamp, Timestamp)>,
    pub frames: u64,
    pub frame_bytes: u64,
    pub flows: Tally,
    pub names: Tally,
    pub indicators: Tally,
    pub refused: Tally,
    /// Some of what was refused, each with file, line and reason.
    pub refused_examples: Vec<String>,
    pub talkers: Vec<(IpAddr, u64)>,
    /// Records that routers exported, where they were decoded.
    pub exported: Option<ExportedPart>,
    pub grades: Tally,
    pub directions: Tally,
    pub suppressed: Tally,
    /// Packet to message durable; of captures read later there is none.
    pub latency: Quantiles,
    pub ledger: &'a Ledger,
    pub stages: &'a [(&'static str, &'a StageTimes)],
    pub elapsed: Duration,
    /// Of packets as they came, not of captures.
    pub is_live: bool,
    /// Inputs that could not be read, or not to their end.
    pub problems: Vec<String>,
    pub warnings: Vec<String>,
}

/// What there was of exported records.
#[derive(Debug)]
pub(crate) struct ExportedPart {
    pub datagrams: u64,
    pub bytes: u64,
    /// What was in the datagrams.
    pub kinds: Tally,
    pub flows: Tally,
    /// Datagrams of which nothing was taken, by reason, and parts of others.
    pub refused: Tally,
    pub faults: Tally,
    /// Lines of a table.
    pub exporters: Vec<String>,
}

/// Counts by kind.
#[derive(Debug, Default)]
pub(crate) struct Tally(pub Vec<(&'static str, u64)>);

impl Tally {
    /// All kinds together.
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// `tcp 40, udp 45`, the kinds that occurred.
    fn kinds(&self) -> String {
        let occurred = self.0.iter().filter(|(_, count)| *count > 0);
        let kinds: Vec<_> =
            occurred.map(|(kind, count)| format!("{} {}", kind.replace('_', " "), number(*count))).collect();
        kinds.join(", ")
    }
}

/// Width at which lists of counts are broken.
pub(crate) const LINE_WIDTH: usize = 100;
const LABEL_WIDTH: usize = 13;

impl Summary<'_> {
    /// The text, with a line break at its end.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        self.head(&mut text);
        self.findings(&mut text);
        self.times(&mut text);
        text.push('\n');
        ledger::render(self.ledger, &mut text);
        for problem in &self.problems {
            let _ = writeln!(text, "problem: {problem}");
        }
        for warning in &self.warnings {
            let _ = writeln!(text, "warning: {warning}");
        }
        text
    }

    fn head(&self, text: &mut String) {
        let _ = writeln!(text, "\n{}", self.inputs);
        if let Some((first, last)) = self.span {
            let _ = writeln!(text, "  {first} to {last} ({})", time(last.since(first)));
        }
        text.push('\n');
        let elapsed_us = self.elapsed.as_micros().max(1);
        let rate = u64::try_from(u128::from(self.frames) * 1_000_000 / elapsed_us).unwrap_or(u64::MAX);
        if self.frames > 0 || self.exported.is_none() {
            row(
                text,
                "packets",
                &number(self.frames),
                &format!(
                    "{}; {} {} ({} packets/s)",
                    bytes(self.frame_bytes),
                    if self.is_live { "running for" } else { "read in" },
                    time(self.elapsed),
                    number(rate)
                ),
            );
        }
        row(text, "flows", &number(self.flows.total()), &self.flows.kinds());
        if let Some(exported) = &self.exported {
            exported.render(text);
        }
        row(text, "names", &number(self.names.total()), &self.names.kinds());
        let talkers: Vec<_> =
            self.talkers.iter().map(|(host, moved)| format!("{host} {}", bytes(*moved))).collect();
        if !talkers.is_empty() {
            row(text, "top talkers", "", &talkers.join(", "));
        }
    }

    fn findings(&self, text: &mut String) {
        row(text, "indicators", &number(self.indicators.total()), &self.indicators.kinds());
        if self.refused.total() > 0 {
            row(text, "  refused", &number(self.refused.total()), &self.refused.kinds());
            for example in &self.refused_examples {
                let _ = writeln!(text, "  {:LABEL_WIDTH$} {example}", "");
            }
        }
        row(text, "alerts", &number(self.grades.total()), &self.grades.kinds());
        if self.directions.total() > 0 {
            row(text, "", "", &self.directions.kinds());
        }
        if self.suppressed.total() > 0 {
            row(text, "  not notified", &number(self.suppressed.total()), &self.suppressed.kinds());
        }
    }

    fn times(&self, text: &mut String) {
        if self.latency.count > 0 {
            let Quantiles { count, .. } = self.latency;
            row(text, "latency", &number(count), &format!("packet to alert: {}", self.latency.text()));
        }
        let measured: Vec<_> =
            self.stages.iter().map(|(stage, times)| (stage, times, times.quantiles())).collect();
        let measured: Vec<_> = measured.into_iter().filter(|(_, _, batch)| batch.count > 0).collect();
        if self.frames == 0 || measured.is_empty() {
            return;
        }
        let _ = writeln!(
            text,
            "\n  {:LABEL_WIDTH$} {:>11}   per batch: p50    p99  p99.9    max (us)",
            "stage", "in all"
        );
        for (stage, times, batch) in measured {
            let (median, p99, p999, longest) = (batch.p50_us, batch.p99_us, batch.p999_us, batch.max_us);
            let total = time(times.total());
            let _ = writeln!(
                text,
                "  {stage:LABEL_WIDTH$} {total:>11}   {median:>14} {p99:>6} {p999:>6} {longest:>6}"
            );
        }
    }
}

impl ExportedPart {
    fn render(&self, text: &mut String) {
        let detail = [bytes(self.bytes), self.kinds.kinds()].join("; ");
        row(text, "exports", &number(self.datagrams), detail.trim_end_matches("; "));
        row(text, "  flows", &number(self.flows.total()), &self.flows.kinds());
        for (label, tally) in [("  refused", &self.refused), ("  in parts", &self.faults)] {
            if tally.total() > 0 {
                row(text, label, &number(tally.total()), &tally.kinds());
            }
        }
        for line in self.exporters.iter().filter(|_| self.exporters.len() > 1) {
            let _ = writeln!(text, "    {line}");
        }
    }
}

/// A label, a count and what it is made of, broken where it would be too wide.
fn row(text: &mut String, label: &str, count: &str, detail: &str) {
    broken(text, &format!("  {label:LABEL_WIDTH$} {count:>11}   "), detail, ", ");
}

/// `head` and the parts of `detail`, broken behind separators where the line would be too wide.
pub(crate) fn broken(text: &mut String, head: &str, detail: &str, separator: &str) {
    let indent = " ".repeat(head.len());
    let mut line = head.to_owned();
    for (index, part) in detail.split(separator).enumerate() {
        if index > 0 {
            line.push_str(separator);
            if line.len() + part.len() > LINE_WIDTH {
                text.push_str(line.trim_end());
                text.push('\n');
                line.clone_from(&indent);
            }
        }
        line.push_str(part);
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

/// `1,234,567`.
pub(crate) fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1.2 MB`, decimal units.
pub(crate) fn bytes(count: u64) -> String {
    let mut size = count as f64;
    for unit in ["B", "kB", "MB", "GB", "TB"] {
        if size < 999.5 || unit == "TB" {
            return if unit == "B" { format!("{count} B") } else { format!("{size:.1} {unit}") };
        }
        size /= 1_000.0;
    }
    format!("{count} B")
}

/// `850 ms`, `42.1 s`, `3 h 20 min`.
pub(crate) fn time(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1_000.0)
    } else if seconds < 120.0 {
        format!("{seconds:.1} s")
    } else if seconds < 7_200.0 {
        format!("{} min {} s", duration.as_secs() / 60, duration.as_secs() % 60)
    } else {
        format!("{} h {} min", duration.as_secs() / 3_600, duration.as_secs() / 60 % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(1_234_567), "1.2 MB");
        assert_eq!(bytes(999_999), "1.0 MB");
        assert_eq!(time(Duration::from_millis(850)), "850 ms");
        assert_eq!(time(Duration::from_mins(200)), "3 h 20 min");
    }

    #[test]
    fn long_rows_are_broken_between_parts() {
        let mut text = String::new();
        row(&mut text, "names", "9", &["a very long kind of name 12345"; 6].join(", "));
        assert!(text.lines().count() > 1);
        assert!(text.lines().all(|line| line.len() <= LINE_WIDTH + 30), "{text}");
    }
}
