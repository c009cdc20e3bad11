//! What is asked of an instance, and what it answers when it is well.

use super::MAX_PAGE_BYTES;
use super::settings::MispSettings;
use crate::{SyncError, SyncErrorKind};
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use weir_model::text::printable;
use weir_net::http::{Client, HttpSettings, Request};

/// An instance that can be asked.
pub(super) trait Api: Send {
    /// A delivery begins.
    fn begin(&mut self) -> Result<(), SyncError> {
        Ok(())
    }

    /// Asks for what is at a path below the instance, with a question or without; the answer is whole, and the server says that all is well.
    fn ask(&mut self, path: &str, question: Option<&Value>) -> Result<Vec<u8>, SyncError>;
}

/// An instance at the other end of a network.
pub(super) struct Remote {
    settings: HttpSettings,
    base: PathBuf,
    url: url::Url,
    client: Option<Client>,
}

impl Remote {
    /// Relative paths of files begin at `base`.
    pub(super) fn new(settings: &MispSettings, base: &Path) -> Result<Self, SyncError> {
        let mut url = Client::url(&settings.url)?;
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        url.set_query(None);
        Client::new(&settings.http, &url, base)?;
        Ok(Self { settings: settings.http.clone(), base: base.to_owned(), url, client: None })
    }
}

impl Api for Remote {
    /// The key is read anew: it may be another.
    fn begin(&mut self) -> Result<(), SyncError> {
        self.client = Some(Client::new(&self.settings, &self.url, &self.base)?);
        Ok(())
    }

    fn ask(&mut self, path: &str, question: Option<&Value>) -> Result<Vec<u8>, SyncError> {
        let url = self.url.join(path).map_err(|error| {
            SyncError::new(SyncErrorKind::Settings, format!("{}: {error}", printable(path, 200)))
        })?;
        let request = match question {
            Some(question) => Request::post_json(&url, question),
            None => Request::get(&url),
        };
        let request = request.header("accept", "application/json");
        let client = match &self.client {
            Some(client) => client,
            None => self.client.insert(Client::new(&self.settings, &self.url, &self.base)?),
        };
        Ok(client.send(&request)?.success()?.into_body().read_all(MAX_PAGE_BYTES)?)
    }
}

/// What the instance says of itself and of the key (`/servers/getVersion`).
#[derive(Clone, Debug, Deserialize)]
pub(super) struct About {
    version: String,
    /// Whether the key may see what is deleted.
    #[serde(default)]
    pub(super) perm_sync: bool,
}

impl About {
    /// Asks; an error says what to do about it.
    pub(super) fn ask(api: &mut dyn Api) -> Result<Self, SyncError> {
        let answer = api.ask("servers/getVersion", None)?;
        let about: Self = serde_json::from_slice(&answer).map_err(|error| not_json(&answer, &error))?;
        let mut parts = about.version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        let version = [parts.next(), parts.next(), parts.next()].map(Option::unwrap_or_default);
        if version < [2, 4, 100] {
            let version = printable(&about.version, 40);
            let text = format!("the instance is MISP {version}; 2.4.100 or later is needed");
            return Err(SyncError::new(SyncErrorKind::Server, text));
        }
        Ok(about)
    }
}

/// Why an answer is not what it should be.
pub(super) fn not_json(answer: &[u8], error: &serde_json::Error) -> SyncError {
    let begins = answer.trim_ascii_start();
    let text = if begins.starts_with(b"<") {
        "a web page came instead of data: is `url` the address of the instance, and does nobody on the way want a login?".to_owned()
    } else if error.is_eof() {
        format!("the answer ends in the middle, after {} bytes", answer.len())
    } else {
        format!("the answer is not what MISP says: {error}")
    };
    SyncError::new(SyncErrorKind::Malformed, text)
}
