//! How long is kept what Weir writes and nothing else deletes: `[keep]`.

use super::long_duration;
use crate::state::Keep;
use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use std::time::Duration;
use weir_model::text::printable;

/// A quarter of a year: what an investigation usually looks back, and what data protection bears without a reason of its own.
const USUAL: Duration = Duration::from_hours(90 * 24);
/// What is kept shorter is not there when somebody asks after a weekend.
const LEAST: Duration = Duration::from_hours(24);

/// The table as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenKeep {
    files: Option<String>,
    audit: Option<String>,
    set_aside: Option<String>,
}

impl WrittenKeep {
    pub(super) fn keep(&self) -> Result<Keep> {
        Ok(Keep {
            files: age("files", self.files.as_deref())?,
            audit: age("audit", self.audit.as_deref())?,
            set_aside: age("set_aside", self.set_aside.as_deref())?,
        })
    }
}

fn age(key: &str, written: Option<&str>) -> Result<Duration> {
    let Some(written) = written else { return Ok(USUAL) };
    let age = long_duration(written).with_context(|| {
        format!("keep.{key}: `{}` is not a time such as 30d or 12w", printable(written, 100))
    })?;
    if age < LEAST {
        bail!("keep.{key}: {} is too short; the least is 1d", printable(written, 100));
    }
    Ok(age)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Keep> {
        toml::from_str::<WrittenKeep>(text)?.keep()
    }

    #[test]
    fn ninety_days_unless_somebody_says_otherwise() {
        assert_eq!(read("").unwrap(), Keep { files: USUAL, audit: USUAL, set_aside: USUAL });
        let keep = read("files = \"2w\"\naudit = \"52w\"\nset_aside = \"1d\"\n").unwrap();
        let week = Duration::from_hours(7 * 24);
        assert_eq!(keep, Keep { files: 2 * week, audit: 52 * week, set_aside: LEAST });
        for (text, told) in [
            ("audit = \"long\"", "keep.audit: `long` is not a time such as 30d"),
            ("set_aside = \"1h\"", "keep.set_aside: 1h is too short"),
            ("alerts = \"1d\"", "unknown field"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(told), "{told} is not in: {error}");
        }
    }
}
