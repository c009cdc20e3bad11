//! Free text of lists: descriptions, tags, dates, confidence.

use std::sync::Arc;
use weir_model::Timestamp;

/// Longest description, tag or reference kept; they go into every alert. Longer ones are cut.
pub const MAX_TEXT_BYTES: usize = 512;
/// Most tags kept of one value.
pub const MAX_TAGS: usize = 16;

/// A text to be kept: trimmed and cut; `None` where nothing is said.
pub(crate) fn shared(text: &str) -> Option<Arc<str>> {
    let text = cut(text.trim());
    let says_something = text.contains(char::is_alphanumeric)
        && !matches!(text, "None" | "none" | "null" | "NULL" | "N/A" | "n/a");
    says_something.then(|| text.into())
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT_BYTES)).unwrap_or_default()
}

/// `botnet,mirai`, `botnet|mirai`, `botnet; mirai`.
pub(crate) fn tags(text: &str) -> Vec<Arc<str>> {
    text.split([',', ';', '|']).filter_map(shared).take(MAX_TAGS).collect()
}

/// A time as exports write it, UTC unless it says otherwise: `2024-01-02 03:04:05`, `2024-01-02T03:04:05Z`, `2024-01-02`,
/// seconds since 1970.
pub(crate) fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let text = text.strip_suffix("UTC").unwrap_or(text).trim();
    if let Ok(seconds @ 100_000_000..=99_999_999_999) = text.parse::<u64>() {
        return Some(Timestamp::new(seconds, 0));
    }
    let nanos = if let Ok(time) = text.parse::<jiff::Timestamp>() {
        time.as_nanosecond()
    } else {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_nanosecond()
    };
    u64::try_from(nanos).ok().map(Timestamp::from_nanos)
}

/// 0 to 100, or a word of the STIX 2.1 scale (appendix A), read as the middle of its range.
pub(crate) fn confidence(text: &str) -> Option<u8> {
    let text = text.trim().trim_end_matches('%');
    if let Ok(number) = text.parse::<u8>() {
        return (number <= 100).then_some(number);
    }
    Some(match text.to_ascii_lowercase().as_str() {
        "low" => 15,
        "medium" | "med" | "moderate" => 50,
        "high" => 85,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_exports_write_them() {
        let second = Timestamp::new(1_704_164_645, 0);
        for text in [
            "2024-01-02 03:04:05",
            "2024-01-02T03:04:05Z",
            "2024-01-02 03:04:05 UTC",
            "1704164645",
            "2024-01-02T04:04:05+01:00",
        ] {
            assert_eq!(time(text), Some(second), "{text}");
        }
        assert_eq!(time("2024-01-02"), Some(Timestamp::new(1_704_153_600, 0)));
        for text in ["", "yesterday", "12", "1960-01-01", "2024-13-01"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn confidence_in_numbers_and_words() {
        assert_eq!(confidence("75%"), Some(75));
        assert_eq!(confidence("High"), Some(85));
        assert_eq!(confidence("101"), None);
        assert_eq!(confidence("sure"), None);
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(shared(&"\u{fc}".repeat(400)).unwrap().len(), MAX_TEXT_BYTES);
        assert_eq!(shared(" -- "), None);
        assert_eq!(tags("elf, mirai;;None").len(), 2);
    }
}
