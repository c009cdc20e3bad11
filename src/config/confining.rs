//! Whether the running program confines itself.

use crate::sandbox::Sandbox;
use anyhow::{Result, bail};

/// The mode that is written, else the one that nobody has to write.
pub(super) fn sandbox(written: Option<&str>) -> Result<Sandbox> {
    let Some(text) = written else { return Ok(Sandbox::default()) };
    match Sandbox::ALL.iter().find(|(keyword, _)| *keyword == text) {
        Some((_, mode)) => Ok(*mode),
        None => bail!("sandbox: `{text}` is none of auto, on, off"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_keywords() {
        assert_eq!(sandbox(None).unwrap(), Sandbox::Auto);
        assert_eq!(sandbox(Some("on")).unwrap(), Sandbox::On);
        assert!(sandbox(Some("yes")).unwrap_err().to_string().contains("auto, on, off"));
        assert_eq!(Sandbox::Off.keyword(), "off");
    }
}
