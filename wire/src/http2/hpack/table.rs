//! The tables of fields that blocks refer to (RFC 7541 section 2.3).

use std::collections::VecDeque;

/// What an entry counts besides its text (section 4.1). It also bounds how many entries there can be.
const ENTRY_OVERHEAD: usize = 32;

/// Size of the dynamic table before anything is said about it (RFC 9113 section 6.5.2).
const INITIAL_SIZE: usize = 4_096;

/// A header field, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http2) enum Field {
    Authority,
    Method,
    Path,
    Status,
    Host,
    UserAgent,
    ContentType,
    Other,
}

impl Field {
    /// By its name, which HTTP/2 writes in lower case (RFC 9113 section 8.2).
    pub(super) fn of(name: &[u8]) -> Self {
        match name {
            b":authority" => Self::Authority,
            b":method" => Self::Method,
            b":path" => Self::Path,
            b":status" => Self::Status,
            b"host" => Self::Host,
            b"user-agent" => Self::UserAgent,
            b"content-type" => Self::ContentType,
            _ => Self::Other,
        }
    }
}

/// A field of the dynamic table.
#[derive(Debug)]
pub(super) struct Entry {
    field: Field,
    name_len: usize,
    /// What it counts.
    size: usize,
    /// Empty for a field that does not matter.
    value: Box<[u8]>,
}

impl Entry {
    pub(super) fn new(field: Field, name_len: usize, value: &[u8]) -> Self {
        let kept = if field == Field::Other { &[] } else { value };
        Self { field, name_len, size: name_len + value.len() + ENTRY_OVERHEAD, value: kept.into() }
    }
}

/// The static table and a dynamic one.
#[derive(Debug)]
pub(super) struct Table {
    /// The newest first.
    entries: VecDeque<Entry>,
    size: usize,
    max_size: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self { entries: VecDeque::new(), size: 0, max_size: INITIAL_SIZE }
    }
}

impl Table {
    /// The field at an index, counted from 1, and its value.
    pub(super) fn field(&self, index: usize) -> Option<(Field, &[u8])> {
        let nth = index.checked_sub(1)?;
        match STATIC.get(nth) {
            Some((name, value)) => Some((Field::of(name.as_bytes()), value.as_bytes())),
            None => self.dynamic(nth).map(|entry| (entry.field, &*entry.value)),
        }
    }

    /// The name at an index, counted from 1: which field it is, and its length.
    pub(super) fn name(&self, index: usize) -> Option<(Field, usize)> {
        let nth = index.checked_sub(1)?;
        match STATIC.get(nth) {
            Some((name, _)) => Some((Field::of(name.as_bytes()), name.len())),
            None => self.dynamic(nth).map(|entry| (entry.field, entry.name_len)),
        }
    }

    /// What the dynamic table counts.
    #[cfg(test)]
    pub(super) const fn size(&self) -> usize {
        self.size
    }

    /// Adds an entry and drops the oldest that have no room with it; one that is larger than the table empties it
    /// (section 4.4).
    pub(super) fn insert(&mut self, entry: Entry) {
        self.shrink_to(self.max_size.saturating_sub(entry.size));
        if entry.size <= self.max_size {
            self.size += entry.size;
            self.entries.push_front(entry);
        }
    }

    /// Sets the most that the dynamic table may count.
    pub(super) fn resize(&mut self, max_size: usize) {
        self.max_size = max_size;
        self.shrink_to(max_size);
    }

    fn shrink_to(&mut self, size: usize) {
        while self.size > size
            && let Some(oldest) = self.entries.pop_back()
        {
            self.size = self.size.saturating_sub(oldest.size);
        }
    }

    fn dynamic(&self, nth: usize) -> Option<&Entry> {
        self.entries.get(nth.checked_sub(STATIC.len())?)
    }
}

/// Appendix A.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];
