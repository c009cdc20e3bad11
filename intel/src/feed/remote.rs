//! A document behind a URL.

use super::{Intake, manner};
use crate::archive;
use crate::collect::Origin;
use crate::file;
use crate::source::Reading;
use crate::{Delivery, Extent, Provider, SyncError, SyncErrorKind};
use std::fs::File;
use std::io::{self, Cursor, Read, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use url::Url;
use uuid::Uuid;
use weir_model::Timestamp;
use weir_net::http::{Client, HttpSettings, Request, Response};

/// What is remembered: the server's marks of what it sent, and how that was read.
const ETAG: &str = "etag";
const LAST_MODIFIED: &str = "last-modified";
const MANNER: &str = "manner";

pub(super) struct Remote {
    name: Arc<str>,
    url: Url,
    reading: Reading,
    http: HttpSettings,
    base: PathBuf,
}

impl Remote {
    pub(super) fn new(
        name: Arc<str>,
        url: &str,
        reading: Reading,
        http: &HttpSettings,
        base: &Path,
    ) -> Result<Self, SyncError> {
        let url = Client::url(url)?;
        Client::new(http, &url, base)?;
        Ok(Self { name, url, reading, http: http.clone(), base: base.to_owned() })
    }

    fn read(&self, response: Response, delivery: &mut dyn Delivery) -> Result<(), SyncError> {
        let path = PathBuf::from(self.url.path_segments().and_then(Iterator::last).unwrap_or_default());
        let shown: Arc<str> = response.shown_url().into();
        let origin = Origin { path: Arc::clone(&shown), source: path.display().to_string().into() };
        let max_unpacked = self.http.max_unpacked_size;
        let mut intake = Intake::new(&self.name, delivery);
        let mut body = intake.watch(response.into_body());
        let read = file::read_head(&mut body, archive::MAGIC.len() as u64).and_then(|head| {
            let is_archive = head == archive::MAGIC;
            let mut whole = Cursor::new(head).chain(body);
            if !is_archive {
                return intake.read(|collector| {
                    file::load_stream(whole, &path, &self.reading, &origin, max_unpacked, collector)
                });
            }
            let file = spool(&mut whole)?;
            intake.be_one_of_many();
            intake.read(|collector| archive::load(file, &self.reading, &origin, max_unpacked, collector))
        });
        intake.finish()?;
        read.map_err(|error| {
            let is_too_large = error.kind() == io::ErrorKind::FileTooLarge;
            let kind = if is_too_large { SyncErrorKind::TooLarge } else { SyncErrorKind::Malformed };
            SyncError::new(kind, format!("{shown}: {error}"))
        })
    }
}

impl Provider for Remote {
    fn deliver(&mut self, delivery: &mut dyn Delivery, _now: Timestamp) -> Result<Extent, SyncError> {
        // A secret that was changed in its file counts from the next time on.
        let client = Client::new(&self.http, &self.url, &self.base)?;
        // Not the URL itself, which may hold a key.
        let manner = format!("{} {}", self.url, manner(&self.reading));
        let manner = Uuid::new_v5(&Uuid::NAMESPACE_OID, manner.as_bytes()).to_string();
        let mut request = Request::get(&self.url);
        let mut is_conditional = false;
        if delivery.recall(MANNER)?.is_some_and(|before| before == manner) {
            for (mark, header) in [(ETAG, "if-none-match"), (LAST_MODIFIED, "if-modified-since")] {
                if let Some(mark) = delivery.recall(mark)? {
                    request = request.header(header, mark);
                    is_conditional = true;
                }
            }
        }
        let response = client.send(&request)?;
        if is_conditional && response.status() == 304 {
            return Ok(Extent::Nothing);
        }
        let response = response.success()?;
        let marks = [ETAG, LAST_MODIFIED].map(|mark| (mark, response.header(mark).map(str::to_owned)));
        self.read(response, delivery)?;
        for (mark, value) in marks {
            delivery.remember(mark, value.as_deref())?;
        }
        delivery.remember(MANNER, Some(&manner))?;
        Ok(Extent::Whole)
    }
}

/// What is sent, in a file without a name: the table of contents of an archive is at its end.
fn spool(sent: &mut impl Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(sent, &mut file)?;
    file.rewind()?;
    Ok(file)
}
