//! Values of declared metrics, which become series of the registry.

use super::metric::{Kind, Metric, OPEN_LABELS, OTHER};
use crate::latency::Distribution;
use anyhow::Result;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{self, LabelPair, MetricFamily, MetricType};
use prometheus::{Registry, TextEncoder};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Everything that is published at one moment.
#[derive(Debug, Default)]
pub(crate) struct Series {
    families: BTreeMap<&'static str, Family>,
    /// Values that each open label has had.
    known: BTreeMap<&'static str, BTreeSet<String>>,
}

#[derive(Debug)]
struct Family {
    metric: &'static Metric,
    values: BTreeMap<Vec<String>, Value>,
}

#[derive(Clone, Debug)]
enum Value {
    Number(f64),
    Distribution(Distribution),
}

impl Series {
    /// Counts something; what has the same labels adds up.
    pub(crate) fn count(&mut self, metric: &'static Metric, labels: &[&str], count: u64) {
        debug_assert_eq!(metric.kind, Kind::Counter, "{}", metric.name);
        self.merge(metric, labels, count as f64, |sum, count| sum + count);
    }

    /// The same in seconds.
    pub(crate) fn count_seconds(&mut self, metric: &'static Metric, labels: &[&str], seconds: f64) {
        debug_assert_eq!(metric.kind, Kind::Counter, "{}", metric.name);
        self.merge(metric, labels, seconds, |sum, seconds| sum + seconds);
    }

    /// Measures something; of several with the same labels the largest is shown.
    pub(crate) fn measure(&mut self, metric: &'static Metric, labels: &[&str], value: f64) {
        debug_assert_eq!(metric.kind, Kind::Gauge, "{}", metric.name);
        self.merge(metric, labels, value, f64::max);
    }

    /// The same, of what is a whole number.
    pub(crate) fn measure_whole(&mut self, metric: &'static Metric, labels: &[&str], value: u64) {
        self.measure(metric, labels, value as f64);
    }

    /// The same, of what is so (1) or is not (0).
    pub(crate) fn tell(&mut self, metric: &'static Metric, labels: &[&str], is_so: bool) {
        self.measure(metric, labels, f64::from(u8::from(is_so)));
    }

    /// How something is distributed, as a histogram and as quantiles.
    pub(crate) fn distribution(
        &mut self,
        (buckets, quantiles): (&'static Metric, &'static Metric),
        labels: &[&str],
        distribution: &Distribution,
    ) {
        for (metric, kind) in [(buckets, Kind::Histogram), (quantiles, Kind::Summary)] {
            debug_assert_eq!(metric.kind, kind, "{}", metric.name);
            let labels = self.bounded(metric, labels);
            self.family(metric).values.insert(labels, Value::Distribution(distribution.clone()));
        }
    }

    /// The text format.
    pub(crate) fn encode(self) -> Result<String> {
        let registry = Registry::new();
        for family in self.families.into_values() {
            registry.register(Box::new(family.exported()?))?;
        }
        Ok(TextEncoder::new().encode_to_string(&registry.gather())?)
    }

    fn merge(&mut self, metric: &'static Metric, labels: &[&str], value: f64, join: fn(f64, f64) -> f64) {
        let labels = self.bounded(metric, labels);
        let value = Value::Number(value);
        let values = &mut self.family(metric).values;
        let joined = match (values.get(&labels), &value) {
            (Some(Value::Number(there)), Value::Number(value)) => Value::Number(join(*there, *value)),
            _ => value,
        };
        values.insert(labels, joined);
    }

    fn family(&mut self, metric: &'static Metric) -> &mut Family {
        self.families.entry(metric.name).or_insert_with(|| Family { metric, values: BTreeMap::new() })
    }

    /// Labels, of which none has more values than it may.
    fn bounded(&mut self, metric: &'static Metric, labels: &[&str]) -> Vec<String> {
        debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.name);
        metric.labels.iter().zip(labels).map(|(label, value)| self.bounded_value(label, value)).collect()
    }

    fn bounded_value(&mut self, label: &'static str, value: &str) -> String {
        let Some((_, most)) = OPEN_LABELS.iter().find(|(open, _)| *open == label) else {
            return value.to_owned();
        };
        let known = self.known.entry(label).or_default();
        if known.contains(value) || value == OTHER {
            return value.to_owned();
        }
        if known.len() >= *most {
            return OTHER.to_owned();
        }
        known.insert(value.to_owned());
        value.to_owned()
    }
}

impl Family {
    fn exported(self) -> Result<Exported> {
        let labels = self.metric.labels.iter().map(|label| (*label).to_owned()).collect();
        let (name, help) = (self.metric.name.to_owned(), self.metric.help.to_owned());
        let desc = Desc::new(name, help, labels, HashMap::new())?;
        Ok(Exported { desc, family: self.family() })
    }

    fn family(&self) -> MetricFamily {
        let mut family = MetricFamily::default();
        family.set_name(self.metric.name.to_owned());
        family.set_help(self.metric.help.to_owned());
        family.set_field_type(match self.metric.kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
            Kind::Histogram => MetricType::HISTOGRAM,
            Kind::Summary => MetricType::SUMMARY,
        });
        family.set_metric(self.values.iter().map(|(labels, value)| self.metric(labels, value)).collect());
        family
    }

    fn metric(&self, labels: &[String], value: &Value) -> proto::Metric {
        let pairs = self.metric.labels.iter().zip(labels).map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value(value.clone());
            pair
        });
        let mut pairs: Vec<_> = pairs.collect();
        pairs.sort_by(|one, other| one.name().cmp(other.name()));
        let mut metric = proto::Metric::from_label(pairs);
        match (self.metric.kind, value) {
            (Kind::Counter, Value::Number(value)) => {
                let mut counter = proto::Counter::default();
                counter.set_value(*value);
                metric.set_counter(counter);
            }
            (_, Value::Number(value)) => {
                let mut gauge = proto::Gauge::default();
                gauge.set_value(*value);
                metric.set_gauge(gauge);
            }
            (Kind::Summary, Value::Distribution(distribution)) => metric.set_summary(summary(distribution)),
            (_, Value::Distribution(distribution)) => metric.set_histogram(histogram(distribution)),
        }
        metric
    }
}

fn histogram(distribution: &Distribution) -> proto::Histogram {
    let mut histogram = proto::Histogram::default();
    histogram.set_sample_count(distribution.count);
    histogram.set_sample_sum(distribution.sum_seconds);
    let buckets = distribution.buckets.iter().map(|(bound, count)| {
        let mut bucket = proto::Bucket::default();
        bucket.set_upper_bound(*bound);
        bucket.set_cumulative_count(*count);
        bucket
    });
    histogram.set_bucket(buckets.collect());
    histogram
}

fn summary(distribution: &Distribution) -> proto::Summary {
    let mut summary = proto::Summary::default();
    summary.set_sample_count(distribution.count);
    summary.set_sample_sum(distribution.sum_seconds);
    let quantiles = distribution.quantiles.iter().map(|(quantile, seconds)| {
        let mut shown = proto::Quantile::default();
        shown.set_quantile(*quantile);
        shown.set_value(*seconds);
        shown
    });
    summary.set_quantile(quantiles.collect());
    summary
}

/// As the registry takes it, which checks names and labels.
struct Exported {
    desc: Desc,
    family: MetricFamily,
}

impl Collector for Exported {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        vec![self.family.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::super::declared::{EXPORTER_CLOCK_SKEW, EXPORTER_DATAGRAMS, LEDGER_BALANCED};
    use super::*;

    #[test]
    fn what_has_too_many_values_is_other() {
        let mut series = Series::default();
        for exporter in 0..1_000 {
            series.count(&EXPORTER_DATAGRAMS, &[&format!("10.0.0.{exporter}")], 1);
            series.measure(&EXPORTER_CLOCK_SKEW, &[&format!("10.0.0.{exporter}")], f64::from(exporter));
        }
        series.tell(&LEDGER_BALANCED, &[], true);
        let text = series.encode().unwrap();
        let of = |name: &str| text.lines().filter(|line| line.starts_with(name)).count();
        assert_eq!(of("weir_exporter_datagrams_total{"), 257);
        assert!(text.contains("weir_exporter_datagrams_total{exporter=\"other\"} 744\n"), "{text}");
        assert!(text.contains("weir_exporter_clock_skew_seconds{exporter=\"other\"} 999\n"), "{text}");
        assert!(text.contains("weir_ledger_balanced 1\n"), "{text}");
    }
}
