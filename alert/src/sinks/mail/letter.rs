//! A mail: plain text that people read, and the events attached for programs.
//!
//! Headers are made of our own words, of identifiers, and of text without control characters, which lettre encodes (RFC 2047) and folds: no list
//! can begin a header of its own.

use super::super::Parcel;
use super::super::brief::{Brief, Link};
use crate::defang::defanged;
use lettre::address::{Address, Envelope};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, Message, MultiPart, SinglePart};
use std::fmt::Write as _;
use weir_model::Tlp;

/// Longest subject in bytes; clients show about 70 characters, and a host with a name of 253 shall be found in it.
const MAX_SUBJECT_BYTES: usize = 350;
/// Longest sentence.
const MAX_SENTENCE_BYTES: usize = 4000;
/// Longest value in the list of facts.
const MAX_FACT_BYTES: usize = 300;

/// How mails look.
#[derive(Clone, Debug)]
pub(super) struct Style {
    /// What subjects begin with.
    pub(super) prefix: String,
    pub(super) max_attachment: usize,
    pub(super) link: Option<Link>,
}

/// A mail before it is known who cannot get it.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    /// What makes it the same mail whenever it is sent: the part of its `Message-ID` before the `@`.
    pub(super) id: String,
    /// The first mail of its thread, likewise.
    pub(super) thread: Option<String>,
    pub(super) subject: String,
    pub(super) text: String,
    /// `X-Weir-...` and its value.
    pub(super) marks: Vec<(&'static str, String)>,
    /// One event a line.
    pub(super) events: Events,
    pub(super) is_urgent: bool,
}

/// What is attached.
#[derive(Clone, Debug, Default)]
pub(super) struct Events {
    lines: Vec<u8>,
    left_out: usize,
}

impl Events {
    /// As many as fit; what is left out is counted.
    pub(super) fn of<'a>(parcels: impl IntoIterator<Item = &'a Parcel>, max_bytes: usize) -> Self {
        let mut events = Self::default();
        for parcel in parcels {
            if events.lines.len() + parcel.body.len() >= max_bytes {
                events.left_out += 1;
                continue;
            }
            events.lines.extend_from_slice(&parcel.body);
            events.lines.push(b'\n');
        }
        events
    }
}

impl Letter {
    /// About one alert.
    pub(super) fn of(parcel: &Parcel, style: &Style) -> Option<Self> {
        let brief = Brief::of(parcel, style.link.as_ref()).filter(|brief| brief.kind == "alert")?;
        let marking = parcel.message.as_ref().and_then(|message| message.marking());
        let (id, thread) = match (&brief.incident, brief.number) {
            (Some(incident), Some(number)) => {
                (format!("{incident}.{number}"), (number > 1).then(|| format!("{incident}.1")))
            }
            _ => (brief.id.clone(), None),
        };
        let mut marks = vec![("X-Weir-Alert", brief.id.clone()), ("X-Weir-Severity", brief.severity.clone())];
        marks.extend(brief.incident.clone().map(|incident| ("X-Weir-Incident", incident)));
        marks.extend(brief.grade.clone().map(|grade| ("X-Weir-Grade", grade)));
        Some(Self {
            subject: style.subject(marking, &brief.title),
            text: text(&brief),
            events: Events::of([parcel], style.max_attachment),
            is_urgent: brief.severity == "high",
            id,
            thread,
            marks,
        })
    }

    /// As it is sent, to all but the unknown, of whom it tells the others.
    pub(super) fn write(
        &self,
        from: &Mailbox,
        to: &[Mailbox],
        unknown: &[Address],
        attached: bool,
    ) -> Result<Vec<u8>, lettre::error::Error> {
        let host = from.email.domain();
        let named = |id: &str| format!("<{id}@{host}>");
        let known = to.iter().filter(|mailbox| !unknown.contains(&mailbox.email));
        let mut mail = Message::builder()
            .from(from.clone())
            .message_id(Some(named(&self.id)))
            .subject(&*self.subject)
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .raw_header(header("X-Auto-Response-Suppress", "All"));
        mail = known.fold(mail, |mail, mailbox| mail.to(mailbox.clone()));
        if let Some(thread) = &self.thread {
            mail = mail.in_reply_to(named(thread)).references(named(thread));
        }
        if self.is_urgent {
            mail = mail.raw_header(header("Importance", "high"));
        }
        mail = self.marks.iter().fold(mail, |mail, (name, value)| mail.raw_header(header(name, value)));
        let text = SinglePart::plain(self.text_with_remarks(unknown, attached));
        if !attached || self.events.lines.is_empty() {
            return Ok(mail.singlepart(text)?.formatted());
        }
        let file = Attachment::new("events.ndjson".to_owned());
        let file = file.body(
            self.events.lines.clone(),
            ContentType::parse("application/x-ndjson").unwrap_or(ContentType::TEXT_PLAIN),
        );
        Ok(mail.multipart(MultiPart::mixed().singlepart(text).singlepart(file))?.formatted())
    }

    fn text_with_remarks(&self, unknown: &[Address], attached: bool) -> String {
        let mut text = self.text.clone();
        if !attached && !self.events.lines.is_empty() {
            text.push_str("\nThe relay refused this mail with the events attached, so they are left out.\n");
        } else if self.events.left_out > 0 {
            let _ = writeln!(
                text,
                "\nEvents left out of the attachment, because it would be too large: {}.",
                self.events.left_out
            );
        }
        if !unknown.is_empty() {
            let names: Vec<String> = unknown.iter().map(ToString::to_string).collect();
            let _ = writeln!(text, "\nThe relay takes no mail for {}: correct `to`.", names.join(", "));
        }
        text
    }
}

impl Style {
    /// `[Weir] [TLP:AMBER] ...`, without anything to click and without line ends.
    pub(super) fn subject(&self, marking: Option<Tlp>, about: &str) -> String {
        let marking = marking.map(|tlp| format!("[TLP:{}] ", tlp.keyword())).unwrap_or_default();
        let space = if self.prefix.is_empty() { "" } else { " " };
        format!(
            "{}{space}{marking}{}",
            weir_model::text::printable(&self.prefix, 100),
            defanged(about, MAX_SUBJECT_BYTES)
        )
    }
}

/// Who gets it.
pub(super) fn envelope(from: &Mailbox, to: &[Mailbox]) -> Result<Envelope, lettre::error::Error> {
    Envelope::new(Some(from.email.clone()), to.iter().map(|mailbox| mailbox.email.clone()).collect())
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), weir_model::text::printable(value, MAX_FACT_BYTES))
}

fn text(brief: &Brief) -> String {
    let mut text = format!("{}\n\n", defanged(&brief.sentence, MAX_SENTENCE_BYTES));
    let notice =
        brief.number.map(|number| format!(", notice {number} ({})", brief.action)).unwrap_or_default();
    let sources = (!brief.sources.is_empty()).then(|| brief.sources.join(", "));
    let facts = [
        ("Severity", Some(brief.severity.clone())),
        ("Grade", brief.grade.as_ref().map(|grade| grade.replace('_', " "))),
        ("Host", brief.host.clone()),
        ("Indicator", brief.indicator.clone()),
        ("Sources", sources),
        ("Marking", brief.tlp.map(|tlp| format!("TLP:{tlp}"))),
        ("Incident", brief.incident.as_ref().map(|incident| format!("{incident}{notice}"))),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            let _ = writeln!(text, "{name:<10} {}", defanged(&value, MAX_FACT_BYTES));
        }
    }
    // Our own time and link are as they are.
    let _ = writeln!(text, "{:<10} {}", "Time", brief.time);
    if let Some(link) = &brief.link {
        let _ = writeln!(text, "{:<10} {link}", "More");
    }
    text
}
