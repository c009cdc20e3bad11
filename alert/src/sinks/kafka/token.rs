//! Tokens that prove who we are (RFC 7628): from a file or variable, or from a server that gives them. librdkafka asks for one when it
//! first connects, and again when four fifths of the time of the last one are over.

use super::settings::{Bearer, Oidc};
use crate::sinks::clock::seconds_since_1970;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rdkafka::client::OAuthToken;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;
use url::form_urlencoded::Serializer;
use weir_net::http::{Client, Request};
use weir_net::{NetError, NetErrorKind, SecretPlace};

/// How long a token is used that does not say when it ends: it is read again four minutes later.
const UNKNOWN_LIFETIME: Duration = Duration::from_mins(5);

/// Longest time that a server may take to give a token. Whoever delivers waits for it, and brokers do not without.
const MAX_ASKING: Duration = Duration::from_secs(15);

/// Where tokens come from.
pub(super) enum Tokens {
    /// Somebody else keeps one there.
    Kept { place: SecretPlace, base: PathBuf },
    /// A server gives them.
    Given { client: Box<Client>, request: Request },
}

impl Tokens {
    /// Reads what is needed to ask, not a token yet.
    pub(super) fn new(bearer: &Bearer, base: &Path) -> Result<Self, NetError> {
        let place = SecretPlace { file: bearer.file.clone(), env: bearer.env.clone() };
        match &bearer.oidc {
            None => {
                place.read(base)?;
                Ok(Self::Kept { place, base: base.to_owned() })
            }
            Some(_) if place.file.is_some() || place.env.is_some() => {
                Err(wrong("`sasl`: a token comes from `file`, from `env` or by `oidc`; name one of them"))
            }
            Some(oidc) => Self::given(oidc, base),
        }
    }

    fn given(oidc: &Oidc, base: &Path) -> Result<Self, NetError> {
        let url = Client::url(&oidc.url)?;
        if oidc.http.credentials.is_none() {
            return Err(wrong(
                "`sasl.oidc` needs `http.credentials.basic`: the client's identifier and its secret",
            ));
        }
        let client = Box::new(Client::new(&oidc.http, &url, base)?);
        Ok(Self::Given { client, request: asking(&url, oidc.scope.as_deref()) })
    }

    /// A token that has not ended.
    pub(super) fn token(&self) -> Result<OAuthToken, NetError> {
        let now = Duration::from_secs(seconds_since_1970());
        match self {
            Self::Kept { place, base } => {
                let secret = place.read(base)?;
                let token = told(secret.reveal(), None, now);
                if token.lifetime_ms <= millis(now) {
                    return Err(wrong(format!(
                        "the token in {} has ended; whoever renews it did not",
                        secret.place()
                    )));
                }
                Ok(token)
            }
            Self::Given { client, request } => {
                let given: Given = client.send(request)?.success()?.json()?;
                Ok(told(&given.access_token, given.expires_in.map(Duration::from_secs), now))
            }
        }
    }
}

/// What a server gives (RFC 6749, section 5.1).
#[derive(Deserialize)]
struct Given {
    access_token: String,
    expires_in: Option<u64>,
}

/// What a token says of itself, if it is a JSON Web Token (RFC 7519, section 4.1).
#[derive(Default, Deserialize)]
struct Claims {
    sub: Option<String>,
    exp: Option<f64>,
}

/// A client asks with its own credentials (RFC 6749, section 4.4.2), which go into a header.
fn asking(url: &Url, scope: Option<&str>) -> Request {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    if let Some(scope) = scope {
        form.append_pair("scope", scope);
    }
    Request::post(url, "application/x-www-form-urlencoded", form.finish().into_bytes())
        .header("accept", "application/json")
        .within(MAX_ASKING)
}

/// The token as librdkafka wants it. It is the broker that verifies it; here it is only read.
fn told(token: &str, lives: Option<Duration>, now: Duration) -> OAuthToken {
    let claims = claims(token).unwrap_or_default();
    let said = claims.exp.and_then(|end| Duration::try_from_secs_f64(end).ok());
    let end = said.unwrap_or_else(|| now.saturating_add(lives.unwrap_or(UNKNOWN_LIFETIME)));
    OAuthToken {
        token: token.to_owned(),
        principal_name: claims.sub.unwrap_or_default(),
        lifetime_ms: millis(end),
    }
}

fn claims(token: &str) -> Option<Claims> {
    let payload = token.split('.').nth(1)?;
    let json = URL_SAFE_NO_PAD.decode(payload).ok()?;
    serde_json::from_slice(&json).ok()
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn wrong(text: impl Into<String>) -> NetError {
    NetError::new(NetErrorKind::Settings, text)
}
