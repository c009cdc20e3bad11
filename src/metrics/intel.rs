//! Intelligence, in series: the set that counts, and each source of the settings, whose names are the operator's own.

use super::{counter, gauge};
use crate::status::{Health, IntelStatus};
use anyhow::Result;
use prometheus::Registry;

/// Adds the series.
pub(super) fn publish(status: &IntelStatus, registry: &Registry) -> Result<()> {
    set(status, registry)?;
    sources(status, registry)
}

fn set(status: &IntelStatus, registry: &Registry) -> Result<()> {
    let indicators = gauge(registry, "weir_indicators", "Indicators in the set that counts.", &["kind"])?;
    for kind in &status.set.indicators {
        indicators.with_label_values(&[kind.name.as_str()]).set(signed(kind.count));
    }
    let kept_out = gauge(
        registry,
        "weir_indicators_kept_out",
        "Values that are not in the set, by what keeps them out.",
        &["by"],
    )?;
    for by in &status.set.kept_out {
        kept_out.with_label_values(&[by.name.as_str()]).set(signed(by.count));
    }
    for (name, help, value) in [
        ("weir_indicator_set_generation", "Sets that counted before it in this run.", status.set.generation),
        ("weir_indicator_set_bytes", "Memory of the set.", status.set.memory_bytes),
        (
            "weir_indicator_set_made_timestamp_seconds",
            "When what is in the set was gathered.",
            status.set.made.unwrap_or(0),
        ),
        (
            "weir_indicator_set_made_milliseconds",
            "How long gathering, screening and compiling it took.",
            status.set.made_in_ms,
        ),
    ] {
        gauge(registry, name, help, &[])?.with_label_values::<&str>(&[]).set(signed(value));
    }
    Ok(())
}

fn sources(status: &IntelStatus, registry: &Registry) -> Result<()> {
    let of = |name: &str, help: &str| gauge(registry, name, help, &["source"]);
    let entries = of("weir_source_entries", "What the source says that counts.")?;
    let refused = of("weir_source_refused", "What the source says that cannot be used.")?;
    let success = of("weir_source_last_success_timestamp_seconds", "When it last delivered; 0 for never.")?;
    let held = of("weir_source_held", "1 while what it delivered is held back because it looks wrong.")?;
    let failing = of("weir_source_failing", "1 while it does not deliver.")?;
    let took = of("weir_source_took_milliseconds", "How long it took when it was last asked.")?;
    let errors =
        counter(registry, "weir_source_errors_total", "Attempts that came to nothing.", &["source"])?;
    for source in &status.sources {
        let name = source.name.as_str();
        for (gauge, value) in [
            (&entries, source.entries),
            (&refused, source.refused),
            (&success, source.last_success.unwrap_or(0)),
            (&held, u64::from(source.health == Health::Held)),
            (&failing, u64::from(source.health == Health::Failing)),
            (&took, source.took_ms),
        ] {
            gauge.with_label_values(&[name]).set(signed(value));
        }
        errors.with_label_values(&[name]).inc_by(source.errors);
    }
    Ok(())
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
