//! `docs/METRICS.md`, made from the table of metrics.

use super::declared::SECTIONS;
use super::metric::{Metric, OPEN_LABELS};
use std::fmt::Write as _;

const HEAD: &str = "\
<!-- Made from src/metrics/declared.rs by a test of src/metrics/documented.rs; do not edit. -->
# Metrics

What `weir run` publishes at `/metrics` (docs/MONITORING.md says how to collect it, and brings alert rules and a dashboard), and
`weir read --metrics FILE` writes of what it knows. Names and units keep the rules of Prometheus: seconds, bytes, `_total` at the end of
what only grows. There are no others.

";

const LABELS: &str = "\
## Labels

Values of labels come from tables in the code, or from your settings. Whoever sends something makes no series: exporters have one of their own only
where settings name them one by one (`exporter`), all others are `other` together. Where there are more values than these, what is beyond is `other`, too:

";

/// `WEIR_UPDATE_DOCS=1 cargo test -p weir metrics_reference`.
#[test]
fn metrics_reference_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/METRICS.md");
    let written = reference();
    if std::env::var_os("WEIR_UPDATE_DOCS").is_some() {
        std::fs::write(path, &written).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap_or_default() == written,
        "docs/METRICS.md differs: see this test's comment"
    );
}

fn reference() -> String {
    let mut text = HEAD.to_owned();
    for section in SECTIONS {
        write!(text, "## {}\n\n| metric | type | labels | unit | what it says, and what to do |\n|---|---|---|---|---|\n", section.title)
            .unwrap();
        for metric in section.metrics {
            row(metric, &mut text);
        }
        text.push('\n');
    }
    text.push_str(LABELS);
    text.push_str("| label | values |\n|---|---|\n");
    for (label, most) in OPEN_LABELS {
        writeln!(text, "| `{label}` | {most} |").unwrap();
    }
    text
}

fn row(metric: &Metric, text: &mut String) {
    let Metric { name, kind, unit, help, advice, .. } = metric;
    let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
    let advice = if advice.is_empty() { String::new() } else { format!(" *{advice}*") };
    writeln!(text, "| `{name}` | {kind} | {} | {unit} | {help}{advice} |", labels.join(", ")).unwrap();
}
