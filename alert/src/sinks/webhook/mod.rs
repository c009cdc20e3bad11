//! Webhooks: HTTP POST to a chat (Mattermost, Slack, Teams), a case system (TheHive), or any program.
//!
//! What is posted is made by a template from [`Brief`](super::brief::Brief)s, or is what the sink's format writes (`json`). A post that is
//! repeated has the same `Idempotency-Key`.

mod address;
mod answer;
mod post;
mod signature;
mod template;

use super::brief::Link;
use super::{Opening, Outlet, Settings};
use address::Address;
use post::{Poster, Way};
use serde::{Deserialize, Serialize, Serializer};
use signature::Signer;
use std::path::PathBuf;
use std::time::Duration;
use template::{Shipped, Template};
use weir_model::Tlp;
use weir_net::http::{Client, HttpSettings};
use weir_net::{NetError, NetErrorKind, SecretPlace, units};

/// Largest post of `json` and of templates of the operator's own if nobody chose: what many receivers and proxies take at most.
const MAX_BODY_BYTES: u64 = 1 << 20;

/// How a webhook is posted to.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// Where to. Chats write their secret into it, so that it can also lie in a file or a variable: `url_from`.
    url: Option<Address>,
    /// Where the URL lies.
    url_from: Option<SecretPlace>,
    /// Who receives it, which decides what is written.
    template: Option<Shipped>,
    /// A template of the operator's own instead.
    template_file: Option<PathBuf>,
    /// The media type of what `template_file` makes.
    #[serde(default = "json")]
    content_type: String,
    /// Most messages in one post; templates that cannot hold more than one say so.
    many: Option<usize>,
    /// Largest post.
    #[serde(default, deserialize_with = "some_size", serialize_with = "size_or_none")]
    max_body: Option<u64>,
    /// Least time between two posts.
    #[serde(default, deserialize_with = "some_duration", serialize_with = "duration_or_none")]
    pace: Option<Duration>,
    /// Where the secret lies that posts are signed with.
    sign: Option<SecretPlace>,
    /// The header that has the signature.
    #[serde(default = "signature_header")]
    signature_header: String,
    /// Where more can be seen.
    link: Option<Link>,
    /// How long an answer may take.
    #[serde(
        default = "answer_time",
        deserialize_with = "units::duration",
        serialize_with = "units::duration_text"
    )]
    timeout: Duration,
    /// How the server is spoken to.
    #[serde(default)]
    http: HttpSettings,
}

impl Settings for WebhookSettings {
    const KIND: &'static str = "webhook";
    const CEILING: Tlp = Tlp::Green;

    fn open(&self, opening: &Opening<'_>) -> Result<Vec<Outlet>, NetError> {
        let address = match (&self.url, &self.url_from) {
            (Some(address), None) => address.clone(),
            (None, Some(place)) => Address::read(&place.read(opening.base)?)?,
            _ => return Err(wrong("a webhook needs either `url` or `url_from = { file = \"...\" }`")),
        };
        let template = self.template(opening)?;
        let way = Way {
            client: Client::new(&self.http, address.url(), opening.base)?,
            signer: self.signer(opening)?,
            link: self.link.clone(),
            many: self.most(&template)?,
            max_body: self
                .max_body
                .map_or(template.max_body(), |bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            pace: self.pace.unwrap_or(template.pace()),
            timeout: self.timeout,
            address,
            template,
        };
        Ok(Outlet::only(Poster::new(way)))
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if !self.http.verify {
            warnings.push(
                "`http.verify = false`: whoever is on the way to the webhook can read the alerts and its secret; name the authority of the \
                 server with `http.ca_file` instead"
                    .to_owned(),
            );
        }
        if self.url.as_ref().is_some_and(Address::is_in_clear) {
            warnings.push(
                "alerts are posted over http:, where whoever is on the way can read them; use https:"
                    .to_owned(),
            );
        }
        warnings
    }
}

impl WebhookSettings {
    fn template(&self, opening: &Opening<'_>) -> Result<Template, NetError> {
        match (self.template, &self.template_file) {
            (Some(_), Some(_)) => Err(wrong("`template` and `template_file` exclude each other")),
            (shipped, None) => Template::shipped(shipped.unwrap_or_default(), opening.name),
            (None, Some(file)) => {
                Template::from_file(&opening.base.join(file), &self.content_type, opening.name)
            }
        }
    }

    fn signer(&self, opening: &Opening<'_>) -> Result<Option<Signer>, NetError> {
        let secret = self.sign.as_ref().map(|place| place.read(opening.base)).transpose()?;
        secret.map(|secret| Signer::new(&secret, &self.signature_header)).transpose()
    }

    fn most(&self, template: &Template) -> Result<usize, NetError> {
        match self.many {
            None => Ok(template.many()),
            Some(1..) if template.holds_one() && self.many != Some(1) => {
                Err(wrong("this template holds one message a post: leave `many` out"))
            }
            Some(many @ 1..=1000) => Ok(many),
            Some(_) => Err(wrong("`many` is a number from 1 to 1000")),
        }
    }
}

fn json() -> String {
    "application/json".to_owned()
}

fn signature_header() -> String {
    "X-Weir-Signature".to_owned()
}

fn answer_time() -> Duration {
    Duration::from_secs(20)
}

fn some_size<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    units::size(deserializer).map(Some)
}

fn some_duration<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    units::duration(deserializer).map(Some)
}

#[expect(clippy::ref_option, reason = "what serde passes")]
fn size_or_none<S: Serializer>(size: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    size.map(units::show_size).serialize(serializer)
}

#[expect(clippy::ref_option, reason = "what serde passes")]
fn duration_or_none<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(units::show_duration).serialize(serializer)
}

fn wrong(text: impl Into<String>) -> NetError {
    NetError::new(NetErrorKind::Settings, text)
}

#[cfg(test)]
mod counterpart;
#[cfg(test)]
mod tests;
