//! The body of an answer: bounded as it comes, unpacked, and bounded again.

use super::failure;
use crate::{NetError, NetErrorKind};
use std::io::{self, Read};
use url::Url;

/// The body of an answer, unpacked if it was packed for the way. Its errors hold a [`NetError`]; [`Body::failure`] tells it, too, where
/// what reads the body does not.
pub struct Body {
    inner: Box<dyn Read + Send>,
    url: Url,
    failure: Option<NetError>,
}

impl Body {
    /// Reads from `sent`, of which at most so many bytes are taken, and made into at most so many.
    pub(super) fn new(
        sent: impl Read + Send + 'static,
        url: Url,
        encoding: &str,
        [max_size, max_unpacked_size]: [u64; 2],
    ) -> Result<Self, NetError> {
        let sent = Bounded { inner: sent, left: max_size, url: url.clone(), limit: "max_size" };
        let unpacked: Box<dyn Read + Send> = match encoding {
            "" | "identity" => Box::new(sent),
            "gzip" | "x-gzip" => Box::new(flate2::read::MultiGzDecoder::new(sent)),
            other => {
                let text =
                    format!("{}: packed in a way that was not asked for: {other}", failure::shown(&url));
                return Err(NetError::new(NetErrorKind::Malformed, text));
            }
        };
        let limit = "max_unpacked_size";
        let inner = Box::new(Bounded { inner: unpacked, left: max_unpacked_size, url: url.clone(), limit });
        Ok(Self { inner, url, failure: None })
    }

    /// Why it came to no end, if it did not.
    pub fn failure(&self) -> Option<NetError> {
        self.failure.clone()
    }

    /// All of it, where it is small; more than `max_bytes` is an error.
    pub fn read_all(&mut self, max_bytes: u64) -> Result<Vec<u8>, NetError> {
        let mut bytes = Vec::new();
        let read = self.by_ref().take(max_bytes.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| failure::broken_off(&self.url, &error))?;
        if bytes.len() as u64 > max_bytes {
            let text = format!("{}: more than {max_bytes} bytes", failure::shown(&self.url));
            return Err(NetError::new(NetErrorKind::TooLarge, text));
        }
        Ok(bytes)
    }
}

impl Read for Body {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(to) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                let failure = failure::broken_off(&self.url, &error);
                self.failure = Some(failure.clone());
                Err(io::Error::other(failure))
            }
            read => read,
        }
    }
}

/// Ends with an error where it would be too much.
struct Bounded<R> {
    inner: R,
    left: u64,
    url: Url,
    limit: &'static str,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(to)?;
        let Some(left) = self.left.checked_sub(read as u64) else {
            let text = format!("{}: larger than allowed (`{}`)", failure::shown(&self.url), self.limit);
            return Err(io::Error::other(NetError::new(NetErrorKind::TooLarge, text)));
        };
        self.left = left;
        Ok(read)
    }
}
