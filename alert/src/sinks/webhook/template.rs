//! Templates: what a receiver is sent, made from what is told.
//!
//! What they print is escaped for what they make (JSON, HTML). Values are hostile, and chats read more than JSON out of a text: the filters
//! `plain`, `markdown` and `slack` leave nothing in it that formats, links, mentions or fetches. Rendering is bounded, and nothing is included.

mod filters;

use super::super::brief::Brief;
use super::wrong;
use crate::sinks::{Kind, Parcel};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, context};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use weir_model::notice::Matter;
use weir_model::{SourceNotice, Timestamp};
use weir_net::NetError;

/// Largest template file.
const MAX_TEMPLATE_BYTES: u64 = 256 * 1024;
/// Steps of a rendering (minijinja counts instructions): the shipped ones take some hundred a message. Adversary: a list that gives an
/// indicator ten thousand contexts, to a template that walks through them all in a loop in a loop. The post is refused.
const MAX_STEPS: u64 = 1_000_000;
/// How deep calls in a template may go.
const MAX_DEPTH: usize = 50;

/// Whom the templates that Weir brings write for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Shipped {
    /// What the sink's format writes, as it is.
    #[default]
    Json,
    /// Incoming webhooks of Mattermost.
    Mattermost,
    /// Incoming webhooks of Slack.
    Slack,
    /// A workflow of Teams that is started by a webhook request: an adaptive card.
    Teams,
    /// `POST /api/v1/alert` of TheHive 5.
    TheHive,
}

/// Makes posts.
pub(super) struct Template {
    shipped: Option<Shipped>,
    environment: Environment<'static>,
    media_type: String,
    /// As the operator calls the sink.
    name: String,
}

/// Why a post could not be made. Says nothing of what it tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unmade {
    /// It is no message, and not in a format that templates read.
    Unreadable,
    /// It has more bytes than the receiver takes.
    TooLarge,
    /// The template cannot make anything of it.
    Wrong(String),
}

impl Template {
    /// One that Weir brings.
    pub(super) fn shipped(shipped: Shipped, name: &str) -> Result<Self, NetError> {
        let source = match shipped {
            Shipped::Json => "",
            Shipped::Mattermost => include_str!("templates/mattermost.json"),
            Shipped::Slack => include_str!("templates/slack.json"),
            Shipped::Teams => include_str!("templates/teams.json"),
            Shipped::TheHive => include_str!("templates/thehive.json"),
        };
        Self::new(Some(shipped), source.to_owned(), "application/json", name)
    }

    /// One of the operator's own, for what has this media type. What is wrong with it is told with file and line.
    pub(super) fn from_file(path: &Path, media_type: &str, name: &str) -> Result<Self, NetError> {
        let told = |error: &dyn fmt::Display| wrong(format!("{}: {error}", path.display()));
        let size = fs::metadata(path).map_err(|error| told(&error))?.len();
        if size > MAX_TEMPLATE_BYTES {
            return Err(told(&format!("a template has at most {MAX_TEMPLATE_BYTES} bytes")));
        }
        let source = fs::read_to_string(path).map_err(|error| told(&error))?;
        if media_type.is_empty() || !media_type.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
            return Err(wrong("`content_type` must be a media type such as application/json"));
        }
        let template = Self::new(None, source, media_type, name).map_err(|error| told(&error))?;
        let trial = template.make(trial().as_slice(), usize::MAX);
        trial.map_err(|unmade| told(&format!("with an event to try it: {unmade}")))?;
        Ok(template)
    }

    fn new(shipped: Option<Shipped>, source: String, media_type: &str, name: &str) -> Result<Self, NetError> {
        let mut environment = Environment::new();
        let escape = match media_type {
            json if json.contains("json") => AutoEscape::Json,
            html if html.contains("html") || html.contains("xml") => AutoEscape::Html,
            _ => AutoEscape::None,
        };
        environment.set_auto_escape_callback(move |_| escape);
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.set_fuel(Some(MAX_STEPS));
        environment.set_recursion_limit(MAX_DEPTH);
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        filters::add(&mut environment);
        environment.add_template_owned(TEMPLATE, source).map_err(|error| wrong(place(&error)))?;
        Ok(Self { shipped, environment, media_type: media_type.to_owned(), name: name.to_owned() })
    }

    /// What is posted to tell this. Of its bounds the receiver's, in bytes, is given.
    pub(super) fn make(&self, briefs: &[Brief], max_bytes: usize) -> Result<Vec<u8>, Unmade> {
        if self.shipped.is_some() && briefs.iter().any(|brief| brief.kind != "alert") {
            return Err(Unmade::Unreadable);
        }
        let Some(first) = briefs.first() else { return Err(Unmade::Unreadable) };
        let broken = |error: &Error| Unmade::Wrong(place(error));
        let template = self.environment.get_template(TEMPLATE).map_err(|error| broken(&error))?;
        let mut made = Bounded { bytes: Vec::new(), max: max_bytes, is_full: false };
        let count = briefs.len();
        let rendered = template.render_captured_to(
            context! { alerts => briefs, count, sink => self.name, ..minijinja::Value::from_serialize(first) },
            &mut made,
        );
        if made.is_full {
            return Err(Unmade::TooLarge);
        }
        rendered.map_err(|error| broken(&error))?;
        if self.media_type.contains("json") {
            serde_json::from_slice::<IgnoredAny>(&made.bytes).map_err(|error| {
                Unmade::Wrong(format!("what it makes is no JSON: line {} of it", error.line()))
            })?;
        }
        Ok(made.bytes)
    }

    /// What the sink's format writes is posted as it is.
    pub(super) fn is_plain(&self) -> bool {
        self.shipped == Some(Shipped::Json)
    }

    pub(super) fn shipped_for(&self) -> Option<Shipped> {
        self.shipped
    }

    pub(super) fn media_type(&self) -> &str {
        &self.media_type
    }

    /// Only one message fits into what it makes.
    pub(super) fn holds_one(&self) -> bool {
        self.shipped == Some(Shipped::TheHive)
    }

    /// How many messages a post has at most if nobody chose.
    pub(super) fn many(&self) -> usize {
        match self.shipped {
            // Slack takes 50 blocks, of which a message is 3.
            Some(Shipped::Mattermost | Shipped::Slack | Shipped::Teams) => 10,
            Some(Shipped::Json | Shipped::TheHive) | None => 1,
        }
    }

    /// Largest post if nobody chose.
    pub(super) fn max_body(&self) -> usize {
        match self.shipped {
            // Posts of 16,383 characters, and attachments beside them (Mattermost, "Message attachments").
            Some(Shipped::Mattermost) => 60_000,
            // 40,000 characters of `text`, 3,000 in each of 50 blocks (Slack, "chat.postMessage", "Section block").
            Some(Shipped::Slack) => 100_000,
            // 28 KB (Microsoft, "Limits and specifications for Microsoft Teams").
            Some(Shipped::Teams) => 27_000,
            Some(Shipped::Json | Shipped::TheHive) | None => super::MAX_BODY_BYTES as usize,
        }
    }

    /// Least time between posts if nobody chose: Slack, Mattermost and Teams allow about one a second.
    pub(super) fn pace(&self) -> Duration {
        match self.shipped {
            Some(Shipped::Mattermost | Shipped::Slack | Shipped::Teams) => Duration::from_secs(1),
            Some(Shipped::Json | Shipped::TheHive) | None => Duration::ZERO,
        }
    }
}

/// The only template that there is.
const TEMPLATE: &str = "template";

/// What is wrong, and in which line. The values at hand, which minijinja can show, are not.
fn place(error: &Error) -> String {
    let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
    let detail = error.detail().filter(|_| error.kind() == ErrorKind::SyntaxError);
    let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("{line}{}{detail}", error.kind())
}

/// Something to try a template with.
fn trial() -> Option<Brief> {
    let matter = Matter::Held { reason: "an example".into(), before: 10, brought: 0 };
    let notice = SourceNotice { time: Timestamp::EPOCH, source: Some("example".into()), matter };
    let parcel = Parcel {
        kind: Kind::Alert,
        id: Uuid::nil(),
        key: String::new(),
        time: notice.time,
        body: Vec::new(),
        format: crate::Format::Ecs,
        message: Some(Arc::new(notice.into())),
    };
    Brief::of(&parcel, None)
}

impl fmt::Display for Unmade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => f.write_str(
                "the template does not take this: chats take alerts only, a template of your own ECS only (`send`, `format`)",
            ),
            Self::TooLarge => f.write_str("it is larger than `max_body`"),
            Self::Wrong(why) => write!(f, "the template fails: {why}"),
        }
    }
}

/// Takes so many bytes and no more.
struct Bounded {
    bytes: Vec<u8>,
    max: usize,
    is_full: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len().saturating_add(bytes.len()) > self.max {
            self.is_full = true;
            return Err(io::Error::other("larger than it may be"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
