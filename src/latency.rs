//! How long things take: batches in each stage, and alerts from their packet on.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Two significant digits over 1 us to 10 min in 35 KiB; what takes longer is recorded as that.
const SIGNIFICANT_DIGITS: u8 = 2;
const LONGEST_US: u64 = 600_000_000;

/// Times in microseconds.
#[derive(Clone, Debug)]
pub(crate) struct Latency {
    histogram: Option<Histogram<u64>>,
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
        Self { histogram: Histogram::new_with_bounds(1, LONGEST_US, SIGNIFICANT_DIGITS).ok() }
    }

    /// Records a time.
    pub(crate) fn record(&mut self, elapsed: Duration) {
        if let Some(histogram) = &mut self.histogram {
            histogram.saturating_record(u64::try_from(elapsed.as_micros()).unwrap_or(LONGEST_US));
        }
    }

    /// Adds what another thread recorded.
    pub(crate) fn add(&mut self, other: &Self) {
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
}

/// Times of one stage, a value a batch.
#[derive(Clone, Debug)]
pub(crate) struct StageTimes {
    batches: Latency,
    total: Duration,
}

impl StageTimes {
    /// Nothing recorded.
    pub(crate) fn new() -> Self {
        Self { batches: Latency::new(), total: Duration::ZERO }
    }

    /// Runs `work` and records how long it took.
    #[expect(clippy::disallowed_methods, reason = "the program measures itself")]
    pub(crate) fn measure<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        let elapsed = start.elapsed();
        self.total += elapsed;
        self.batches.record(elapsed);
        result
    }

    /// Adds what another thread of the same stage measured.
    pub(crate) fn add(&mut self, other: &Self) {
        self.batches.add(&other.batches);
        self.total += other.total;
    }

    /// All batches together.
    pub(crate) const fn total(&self) -> Duration {
        self.total
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
}
