//! Sinks as a person reads of them.

use crate::intel::say::{now, relative};
use crate::sinks::SinkRow;
use crate::summary::{number, time};
use crate::table::Table;
use std::fmt::Write as _;
use std::time::Duration;
use weir_model::Timestamp;

/// The table, and an empty line behind it; nothing without sinks.
pub(super) fn render(sinks: &[SinkRow], text: &mut String) {
    if !sinks.is_empty() {
        text.push_str(&table(sinks));
        text.push('\n');
    }
}

/// A row for each sink, and below it what went wrong last, which may be over.
pub(crate) fn table(sinks: &[SinkRow]) -> String {
    let mut table = Table::new(&[
        "sink",
        "type",
        "state",
        "#delivered",
        "#waiting",
        "oldest",
        "#withheld",
        "#refused",
        "#lost",
        "p99",
    ]);
    for sink in sinks {
        let state = if sink.failing_since.is_some() { "FAILING" } else { "well" };
        let p99 = Duration::from_micros(sink.latency.p99_us);
        table.row([
            sink.name.clone(),
            sink.kind.clone(),
            state.to_owned(),
            number(sink.delivered),
            number(sink.waiting),
            sink.oldest_seconds.map_or("-".to_owned(), |oldest| time(Duration::from_secs(oldest))),
            number(sink.withheld),
            number(sink.refused),
            number(
                sink.expired + sink.freight.iter().map(|freight| freight.lost + freight.expired).sum::<u64>(),
            ),
            if sink.latency.count == 0 { "-".to_owned() } else { time(p99) },
        ]);
    }
    let mut text = table.render();
    let ago = |time: Option<u64>| relative(Timestamp::new(time.unwrap_or_default(), 0), now());
    for sink in sinks {
        let Some(error) = &sink.last_error else { continue };
        let _ = match sink.failing_since {
            Some(since) => writeln!(text, "{} failing since {}: {error}", sink.name, ago(Some(since))),
            None => {
                writeln!(text, "{} works; the last error was {}: {error}", sink.name, ago(sink.last_error_at))
            }
        };
    }
    text
}
