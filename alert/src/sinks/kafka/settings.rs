//! What an operator writes.

use crate::sinks::Kind;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use std::collections::BTreeMap;
use std::path::PathBuf;
use weir_net::http::HttpSettings;
use weir_net::tls::TlsSettings;
use weir_net::{SecretPlace, units};

/// A Kafka cluster. Everything but the brokers has a default.
///
/// ```toml
/// brokers = ["kafka1.example:9093", "kafka2.example:9093"]
/// tls.ca_file = "/etc/weir/kafka-ca.pem"
/// sasl = { mechanism = "SCRAM-SHA-512", user = "weir", file = "/etc/weir/kafka.password" }
/// ```
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaSettings {
    /// Where to ask for the cluster, each `host` or `host:port` (9092 unless said otherwise).
    pub brokers: Vec<String>,
    /// How the topics are called.
    #[serde(default)]
    pub topics: Topics,
    /// How batches are compressed.
    #[serde(default)]
    pub compression: Compression,
    /// Present where brokers are spoken to by TLS; `{}` trusts the system's authorities.
    #[serde(default)]
    pub tls: Option<TlsSettings>,
    /// Who we are, where brokers ask.
    #[serde(default)]
    pub sasl: Option<Authentication>,
    /// Largest message that is sent. Brokers take 1 MiB unless told otherwise (`message.max.bytes`).
    #[serde(default = "max_message", deserialize_with = "units::size", serialize_with = "units::size_text")]
    pub max_message: u64,
    /// Most memory for what is handed to librdkafka and not acknowledged yet.
    #[serde(default = "buffer", deserialize_with = "units::size", serialize_with = "units::size_text")]
    pub buffer: u64,
    /// Any other property of librdkafka, as its CONFIGURATION.md lists them.
    #[serde(default)]
    pub librdkafka: BTreeMap<String, Property>,
}

fn max_message() -> u64 {
    1_000_000
}

fn buffer() -> u64 {
    32 << 20
}

/// How the topics are called: a prefix and the kind (`weir.alerts`), or a name of its own.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Topics {
    /// What all begin with that have no name of their own.
    pub prefix: String,
    /// The topic of alerts and notices.
    pub alerts: Option<String>,
    /// The topic of flow records.
    pub flows: Option<String>,
    /// The topic of names.
    pub names: Option<String>,
    /// The topic of the ledger.
    pub ledger: Option<String>,
}

impl Default for Topics {
    fn default() -> Self {
        Self { prefix: "weir.".to_owned(), alerts: None, flows: None, names: None, ledger: None }
    }
}

impl Topics {
    /// The topic of a kind.
    pub fn of(&self, kind: Kind) -> String {
        let own = match kind {
            Kind::Alert => &self.alerts,
            Kind::Flow => &self.flows,
            Kind::Name => &self.names,
            Kind::Ledger => &self.ledger,
        };
        own.clone().unwrap_or_else(|| format!("{}{}", self.prefix, kind.plural()))
    }
}

/// How batches are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Smallest for its cost (RFC 8878); brokers and consumers since Kafka 2.1.
    #[default]
    Zstd,
    /// Fast.
    Lz4,
    /// Fast, larger.
    Snappy,
    /// What everything reads.
    Gzip,
    /// As they are.
    None,
}

impl Compression {
    /// As librdkafka calls it.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Snappy => "snappy",
            Self::Gzip => "gzip",
            Self::None => "none",
        }
    }
}

/// Who we are to the brokers (SASL, RFC 4422), and where the secret that proves it lies.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "mechanism")]
pub enum Authentication {
    /// A name and a password, as they are (RFC 4616).
    #[serde(rename = "PLAIN")]
    Plain(Login),
    /// A name and a password that does not travel (RFC 7677).
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256(Login),
    /// The same with a longer hash.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512(Login),
    /// A token that ends (RFC 7628).
    #[serde(rename = "OAUTHBEARER")]
    OauthBearer(Box<Bearer>),
    /// Kerberos (RFC 4752), where it was built in.
    #[serde(rename = "GSSAPI")]
    Gssapi(Kerberos),
}

/// A name, and where its password lies. The password is read whenever a producer is made.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The file with the password.
    pub file: Option<PathBuf>,
    /// The variable with the password.
    pub env: Option<String>,
}

impl Login {
    /// Where the password lies.
    pub fn place(&self) -> SecretPlace {
        SecretPlace { file: self.file.clone(), env: self.env.clone() }
    }
}

/// Where tokens come from: a file that somebody renews, a variable, or a server that is asked for them.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Bearer {
    /// The file with the token; it is read again before the token ends.
    pub file: Option<PathBuf>,
    /// The variable with the token.
    pub env: Option<String>,
    /// The server that gives tokens.
    pub oidc: Option<Oidc>,
}

/// A server that gives tokens to clients with credentials of their own (RFC 6749, section 4.4).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// Its token endpoint.
    pub url: String,
    /// What the token is for, if the server wants to know.
    pub scope: Option<String>,
    /// How it is asked. `http.credentials.basic` holds the client's identifier and where its secret lies.
    #[serde(default)]
    pub http: HttpSettings,
}

/// Who we are in Kerberos. Tickets are fetched and renewed with `kinit`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Kerberos {
    /// Such as `weir@EXAMPLE.ORG`.
    pub principal: String,
    /// The file with its key.
    pub keytab: PathBuf,
    /// As the brokers' service is called; `kafka` unless said otherwise.
    #[serde(default = "service")]
    pub service: String,
}

fn service() -> String {
    "kafka".to_owned()
}

/// The value of a property: text, a whole number, or `true` or `false`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Property(pub String);

impl<'de> Deserialize<'de> for Property {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Truth(bool),
            Number(i64),
            Text(String),
        }
        let written = Written::deserialize(deserializer)
            .map_err(|_| D::Error::custom("a property is text, a whole number, true or false"))?;
        Ok(Self(match written {
            Written::Truth(truth) => truth.to_string(),
            Written::Number(number) => number.to_string(),
            Written::Text(text) => text,
        }))
    }
}

/// What somebody should think about again.
pub(super) fn warnings(settings: &KafkaSettings) -> Vec<String> {
    let mut warnings = Vec::new();
    match &settings.tls {
        Some(tls) if !tls.verify => warnings.push(
            "`tls.verify = false`: whoever is on the way to the brokers can read and change alerts; name the brokers' authority with \
             `tls.ca_file` instead"
                .to_owned(),
        ),
        None if settings.sasl.is_some() => warnings.push(
            "credentials are sent to the brokers without TLS, where whoever is on the way can read or guess them; use a listener with \
             TLS and `tls = {}`"
                .to_owned(),
        ),
        _ => {}
    }
    if let Some(Authentication::OauthBearer(bearer)) = &settings.sasl {
        warnings.extend(bearer.oidc.iter().flat_map(|oidc| oidc.http.warnings(&oidc.url)));
    }
    warnings
}
