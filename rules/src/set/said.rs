//! What is said of indicators, as records among the blobs.
//!
//! A context is two records: what its source says of many (the source, tags, report, organisation ...), stored once, and
//! what it says of this one (comment, identifier, dates), which refers to the other. Lines of lists are kept apart from both.
//!
//! In a record, a text is where its blob begins; an optional one is 0 or that plus one. Fields follow one another in the order in which
//! they are written here, which is part of the snapshot's format.

use super::blobs::{Blobs, Numbers, blob, push_number};
use std::sync::Arc;
use uuid::Uuid;
use weir_model::indicator::{Effect, Further, Report, Side, Threat, Tlp, Warning};
use weir_model::{Context, Timestamp};

const TLPS: [Tlp; 5] = [Tlp::Clear, Tlp::Green, Tlp::Amber, Tlp::AmberStrict, Tlp::Red];
const SIDES: [Side; 2] = [Side::Source, Side::Destination];
const EFFECTS: [Effect; 3] = [Effect::Lower, Effect::Shared, Effect::Raise];

/// Stores a context without its line. `None` when there is no room.
pub(super) fn store_context(blobs: &mut Blobs, context: &Context) -> Option<u32> {
    let further = context.further.as_deref();
    let shared = store_shared(blobs, context, further)?;
    let mut record = Record::new(blobs);
    record.number(shared.into());
    record.optional_text(context.description.as_deref())?;
    record.option(context.confidence.map(u64::from));
    record.time(context.first_seen);
    record.time(context.last_seen);
    if let Some(further) = further {
        record.id(further.id);
        record.option(position(&SIDES, further.side));
        record.time(further.valid_from);
        record.time(further.valid_until);
    }
    record.store()
}

fn store_shared(blobs: &mut Blobs, context: &Context, further: Option<&Further>) -> Option<u32> {
    let report = match further.and_then(|further| further.report.as_deref()) {
        Some(report) => Some(store_report(blobs, report)?),
        None => None,
    };
    let mut record = Record::new(blobs);
    record.text(&context.source)?;
    record.texts(&context.tags)?;
    record.optional_text(context.reference.as_deref())?;
    record.option(position(&TLPS, context.tlp));
    record.number(further.is_some().into());
    if let Some(further) = further {
        record.option(report.map(u64::from));
        record.optional_text(further.organisation.as_deref())?;
        record.number(further.threats.len() as u64);
        for threat in further.threats.iter() {
            record.text(&threat.kind)?;
            record.text(&threat.name)?;
        }
        record.texts(&further.types)?;
    }
    record.store()
}

fn store_report(blobs: &mut Blobs, report: &Report) -> Option<u32> {
    let mut record = Record::new(blobs);
    record.id(report.id);
    record.optional_text(report.title.as_deref())?;
    record.store()
}

/// Stores warnings. `None` when there is no room.
pub(super) fn store_warnings(blobs: &mut Blobs, warnings: &[Warning]) -> Option<u32> {
    let mut record = Record::new(blobs);
    record.number(warnings.len() as u64);
    for warning in warnings {
        record.text(&warning.list)?;
        record.option(position(&EFFECTS, Some(warning.effect)));
    }
    record.store()
}

/// Reads back a context. `None` when the bytes are none.
pub(super) fn context(blobs: &[u8], at: u32) -> Option<Context> {
    let mut fields = Fields::of(blobs, at)?;
    let mut context = shared(blobs, fields.place()?)?;
    context.description = fields.optional_text()?;
    context.confidence = fields.option()?.and_then(|confidence| u8::try_from(confidence).ok());
    context.first_seen = fields.time()?;
    context.last_seen = fields.time()?;
    if let Some(further) = &mut context.further {
        let further = Arc::make_mut(further);
        further.id = fields.id()?;
        further.side = fields.chosen(&SIDES)?;
        further.valid_from = fields.time()?;
        further.valid_until = fields.time()?;
    }
    Some(context)
}

fn shared(blobs: &[u8], at: u32) -> Option<Context> {
    let mut fields = Fields::of(blobs, at)?;
    let mut context = Context {
        source: fields.text()?,
        tags: fields.texts()?,
        reference: fields.optional_text()?,
        tlp: fields.chosen(&TLPS)?,
        ..Context::default()
    };
    if fields.numbers.next()? != 0 {
        let report = match fields.option()? {
            Some(at) => Some(Arc::new(report(blobs, u32::try_from(at).ok()?)?)),
            None => None,
        };
        let organisation = fields.optional_text()?;
        let threats = 0..fields.numbers.next()?;
        let threats: Option<Arc<[Threat]>> =
            threats.map(|_| Some(Threat { kind: fields.text()?, name: fields.text()? })).collect();
        let (threats, types) = (threats?, fields.texts()?.into());
        context.further =
            Some(Arc::new(Further { report, organisation, threats, types, ..Further::default() }));
    }
    Some(context)
}

fn report(blobs: &[u8], at: u32) -> Option<Report> {
    let mut fields = Fields::of(blobs, at)?;
    Some(Report { id: fields.id()?, title: fields.optional_text()? })
}

/// Reads back warnings. `None` when the bytes are none.
pub(super) fn warnings(blobs: &[u8], at: u32) -> Option<Arc<[Warning]>> {
    let mut fields = Fields::of(blobs, at)?;
    let warnings = 0..fields.numbers.next()?;
    warnings.map(|_| Some(Warning { list: fields.text()?, effect: fields.chosen(&EFFECTS)?? })).collect()
}

fn position<T: PartialEq>(all: &[T], one: Option<T>) -> Option<u64> {
    let one = one?;
    all.iter().position(|other| *other == one).map(|position| position as u64)
}

/// A record that is being written. What it refers to is stored before it.
struct Record<'a> {
    blobs: &'a mut Blobs,
    bytes: Vec<u8>,
}

impl<'a> Record<'a> {
    fn new(blobs: &'a mut Blobs) -> Self {
        Self { blobs, bytes: Vec::new() }
    }

    fn store(self) -> Option<u32> {
        self.blobs.intern(&self.bytes)
    }

    fn number(&mut self, number: u64) {
        push_number(&mut self.bytes, number);
    }

    /// Numbers here are far below the largest.
    fn option(&mut self, number: Option<u64>) {
        self.number(number.map_or(0, |number| number.saturating_add(1)));
    }

    fn text(&mut self, text: &str) -> Option<()> {
        let at = self.blobs.intern(text.as_bytes())?;
        self.number(at.into());
        Some(())
    }

    fn optional_text(&mut self, text: Option<&str>) -> Option<()> {
        let at = match text {
            Some(text) => Some(self.blobs.intern(text.as_bytes())?.into()),
            None => None,
        };
        self.option(at);
        Some(())
    }

    fn texts(&mut self, texts: &[Arc<str>]) -> Option<()> {
        self.number(texts.len() as u64);
        texts.iter().try_for_each(|text| self.text(text))
    }

    fn id(&mut self, id: Option<Uuid>) {
        self.number(id.is_some().into());
        self.bytes.extend(id.as_ref().map(Uuid::as_bytes).into_iter().flatten());
    }

    /// 0: none; 1: nanoseconds follow; otherwise whole seconds, plus two.
    fn time(&mut self, time: Option<Timestamp>) {
        const SECOND: u64 = 1_000_000_000;
        match time.map(Timestamp::as_nanos) {
            None => self.number(0),
            Some(nanos) if nanos % SECOND == 0 => self.number(nanos / SECOND + 2),
            Some(nanos) => {
                self.number(1);
                self.number(nanos);
            }
        }
    }
}

/// Bytes of text read for one record. Adversary: whoever can write a snapshot, in which a short record could name a long text a
/// thousand times; such a record is none.
const MAX_TEXT_BYTES: usize = 16 << 20;

/// The fields of a record, one after the other; the outer `None` says that there is no such field.
struct Fields<'a> {
    blobs: &'a [u8],
    numbers: Numbers<'a>,
    text_left: usize,
}

#[expect(clippy::option_option, reason = "that a field says nothing is not that there is none")]
impl<'a> Fields<'a> {
    fn of(blobs: &'a [u8], at: u32) -> Option<Self> {
        Some(Self { blobs, numbers: Numbers(blob(blobs, at)?), text_left: MAX_TEXT_BYTES })
    }

    fn place(&mut self) -> Option<u32> {
        u32::try_from(self.numbers.next()?).ok()
    }

    fn option(&mut self) -> Option<Option<u64>> {
        Some(self.numbers.next()?.checked_sub(1))
    }

    fn chosen<T: Copy>(&mut self, all: &[T]) -> Option<Option<T>> {
        Some(self.option()?.and_then(|position| all.get(usize::try_from(position).ok()?).copied()))
    }

    fn text(&mut self) -> Option<Arc<str>> {
        let at = self.place()?;
        self.text_at(at)
    }

    fn optional_text(&mut self) -> Option<Option<Arc<str>>> {
        match self.option()? {
            Some(at) => Some(Some(self.text_at(u32::try_from(at).ok()?)?)),
            None => Some(None),
        }
    }

    fn text_at(&mut self, at: u32) -> Option<Arc<str>> {
        let text = str::from_utf8(blob(self.blobs, at)?).ok()?;
        self.text_left = self.text_left.checked_sub(text.len())?;
        Some(text.into())
    }

    fn texts(&mut self) -> Option<Vec<Arc<str>>> {
        (0..self.numbers.next()?).map(|_| self.text()).collect()
    }

    fn id(&mut self) -> Option<Option<Uuid>> {
        if self.numbers.next()? == 0 {
            return Some(None);
        }
        let bytes = self.numbers.take(16)?.first_chunk()?;
        Some(Some(Uuid::from_bytes(*bytes)))
    }

    fn time(&mut self) -> Option<Option<Timestamp>> {
        Some(match self.numbers.next()? {
            0 => None,
            1 => Some(Timestamp::from_nanos(self.numbers.next()?)),
            seconds => Some(Timestamp::new(seconds - 2, 0)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::option;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = Arc<str>> {
        "[ab\u{e9}]{0,2}".prop_map(Arc::from)
    }

    fn texts() -> impl Strategy<Value = Vec<Arc<str>>> {
        proptest::collection::vec(text(), 0..3)
    }

    fn time() -> impl Strategy<Value = Option<Timestamp>> {
        let nanos =
            prop_oneof![Just(0), Just(u64::MAX), any::<u64>(), (0..9_u64).prop_map(|n| n * 1_000_000_000)];
        option::of(nanos.prop_map(Timestamp::from_nanos))
    }

    fn id() -> impl Strategy<Value = Option<Uuid>> {
        option::of(any::<u128>().prop_map(Uuid::from_u128))
    }

    fn further() -> impl Strategy<Value = Further> {
        let report = (id(), option::of(text())).prop_map(|(id, title)| Arc::new(Report { id, title }));
        let threat = (text(), text()).prop_map(|(kind, name)| Threat { kind, name });
        let threats = proptest::collection::vec(threat, 0..3);
        let side = option::of(proptest::sample::select(&SIDES[..]));
        (id(), option::of(report), option::of(text()), threats, texts(), side, time(), time()).prop_map(
            |(id, report, organisation, threats, types, side, valid_from, valid_until)| Further {
                id,
                report,
                organisation,
                threats: threats.into(),
                types: types.into(),
                side,
                valid_from,
                valid_until,
            },
        )
    }

    fn any_context() -> impl Strategy<Value = Context> {
        let tlp = option::of(proptest::sample::select(&TLPS[..]));
        let texts = (text(), option::of(text()), texts(), option::of(text()));
        (texts, option::of(any::<u8>()), time(), time(), tlp, option::of(further())).prop_map(
            |((source, description, tags, reference), confidence, first_seen, last_seen, tlp, further)| {
                Context {
                    source,
                    line: None,
                    description,
                    tags,
                    reference,
                    confidence,
                    first_seen,
                    last_seen,
                    tlp,
                    further: further.map(Arc::new),
                }
            },
        )
    }

    proptest! {
        #[test]
        fn contexts_come_back_and_equal_ones_are_one(contexts in proptest::collection::vec(any_context(), 1..6)) {
            let mut blobs = Blobs::default();
            let places: Vec<u32> =
                contexts.iter().map(|context| store_context(&mut blobs, context).unwrap()).collect();
            prop_assert_eq!(store_context(&mut blobs, &contexts[0]), Some(places[0]));
            let blobs = blobs.into_bytes();
            for (stored, at) in contexts.iter().zip(places) {
                prop_assert_eq!(&context(&blobs, at).unwrap(), stored);
            }
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>, at in 0_u32..40) {
            let _ = (context(&bytes, at), warnings(&bytes, at));
        }
    }

    #[test]
    fn what_is_said_of_one_alone_is_small() {
        let mut blobs = Blobs::default();
        let before = Further { organisation: Some("an organisation".into()), ..Further::default() };
        for number in 0..1000 {
            let time = |day: u64| Some(Timestamp::new(1_700_000_000 + 86_400 * day + number, 0));
            let id = Some(Uuid::from_u128(u128::from(number) << 64));
            let further = Further { id, valid_until: time(90), ..before.clone() };
            let said = Context {
                source: "an instance".into(),
                first_seen: time(0),
                last_seen: time(7),
                further: Some(further.into()),
                ..Context::default()
            };
            store_context(&mut blobs, &said).unwrap();
        }
        let each = blobs.into_bytes().len() / 1000;
        assert!(each <= 44, "{each} bytes each");
    }

    #[test]
    fn warnings_come_back() {
        let mut blobs = Blobs::default();
        let stored = EFFECTS.map(|effect| Warning { list: effect.keyword().into(), effect });
        let at = store_warnings(&mut blobs, &stored).unwrap();
        assert_eq!(warnings(&blobs.into_bytes(), at).as_deref(), Some(&stored[..]));
    }
}
