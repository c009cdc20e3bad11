//! How reports are told: as a table to a person, as JSON to a program; and pieces of text that several of them have.

use crate::output;
use crate::run;
use anyhow::Result;
use serde::Serialize;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;
use weir_model::{Context, Indicator, Timestamp, Tlp};

pub(crate) use run::now;

/// Writes a report to standard output.
pub(crate) fn tell<T: Serialize>(is_json: bool, report: &T, text: impl Fn(&T) -> String) -> Result<()> {
    let text = if is_json { format!("{}\n", serde_json::to_string_pretty(report)?) } else { text(report) };
    let mut out = output::open(Path::new("-"))?;
    // Whoever closed standard output does not want to know.
    drop(out.write_all(text.as_bytes()));
    Ok(())
}

/// `2026-11-22 21:04:05Z`: to the second.
pub(crate) fn dated(time: Timestamp) -> String {
    let text = Timestamp::new(time.as_nanos() / 1_000_000_000, 0).to_string();
    let text = text.split('.').next().unwrap_or_default().trim_end_matches('Z').replacen('T', " ", 1);
    format!("{text}Z")
}

/// `5 min ago`, `in 2 h`, `now`.
pub(crate) fn relative(time: Timestamp, now: Timestamp) -> String {
    if time <= now {
        match rough(now.since(time)) {
            None => "now".to_owned(),
            Some(span) => format!("{span} ago"),
        }
    } else {
        rough(time.since(now)).map_or_else(|| "now".to_owned(), |span| format!("in {span}"))
    }
}

fn rough(span: Duration) -> Option<String> {
    let seconds = span.as_secs();
    Some(match seconds {
        0 => return None,
        1..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    })
}

/// `1 indicator`, `12 indicators`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    let text = crate::summary::number(number);
    if number == 1 { format!("{text} {noun}") } else { format!("{text} {noun}s") }
}

/// Who says so, the strictest marking, and the first description.
pub(crate) fn contexts_of(indicator: &Indicator) -> (Vec<String>, Option<&'static str>, Option<String>) {
    let mut sources: Vec<_> = indicator.contexts.iter().map(place).collect();
    sources.dedup();
    let tlp = indicator.contexts.iter().filter_map(|context| context.tlp).max().map(Tlp::keyword);
    let says = indicator.contexts.iter().find_map(|context| context.description.as_deref());
    (sources, tlp, says.map(str::to_owned))
}

/// The source and the line.
fn place(context: &Context) -> String {
    context.line.map_or_else(|| context.source.to_string(), |line| format!("{}:{line}", context.source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_for_people() {
        let now = Timestamp::new(1_795_384_000, 123_456_789);
        assert_eq!(dated(now), "2026-11-22 21:46:40Z");
        let at = |seconds: u64| Timestamp::new(seconds, 0);
        assert_eq!(relative(at(1_000), at(1_000)), "now");
        assert_eq!(relative(at(1_000), at(1_090)), "90 s ago");
        assert_eq!(relative(at(1_000 + 7_200), at(1_000)), "in 2 h");
        assert_eq!(relative(at(0), at(4 * 86_400)), "4 days ago");
        assert_eq!((count(1, "hit"), count(1_234, "hit")), ("1 hit".to_owned(), "1,234 hits".to_owned()));
    }
}
