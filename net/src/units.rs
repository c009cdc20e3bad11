//! Times and sizes as people write them in a configuration: `90s`, `1h 30m`, `90d`, `512MiB`.

use serde::{Deserialize, Deserializer, de::Error};
use std::time::Duration;

/// A time such as `90s`, `5m`, `1h 30m`, `90d`, `2w`; for `#[serde(deserialize_with)]`.
pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text)
        .filter(|time| !time.is_zero())
        .ok_or_else(|| D::Error::custom(format!("`{text}` is not a time such as 90s, 5m, 1h or 30d")))
}

/// A day has 24 hours. Months and years are no times: nobody knows how long they are.
fn parse_duration(text: &str) -> Option<Duration> {
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

fn parse_size(text: &str) -> Option<u64> {
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
