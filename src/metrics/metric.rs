//! What a metric is: a name that nobody may make up on the way.

#[cfg(test)]
use std::fmt;

/// A metric as it is declared in [`super::declared`]; there is no other way to make one, so what is not declared cannot be exported.
#[derive(Debug)]
pub(crate) struct Metric {
    /// In base units, `_total` at the end of counters (<https://prometheus.io/docs/practices/naming/>).
    pub name: &'static str,
    pub kind: Kind,
    /// What one of it is.
    #[cfg_attr(not(test), expect(dead_code, reason = "docs/METRICS.md is made from it"))]
    pub unit: &'static str,
    pub labels: &'static [&'static str],
    pub help: &'static str,
    /// When a person should look, and what to do then; empty where it is only for curves.
    #[cfg_attr(not(test), expect(dead_code, reason = "docs/METRICS.md is made from it"))]
    pub advice: &'static str,
}

/// How values of a metric behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only grows while the program runs.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution, in buckets, which may be added up over probes.
    Histogram,
    /// A distribution, as quantiles since the start, which may not.
    Summary,
}

#[cfg(test)]
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
        })
    }
}

/// Metrics that belong together.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct Section {
    pub title: &'static str,
    pub metrics: &'static [&'static Metric],
}

/// Labels whose values come from settings, routers or whoever is connected, and how many values of each there may be; further ones are
/// `other` together. All other labels have values from tables in the code. The adversary forges sources, or configures by script;
/// the caps are above what settings allow, and each value costs a series in each metric that has the label.
pub(super) const OPEN_LABELS: &[(&str, usize)] = &[
    ("interface", 16),
    ("socket", 64),
    ("exporter", 256),
    ("source", 256),
    ("sink", 128),
    ("thread", 192),
    ("unit", 512),
];

/// Where values beyond the cap of a label are counted.
pub(super) const OTHER: &str = "other";
