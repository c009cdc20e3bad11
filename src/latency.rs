//! How long things take: batches in each stage, and alerts from their packet on.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Two significant digits over 1 us to 10 min in 35 KiB; what takes longer is recorded as that.
const SIGNIFICANT_DIGITS: u8 = 2;
const LONGEST_US: u64 = 600_000_000;

/// Upper bounds of what is shown of a distribution, in microseconds: from a batch of a few packets to a sink that is away.
const BOUNDS_US: [u64; 17] = [
    10,
    100,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    60_000_000,
    300_000_000,
];
const QUANTILES: [f64; 4] = [0.5, 0.99, 0.999, 1.0];

/// Times in microseconds.
#[derive(Clone, Debug)]
pub(crate) struct Latency {
    histogram: Option<Histogram<u64>>,
    sum: Duration,
}

/// What metrics show of many times, in seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Distribution {
    pub count: u64,
    pub sum_seconds: f64,
    /// How many took no longer than each bound.
    pub buckets: Vec<(f64, u64)>,
    /// Each quantile that is shown, and its time; none where nothing was measured.
    pub quantiles: Vec<(f64, f64)>,
}

/// What is shown of many times, in microseconds.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Quantiles {
    pub count: u64,
    pub p50_us: u64,
    pub p99_us: u64,
    pub p999_us: u64,
    pub max_us: u64,
}

impl Quantiles {
    /// `p50 85 us, p99 8.5 ms, p99.9 8.6 ms, max 1.2 s`.
    pub(crate) fn text(&self) -> String {
        let [median, p99, p999, longest] = [self.p50_us, self.p99_us, self.p999_us, self.max_us].map(time_us);
        format!("p50 {median}, p99 {p99}, p99.9 {p999}, max {longest}")
    }
}

fn time_us(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} us"),
        1_000..1_000_000 => format!("{:.1} ms", us as f64 / 1_000.0),
        _ => format!("{:.1} s", us as f64 / 1_000_000.0),
    }
}

impl Latency {
    /// Nothing recorded.
    pub(crate) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, SIGNIFICANT_DIGITS).ok();
        Self { histogram, sum: Duration::ZERO }
    }

    /// Records a time.
    pub(crate) fn record(&mut self, elapsed: Duration) {
        self.sum += elapsed;
        if let Some(histogram) = &mut self.histogram {
            histogram.saturating_record(u64::try_from(elapsed.as_micros()).unwrap_or(LONGEST_US));
        }
    }

    /// Adds what another thread recorded.
    pub(crate) fn add(&mut self, other: &Self) {
        self.sum += other.sum;
        if let (Some(histogram), Some(other)) = (&mut self.histogram, &other.histogram) {
            // Both have the same bounds, so all of it fits.
            let _ = histogram.add(other);
        }
    }

    /// p50, p99, p99.9 and the longest.
    pub(crate) fn quantiles(&self) -> Quantiles {
        let Some(histogram) = &self.histogram else {
            return Quantiles::default();
        };
        Quantiles {
            count: histogram.len(),
            p50_us: histogram.value_at_quantile(0.5),
            p99_us: histogram.value_at_quantile(0.99),
            p999_us: histogram.value_at_quantile(0.999),
            max_us: histogram.value_at_quantile(1.0),
        }
    }

    /// All of it, in the form of metrics.
    pub(crate) fn distribution(&self) -> Distribution {
        let Some(histogram) = &self.histogram else { return Distribution::default() };
        let mut buckets: Vec<_> = BOUNDS_US.iter().map(|bound| (seconds(*bound), 0)).collect();
        for value in histogram.iter_recorded() {
            let within = BOUNDS_US.partition_point(|bound| *bound < value.value_iterated_to());
            if let Some((_, count)) = buckets.get_mut(within) {
                *count += value.count_since_last_iteration();
            }
        }
        let mut sum = 0;
        for (_, count) in &mut buckets {
            sum += *count;
            *count = sum;
        }
        let shown = |quantile: f64| (quantile, seconds(histogram.value_at_quantile(quantile)));
        Distribution {
            count: histogram.len(),
            sum_seconds: self.sum.as_secs_f64(),
            buckets,
            quantiles: QUANTILES.into_iter().filter(|_| !histogram.is_empty()).map(shown).collect(),
        }
    }
}

fn seconds(us: u64) -> f64 {
    us as f64 / 1_000_000.0
}

/// Times of one stage, a value a batch.
#[derive(Clone, Debug)]
pub(crate) struct StageTimes {
    batches: Latency,
}

impl StageTimes {
    /// Nothing recorded.
    pub(crate) fn new() -> Self {
        Self { batches: Latency::new() }
    }

    /// Runs `work` and records how long it took.
    #[expect(clippy::disallowed_methods, reason = "the program measures itself")]
    pub(crate) fn measure<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.batches.record(start.elapsed());
        result
    }

    /// Adds what another thread of the same stage measured.
    pub(crate) fn add(&mut self, other: &Self) {
        self.batches.add(&other.batches);
    }

    /// All batches together.
    pub(crate) const fn total(&self) -> Duration {
        self.batches.sum
    }

    /// Time of each batch, in the form of metrics.
    pub(crate) fn distribution(&self) -> Distribution {
        self.batches.distribution()
    }

    /// Microseconds a batch.
    pub(crate) fn quantiles(&self) -> Quantiles {
        self.batches.quantiles()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_threads_measured_is_one_distribution() {
        let (mut one, mut other) = (Latency::new(), Latency::new());
        (1..=99).for_each(|us| one.record(Duration::from_micros(us)));
        other.record(Duration::from_hours(1));
        one.add(&other);
        let shown = one.quantiles();
        assert_eq!((shown.count, shown.p50_us, shown.p99_us), (100, 50, 99));
        assert!(shown.max_us >= LONGEST_US, "what is too long is recorded as the longest");
    }

    #[test]
    fn buckets_hold_what_took_no_longer() {
        let mut latency = Latency::new();
        assert_eq!(latency.distribution().quantiles, [], "nothing is no time");
        for us in [5, 50, 51, 700, 2_000_000, 3_600_000_000] {
            latency.record(Duration::from_micros(us));
        }
        let shown = latency.distribution();
        let of = |bound: f64| shown.buckets.iter().find(|(upper, _)| *upper >= bound).unwrap().1;
        assert_eq!([of(0.00001), of(0.0001), of(0.001), of(1.0), of(2.5), of(300.0)], [1, 3, 4, 4, 5, 5]);
        assert_eq!(shown.count, 6, "what is beyond all bounds is in the count");
        assert!((shown.sum_seconds - 3_602.000_806).abs() < 1e-6, "{}", shown.sum_seconds);
    }
}
