//! How long each stage takes for a batch.

use hdrhistogram::Histogram;
use std::time::{Duration, Instant};

/// Two significant digits over 1 us to 1 min in 30 KiB; what takes longer is recorded as a minute.
const SIGNIFICANT_DIGITS: u8 = 2;
const LONGEST_US: u64 = 60_000_000;

/// Times of one stage, a value a batch.
#[derive(Clone, Debug)]
pub(crate) struct StageTimes {
    histogram: Option<Histogram<u64>>,
    total: Duration,
}

impl StageTimes {
    /// Nothing recorded.
    pub(crate) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, SIGNIFICANT_DIGITS).ok();
        Self { histogram, total: Duration::ZERO }
    }

    /// Runs `work` and records how long it took.
    #[expect(clippy::disallowed_methods, reason = "the program measures itself")]
    pub(crate) fn measure<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        let elapsed = start.elapsed();
        self.total += elapsed;
        if let Some(histogram) = &mut self.histogram {
            histogram.saturating_record(u64::try_from(elapsed.as_micros()).unwrap_or(LONGEST_US));
        }
        result
    }

    /// All batches together.
    pub(crate) const fn total(&self) -> Duration {
        self.total
    }

    /// Microseconds at p50, p99, p99.9 and the longest.
    pub(crate) fn quantiles_us(&self) -> [u64; 4] {
        let Some(histogram) = &self.histogram else {
            return [0; 4];
        };
        [0.5, 0.99, 0.999, 1.0].map(|quantile| histogram.value_at_quantile(quantile))
    }

    /// Batches recorded.
    pub(crate) fn count(&self) -> u64 {
        self.histogram.as_ref().map_or(0, Histogram::len)
    }
}
