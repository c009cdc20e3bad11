//! What is said of a value, in two parts: the body, which many values share and which is stored once, and what is the entry's own.

use crate::Entry;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;
use uuid::Uuid;
use weir_model::indicator::{Report, Side, Threat};
use weir_model::{Context, Further, Timestamp, Tlp};

/// What of a context is the entry's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Own {
    pub(super) line: Option<u32>,
    /// [`Further::id`].
    pub(super) further_id: Option<Uuid>,
    pub(super) first_seen: Option<Timestamp>,
    pub(super) last_seen: Option<Timestamp>,
    pub(super) valid_from: Option<Timestamp>,
    pub(super) valid_until: Option<Timestamp>,
    /// [`Entry::modified`].
    pub(super) modified: Option<Timestamp>,
}

impl Own {
    pub(super) fn of(context: &Context, modified: Option<Timestamp>) -> Self {
        let further = context.further.as_deref();
        Self {
            line: context.line,
            further_id: further.and_then(|further| further.id),
            first_seen: context.first_seen,
            last_seen: context.last_seen,
            valid_from: further.and_then(|further| further.valid_from),
            valid_until: further.and_then(|further| further.valid_until),
            modified,
        }
    }

    /// Whether it says the same; on which line it says so is another matter.
    pub(super) fn says(&self, other: &Self) -> bool {
        Self { line: None, ..self.clone() } == Self { line: None, ..other.clone() }
    }
}

/// The body of a context as it is stored: JSON, with what is not said left out. Two contexts with the same body have the same text.
pub(super) fn body(entry: &Entry) -> Result<String, serde_json::Error> {
    let context = &entry.context;
    let further = context.further.as_deref();
    serde_json::to_string(&Body {
        source: Cow::Borrowed(&context.source),
        description: context.description.as_deref().map(Cow::Borrowed),
        tags: context.tags.iter().map(|tag| Cow::Borrowed(&**tag)).collect(),
        reference: context.reference.as_deref().map(Cow::Borrowed),
        confidence: context.confidence,
        tlp: context.tlp.map(|tlp| Cow::Borrowed(tlp.keyword())),
        further: further.map(|further| FurtherBody {
            report: further.report.as_deref().map(|report| ReportBody {
                id: report.id.map(|id| id.to_string()),
                title: report.title.as_deref().map(Cow::Borrowed),
            }),
            organisation: further.organisation.as_deref().map(Cow::Borrowed),
            threats: further
                .threats
                .iter()
                .map(|threat| (Cow::Borrowed(&*threat.kind), Cow::Borrowed(&*threat.name)))
                .collect(),
            types: further.types.iter().map(|name| Cow::Borrowed(&**name)).collect(),
            side: further.side.map(|side| Cow::Borrowed(side.keyword())),
        }),
    })
}

/// The context of a body, without what is the entry's own. `None` where a file was tampered with.
pub(super) fn context(body: &str) -> Option<Context> {
    let body: Body<'_> = serde_json::from_str(body).ok()?;
    Some(Context {
        source: shared(&body.source),
        description: body.description.as_deref().map(shared),
        tags: body.tags.iter().map(|tag| shared(tag)).collect(),
        reference: body.reference.as_deref().map(shared),
        confidence: body.confidence,
        tlp: body.tlp.as_deref().and_then(Tlp::parse),
        further: body.further.map(|further| Arc::new(self::further(&further))),
        ..Context::default()
    })
}

/// The context of an entry: `shared` is what its body says.
pub(super) fn whole(shared: &Context, own: &Own, valid_until: Option<Timestamp>) -> Context {
    let says_more = own.further_id.is_some() || own.valid_from.is_some() || valid_until.is_some();
    let further = if says_more {
        let rest = shared.further.as_deref().cloned().unwrap_or_default();
        Some(Arc::new(Further { id: own.further_id, valid_from: own.valid_from, valid_until, ..rest }))
    } else {
        shared.further.clone()
    };
    Context {
        line: own.line,
        first_seen: own.first_seen,
        last_seen: own.last_seen,
        further,
        ..shared.clone()
    }
}

#[derive(Serialize, Deserialize)]
struct Body<'a> {
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    source: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    description: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    reference: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confidence: Option<u8>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    tlp: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    further: Option<FurtherBody<'a>>,
}

#[derive(Serialize, Deserialize)]
struct FurtherBody<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    report: Option<ReportBody<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    organisation: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    threats: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    types: Vec<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    side: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
struct ReportBody<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    title: Option<Cow<'a, str>>,
}

fn further(body: &FurtherBody<'_>) -> Further {
    Further {
        report: body.report.as_ref().map(|report| {
            let id = report.id.as_deref().and_then(|id| Uuid::parse_str(id).ok());
            Arc::new(Report { id, title: report.title.as_deref().map(shared) })
        }),
        organisation: body.organisation.as_deref().map(shared),
        threats: body
            .threats
            .iter()
            .map(|(kind, name)| Threat { kind: shared(kind), name: shared(name) })
            .collect(),
        types: body.types.iter().map(|name| shared(name)).collect(),
        side: body.side.as_deref().and_then(|side| {
            [Side::Source, Side::Destination].into_iter().find(|known| known.keyword() == side)
        }),
        ..Further::default()
    }
}

fn shared(text: &str) -> Arc<str> {
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_model::IndicatorValue;

    /// Every member of context, further, report and threat, so that a member that is added and not stored does not compile here.
    #[test]
    fn nothing_that_is_said_is_lost() {
        let at = |seconds| Some(Timestamp::new(seconds, 5));
        let context = Context {
            source: "feeds/a \"b\".csv".into(),
            line: Some(7),
            description: Some("C2 of \u{1F577}\n".into()),
            tags: vec!["a".into(), "tlp:red".into()],
            reference: Some("https://x.example/".into()),
            confidence: Some(70),
            first_seen: at(1),
            last_seen: Some(Timestamp::MAX),
            tlp: Some(Tlp::AmberStrict),
            further: Some(Arc::new(Further {
                id: Some(Uuid::from_u128(9)),
                report: Some(Arc::new(Report { id: Some(Uuid::from_u128(10)), title: Some("title".into()) })),
                organisation: Some("CERN".into()),
                threats: [Threat { kind: "malware".into(), name: "x".into() }].into(),
                types: ["malicious-activity".into()].into(),
                side: Some(Side::Destination),
                valid_from: at(3),
                valid_until: at(4),
            })),
        };
        let further = Some(Arc::new(Further::default()));
        for context in [context, Context::default(), Context { further, ..Context::default() }] {
            let entry = Entry::new(IndicatorValue::Ja3([0; 16]), context.clone());
            let shared = super::context(&body(&entry).unwrap()).unwrap();
            let own = Own::of(&context, None);
            assert_eq!(whole(&shared, &own, own.valid_until), context);
        }
    }
}
