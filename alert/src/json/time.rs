//! Times as RFC 3339 has them.

use weir_model::Timestamp;

const NANOS_PER_SECOND: u64 = 1_000_000_000;
const SECONDS_PER_DAY: u64 = 86_400;

/// Appends a time as its `Display` gives it: in UTC, with as many digits of the second as are needed.
pub(super) fn write(time: Timestamp, out: &mut Vec<u8>) {
    let (seconds, nanos) = (time.as_nanos() / NANOS_PER_SECOND, (time.as_nanos() % NANOS_PER_SECOND) as u32);
    let (year, month, day) = date((seconds / SECONDS_PER_DAY) as u32);
    let second = (seconds % SECONDS_PER_DAY) as u32;
    let [thousands, hundreds] = pair(year / 100);
    let ([tens, ones], [m1, m0], [d1, d0]) = (pair(year % 100), pair(month), pair(day));
    out.extend_from_slice(&[thousands, hundreds, tens, ones, b'-', m1, m0, b'-', d1, d0]);
    let ([h1, h0], [m1, m0], [s1, s0]) = (pair(second / 3600), pair(second / 60 % 60), pair(second % 60));
    out.extend_from_slice(&[b'T', h1, h0, b':', m1, m0, b':', s1, s0]);
    if nanos > 0 {
        fraction(nanos, out);
    }
    out.push(b'Z');
}

/// Two decimal digits.
fn pair(number: u32) -> [u8; 2] {
    [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]
}

/// A point, and nanoseconds without the zeros at their end.
fn fraction(nanos: u32, out: &mut Vec<u8>) {
    out.push(b'.');
    let whole = nanos / 10;
    for digits in [whole / 1_000_000, whole / 10_000 % 100, whole / 100 % 100, whole % 100] {
        out.extend_from_slice(&pair(digits));
    }
    out.push(b'0' + (nanos % 10) as u8);
    while out.last() == Some(&b'0') {
        out.pop();
    }
}

/// Year, month and day in the Gregorian calendar, so many days after 1970-01-01: Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>), in which years begin in March, for days that are not before 1970.
fn date(days: u32) -> (u32, u32, u32) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (400 * era + year_of_era + u32::from(month <= 2), month, day)
}
