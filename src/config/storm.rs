//! How much is told at once: `[storm]`.

use crate::storm::PER_MINUTE;
use anyhow::{Result, bail};
use serde::Deserialize;

/// The table as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenStorm {
    per_minute: Option<Cap>,
}

/// `per_minute = 600`, or `per_minute = "off"`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Cap {
    Messages(i64),
    Word(String),
}

impl WrittenStorm {
    /// Messages a minute; `None` for all of them.
    pub(super) fn per_minute(&self) -> Result<Option<u64>> {
        match &self.per_minute {
            None => Ok(Some(PER_MINUTE)),
            Some(Cap::Word(word)) if word == "off" => Ok(None),
            Some(Cap::Messages(count @ 1..)) => Ok(Some(count.unsigned_abs())),
            Some(Cap::Messages(count)) => {
                bail!(
                    "storm.per_minute: {count} would tell nothing; write a number of messages, or \"off\" for no cap"
                )
            }
            Some(Cap::Word(word)) => {
                bail!("storm.per_minute: `{word}` is neither a number of messages nor \"off\"")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<u64>> {
        toml::from_str::<WrittenStorm>(text)?.per_minute()
    }

    #[test]
    fn a_number_or_off() {
        assert_eq!(read("").unwrap(), Some(PER_MINUTE));
        assert_eq!(read("per_minute = 60").unwrap(), Some(60));
        assert_eq!(read("per_minute = \"off\"").unwrap(), None);
        for wrong in ["per_minute = 0", "per_minute = -1", "per_minute = \"on\"", "per_hour = 1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
