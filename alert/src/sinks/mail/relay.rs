//! The relay: SMTP (RFC 5321) as far as handing a mail over needs it.

use super::super::clock::time_left;
use super::{Encryption, MailSettings, wrong};
use lettre::Address;
use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{Certificate, SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use std::error::Error as _;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};
use weir_net::NetError;

const OUT_OF_TIME: &str = "there was no time left to mail it";

/// Who takes mail from us, and how it is spoken to.
pub(super) struct Relay {
    host: String,
    port: u16,
    encryption: Encryption,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    hello: ClientId,
    timeout: Duration,
}

/// Why a mail was not handed over.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The relay does not want this mail, and would not later.
    Refused(String),
    /// Not this time.
    Failed(String),
}

impl Relay {
    pub(super) fn new(settings: &MailSettings, base: &Path) -> Result<Self, NetError> {
        let host = settings.relay.clone();
        let encryption = settings.tls;
        if encryption == Encryption::None && !is_near(&host) {
            return Err(wrong(
                "`tls = \"none\"` is for a relay on this host (localhost); others are reached with starttls or implicit",
            ));
        }
        let default_port = match encryption {
            Encryption::StartTls => 587,
            Encryption::Implicit => 465,
            Encryption::None => 25,
        };
        let credentials = match (&settings.user, &settings.password) {
            (None, None) => None,
            (Some(user), Some(place)) => {
                Some(Credentials::new(user.clone(), place.read(base)?.reveal().to_owned()))
            }
            _ => return Err(wrong("`user` and `password` only work together")),
        };
        Ok(Self {
            tls: (encryption != Encryption::None).then(|| trust(settings, base)).transpose()?,
            port: settings.port.unwrap_or(default_port),
            hello: settings.hello.clone().map_or_else(ClientId::default, ClientId::Domain),
            timeout: settings.timeout,
            host,
            encryption,
            credentials,
        })
    }

    /// Speaks with the relay until it would take a mail.
    pub(super) fn connect(&self, until: Instant) -> Result<Session, String> {
        let time = time_left(until, self.timeout).ok_or_else(|| OUT_OF_TIME.to_owned())?;
        let wrapper = self.tls.as_ref().filter(|_| self.encryption == Encryption::Implicit);
        let address = (self.host.as_str(), self.port);
        let told = |error: &Error| format!("{}: {}", self.host, describe(error));
        let mut connection = SmtpConnection::connect(address, Some(time), &self.hello, wrapper, None)
            .map_err(|error| told(&error))?;
        if let (Encryption::StartTls, Some(tls)) = (self.encryption, &self.tls) {
            if !connection.can_starttls() {
                connection.abort();
                return Err(format!("{} does not offer STARTTLS, and nothing is sent without it", self.host));
            }
            connection.starttls(tls, &self.hello).map_err(|error| told(&error))?;
        }
        if let Some(credentials) = &self.credentials {
            let entered = connection.auth(DEFAULT_MECHANISMS, credentials);
            entered.map_err(|error| {
                format!("{} does not let us in as `user` with this password: {}", self.host, describe(&error))
            })?;
        }
        Ok(Session { connection, host: self.host.clone(), timeout: self.timeout })
    }
}

/// A relay that listens.
pub(super) struct Session {
    connection: SmtpConnection,
    host: String,
    timeout: Duration,
}

impl Session {
    /// Announces a mail; gives the recipients that the relay does not know. One at least it must know: all unknown is a mistake in the
    /// settings, which shall lose nothing.
    pub(super) fn announce(&mut self, envelope: &Envelope, until: Instant) -> Result<Vec<Address>, Trouble> {
        self.hurry(until)?;
        let mail = Mail::new(envelope.from().cloned(), Vec::new());
        self.connection.command(mail).map_err(|error| self.failed("`from`", &error))?;
        let mut unknown = Vec::new();
        for recipient in envelope.to() {
            self.hurry(until)?;
            match self.connection.command(Rcpt::new(recipient.clone(), Vec::new())) {
                Ok(_) => {}
                Err(error) if error.is_permanent() => unknown.push(recipient.clone()),
                Err(error) => return Err(self.failed("a recipient", &error)),
            }
        }
        if unknown.len() == envelope.to().len() {
            return Err(Trouble::Failed(format!("{} takes no mail for any of `to`", self.host)));
        }
        Ok(unknown)
    }

    /// Hands over the mail that was announced.
    pub(super) fn hand_over(&mut self, mail: &[u8], until: Instant) -> Result<(), Trouble> {
        self.hurry(until)?;
        self.connection.command(Data).map_err(|error| self.failed("the mail", &error))?;
        match self.connection.message(mail) {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => {
                Err(Trouble::Refused(format!("{} refuses the mail: {}", self.host, describe(&error))))
            }
            Err(error) => Err(self.failed("the mail", &error)),
        }
    }

    pub(super) fn leave(mut self) {
        let _ = self.connection.set_timeout(Some(Duration::from_secs(5)));
        let _ = self.connection.quit();
    }

    fn failed(&self, what: &str, error: &Error) -> Trouble {
        Trouble::Failed(format!("{} does not take {what}: {}", self.host, describe(error)))
    }

    /// What is waited for ends in time.
    fn hurry(&mut self, until: Instant) -> Result<(), Trouble> {
        let time = time_left(until, self.timeout).ok_or_else(|| Trouble::Failed(OUT_OF_TIME.to_owned()))?;
        let set = self.connection.set_timeout(Some(time));
        set.map_err(|error| Trouble::Failed(format!("{}: {error}", self.host)))
    }
}

/// What went wrong, without the words of the relay, which may quote the mail.
fn describe(error: &Error) -> String {
    if let Some(code) = error.status() {
        return format!("answer {code}");
    }
    let io = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    // A socket whose time is over says so by either.
    let is_late =
        io.is_some_and(|io| matches!(io.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut));
    if is_late || error.is_timeout() {
        return "no answer in time".to_owned();
    }
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

fn is_near(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// TLS with the authorities of the system, and those of the settings.
fn trust(settings: &MailSettings, base: &Path) -> Result<TlsParameters, NetError> {
    let mut tls = TlsParameters::builder(settings.relay.clone());
    if let Some(file) = settings.ca_file.as_ref().map(|file| base.join(file)) {
        let told = |error: &dyn std::fmt::Display| {
            wrong(format!("{}: no certificate could be read from it: {error}", file.display()))
        };
        let pem = fs::read(&file).map_err(|error| told(&error))?;
        tls = tls.add_root_certificate(Certificate::from_pem(&pem).map_err(|error| told(&error))?);
    }
    tls.build_rustls().map_err(|error| wrong(format!("TLS: {error}")))
}
