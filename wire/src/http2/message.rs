//! A block of fields to what it says: a request (RFC 9113 section 8.3.1), a response (section 8.3.2), or trailers.

use super::hpack::Field;
use crate::http::{MAX_PATH_LEN, clean_text, escaped_path, split_authority};
use weir_model::observation::{HttpRequest, HttpResponse, RequestForm};

/// Longest method that is kept; the longest registered one has 17 letters.
const MAX_METHOD_LEN: usize = 24;

/// Longest value of another field that is kept until its block was read. Names and user agents are shorter.
const MAX_VALUE_LEN: usize = 1_024;

/// The fields of one block. Of fields that occur twice the first counts.
#[derive(Debug, Default)]
pub(super) struct Message {
    method: Option<Vec<u8>>,
    authority: Option<Vec<u8>>,
    host: Option<Vec<u8>>,
    path: Option<Vec<u8>>,
    user_agent: Option<Vec<u8>>,
    status: Option<u16>,
    content_type: Option<Vec<u8>>,
}

impl Message {
    /// Takes up a field.
    pub(super) fn field(&mut self, field: Field, value: &[u8]) {
        let (place, limit) = match field {
            Field::Authority => (&mut self.authority, MAX_VALUE_LEN),
            Field::Method => (&mut self.method, MAX_METHOD_LEN),
            Field::Path => (&mut self.path, MAX_PATH_LEN),
            Field::Host => (&mut self.host, MAX_VALUE_LEN),
            Field::UserAgent => (&mut self.user_agent, MAX_VALUE_LEN),
            Field::ContentType => (&mut self.content_type, MAX_VALUE_LEN),
            Field::Status => {
                self.status = self.status.or_else(|| std::str::from_utf8(value).ok()?.parse().ok());
                return;
            }
            Field::Other => return,
        };
        place.get_or_insert_with(|| value.get(..limit).unwrap_or(value).to_vec());
    }

    /// Whether the body is a DNS message (RFC 8484 section 6).
    pub(super) fn is_dns(&self) -> bool {
        let essence = self.content_type.as_deref().and_then(|value| value.split(|byte| *byte == b';').next());
        essence.is_some_and(|essence| essence.trim_ascii().eq_ignore_ascii_case(b"application/dns-message"))
    }

    /// The request, if it is one.
    pub(super) fn request(&self) -> Option<HttpRequest> {
        let method = std::str::from_utf8(self.method.as_deref()?).ok()?;
        let form = if method == "CONNECT" { RequestForm::Connect } else { RequestForm::Origin };
        let path = match form {
            RequestForm::Connect => b"",
            _ => self.path.as_deref().unwrap_or_default(),
        };
        let authority = self.authority.as_deref().or(self.host.as_deref());
        let (host, port) = authority.map_or((None, None), split_authority);
        Some(HttpRequest {
            method: method.into(),
            host,
            port,
            path: escaped_path(path),
            user_agent: self.user_agent.as_deref().map(clean_text),
            form,
        })
    }

    /// The response, if it is one.
    pub(super) fn response(&self) -> Option<HttpResponse> {
        let status = self.status.filter(|status| (100..=999).contains(status))?;
        Some(HttpResponse { status })
    }
}
