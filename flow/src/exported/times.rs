//! The times of a record, by a clock that can be trusted as far as ours.

use std::time::Duration;
use weir_model::Timestamp;
use weir_model::record::Origin;

/// First and last packet of a record, and by how many nanoseconds they were moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) correction: i64,
}

impl Times {
    /// What a record says counts, unless its exporter's clock differs from ours by more than `tolerance`: then it is moved by
    /// the difference. A record that says nothing stands for the time at which it was received. Nothing ended after it was
    /// received.
    pub(super) fn new(
        origin: &Origin,
        (first, last): (Option<Timestamp>, Option<Timestamp>),
        tolerance: Duration,
    ) -> Self {
        let correction = correction(origin, tolerance);
        let moved = |time: Option<Timestamp>| time.map(|time| by(time, correction));
        let latest = origin.received + tolerance;
        let last = moved(last).or_else(|| moved(first)).unwrap_or(origin.received);
        let last = if last > latest { origin.received } else { last };
        let first = moved(first).unwrap_or(last).min(last);
        Self { first, last, correction }
    }
}

/// Our clock less the exporter's, where that is more than `tolerance`.
fn correction(origin: &Origin, tolerance: Duration) -> i64 {
    let (ours, theirs) = (origin.received, origin.exported);
    let nanos = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    if ours.since(theirs) > tolerance {
        nanos(ours.since(theirs))
    } else if theirs.since(ours) > tolerance {
        -nanos(theirs.since(ours))
    } else {
        0
    }
}

fn by(time: Timestamp, correction: i64) -> Timestamp {
    let distance = Duration::from_nanos(correction.unsigned_abs());
    if correction >= 0 { time + distance } else { time - distance }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_model::ExportVersion;

    const MINUTE: Duration = Duration::from_mins(1);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::new(seconds, 0)
    }

    fn times(exported: u64, received: u64, first: Option<u64>, last: Option<u64>) -> (u64, u64, i64) {
        let origin = Origin {
            exporter: [192, 0, 2, 1].into(),
            version: ExportVersion::Ipfix,
            domain: 0,
            exported: at(exported),
            received: at(received),
        };
        let times = Times::new(&origin, (first.map(at), last.map(at)), MINUTE);
        let seconds = |time: Timestamp| time.as_nanos() / 1_000_000_000;
        (seconds(times.first), seconds(times.last), times.correction / 1_000_000_000)
    }

    #[test]
    fn a_clock_within_the_tolerance_is_believed() {
        assert_eq!(times(10_000, 10_060, Some(9_900), Some(9_990)), (9_900, 9_990, 0));
        assert_eq!(times(10_060, 10_000, Some(9_900), Some(10_050)), (9_900, 10_050, 0));
    }

    #[test]
    fn a_clock_beyond_it_is_moved_either_way() {
        assert_eq!(times(10_000, 13_600, Some(9_900), Some(9_990)), (13_500, 13_590, 3_600));
        assert_eq!(times(13_600, 10_000, Some(13_500), Some(13_590)), (9_900, 9_990, -3_600));
        assert_eq!(times(0, 10_000, Some(0), Some(0)), (10_000, 10_000, 10_000));
    }

    #[test]
    fn what_is_not_told_or_impossible_stands_for_the_time_of_reception() {
        assert_eq!(times(10_000, 10_001, None, None), (10_001, 10_001, 0));
        assert_eq!(times(10_000, 10_001, Some(9_990), None), (9_990, 9_990, 0));
        assert_eq!(times(10_000, 10_001, None, Some(9_990)), (9_990, 9_990, 0));
        assert_eq!(times(10_000, 10_001, Some(9_999), Some(9_990)), (9_990, 9_990, 0), "in the wrong order");
        assert_eq!(
            times(10_000, 10_001, Some(9_990), Some(99_999)),
            (9_990, 10_001, 0),
            "ends in the future"
        );
    }
}
