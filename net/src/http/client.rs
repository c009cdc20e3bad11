//! Sends requests and takes answers.

use super::body::Body;
use super::credentials::Proof;
use super::settings::{HttpSettings, Proxy};
use super::{failure, tls};
use crate::{NetError, NetErrorKind};
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use ureq::config::{AutoHeaderValue, Config};
use ureq::http::{self, HeaderMap};
use ureq::{Agent, AsSendBody, ProxyProtocol};
use url::{Origin, Url};
use weir_model::text::printable;

/// Most redirects that are followed, one after the other. Adversary: a server that leads in circles. Browsers follow 20; feeds that
/// moved need one or two. Beyond it the source counts as faulty.
pub const MAX_REDIRECTS: usize = 5;
/// How much of an error's text is read, so that a secret in the part that is shown is there as a whole.
const MAX_EXPLANATION_BYTES: u64 = 8192;
/// How much of it is shown.
const MAX_EXPLANATION_SHOWN_BYTES: usize = 300;
/// Largest JSON document that [`Response::json`] takes: the answers of servers with the most to say come in pages of some megabytes.
const MAX_JSON_BYTES: u64 = 512 << 20;

/// Asks the server at one address; keeps connections open between requests.
pub struct Client {
    agent: Agent,
    /// The only place to which credentials are sent.
    home: Origin,
    proof: Option<Arc<Proof>>,
    limits: [u64; 2],
}

/// What to ask.
#[derive(Clone, Debug)]
pub struct Request {
    url: Url,
    headers: Vec<(Cow<'static, str>, String)>,
    body: Option<Vec<u8>>,
    within: Option<Duration>,
}

/// What the server answers.
pub struct Response {
    status: u16,
    headers: HeaderMap,
    /// From where it came in the end.
    url: Url,
    body: Body,
    /// What the server may not be quoted with.
    proof: Option<Arc<Proof>>,
}

impl Request {
    /// Asks for what lies at a URL.
    pub fn get(url: &Url) -> Self {
        Self { url: url.clone(), headers: Vec::new(), body: None, within: None }
    }

    /// Asks with a JSON document.
    pub fn post_json(url: &Url, document: &serde_json::Value) -> Self {
        Self::post(url, "application/json", document.to_string().into_bytes())
    }

    /// Brings a document of a media type.
    pub fn post(url: &Url, media_type: &str, body: Vec<u8>) -> Self {
        Self { body: Some(body), ..Self::get(url) }.header("content-type", media_type)
    }

    /// With a header; not for credentials.
    #[must_use]
    pub fn header(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The answer must be complete after this time, also where `timeout` is longer.
    #[must_use]
    pub fn within(self, time: Duration) -> Self {
        Self { within: Some(time), ..self }
    }
}

impl Client {
    /// Reads the address of a server: `http:` or `https:`, without credentials in it.
    pub fn url(text: &str) -> Result<Url, NetError> {
        let wrong = |why: &str| NetError::new(NetErrorKind::Settings, why);
        let url = Url::parse(text)
            .map_err(|error| wrong(&format!("`{}` is no URL: {error}", printable(text, 200))))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(wrong(&format!("{}: only http: and https: can be asked", failure::shown(&url))));
        }
        if !url.username().is_empty() || url.password().is_some() {
            let why = "credentials do not belong into a URL, which many see: put the secret into a file and name that with \
                       `http.credentials`";
            return Err(wrong(&format!("{}: {why}", failure::shown(&url))));
        }
        Ok(url)
    }

    /// A client for the server at `home`, which is the only one to get the credentials. Reads the files that the settings name;
    /// relative paths begin at `base`.
    pub fn new(settings: &HttpSettings, home: &Url, base: &Path) -> Result<Self, NetError> {
        let proof = settings
            .credentials
            .as_ref()
            .map(|credentials| credentials.read(base))
            .transpose()?
            .map(Arc::new);
        let agent = Agent::new_with_config(config(settings, base)?);
        let limits = [settings.max_size, settings.max_unpacked_size];
        Ok(Self { agent, home: home.origin(), proof, limits })
    }

    /// Sends a request and takes the answer, whatever its status. Redirects of requests without a body are followed; a connection that
    /// the server closed while it was not used is opened again, once.
    pub fn send(&self, request: &Request) -> Result<Response, NetError> {
        let mut url = request.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.exchange(request, &url)?;
            match redirect(&response, &url)? {
                Some(next) if request.body.is_none() => url = next,
                Some(next) => {
                    let text = format!(
                        "{}: moved to {}; use that address",
                        failure::shown(&url),
                        failure::shown(&next)
                    );
                    return Err(NetError::new(NetErrorKind::Server, text));
                }
                None => return self.response(response, url),
            }
        }
        let text = format!("{}: more than {MAX_REDIRECTS} redirects", failure::shown(&request.url));
        Err(NetError::new(NetErrorKind::Server, text))
    }

    fn exchange(&self, request: &Request, url: &Url) -> Result<http::Response<ureq::Body>, NetError> {
        let run = || {
            let mut built = http::Request::builder().uri(url.as_str()).header("accept-encoding", "gzip");
            for (name, value) in &request.headers {
                built = built.header(&**name, value);
            }
            if let Some(proof) = self.proof.as_ref().filter(|_| url.origin() == self.home) {
                built = built.header(&proof.name, &proof.value);
            }
            match &request.body {
                Some(body) => self.run(built.method("POST").body(body.as_slice())?, request.within),
                None => self.run(built.method("GET").body(())?, request.within),
            }
        };
        let answer = match run() {
            Err(error) if failure::is_stale_connection(&error) => run(),
            answer => answer,
        };
        answer.map_err(|error| failure::no_answer(url, &error))
    }

    fn run(
        &self,
        request: http::Request<impl AsSendBody>,
        within: Option<Duration>,
    ) -> Result<http::Response<ureq::Body>, ureq::Error> {
        match within {
            Some(time) => {
                self.agent.run(self.agent.configure_request(request).timeout_global(Some(time)).build())
            }
            None => self.agent.run(request),
        }
    }

    fn response(&self, response: http::Response<ureq::Body>, url: Url) -> Result<Response, NetError> {
        let (parts, body) = response.into_parts();
        let encoding = value_of(&parts.headers, "content-encoding").unwrap_or_default().to_ascii_lowercase();
        let body =
            Body::new(body.into_with_config().limit(u64::MAX).reader(), url.clone(), &encoding, self.limits)?;
        let status = parts.status.as_u16();
        Ok(Response { status, headers: parts.headers, url, body, proof: self.proof.clone() })
    }
}

impl Response {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The value of a header, if there is one and it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        value_of(&self.headers, name)
    }

    /// Where the answer came from, after redirects.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The same, if the status says that all is well (2xx); else an error with what the server says about it.
    pub fn success(mut self) -> Result<Self, NetError> {
        if (200..300).contains(&self.status) { Ok(self) } else { Err(self.refusal()) }
    }

    /// What a status that is not wanted means, with the beginning of the server's own explanation.
    pub fn refusal(&mut self) -> NetError {
        let place = self.proof.as_ref().map(|proof| proof.place.as_str());
        let (kind, meaning) = match (self.status, place) {
            (401, Some(place)) => {
                (NetErrorKind::Unauthorized, format!("the credentials in {place} were refused"))
            }
            (401, None) => {
                (NetErrorKind::Unauthorized, "it wants credentials (`http.credentials`)".to_owned())
            }
            (403, Some(place)) => {
                (NetErrorKind::Unauthorized, format!("the credentials in {place} do not permit this"))
            }
            (403, None) => {
                (NetErrorKind::Unauthorized, "it does not permit this without credentials".to_owned())
            }
            (404 | 410, _) => (NetErrorKind::Server, "there is nothing at this address".to_owned()),
            (407, _) => (NetErrorKind::Unauthorized, "the proxy wants credentials".to_owned()),
            (429 | 503, _) => (NetErrorKind::Server, self.retry_after()),
            (500..=599, _) => (NetErrorKind::Server, "the server has a problem of its own".to_owned()),
            _ => (NetErrorKind::Server, "this was not expected".to_owned()),
        };
        let explanation = self.explanation();
        NetError::new(
            kind,
            format!("{} from {}: {meaning}{explanation}", self.status, failure::shown(&self.url)),
        )
    }

    /// The same, as it may be shown.
    pub fn shown_url(&self) -> String {
        failure::shown(&self.url)
    }

    /// The body.
    pub fn into_body(self) -> Body {
        self.body
    }

    /// The body, read as JSON.
    pub fn json<T: DeserializeOwned>(mut self) -> Result<T, NetError> {
        let bytes = self.body.read_all(MAX_JSON_BYTES)?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let text =
                format!("{}: the answer is not the JSON it should be: {error}", failure::shown(&self.url));
            NetError::new(NetErrorKind::Malformed, text)
        })
    }

    fn retry_after(&self) -> String {
        match self.header("retry-after") {
            Some(when) => format!(
                "asked too often or overloaded; it wants to be asked again after {}",
                printable(when, 40)
            ),
            None => "asked too often or overloaded".to_owned(),
        }
    }

    /// The beginning of what an error says, without our secrets: a careless server repeats them.
    fn explanation(&mut self) -> String {
        let mut bytes = Vec::new();
        let _ = self.body.by_ref().take(MAX_EXPLANATION_BYTES).read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() || text.starts_with('<') {
            return String::new();
        }
        let text = self.proof.as_ref().map_or(text.clone(), |proof| proof.hide(&text));
        format!("; it says: {}", printable(&text, MAX_EXPLANATION_SHOWN_BYTES))
    }
}

/// Where the answer sends us, if it does. Never from `https:` to `http:`.
fn redirect(response: &http::Response<ureq::Body>, from: &Url) -> Result<Option<Url>, NetError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let target = value_of(response.headers(), "location").and_then(|target| from.join(target).ok());
    let fails = |why: &str| NetError::new(NetErrorKind::Server, format!("{}: {why}", failure::shown(from)));
    let target = target.ok_or_else(|| fails("it has moved, but does not say where to"))?;
    match (from.scheme(), target.scheme()) {
        (_, "https") | ("http", "http") => Ok(Some(target)),
        _ => Err(fails(&format!("it has moved to {}, which is not safe to follow", failure::shown(&target)))),
    }
}

fn value_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn config(settings: &HttpSettings, base: &Path) -> Result<Config, NetError> {
    let agent = AutoHeaderValue::from(concat!("weir/", env!("CARGO_PKG_VERSION")));
    Ok(Config::builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(agent)
        .accept(AutoHeaderValue::None)
        .accept_encoding(AutoHeaderValue::None)
        .proxy(proxy(settings)?)
        .tls_config(tls::config(settings, base)?)
        .timeout_resolve(Some(settings.connect_timeout))
        .timeout_connect(Some(settings.connect_timeout))
        .timeout_per_read(Some(settings.idle_timeout))
        .timeout_per_write(Some(settings.idle_timeout))
        .timeout_per_call(Some(settings.timeout))
        .max_idle_age(Duration::from_secs(30))
        .build())
}

fn proxy(settings: &HttpSettings) -> Result<Option<ureq::Proxy>, NetError> {
    let proxy = match &settings.proxy {
        Proxy::Direct => None,
        Proxy::Environment => ureq::Proxy::try_from_env(),
        Proxy::Url(url) => Some(ureq::Proxy::new(url).map_err(|_| {
            NetError::new(NetErrorKind::Settings, format!("`{url}` is not the URL of a proxy"))
        })?),
    };
    match &proxy {
        Some(named) if !matches!(named.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) => {
            let text = "the environment names a SOCKS proxy, which is not supported: set `http.proxy`";
            Err(NetError::new(NetErrorKind::Settings, text))
        }
        _ => Ok(proxy),
    }
}
