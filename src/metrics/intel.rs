//! Intelligence, in series: the set that counts, and each source of the settings, whose names are the operator's own.

use super::declared as of;
use super::series::Series;
use crate::status::{Health, SetStatus, SourceStatus, Status};

/// Adds the series.
pub(super) fn publish(status: &Status, series: &mut Series) {
    publish_set(&status.indicators, series);
    for source in status.intelligence.iter().flat_map(|intelligence| &intelligence.sources) {
        publish_source(source, series);
    }
}

fn publish_set(set: &SetStatus, series: &mut Series) {
    for kind in &set.indicators {
        series.measure_whole(&of::INDICATORS, &[&kind.name], kind.count);
    }
    for by in &set.kept_out {
        series.measure_whole(&of::INDICATORS_KEPT_OUT, &[&by.name], by.count);
    }
    series.measure_whole(&of::SET_GENERATION, &[], set.generation);
    series.measure_whole(&of::SET_MEMORY, &[], set.memory_bytes);
    if let Some(made) = set.made {
        series.measure_whole(&of::SET_MADE, &[], made);
        series.measure(&of::SET_BUILD, &[], set.made_in_ms as f64 / 1_000.0);
    }
}

fn publish_source(source: &SourceStatus, series: &mut Series) {
    let name = [source.name.as_str()];
    series.measure_whole(&of::SOURCE_ENTRIES, &name, source.entries);
    series.measure_whole(&of::SOURCE_REFUSED, &name, source.refused);
    series.measure_whole(&of::SOURCE_SUCCESS, &name, source.last_success.unwrap_or(0));
    series.tell(&of::SOURCE_HELD, &name, source.health == Health::Held);
    series.tell(&of::SOURCE_FAILING, &name, source.health == Health::Failing);
    series.measure(&of::SOURCE_FETCH, &name, source.took_ms as f64 / 1_000.0);
    series.count(&of::SOURCE_ERRORS, &name, source.errors);
}
