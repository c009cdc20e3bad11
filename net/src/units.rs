//! Times and sizes as people write them in a configuration: `90s`, `1h 30m`, `90d`, `512MiB`.

use serde::{Deserialize, Deserializer, Serializer, de::Error};
use std::time::Duration;

/// A time such as `90s`, `5m`, `1h 30m`, `90d`, `2w`; for `#[serde(deserialize_with)]`.
pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text)
        .filter(|time| !time.is_zero())
        .ok_or_else(|| D::Error::custom(format!("`{text}` is not a time such as 90s, 5m, 1h or 30d")))
}

/// A time, which may be zero. A day has 24 hours. Months and years are no times: nobody knows how long they are.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let span = text.parse::<jiff::Span>().ok()?;
    let time = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(time).ok()
}

/// A size such as `512MiB`, `2GB`; for `#[serde(deserialize_with)]`.
pub fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    let size = parse_size(&text).filter(|size| *size > 0);
    size.ok_or_else(|| D::Error::custom(format!("`{text}` is not a size such as 512MiB or 2GB")))
}

/// A time as [`parse_duration`] reads it back.
pub fn show_duration(time: Duration) -> String {
    const DAY: u64 = 24 * 60 * 60;
    let seconds = time.as_secs();
    if seconds > 0 && seconds.is_multiple_of(DAY) && time.subsec_nanos() == 0 {
        return format!("{}d", seconds / DAY);
    }
    let nanos = u64::from(time.subsec_nanos());
    let (milliseconds, rest) = (nanos / 1_000_000, nanos % 1_000_000);
    let parts = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
        (milliseconds, "ms"),
        (rest / 1_000, "us"),
        (rest % 1_000, "ns"),
    ];
    let shown: Vec<_> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if shown.is_empty() { "0s".to_owned() } else { shown.join(" ") }
}

/// For `#[serde(serialize_with)]`.
pub fn duration_text<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&show_duration(*time))
}

/// A size, which may be zero.
pub fn parse_size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic() || letter == ' ');
    let unit = text.strip_prefix(digits).unwrap_or_default().trim().to_ascii_lowercase();
    let factor: u64 = match unit.as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return None,
    };
    digits.trim().parse::<u64>().ok()?.checked_mul(factor)
}

/// A size as [`parse_size`] reads it back.
pub fn show_size(bytes: u64) -> String {
    let units =
        [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1_000_000_000, "GB"), (1_000_000, "MB")];
    let whole = units.iter().find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit));
    whole.map_or(bytes.to_string(), |(unit, name)| format!("{}{name}", bytes / unit))
}

/// For `#[serde(serialize_with)]`.
pub fn size_text<S: Serializer>(bytes: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&show_size(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Both {
        #[serde(deserialize_with = "duration")]
        time: Duration,
        #[serde(deserialize_with = "size")]
        room: u64,
    }

    #[test]
    fn as_people_write_them() {
        let both: Both = toml::from_str("time = \"1m 30s\"\nroom = \"2MiB\"").unwrap();
        assert_eq!((both.time.as_secs(), both.room), (90, 2 << 20));
        let both: Both = toml::from_str("time = \"90d\"\nroom = \"1 GB\"").unwrap();
        assert_eq!((both.time, both.room), (Duration::from_hours(90 * 24), 1_000_000_000));
        for seconds in [0, 1, 90, 3_600, 5_400, 86_400, 90_000, 604_800] {
            let time = Duration::from_secs(seconds);
            assert_eq!(parse_duration(&show_duration(time)), Some(time));
        }
        let odd = Duration::from_nanos(1_002_003_004);
        assert_eq!(
            (parse_duration(&show_duration(odd)), show_duration(odd)),
            (Some(odd), "1s 2ms 3us 4ns".into())
        );
        for bytes in [0, 1, 1_000, 1 << 10, 3 << 20, 1_000_000, 5 << 30, u64::MAX] {
            assert_eq!(parse_size(&show_size(bytes)), Some(bytes));
        }
        assert_eq!((show_size(10 << 30), show_size(1_000_000)), ("10GiB".into(), "1MB".into()));
        for wrong in [
            "time = \"soon\"\nroom = \"1\"",
            "time = \"1 month\"\nroom = \"1\"",
            "time = \"-1d\"\nroom = \"1\"",
            "time = \"1s\"\nroom = \"0\"",
            "time = \"0s\"\nroom = \"1\"",
        ] {
            assert!(toml::from_str::<Both>(wrong).unwrap_err().to_string().contains("is not a"));
        }
    }
}
