//! Signatures, by which a receiver knows that a post is ours, whole, and of this minute.
//!
//! `t=SECONDS,v1=HEX`: HMAC-SHA256 (RFC 2104) over the time in seconds since 1970 as it stands there, a dot, and the body.

use ring::hmac;
use std::fmt::Write as _;
use weir_net::{NetError, NetErrorKind, Secret};

/// Least length of a secret to sign with, in bytes: one that can be guessed proves nothing.
const MIN_SECRET_BYTES: usize = 16;

/// Signs posts.
pub(super) struct Signer {
    key: hmac::Key,
    header: String,
}

impl Signer {
    pub(super) fn new(secret: &Secret, header: &str) -> Result<Self, NetError> {
        let wrong = |text: String| NetError::new(NetErrorKind::Settings, text);
        if secret.reveal().len() < MIN_SECRET_BYTES {
            return Err(wrong(format!(
                "{}: a secret to sign with has at least {MIN_SECRET_BYTES} bytes",
                secret.place()
            )));
        }
        if header.is_empty() || !header.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(wrong("`signature_header` is a name of letters, digits and hyphens".to_owned()));
        }
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes()),
            header: header.to_owned(),
        })
    }

    /// The header with the signature of a body that is sent at this time (in seconds since 1970).
    pub(super) fn sign(&self, body: &[u8], now: u64) -> (String, String) {
        let tag = hmac::sign(&self.key, &[now.to_string().as_bytes(), b".", body].concat());
        let mut value = format!("t={now},v1=");
        for byte in tag.as_ref() {
            let _ = write!(value, "{byte:02x}");
        }
        (self.header.clone(), value)
    }
}
