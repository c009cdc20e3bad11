//! The ledger, and the counts of each stage, in series.

use super::declared as of;
use super::metric::Metric;
use super::series::Series;
use crate::ledger::Ledger;

/// What is counted among the counters of a stage and goes down again: the stage, its name there, and what it is published as.
static LEVELS: &[(&str, &str, &Metric, &[&str])] = &[
    ("flow", "flows_open", &of::FLOWS_OPEN, &["packets"]),
    ("flow", "flows_open_peak", &of::FLOWS_OPEN_PEAK, &["packets"]),
    ("flow", "facts_bytes", &of::FACTS_MEMORY, &[]),
    ("flow", "stream_bytes_held", &of::STREAMS_MEMORY, &[]),
    ("flow", "passive_dns_own_entries", &of::PASSIVE_DNS, &["own"]),
    ("flow", "passive_dns_others_entries", &of::PASSIVE_DNS, &["others"]),
    ("exported_flow", "flows_open", &of::FLOWS_OPEN, &["records"]),
    ("wire", "fragments.held_frames", &of::FRAGMENTS_FRAMES, &[]),
    ("wire", "fragments.held_datagrams", &of::FRAGMENTS_DATAGRAMS, &[]),
    ("wire", "fragments.held_bytes", &of::FRAGMENTS_MEMORY, &[]),
    ("rules", "hits_open", &of::HITS_HELD, &[]),
    ("rules", "incidents_open", &of::INCIDENTS_OPEN, &[]),
    ("message", "held", &of::MESSAGES_HELD, &[]),
];

/// Stages whose counts have metrics of their own.
const ELSEWHERE: &[&str] = &["alert", "message"];

/// Adds the ledger.
pub(super) fn publish(ledger: &Ledger, series: &mut Series) {
    series.tell(&of::LEDGER_BALANCED, &[], ledger.is_balanced());
    for boundary in &ledger.boundaries {
        let (unit, entered) = (boundary.unit.as_str(), &boundary.entered);
        series.count(&of::LEDGER, &[unit, "entered", &entered.name], entered.count);
        for entry in &boundary.left {
            if entry.is_held {
                series.measure_whole(&of::LEDGER_HELD, &[unit, &entry.name], entry.count);
            } else {
                series.count(&of::LEDGER, &[unit, "left", &entry.name], entry.count);
            }
        }
    }
}

/// Adds what stages counted.
pub(super) fn publish_counters(counters: &[(&'static str, String, u64)], series: &mut Series) {
    for (stage, name, count) in counters {
        let level = LEVELS.iter().find(|(of_stage, level, ..)| of_stage == stage && level == name);
        if let Some((.., metric, labels)) = level {
            series.measure_whole(metric, labels, *count);
        } else if let Some(name) = name.strip_suffix("_milliseconds") {
            series.count_seconds(&of::EVENT_SECONDS, &[stage, name], *count as f64 / 1_000.0);
        } else if !ELSEWHERE.contains(stage) {
            let is_bytes = name.split(['_', '.']).any(|word| word == "bytes");
            let metric = if is_bytes { &of::EVENT_BYTES } else { &of::EVENTS };
            series.count(metric, &[stage, name], *count);
        }
    }
}
