//! Mail: what is urgent at once, a mail each; the rest gathered into digests.
//!
//! A mail that is repeated has the same `Message-ID`, and all mails of an incident are one thread.

mod digest;
mod letter;
mod relay;
mod sink;

use super::brief::Link;
use super::{Message, Opening, Outlet, Remarks, Settings};
use letter::Style;
use lettre::message::Mailbox;
use relay::Relay;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sink::{Digests, Mails, Way};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use weir_model::Tlp;
use weir_model::alert::Severity;
use weir_net::{NetError, NetErrorKind, SecretPlace, units};

/// Most recipients: more than this is a mailing list's work, and each costs a round trip to the relay a mail.
const MAX_RECIPIENTS: usize = 50;

/// How mail is sent.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    /// The host that takes mail from us.
    relay: String,
    /// Its port: 587 for `starttls`, 465 for `implicit`, 25 for `none` if nobody chose.
    port: Option<u16>,
    /// How the way to it is encrypted.
    #[serde(default)]
    tls: Encryption,
    /// PEM file with certificates of authorities to be trusted besides those of the system.
    ca_file: Option<PathBuf>,
    /// Who we are to the relay.
    user: Option<String>,
    /// Where the password lies.
    password: Option<SecretPlace>,
    /// How we greet; the name of this host if nobody chose.
    hello: Option<String>,
    /// Who writes.
    #[serde(deserialize_with = "mailbox", serialize_with = "shown_mailbox")]
    from: Mailbox,
    /// Who reads.
    #[serde(deserialize_with = "mailboxes", serialize_with = "shown_mailboxes")]
    to: Vec<Mailbox>,
    /// What subjects begin with.
    #[serde(default = "subject_prefix")]
    subject_prefix: String,
    /// What is at least so severe is mailed at once; `"off"`: nothing is.
    #[serde(default = "immediate", deserialize_with = "severity", serialize_with = "severity_or_off")]
    immediate: Option<Severity>,
    /// For how long the rest is gathered; `"off"`: it is not mailed.
    #[serde(default = "hourly", deserialize_with = "period", serialize_with = "period_or_off")]
    digest: Option<Duration>,
    /// Largest attachment; what is beyond it is left out, and the mail says so.
    #[serde(default = "attachment", deserialize_with = "units::size", serialize_with = "units::size_text")]
    max_attachment: u64,
    /// Where more can be seen.
    link: Option<Link>,
    /// How long the relay may take for an answer.
    #[serde(
        default = "answer_time",
        deserialize_with = "units::duration",
        serialize_with = "units::duration_text"
    )]
    timeout: Duration,
}

/// How the way to the relay is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Encryption {
    /// STARTTLS (RFC 3207), and nothing is sent without it.
    #[default]
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// Not: for a relay on this host.
    None,
}

impl Settings for MailSettings {
    const KIND: &'static str = "mail";
    const CEILING: Tlp = Tlp::AmberStrict;

    fn open(&self, opening: &Opening<'_>) -> Result<Vec<Outlet>, NetError> {
        let way = Arc::new(Way {
            relay: Relay::new(self, opening.base)?,
            from: self.from.clone(),
            to: self.to.clone(),
            style: Style {
                prefix: self.subject_prefix.clone(),
                max_attachment: usize::try_from(self.max_attachment).unwrap_or(usize::MAX),
                link: self.link.clone(),
            },
            remarks: Remarks::default(),
        });
        let at_once = self.immediate.map(|severity| Outlet {
            part: "",
            takes: at_least(severity),
            gathers: None,
            sink: Box::new(Mails(Arc::clone(&way))),
        });
        let gathered = self.digest.map(|time| Outlet {
            part: if self.immediate.is_some() { "digest" } else { "" },
            takes: self.immediate.map_or(|_| true, below),
            gathers: Some(time),
            sink: Box::new(Digests(way)),
        });
        let outlets: Vec<Outlet> = at_once.into_iter().chain(gathered).collect();
        if outlets.is_empty() {
            return Err(wrong("`immediate` and `digest` are both off: nothing would ever be mailed"));
        }
        Ok(outlets)
    }

    fn warnings(&self) -> Vec<String> {
        let is_lost =
            self.digest.is_none() && self.immediate.is_some_and(|least| least > Severity::Informational);
        let lost = "`digest = \"off\"`: what is less severe than `immediate` is not mailed at all";
        is_lost.then(|| lost.to_owned()).into_iter().collect()
    }
}

fn at_least(severity: Severity) -> fn(&Message) -> bool {
    match severity {
        Severity::Informational => |_| true,
        Severity::Low => |message| message.severity() >= Severity::Low,
        Severity::Medium => |message| message.severity() >= Severity::Medium,
        Severity::High => |message| message.severity() >= Severity::High,
    }
}

fn below(severity: Severity) -> fn(&Message) -> bool {
    match severity {
        Severity::Informational => |_| false,
        Severity::Low => |message| message.severity() < Severity::Low,
        Severity::Medium => |message| message.severity() < Severity::Medium,
        Severity::High => |message| message.severity() < Severity::High,
    }
}

fn read_mailbox<E: serde::de::Error>(text: &str) -> Result<Mailbox, E> {
    text.parse().map_err(|_| {
        E::custom(format!("`{text}` is no mail address: soc@example.org, or SOC <soc@example.org>"))
    })
}

fn mailbox<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Mailbox, D::Error> {
    read_mailbox(&String::deserialize(deserializer)?)
}

fn mailboxes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Mailbox>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    if texts.is_empty() || texts.len() > MAX_RECIPIENTS {
        return Err(D::Error::custom(format!("`to` is a list of 1 to {MAX_RECIPIENTS} mail addresses")));
    }
    texts.iter().map(|text| read_mailbox(text)).collect()
}

fn severity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Severity>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == "off" {
        return Ok(None);
    }
    let found = Severity::ALL.iter().copied().find(|severity| severity.keyword() == text);
    let wrong = || {
        D::Error::custom(format!(
            "`{text}` is no severity (informational, low, medium, high) and not \"off\""
        ))
    };
    found.map(Some).ok_or_else(wrong)
}

fn period<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == "off" {
        return Ok(None);
    }
    units::duration(serde::de::value::StringDeserializer::<D::Error>::new(text)).map(Some)
}

fn shown_mailbox<S: Serializer>(mailbox: &Mailbox, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(mailbox)
}

fn shown_mailboxes<S: Serializer>(mailboxes: &[Mailbox], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(mailboxes.iter().map(ToString::to_string))
}

#[expect(clippy::trivially_copy_pass_by_ref, clippy::ref_option, reason = "what serde passes")]
fn severity_or_off<S: Serializer>(severity: &Option<Severity>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(severity.map_or("off", Severity::keyword))
}

#[expect(clippy::ref_option, reason = "what serde passes")]
fn period_or_off<S: Serializer>(period: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&period.map_or("off".to_owned(), units::show_duration))
}

fn subject_prefix() -> String {
    "[Weir]".to_owned()
}

#[expect(clippy::unnecessary_wraps, reason = "the default of an option")]
fn immediate() -> Option<Severity> {
    Some(Severity::High)
}

#[expect(clippy::unnecessary_wraps, reason = "the default of an option")]
fn hourly() -> Option<Duration> {
    Some(Duration::from_hours(1))
}

fn attachment() -> u64 {
    1 << 20
}

fn answer_time() -> Duration {
    Duration::from_mins(1)
}

fn wrong(text: impl Into<String>) -> NetError {
    NetError::new(NetErrorKind::Settings, text)
}

#[cfg(test)]
mod tests;
