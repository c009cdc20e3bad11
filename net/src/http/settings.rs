//! How a source is asked, as it stands in a configuration.

use super::credentials::Credentials;
use crate::{tls::TlsSettings, units};
use serde::{Deserialize, Serialize, Serializer};
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// How servers are asked. Everything has a default that is right for a public source.
///
/// ```toml
/// http.credentials.header = { name = "Authorization", file = "/etc/weir/misp.key" }
/// http.ca_file = "/etc/weir/our-ca.pem"
/// http.proxy = "http://proxy.example:3128"
/// ```
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpSettings {
    /// By which proxy: `"environment"` (the default: `ALL_PROXY`, `HTTPS_PROXY`, `HTTP_PROXY` but for `NO_PROXY`), `"none"`, or its URL.
    pub proxy: Proxy,
    /// PEM file with certificates of authorities to be trusted besides those of the system.
    pub ca_file: Option<PathBuf>,
    /// Whether the authorities that the system trusts are trusted; `false` leaves only those of `ca_file`.
    pub system_ca: bool,
    /// Whether the server must prove who it is. `false` lets anybody on the way read and change everything, credentials included; it is
    /// among the [warnings](HttpSettings::warnings).
    pub verify: bool,
    /// PEM file with our own certificate (and those up to its authority), where the server asks for one.
    pub client_certificate: Option<PathBuf>,
    /// PEM file with the key of `client_certificate`; it may be the same file.
    pub client_key: Option<PathBuf>,
    /// Who we are, to the server. Where its secret lies; never the secret.
    pub credentials: Option<Credentials>,
    /// Longest time until a connection stands, TLS and proxies included.
    #[serde(deserialize_with = "units::duration", serialize_with = "units::duration_text")]
    pub connect_timeout: Duration,
    /// Longest silence: until the answer begins, and between its parts.
    #[serde(deserialize_with = "units::duration", serialize_with = "units::duration_text")]
    pub idle_timeout: Duration,
    /// Longest time that one answer may take as a whole. A server that drips one byte at a time ends here.
    #[serde(deserialize_with = "units::duration", serialize_with = "units::duration_text")]
    pub timeout: Duration,
    /// Most bytes of one answer, as they are sent.
    #[serde(deserialize_with = "units::size", serialize_with = "units::size_text")]
    pub max_size: u64,
    /// Most bytes of one answer when it is unpacked (gzip, zstd, zip). A bomb ends here.
    #[serde(deserialize_with = "units::size", serialize_with = "units::size_text")]
    pub max_unpacked_size: u64,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            proxy: Proxy::default(),
            ca_file: None,
            system_ca: true,
            verify: true,
            client_certificate: None,
            client_key: None,
            credentials: None,
            connect_timeout: Duration::from_secs(15),
            // A MISP instance looks for a minute or two before it answers.
            idle_timeout: Duration::from_mins(3),
            timeout: Duration::from_mins(15),
            max_size: 512 << 20,
            max_unpacked_size: 2 << 30,
        }
    }
}

impl HttpSettings {
    /// What of them is TLS.
    pub fn tls(&self) -> TlsSettings {
        TlsSettings {
            ca_file: self.ca_file.clone(),
            system_ca: self.system_ca,
            verify: self.verify,
            client_certificate: self.client_certificate.clone(),
            client_key: self.client_key.clone(),
        }
    }

    /// What somebody should think about again, of asking the server at `url` so; for the log when the source is set up.
    pub fn warnings(&self, url: &str) -> Vec<String> {
        let mut warnings = Vec::new();
        if !self.verify {
            warnings.push(
                "`verify = false`: whoever is on the way to the server can read the credentials and change the indicators; \
                 name the server's authority with `ca_file` instead"
                    .to_owned(),
            );
        }
        let is_near = |url: &Url| matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let is_clear = Url::parse(url).is_ok_and(|url| url.scheme() == "http" && !is_near(&url));
        if is_clear && self.credentials.is_some() {
            warnings.push(
                "credentials are sent over http:, where whoever is on the way can read them; use https:"
                    .to_owned(),
            );
        }
        warnings
    }
}

/// By which proxy servers are asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Proxy {
    /// As the environment says.
    #[default]
    Environment,
    /// None.
    Direct,
    /// This one, by its URL.
    Url(String),
}

impl Serialize for Proxy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Environment => "environment",
            Self::Direct => "none",
            Self::Url(url) => url,
        })
    }
}

impl TryFrom<String> for Proxy {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "environment" => Ok(Self::Environment),
            "none" => Ok(Self::Direct),
            _ if text.contains('@') => {
                Err("no credentials here: a proxy that wants some is named in the environment (HTTPS_PROXY)"
                    .to_owned())
            }
            _ if text.starts_with("http://") || text.starts_with("https://") => Ok(Self::Url(text)),
            _ => Err(format!(
                "`{text}` is neither \"environment\" nor \"none\" nor a URL with http: or https:"
            )),
        }
    }
}
