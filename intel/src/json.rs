//! JSON documents that a stranger wrote: of a bounded size and depth, read as a stream, and looked at before, to tell what they are.

use crate::RefusalReason;
use serde_json::{Map, Value};
use std::io::{self, BufRead, Read};

/// Largest document that is read. MISP events and STIX bundles are held while what belongs together is put together; the largest
/// public ones have some ten MiB. Adversary: a publisher who would like us to run out of memory. A larger one is read up to here and
/// refused as `too_large`; what was complete before counts. Depth is bounded by `serde_json` (128).
pub const MAX_DOCUMENT_BYTES: u64 = 512 * 1024 * 1024;

/// Counts what is read, and ends with an error where it would be too much.
pub(crate) struct Capped<R> {
    inner: R,
    left: u64,
    line: u32,
}

impl<R: BufRead> Capped<R> {
    pub(crate) fn new(inner: R, bytes: u64) -> Self {
        Self { inner, left: bytes, line: 1 }
    }

    /// Passes over white space, byte order marks and the separators of JSON text sequences (RFC 7464); whether anything follows.
    pub(crate) fn has_more(&mut self) -> io::Result<bool> {
        loop {
            let buffer = self.inner.fill_buf()?;
            let Some(first) = buffer.first() else {
                return Ok(false);
            };
            if !(first.is_ascii_whitespace() || matches!(first, 0xef | 0xbb | 0xbf | 0x1e)) {
                return Ok(true);
            }
            self.line = self.line.saturating_add(u32::from(*first == b'\n'));
            self.inner.consume(1);
        }
    }

    /// The line at which reading is, from 1.
    pub(crate) fn line(&self) -> u32 {
        self.line
    }

    /// Another document begins, with room of its own.
    pub(crate) fn renew(&mut self) {
        self.left = MAX_DOCUMENT_BYTES;
    }

    /// Why reading ended with this error.
    pub(crate) fn reason(&self, error: &serde_json::Error) -> RefusalReason {
        match error.classify() {
            serde_json::error::Category::Io if self.left == 0 => RefusalReason::TooLarge,
            serde_json::error::Category::Io => RefusalReason::UnreadableFile,
            _ => RefusalReason::BadDocument,
        }
    }
}

impl<R: BufRead> Read for Capped<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(to)? as u64;
        if read > self.left {
            self.left = 0;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.left -= read;
        let ends = to.iter().take(read as usize).filter(|byte| **byte == b'\n').count();
        self.line = self.line.saturating_add(u32::try_from(ends).unwrap_or(u32::MAX));
        Ok(read as usize)
    }
}

/// The member of this name, if it is a text.
pub(crate) fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

/// The member of this name, if it is a list.
pub(crate) fn list<'a>(object: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    object.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The objects in the list of this name.
pub(crate) fn objects<'a>(
    object: &'a Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = &'a Map<String, Value>> {
    list(object, name).iter().filter_map(Value::as_object)
}

/// Whether the member says yes: `true`, `1`, `"1"`, `"true"`.
pub(crate) fn is_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(value)) => *value,
        Some(Value::Number(number)) => number.as_u64() == Some(1),
        Some(Value::String(text)) => matches!(text.as_str(), "1" | "true" | "True"),
        _ => false,
    }
}
