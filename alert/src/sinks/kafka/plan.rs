//! From settings to librdkafka's properties.

use super::context::Context;
use super::settings::{Authentication, KafkaSettings, Login};
use super::token::Tokens;
use crate::sinks::{Kind, Opening};
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::producer::BaseProducer;
use std::path::PathBuf;
use std::time::Duration;
use weir_model::text::printable;
use weir_net::{NetError, NetErrorKind, Secret};

/// How long librdkafka tries to bring a message over before the producer is made anew, with its connections and what it knows of the
/// cluster. It is librdkafka's own default, and longer than any leader takes to be elected.
const MESSAGE_TIMEOUT: Duration = Duration::from_mins(5);

/// Most messages that librdkafka holds, beside the bound in bytes: a message costs it some hundred bytes of its own.
const MAX_QUEUED: u32 = 100_000;

/// Most brokers in the settings. They are only where to ask first, and three or four are enough. More is refused.
const MAX_BROKERS: usize = 100;

/// Longest name of a topic that Kafka takes (`org.apache.kafka.common.internals.Topic`).
const MAX_TOPIC_BYTES: usize = 249;

/// Properties that are not for [`KafkaSettings::librdkafka`], by how they begin, and why.
const RESERVED: &[(&str, &str)] = &[
    ("bootstrap.servers", "name them with `brokers`"),
    ("metadata.broker.list", "name them with `brokers`"),
    ("compression.", "choose it with `compression`"),
    ("message.max.bytes", "set `max_message`"),
    ("queue.buffering.max.kbytes", "set `buffer`"),
    ("queue.buffering.max.messages", "set `buffer`"),
    ("security.protocol", "it follows from `tls` and `sasl`"),
    ("ssl.ca.", "use `tls`"),
    ("ssl.key.", "use `tls`"),
    ("ssl.certificate.", "use `tls`"),
    ("ssl.keystore.", "use `tls` with PEM files, so that no secret stands here"),
    ("enable.ssl.certificate.verification", "use `tls.verify`"),
    ("ssl.endpoint.identification.algorithm", "use `tls.verify`"),
    ("sasl.", "use `sasl`, so that no secret stands here"),
    ("enable.sasl.oauthbearer.unsecure.jwt", "anybody can write such tokens"),
    ("enable.idempotence", "without it alerts come out of order"),
    ("acks", "without all of them acknowledged alerts are lost"),
    ("request.required.acks", "without all of them acknowledged alerts are lost"),
    ("max.in.flight", "the idempotent producer chooses it"),
    ("retries", "without them alerts come out of order"),
    ("message.send.max.retries", "without them alerts come out of order"),
    ("message.timeout.ms", "Weir decides when to try again"),
    ("delivery.", "Weir counts every acknowledgement"),
    ("enable.gapless.guarantee", "Weir keeps the order of what belongs together itself"),
    ("transaction", "Weir's consumers drop repeats instead"),
    ("queuing.strategy", "alerts must stay in order"),
    ("msg_order_cmp", "alerts must stay in order"),
    ("statistics.interval.ms", "nobody reads them; see `weir status`"),
    ("enabled_events", "Weir needs them as they are"),
    ("log", "librdkafka's complaints stand in `weir status`"),
    ("plugin.library.paths", "Weir loads no foreign code"),
    ("interceptors", "Weir loads no foreign code"),
];

/// How a producer is made: checked settings.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    settings: KafkaSettings,
    name: String,
    base: PathBuf,
    topics: [String; Kind::ALL.len()],
    /// See [`MESSAGE_TIMEOUT`].
    pub(super) message_timeout: Duration,
}

impl Plan {
    /// Checks what can be checked without a broker.
    pub(super) fn new(settings: &KafkaSettings, opening: &Opening<'_>) -> Result<Self, NetError> {
        check_brokers(&settings.brokers)?;
        let topics = Kind::ALL.map(|kind| settings.topics.of(kind));
        topics.iter().try_for_each(|topic| check_topic(topic))?;
        settings.librdkafka.keys().try_for_each(|key| check_property(key))?;
        let plan = Self {
            settings: settings.clone(),
            name: opening.name.to_owned(),
            base: opening.base.to_owned(),
            topics,
            message_timeout: MESSAGE_TIMEOUT,
        };
        Ok(plan)
    }

    /// The topic of a kind.
    pub(super) fn topic(&self, kind: Kind) -> &str {
        let [alerts, flows, names, ledger] = &self.topics;
        match kind {
            Kind::Alert => alerts,
            Kind::Flow => flows,
            Kind::Name => names,
            Kind::Ledger => ledger,
        }
    }

    /// The brokers, as the operator wrote them.
    pub(super) fn brokers(&self) -> String {
        self.settings.brokers.join(", ")
    }

    /// Makes a producer: reads the secrets and files that the settings name, and begins to connect.
    pub(super) fn producer(&self) -> Result<BaseProducer<Context>, NetError> {
        let (config, secrets) = self.properties()?;
        let tokens = match &self.settings.sasl {
            Some(Authentication::OauthBearer(bearer)) => Some(Tokens::new(bearer, &self.base)?),
            _ => None,
        };
        let context = Context::new(tokens, secrets.clone());
        config.create_with_context(context).map_err(|error| unusable(&error, &secrets))
    }

    /// The properties, and the secrets among them.
    pub(super) fn properties(&self) -> Result<(ClientConfig, Vec<Secret>), NetError> {
        let settings = &self.settings;
        let mut config = ClientConfig::new();
        config.set_log_level(RDKafkaLogLevel::Warning);
        config.set("partitioner", "murmur2_random"); // as Java's clients find the partition of a key
        config.set("socket.keepalive.enable", "true");
        config.set("enable.metrics.push", "false"); // what Weir counts is asked of Weir
        for (key, value) in &settings.librdkafka {
            config.set(key, &value.0);
        }
        config.set("bootstrap.servers", settings.brokers.join(","));
        config.set("client.id", format!("weir-{}", self.name));
        config.set("enable.idempotence", "true");
        config.set("acks", "all");
        config.set("compression.type", settings.compression.keyword());
        config.set("message.max.bytes", settings.max_message.to_string());
        config.set("message.timeout.ms", self.message_timeout.as_millis().to_string());
        config.set("queue.buffering.max.kbytes", settings.buffer.div_ceil(1 << 10).to_string());
        config.set("queue.buffering.max.messages", MAX_QUEUED.to_string());
        self.set_tls(&mut config)?;
        let secrets = self.set_sasl(&mut config)?;
        Ok((config, secrets))
    }

    fn set_tls(&self, config: &mut ClientConfig) -> Result<(), NetError> {
        let protocol = match (&self.settings.tls, &self.settings.sasl) {
            (None, None) => "plaintext",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), None) => "ssl",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        let Some(tls) = &self.settings.tls else { return Ok(()) };
        let files = tls.files(&self.base)?;
        if let Some(authorities) = files.authorities {
            config.set("ssl.ca.pem", authorities);
        }
        if let Some((certificate, key)) = files.own {
            config.set("ssl.certificate.location", certificate.display().to_string());
            config.set("ssl.key.location", key.display().to_string());
        }
        if !tls.verify {
            config.set("enable.ssl.certificate.verification", "false");
            config.set("ssl.endpoint.identification.algorithm", "none");
        }
        Ok(())
    }

    fn set_sasl(&self, config: &mut ClientConfig) -> Result<Vec<Secret>, NetError> {
        let mut log_in = |mechanism: &str, login: &Login| {
            let password = login.place().read(&self.base)?;
            config.set("sasl.mechanism", mechanism);
            config.set("sasl.username", &login.user);
            config.set("sasl.password", password.reveal());
            Ok(vec![password])
        };
        match &self.settings.sasl {
            None => Ok(Vec::new()),
            Some(Authentication::Plain(login)) => log_in("PLAIN", login),
            Some(Authentication::ScramSha256(login)) => log_in("SCRAM-SHA-256", login),
            Some(Authentication::ScramSha512(login)) => log_in("SCRAM-SHA-512", login),
            Some(Authentication::OauthBearer(_)) => {
                config.set("sasl.mechanism", "OAUTHBEARER");
                Ok(Vec::new())
            }
            Some(Authentication::Gssapi(kerberos)) => {
                let keytab = self.base.join(&kerberos.keytab).display().to_string();
                for text in [&kerberos.principal, &kerberos.service, &keytab] {
                    check_kerberos(text)?;
                }
                config.set("sasl.mechanism", "GSSAPI");
                config.set("sasl.kerberos.principal", &kerberos.principal);
                config.set("sasl.kerberos.service.name", &kerberos.service);
                config.set("sasl.kerberos.keytab", keytab);
                Ok(Vec::new())
            }
        }
    }
}

fn check_brokers(brokers: &[String]) -> Result<(), NetError> {
    let is_good = |broker: &String| {
        !broker.is_empty()
            && !broker.contains([',', '@', '/'])
            && broker.chars().all(|c| c.is_ascii_graphic())
    };
    if brokers.is_empty() || brokers.len() > MAX_BROKERS || !brokers.iter().all(is_good) {
        return Err(wrong(
            "`brokers` names up to 100 of the cluster's brokers, each as \"host:port\": brokers = [\"kafka1.example:9092\"]",
        ));
    }
    Ok(())
}

fn check_topic(topic: &str) -> Result<(), NetError> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if topic.is_empty()
        || topic.len() > MAX_TOPIC_BYTES
        || matches!(topic, "." | "..")
        || !topic.chars().all(is_good)
    {
        let shown = printable(topic, 60);
        return Err(wrong(format!(
            "`{shown}` cannot be the name of a topic: Kafka takes letters, digits, `.`, `_` and `-`, 249 at most"
        )));
    }
    Ok(())
}

fn check_property(key: &str) -> Result<(), NetError> {
    let reserved = RESERVED.iter().find(|(begins, _)| key.starts_with(begins));
    match reserved {
        Some((_, why)) => Err(wrong(format!("`librdkafka.\"{}\"` cannot be set: {why}", printable(key, 80)))),
        None => Ok(()),
    }
}

/// librdkafka puts these into a command line for `kinit`.
fn check_kerberos(text: &str) -> Result<(), NetError> {
    if !cfg!(feature = "kerberos") {
        return Err(wrong("this weir was built without Kerberos: build it with `--features kerberos`"));
    }
    let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '@' | '+');
    if text.is_empty() || !text.chars().all(is_good) {
        let shown = printable(text, 80);
        return Err(wrong(format!(
            "`{shown}`: letters, digits and `._-/@+` only, because `kinit` is told it"
        )));
    }
    Ok(())
}

/// librdkafka refused the settings, or could not read what they name.
fn unusable(error: &KafkaError, secrets: &[Secret]) -> NetError {
    let text = match error {
        KafkaError::ClientConfig(_, why, key, _) => format!("`{key}`: {why}"),
        KafkaError::ClientCreation(why) => why.clone(),
        other => other.to_string(),
    };
    let text = hidden(&text, secrets);
    wrong(format!("librdkafka does not take these settings: {}", printable(&text, 300)))
}

/// A text without our secrets, in case that it repeats them.
pub(super) fn hidden(text: &str, secrets: &[Secret]) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.reveal(), "***"))
}

fn wrong(text: impl Into<String>) -> NetError {
    NetError::new(NetErrorKind::Settings, text)
}
