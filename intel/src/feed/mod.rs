//! Lists and documents that lie somewhere: behind a URL, in a file, in a folder.
//!
//! What did not change since the last delivery is not read again. A list says all that its source has; of a MISP feed only the events
//! that changed are fetched.

mod intake;
mod local;
mod misp;
mod remote;

pub(crate) use intake::Intake;

use crate::source::Reading;
use crate::{Provider, SyncError, SyncErrorKind};
use local::Local;
use misp::{MispFeed, Shelf};
use remote::Remote;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use weir_net::http::HttpSettings;

/// The format word of MISP feeds, which are many files.
const MISP_FEED: &str = "misp-feed";

/// A list or document, or a folder of them.
///
/// ```toml
/// [source.abuse]
/// type = "feed"
/// url = "https://feeds.example/bad.csv"
/// format = "csv,value=3,delimiter=pipe"
/// ```
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeedSettings {
    /// Where it lies: `https:` or `http:`. Either this or `path`.
    pub url: Option<String>,
    /// The file or folder.
    pub path: Option<PathBuf>,
    /// Its format, as it may stand before a path (docs/INDICATORS.md): `rpz`, `csv,delimiter=pipe,value=3`; `misp-feed` for a feed of
    /// MISP, where `url` or `path` is what holds `manifest.json`. Else its content tells.
    pub format: Option<String>,
    /// How the server is asked.
    pub http: HttpSettings,
}

impl FeedSettings {
    /// What asks for it, as the source that alerts call `source`. Reads the files that the settings name; relative paths begin at `base`.
    pub fn provider(&self, source: &str, base: &Path) -> Result<Box<dyn Provider>, SyncError> {
        let name: Arc<str> = source.into();
        Ok(match (&self.url, &self.path, self.reading()?) {
            (Some(url), None, Some(reading)) => Box::new(Remote::new(name, url, reading, &self.http, base)?),
            (Some(url), None, None) => Box::new(MispFeed::new(name, Shelf::remote(url, &self.http, base)?)),
            (None, Some(path), Some(reading)) => Box::new(Local::new(name, &base.join(path), reading)),
            (None, Some(path), None) => Box::new(MispFeed::new(name, Shelf::Folder(base.join(path)))),
            _ => return Err(wrong("a feed needs either `url` or `path`, which say where it lies")),
        })
    }

    /// What somebody should think about again, for the log.
    pub fn warnings(&self) -> Vec<String> {
        self.url.as_deref().map(|url| self.http.warnings(url)).unwrap_or_default()
    }

    /// How it is to be read; `None`: it is a feed of MISP.
    fn reading(&self) -> Result<Option<Reading>, SyncError> {
        let Some(format) = self.format.as_deref().filter(|format| *format != MISP_FEED) else {
            let is_feed = self.format.is_some()
                || self.url.as_deref().is_some_and(|url| url.ends_with("/manifest.json"))
                || self.path.as_deref().is_some_and(|path| path.ends_with("manifest.json"));
            return Ok((!is_feed).then(Reading::default));
        };
        match Reading::parse(format) {
            Ok(Some(reading)) => Ok(Some(reading)),
            Ok(None) => Err(wrong(format!("there is no format `{format}`; docs/INDICATORS.md has them all"))),
            Err(error) => Err(wrong(format!("format: {error}"))),
        }
    }
}

fn wrong(text: impl Into<String>) -> SyncError {
    SyncError::new(SyncErrorKind::Settings, text)
}

/// What is remembered of what was read and how, so that another format or another version of the program reads it anew.
fn manner(reading: &Reading) -> String {
    format!("{} {reading:?}", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests;
