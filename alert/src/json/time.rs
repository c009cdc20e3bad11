//! Times as RFC 3339 has them.

use super::Text;
use weir_model::Timestamp;

const NANOS_PER_SECOND: u64 = 1_000_000_000;
const SECONDS_PER_DAY: u64 = 86_400;

/// A day as text; nearly every time in a run of events is of the same as the one before it.
#[derive(Clone, Debug)]
pub(super) struct Day {
    /// Days after 1970-01-01.
    number: u32,
    text: [u8; 11],
}

impl Default for Day {
    fn default() -> Self {
        Self { number: 0, text: *b"1970-01-01T" }
    }
}

/// Appends a time as its `Display` gives it: in UTC, with as many digits of the second as are needed.
pub(super) fn write(time: Timestamp, text: &mut Text) {
    let nanos = whole_seconds(time, text);
    if nanos > 0 {
        fraction(nanos, &mut text.bytes);
    }
    text.bytes.push(b'Z');
}

/// Appends it as Suricata writes times: always with six digits, and an offset without colon.
pub(super) fn write_for_eve(time: Timestamp, text: &mut Text) {
    let micros = whole_seconds(time, text) / 1000;
    let ([f5, f4], [f3, f2], [f1, f0]) =
        (pair(micros / 10_000), pair(micros / 100 % 100), pair(micros % 100));
    text.bytes.extend_from_slice(&[b'.', f5, f4, f3, f2, f1, f0]);
    text.bytes.extend_from_slice(b"+0000");
}

/// Appends a time up to the second, without zone; gives the nanoseconds behind it.
pub(super) fn whole_seconds(time: Timestamp, text: &mut Text) -> u32 {
    let (seconds, nanos) = (time.as_nanos() / NANOS_PER_SECOND, (time.as_nanos() % NANOS_PER_SECOND) as u32);
    let (day, second) = ((seconds / SECONDS_PER_DAY) as u32, (seconds % SECONDS_PER_DAY) as u32);
    if day != text.day.number {
        text.day = Day { number: day, text: date(day) };
    }
    let ([h1, h0], [m1, m0], [s1, s0]) = (pair(second / 3600), pair(second / 60 % 60), pair(second % 60));
    text.bytes.extend_from_slice(&text.day.text);
    text.bytes.extend_from_slice(&[h1, h0, b':', m1, m0, b':', s1, s0]);
    nanos
}

/// A point, and nanoseconds without the zeros at their end.
fn fraction(nanos: u32, out: &mut Vec<u8>) {
    let (micros, rest) = (nanos / 1000, nanos % 1000);
    let ([f8, f7], [f6, f5], [f4, f3]) =
        (pair(micros / 10_000), pair(micros / 100 % 100), pair(micros % 100));
    out.extend_from_slice(&[b'.', f8, f7, f6, f5, f4, f3]);
    if rest > 0 {
        let ([f2, f1], f0) = (pair(rest / 10), b'0' + (rest % 10) as u8);
        out.extend_from_slice(&[f2, f1, f0]);
    }
    while out.pop_if(|last| *last == b'0').is_some() {}
}

/// Two decimal digits.
fn pair(number: u32) -> [u8; 2] {
    // A division for every digit would be most of the work.
    PAIRS.get(number as usize).copied().unwrap_or([b'0'; 2])
}

static PAIRS: [[u8; 2]; 100] = pairs();

#[expect(clippy::indexing_slicing, reason = "what is wrong here does not compile")]
const fn pairs() -> [[u8; 2]; 100] {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + number as u8 / 10, b'0' + number as u8 % 10];
        number += 1;
    }
    pairs
}

/// The date of a day after 1970-01-01, with the `T` behind it: Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>), in which years begin in March, for days that are not before 1970.
fn date(day: u32) -> [u8; 11] {
    let days = day + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = 400 * era + year_of_era + u32::from(month <= 2);
    let ([y3, y2], [y1, y0], [m1, m0]) = (pair(year / 100), pair(year % 100), pair(month));
    let [d1, d0] = pair(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    [y3, y2, y1, y0, b'-', m1, m0, b'-', d1, d0, b'T']
}
