//! The clocks of exporters.

use super::element::Unit;
use crate::cursor::{Cursor, Short};
use std::time::Duration;
use weir_model::Timestamp;

/// Seconds from 1900, where NTP begins, to 1970.
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// When a datagram was sent, as its header says. `None` for sFlow, whose header has no date, for what is no datagram, and for one
/// whose exporter does not know the time (0).
pub fn export_time(datagram: &[u8]) -> Option<Timestamp> {
    let mut cursor = Cursor::new(datagram);
    let mut read = || -> Result<_, Short> {
        Ok(match cursor.u16()? {
            // Version, count, uptime, seconds, nanoseconds.
            1 | 5 | 7 => {
                cursor.skip(6)?;
                Timestamp::new(u64::from(cursor.u32()?), cursor.u32()?)
            }
            // RFC 3954 section 5.1: version, count, uptime, seconds.
            9 => {
                cursor.skip(6)?;
                Timestamp::new(u64::from(cursor.u32()?), 0)
            }
            // RFC 7011 section 3.1: version, length, seconds.
            10 => {
                cursor.skip(2)?;
                Timestamp::new(u64::from(cursor.u32()?), 0)
            }
            _ => Timestamp::EPOCH,
        })
    };
    read().ok().filter(|time| *time != Timestamp::EPOCH)
}

/// What the header of a message says about time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// When it was sent.
    pub(super) exported: Timestamp,
    /// Milliseconds since the exporter started, at that time.
    pub(super) uptime: Option<u32>,
    /// When the exporter started, where options said so.
    pub(super) boot: Option<Timestamp>,
}

impl Clock {
    /// The time of an uptime. Milliseconds wrap after 49 days, so the distance from the header counts: less than half of the
    /// wheel ahead is ahead. IPFIX has no uptime in its header: then the exporter's start counts, or else the newer of the
    /// record's uptimes is taken for the time of export.
    pub(super) fn of_uptime(&self, uptime: u32, newest: u32, boot: Option<Timestamp>) -> Timestamp {
        let reference = match (self.uptime, boot.or(self.boot)) {
            (Some(reference), _) => reference,
            (None, Some(boot)) => return boot + Duration::from_millis(u64::from(uptime)),
            (None, None) => newest,
        };
        let behind = reference.wrapping_sub(uptime).cast_signed();
        let distance = Duration::from_millis(u64::from(behind.unsigned_abs()));
        if behind >= 0 { self.exported - distance } else { self.exported + distance }
    }

    /// So many microseconds before export (RFC 7011: flowStartDeltaMicroseconds).
    pub(super) fn before_export_micros(&self, micros: u64) -> Timestamp {
        self.exported - Duration::from_micros(micros)
    }
}

/// An absolute time; `None` for zero, which exporters send for "not known".
pub(super) fn absolute(unit: Unit, value: u64) -> Option<Timestamp> {
    let nanos = match unit {
        Unit::Seconds => value.saturating_mul(1_000_000_000),
        Unit::Millis => value.saturating_mul(1_000_000),
        Unit::Micros => ntp(value).unwrap_or(value.saturating_mul(1_000)),
        Unit::Nanos => ntp(value).unwrap_or(value),
    };
    (value != 0).then_some(Timestamp::from_nanos(nanos))
}

/// Nanoseconds since 1970 of an NTP timestamp of the first era (until 2036). `None` for one before 1970: exporters that do not
/// know NTP's format send microseconds or nanoseconds since 1970 instead, whose upper half is smaller until 2036 and 2262.
fn ntp(value: u64) -> Option<u64> {
    let seconds = (value >> 32).checked_sub(NTP_TO_UNIX)?;
    let fraction = ((value & 0xffff_ffff) * 1_000_000_000) >> 32;
    Some(seconds.saturating_mul(1_000_000_000) + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(uptime: Option<u32>) -> Clock {
        Clock { exported: Timestamp::new(1_700_000_000, 0), uptime, boot: None }
    }

    #[test]
    fn uptimes_wrap() {
        let clock = clock(Some(1_000));
        let before = Timestamp::new(1_700_000_000, 0) - Duration::from_secs(3);
        assert_eq!(clock.of_uptime(u32::MAX - 1_999, 0, None), before);
        assert_eq!(clock.of_uptime(1_500, 0, None), Timestamp::new(1_700_000_000, 500_000_000));
    }

    #[test]
    fn without_an_uptime_the_start_or_the_newest_counts() {
        let boot = Timestamp::new(1_600_000_000, 0);
        assert_eq!(clock(None).of_uptime(2_000, 9, Some(boot)), Timestamp::new(1_600_000_002, 0));
        assert_eq!(clock(None).of_uptime(2_000, 3_000, None), Timestamp::new(1_699_999_999, 0));
    }

    #[test]
    fn units() {
        let half = Timestamp::new(1_700_000_000, 500_000_000);
        let ntp = (1_700_000_000 + NTP_TO_UNIX) << 32 | 1 << 31;
        assert_eq!(absolute(Unit::Micros, ntp), Some(half));
        assert_eq!(absolute(Unit::Nanos, ntp), Some(half));
        assert_eq!(absolute(Unit::Micros, 1_700_000_000_500_000), Some(half), "not NTP, seen in the wild");
        assert_eq!(absolute(Unit::Nanos, half.as_nanos()), Some(half));
        assert_eq!(absolute(Unit::Millis, 1_700_000_000_500), Some(half));
        assert_eq!(absolute(Unit::Seconds, 0), None);
    }
}
