//! Small pieces of text for people.

use std::fmt::Write as _;
use std::time::Duration;

/// Longest value from the wire or a list inside a sentence, in bytes; longer ones are cut. A name may have a kilobyte of
/// escapes, a path two: whoever wrote it must not drown the rest of the sentence.
pub(crate) const MAX_QUOTED_BYTES: usize = 120;

/// A stranger's text inside a sentence.
pub(crate) fn quoted(text: &str) -> String {
    weir_model::text::printable(text, MAX_QUOTED_BYTES)
}

/// `1 packet`, `12 packets`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Bytes with two or three digits: `512 bytes`, `1.2 kB`, `12 kB`, `3.4 MB`.
pub(crate) fn bytes(number: u64) -> String {
    if number < 1000 {
        return count(number, "byte");
    }
    let (mut value, mut unit) = (number as f64 / 1000.0, "kB");
    for larger in ["MB", "GB", "TB", "PB"] {
        // What would be printed as 1000 is one of the larger unit.
        if value < 999.5 {
            break;
        }
        (value, unit) = (value / 1000.0, larger);
    }
    if value < 9.95 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// For how long something went on: ` over 5 min`, ` over 2 h`, ` over 3 days`; nothing of less than a second.
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (unit, one) = match seconds {
        0 => return String::new(),
        1..120 => (1, "s"),
        120..7_200 => (60, "min"),
        7_200..172_800 => (3_600, "h"),
        _ => (86_400, "days"),
    };
    format!(" over {} {one}", seconds / unit)
}

/// The first few of a list, and how many more: `a, b, c and 7 more`.
pub(crate) fn first_of<T: std::fmt::Display>(items: &[T], total: u64) -> String {
    const SHOWN: usize = 3;
    let mut text = String::new();
    for (index, item) in items.iter().take(SHOWN).enumerate() {
        let _ = write!(text, "{}{item}", if index == 0 { "" } else { ", " });
    }
    let more = total.saturating_sub(items.len().min(SHOWN) as u64);
    if more > 0 {
        let _ = write!(text, " and {more} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        for (number, expected) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1240, "1.2 kB"),
            (12_400, "12 kB"),
            (999_600, "1.0 MB"),
            (3_400_000, "3.4 MB"),
            (u64::MAX, "18447 PB"),
        ] {
            assert_eq!(bytes(number), expected);
        }
        for (seconds, expected) in [
            (0, ""),
            (1, " over 1 s"),
            (7_199, " over 119 min"),
            (7_200, " over 2 h"),
            (400_000, " over 4 days"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), expected);
        }
        assert_eq!(first_of(&["a", "b", "c", "d"], 12), "a, b, c and 9 more");
        assert_eq!(first_of(&["a"], 1), "a");
    }
}
