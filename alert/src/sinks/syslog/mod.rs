//! Syslog (RFC 5424) over UDP (RFC 5426), TCP (RFC 6587) and TLS (RFC 5425).
//!
//! Syslog has no acknowledgement. What comes nearest is done: over TCP and TLS a message is taken once the receiver's kernel has
//! acknowledged its bytes, and what was sent within the last seconds before a connection broke is sent again, because the receiver may not
//! have read it. Over UDP only a refusal is ever heard of.

mod connection;
mod kernel;
mod message;
mod sent;
#[cfg(test)]
mod tests;

use super::clock::now;
use super::{Opening, Outcome, Outlet, Parcel, Settings, Sink};
use connection::{Connection, Failure, Receiver};
pub use message::Facility;
use message::Writer;
use sent::Sent;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};
use url::Url;
use weir_model::Tlp;
use weir_net::tls::TlsSettings;
use weir_net::{NetError, NetErrorKind, units};

/// Largest datagram over IPv4, in bytes (RFC 5426, 3.2).
const MAX_DATAGRAM: u64 = 65_507;

/// How long a new connection may take, if there is so much time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Between attempts to send again what a broken connection may have lost, while nothing else is to be sent.
const RETRY_EVERY: Duration = Duration::from_secs(5);

/// Where messages are sent, and what they are called there.
///
/// ```toml
/// type = "syslog"
/// url = "tls://siem.example.org:6514"
/// tls.ca_file = "/etc/weir/our-ca.pem"
/// ```
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogSettings {
    /// The receiver: `udp://HOST`, `tcp://HOST` (port 514) or `tls://HOST` (port 6514), with `:PORT` if it is another.
    pub url: String,
    /// How messages are told from each other over TCP (RFC 6587, 3.4); with TLS their octets are counted.
    #[serde(default)]
    pub framing: Framing,
    /// Facility (RFC 5424, table 1), by its usual name.
    #[serde(default)]
    pub facility: Facility,
    /// What messages say of where they come from; this machine's name if it is not set.
    pub hostname: Option<String>,
    /// Your private enterprise number (IANA). With it, structured data `weir@NUMBER` has identifier, incident and schema of a message;
    /// without it they are only in the message itself.
    pub enterprise_number: Option<u32>,
    /// Largest message, header included. A larger one is refused: a part of it would be no JSON. Many receivers cut messages at
    /// 8 KiB if nobody told them otherwise.
    #[serde(default = "max_size", deserialize_with = "units::size", serialize_with = "units::size_text")]
    pub max_size: u64,
    /// What was sent within so long before a connection broke is sent again.
    #[serde(
        default = "resend",
        deserialize_with = "units::duration",
        serialize_with = "units::duration_text"
    )]
    pub resend: Duration,
    /// Whom to trust, and our own certificate.
    #[serde(default)]
    pub tls: TlsSettings,
}

/// How messages are told from each other over TCP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Framing {
    /// Each has its length before it (RFC 6587, 3.4.1).
    #[default]
    OctetCounting,
    /// Each has a line end behind it (RFC 6587, 3.4.2).
    Lines,
}

const fn max_size() -> u64 {
    64 << 10
}

const fn resend() -> Duration {
    Duration::from_secs(30)
}

impl Settings for SyslogSettings {
    const KIND: &'static str = "syslog";
    const CEILING: Tlp = Tlp::AmberStrict;

    fn open(&self, opening: &Opening<'_>) -> Result<Vec<Outlet>, NetError> {
        let receiver = self.receiver(opening)?;
        let most = if receiver.is_udp() { self.max_size.min(MAX_DATAGRAM) } else { self.max_size };
        let writer = Writer::new(self.facility, self.hostname.as_deref(), self.enterprise_number)?;
        let sent = Sent::new(self.resend);
        Ok(Outlet::only(SyslogSink { receiver, most, writer, sent, connection: None, retried: None }))
    }

    fn warnings(&self) -> Vec<String> {
        let is_tls = self.url.starts_with("tls:");
        let mut warnings = Vec::new();
        if is_tls && !self.tls.verify {
            warnings.push(
                "`tls.verify = false`: whoever is on the way to the receiver can read the alerts and keep them; \
                 name the receiver's authority with `tls.ca_file` instead"
                    .to_owned(),
            );
        }
        if !is_tls && self.tls != TlsSettings::default() {
            warnings.push("`tls` has no meaning unless `url` begins with tls:".to_owned());
        }
        if self.url.starts_with("udp:") {
            warnings.push(
                "over UDP messages are lost without a trace when the network or the receiver is busy; use tls: or tcp:"
                    .to_owned(),
            );
        }
        warnings
    }
}

impl SyslogSettings {
    fn receiver(&self, opening: &Opening<'_>) -> Result<Receiver, NetError> {
        let wrong = |text: String| NetError::new(NetErrorKind::Settings, text);
        let says = "it says udp://HOST, tcp://HOST or tls://HOST, with :PORT if it is not the usual one";
        let url = Url::parse(&self.url).map_err(|error| wrong(format!("`url`: {error}: {says}")))?;
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| wrong(format!("`url` names no host: {says}")))?;
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.username().is_empty();
        if !is_bare {
            return Err(wrong(format!("`url` has more than a host and a port: {says}")));
        }
        let host = host.trim_matches(['[', ']']).to_owned();
        let port = |usual| url.port().unwrap_or(usual);
        match url.scheme() {
            "udp" => Ok(Receiver::udp(host, port(514))),
            "tcp" => Ok(Receiver::tcp(host, port(514), self.framing)),
            "tls" => Receiver::tls(host, port(6514), self.tls.client(opening.base)?),
            other => Err(wrong(format!("`url` begins with {other}: {says}"))),
        }
    }
}

struct SyslogSink {
    receiver: Receiver,
    /// Largest message in bytes.
    most: u64,
    writer: Writer,
    /// What may have to be sent again.
    sent: Sent,
    connection: Option<Connection>,
    /// When it was last tried to send it again while nothing else was to be sent.
    retried: Option<Instant>,
}

impl Sink for SyslogSink {
    fn deliver(&mut self, parcels: &[Parcel], until: Instant) -> Vec<Outcome> {
        let first_number = self.writer.number();
        let mut messages = Vec::new();
        let mut outcomes = Vec::new();
        for parcel in parcels {
            let number = self.writer.number();
            let message = self.writer.write(parcel);
            let bytes = message.len() as u64;
            if bytes > self.most {
                self.writer.set_number(number);
                let most = self.most;
                outcomes
                    .push(Outcome::Refused(format!("{bytes} bytes are more than `max_size` allows: {most}")));
            } else {
                messages.push(message);
                outcomes.push(Outcome::Taken);
            }
        }
        if let Err(failure) = self.send(messages, until) {
            self.writer.set_number(first_number);
            let failed = Outcome::Failed(format!("{}: {failure}", self.receiver));
            for outcome in outcomes.iter_mut().filter(|outcome| **outcome == Outcome::Taken) {
                *outcome = failed.clone();
            }
        }
        outcomes
    }

    fn idle(&mut self) {
        let now = now();
        self.notice_break(now);
        let is_early =
            self.retried.is_some_and(|retried| now.saturating_duration_since(retried) < RETRY_EVERY);
        if self.connection.is_none() && self.sent.is_unsure() && !is_early {
            self.retried = Some(now);
            // Whoever has something to send hears of it.
            drop(self.send(Vec::new(), now + CONNECT_TIMEOUT));
        }
    }
}

impl SyslogSink {
    /// Sends all or says that it failed; then some may have arrived.
    fn send(&mut self, messages: Vec<Vec<u8>>, until: Instant) -> Result<(), Failure> {
        self.notice_break(now());
        let Self { receiver, sent, connection, .. } = self;
        let open = match connection.take() {
            Some(open) => open,
            None => receiver.connect(until.min(now() + CONNECT_TIMEOUT))?,
        };
        let open = connection.insert(open);
        let result = sent
            .again(|again| open.send(again, until))
            .and_then(|()| open.send(&messages, until))
            .and_then(|()| open.confirm(until));
        match result {
            Ok(()) => {
                sent.all_sent(now());
                sent.add(messages, now());
                Ok(())
            }
            Err(failure) => {
                *connection = None;
                sent.broke(now());
                Err(failure)
            }
        }
    }

    /// Lets go of a connection that the other end has closed, and remembers what it may not have read.
    fn notice_break(&mut self, now: Instant) {
        let is_broken = self.connection.as_mut().is_some_and(|open| !open.is_alive());
        if is_broken {
            self.connection = None;
            self.sent.broke(now);
        }
    }
}
