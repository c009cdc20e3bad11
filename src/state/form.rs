//! The form of a file of JSON in the state directory: which versions can read it.

use anyhow::{Result, bail};
use serde::Deserialize;
use std::ops::RangeInclusive;

/// What every such file begins with. `read_by` is the earliest version that can read it, itself where that is not said: a version that only
/// adds members names the one before, which ignores them.
#[derive(Debug, Deserialize)]
pub(crate) struct Head {
    version: u32,
    read_by: Option<u32>,
}

impl Head {
    /// Whether a Weir that knows these versions can read the file.
    pub(crate) fn must_be_known(&self, known: &RangeInclusive<u32>) -> Result<()> {
        let is_known = known.contains(&self.version);
        let is_readable =
            self.version > *known.end() && known.contains(&self.read_by.unwrap_or(self.version));
        if !is_known && !is_readable {
            bail!("its version is {}, and this Weir knows no later than {}", self.version, known.end());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_version_is_read_where_it_says_so() {
        let known = |text: &str| serde_json::from_str::<Head>(text).unwrap().must_be_known(&(2..=3)).is_ok();
        for (text, is_known) in [
            (r#"{"version":3,"read_by":3}"#, true),
            (r#"{"version":2}"#, true),
            (r#"{"version":1}"#, false),
            (r#"{"version":4,"read_by":3,"more":[]}"#, true),
            (r#"{"version":4,"read_by":4}"#, false),
            (r#"{"version":4}"#, false),
            (r#"{"version":9,"read_by":0}"#, false),
        ] {
            assert_eq!(known(text), is_known, "{text}");
        }
    }
}
