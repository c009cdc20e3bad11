//! The URL of a webhook, which is a secret: who knows it can post to the channel.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::fmt;
use url::Url;
use weir_net::http::Client;
use weir_net::{NetError, NetErrorKind, Secret, secret};

/// Shortest part of a path that may be a secret: identifiers and tokens of chats have 8 letters and more.
const MIN_SECRET_BYTES: usize = 8;

/// Where to post. Only scheme and host of it are ever shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address(Url);

impl Address {
    /// From what lies in a file or a variable.
    pub(super) fn read(secret: &Secret) -> Result<Self, NetError> {
        let url = Client::url(secret.reveal()).map_err(|_| {
            let text = format!("{} should hold the URL of a webhook: https://...", secret.place());
            NetError::new(NetErrorKind::Settings, text)
        })?;
        Ok(Self(url))
    }

    pub(super) fn url(&self) -> &Url {
        &self.0
    }

    /// Whether others on the way can read what is posted.
    pub(super) fn is_in_clear(&self) -> bool {
        self.0.scheme() == "http" && !matches!(self.0.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
    }

    /// A text without what is secret of it.
    pub(super) fn hide(&self, text: &str) -> String {
        let path = self.0.path();
        let text = if path.len() > 1 { text.replace(path, "/***") } else { text.to_owned() };
        let parts =
            self.0.path_segments().into_iter().flatten().filter(|part| part.len() >= MIN_SECRET_BYTES);
        let text = parts.fold(text, |text, part| text.replace(part, "***"));
        self.0.query().map_or(text.clone(), |query| text.replace(query, "***"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// Never the URL: what stands for it.
impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&secret::fingerprint(self.0.as_str().as_bytes()))
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong =
            || D::Error::custom("`url` must be the URL of a webhook, without user and password: https://...");
        Client::url(&text).map(Self).map_err(|_| wrong())
    }
}
