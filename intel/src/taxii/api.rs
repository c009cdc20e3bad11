//! The dialogue with a TAXII server: finding a collection, reading its pages.

use crate::{SyncError, SyncErrorKind, json, text};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;
use weir_model::text::printable;
use weir_net::http::{Client, Request, Response};

const MEDIA_TYPE: &str = "application/taxii+json;version=2.1";
/// Largest page: a thousand objects of a hundred KiB, which are reports. Adversary: a server that would like us to run out of memory. A
/// larger one is refused; a smaller `page_size` helps.
const MAX_PAGE_BYTES: u64 = 128 << 20;
/// Most objects of one pass through a collection, as many as a set of indicators can have. Adversary: a server whose pages never end.
/// Beyond it nothing of the delivery counts.
const MAX_OBJECTS: u64 = 10_000_000;
/// How many collections are named when the right one is not among them.
const MAX_NAMED: usize = 20;

/// A collection on a server.
pub(super) struct Collection {
    client: Client,
    url: Url,
    page_size: u32,
    pub(super) max_objects: u64,
}

/// Which of its objects, or of their manifest.
pub(super) struct Query<'a> {
    /// `objects` or `manifest`.
    pub(super) of: &'a str,
    /// The filter: `match[type]` or `match[id]`, and what must match.
    pub(super) filter: [&'a str; 2],
    /// Only what was added later.
    pub(super) added_after: Option<&'a str>,
}

/// A page: an envelope (section 3.7) or a manifest (5.3).
#[derive(Debug, Default, Deserialize)]
struct Page {
    #[serde(default)]
    more: bool,
    next: Option<String>,
    #[serde(default)]
    objects: Vec<Value>,
}

impl Collection {
    pub(super) fn new(client: Client, url: Url, page_size: u32) -> Self {
        Self { client, url, page_size, max_objects: MAX_OBJECTS }
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Hands the objects of all pages to `take`, page by page. Gives the time, by the server's clock, at which the last of them was
    /// added, if the server tells.
    pub(super) fn read(
        &self,
        query: &Query<'_>,
        take: &mut dyn FnMut(Vec<Value>) -> Result<(), SyncError>,
    ) -> Result<Option<String>, SyncError> {
        let mut after = query.added_after.map(str::to_owned);
        let mut last: Option<String> = None;
        let (mut next, mut objects, mut before) = (None, 0_u64, Vec::new());
        loop {
            let (page, added_last) = self.page(query, after.as_deref(), next.as_deref())?;
            last = later(last, added_last.clone());
            objects += page.objects.len() as u64;
            let these: Vec<_> = page.objects.iter().map(version).collect();
            if page.more && (these.is_empty() || these == before) {
                return Err(self.malformed("it says that there is more, and sends the same or nothing"));
            }
            if objects > self.max_objects {
                let text =
                    format!("{}: more than {} objects, or pages without end", self.url, self.max_objects);
                return Err(SyncError::new(SyncErrorKind::TooLarge, text));
            }
            take(page.objects)?;
            if !page.more {
                return Ok(last);
            }
            before = these;
            next = page.next;
            if next.is_none() {
                // Section 3.4 of the specification leaves `next` to the server; without it, the last time leads on.
                if added_last.is_none() || added_last == after {
                    return Err(self.malformed("it says that there is more, and not how to get it"));
                }
                after = added_last;
            }
        }
    }

    fn page(
        &self,
        query: &Query<'_>,
        added_after: Option<&str>,
        next: Option<&str>,
    ) -> Result<(Page, Option<String>), SyncError> {
        let mut url =
            self.url.join(&format!("{}/", query.of)).map_err(|error| self.malformed(&error.to_string()))?;
        let [filter, value] = query.filter;
        let limit = self.page_size.to_string();
        url.query_pairs_mut().append_pair("limit", &limit).append_pair(filter, value);
        for (name, value) in [("added_after", added_after), ("next", next)] {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        let response = ask(&self.client, &url)?;
        let added_last = response.header("x-taxii-date-added-last").map(str::to_owned);
        Ok((document(response)?, added_last))
    }

    fn malformed(&self, what: &str) -> SyncError {
        SyncError::new(SyncErrorKind::Malformed, format!("{}: {what}", self.url))
    }
}

/// The later of two times as the server writes them.
fn later(one: Option<String>, other: Option<String>) -> Option<String> {
    let time = |text: &Option<String>| text.as_deref().and_then(text::time);
    if time(&other) >= time(&one) { other.or(one) } else { one }
}

/// What tells one version of one object from others.
fn version(object: &Value) -> [String; 2] {
    let member = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let modified = member("modified");
    [member("id"), if modified.is_empty() { member("version") } else { modified }]
}

/// Finds a collection, from the discovery or an API root.
pub(super) fn find(client: &Client, url: &Url, collection: &str) -> Result<Url, SyncError> {
    let mut named = Vec::new();
    for root in roots(client, url)? {
        let collections =
            slashed(&root)?.join("collections/").map_err(|error| settings(error.to_string()))?;
        let listed: Map<String, Value> = document(ask(client, &collections)?)?;
        for listed in json::objects(&listed, "collections") {
            let member = |name| json::text(listed, name).unwrap_or_default();
            let is_it = [member("id"), member("alias")].contains(&collection)
                || member("title").eq_ignore_ascii_case(collection);
            if is_it && listed.get("can_read").is_some_and(|may| *may == Value::Bool(false)) {
                let text =
                    format!("{collections}: these credentials may not read the collection `{collection}`");
                return Err(SyncError::new(SyncErrorKind::Unauthorized, text));
            }
            if is_it {
                let place = collections.join(&format!("{}/", member("id")));
                return place.map_err(|error| settings(error.to_string()));
            }
            named.push(printable(member("title"), 80));
        }
    }
    named.truncate(MAX_NAMED);
    Err(settings(format!("{url}: there is no collection `{collection}`; there are: {}", named.join(", "))))
}

/// The API roots that the discovery names, the default first; or the address is one itself.
fn roots(client: &Client, url: &Url) -> Result<Vec<Url>, SyncError> {
    let resource: Map<String, Value> = document(ask(client, url)?)?;
    if resource.contains_key("versions") {
        return Ok(vec![url.clone()]);
    }
    let default = json::text(&resource, "default");
    let others = json::list(&resource, "api_roots").iter().filter_map(Value::as_str);
    let mut roots: Vec<Url> = Vec::new();
    for root in default.into_iter().chain(others) {
        let root = url.join(root).map_err(|error| settings(error.to_string()))?;
        if root.origin() != url.origin() {
            let text = format!(
                "{url}: the server says that an API root is at {root}, which is another server; if that is right, use it as `url`"
            );
            return Err(settings(text));
        }
        if !roots.contains(&root) {
            roots.push(root);
        }
    }
    if roots.is_empty() {
        let text = format!("{url}: this is neither the discovery of a TAXII server nor an API root");
        return Err(SyncError::new(SyncErrorKind::Malformed, text));
    }
    Ok(roots)
}

/// The same as a folder, so that what is joined to it lies in it.
fn slashed(url: &Url) -> Result<Url, SyncError> {
    if url.path().ends_with('/') {
        return Ok(url.clone());
    }
    url.join(&format!("{}/", url.path())).map_err(|error| settings(error.to_string()))
}

fn ask(client: &Client, url: &Url) -> Result<Response, SyncError> {
    let mut response = client.send(&Request::get(url).header("accept", MEDIA_TYPE))?;
    let meaning = match response.status() {
        406 | 415 => "it does not speak TAXII 2.1 (older versions are not understood)",
        416 => "it does not have the page that was asked for",
        _ => return Ok(response.success()?),
    };
    let refusal = SyncError::from(response.refusal());
    Err(SyncError { text: format!("{}: {meaning}", refusal.text), ..refusal })
}

fn document<T: serde::de::DeserializeOwned>(response: Response) -> Result<T, SyncError> {
    let shown = response.shown_url();
    let malformed = |what: String| SyncError::new(SyncErrorKind::Malformed, format!("{shown}: {what}"));
    let kind = response.header("content-type").unwrap_or_default().to_ascii_lowercase();
    if !kind.contains("json") {
        let kind = printable(&kind, 80);
        return Err(malformed(format!(
            "it answers with `{kind}` instead of TAXII; is this the right address?"
        )));
    }
    let bytes = response.into_body().read_all(MAX_PAGE_BYTES)?;
    serde_json::from_slice(&bytes)
        .map_err(|error| malformed(format!("the answer is not as TAXII has it: {error}")))
}

fn settings(text: String) -> SyncError {
    SyncError::new(SyncErrorKind::Settings, text)
}
