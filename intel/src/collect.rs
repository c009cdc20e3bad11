//! Where everything that is read comes together: values go to whoever keeps them, refusals are counted.

use crate::{Loaded, MAX_REFUSED_TEXT_BYTES, Place, Refusal, RefusalReason, Taken};
use std::sync::Arc;
use uuid::Uuid;
use weir_model::text::printable;
use weir_model::{Context, IndicatorValue, Timestamp};

/// Most refusals kept with their text; further ones are only counted.
pub const MAX_REFUSALS_LISTED: usize = 1000;

/// The file that is being read.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// As it was found, for reports.
    pub(crate) path: Arc<str>,
    /// As it is named in alerts.
    pub(crate) source: Arc<str>,
}

/// What a value or refusal belongs to, where the source has names for such things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The attribute or object.
    pub(crate) id: Option<Uuid>,
    /// When the source last changed it.
    pub(crate) modified: Option<Timestamp>,
}

/// Takes what is read.
pub(crate) trait Taker {
    fn take(&mut self, subject: Subject, value: IndicatorValue, context: Context) -> Taken;

    /// Is told of every refusal, also of those of which there are too many to be listed.
    fn refuse(&mut self, subject: Subject, refusal: &Refusal) {
        let _ = (subject, refusal);
    }
}

impl<F: FnMut(IndicatorValue, Context) -> Taken> Taker for F {
    fn take(&mut self, _: Subject, value: IndicatorValue, context: Context) -> Taken {
        self(value, context)
    }
}

/// Hands on what the formats yield, and keeps the books of it.
pub(crate) struct Collector<'a> {
    loaded: Loaded,
    subject: Subject,
    taker: &'a mut dyn Taker,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(taker: &'a mut dyn Taker) -> Self {
        Self { loaded: Loaded::default(), subject: Subject::default(), taker }
    }

    /// What follows belongs to this.
    pub(crate) fn about(&mut self, subject: Subject) {
        self.subject = subject;
    }

    pub(crate) fn finish(self) -> Loaded {
        self.loaded
    }

    /// Counts a file as opened.
    pub(crate) fn file(&mut self) {
        self.loaded.stats.files += 1;
    }

    /// Counts a line that was read.
    pub(crate) fn line(&mut self) {
        self.loaded.stats.lines += 1;
    }

    /// Counts a line that holds no value: blank, comment, header.
    pub(crate) fn without_value(&mut self) {
        self.loaded.stats.lines_without_value += 1;
    }

    /// Takes a value, or says why not.
    pub(crate) fn value(
        &mut self,
        origin: &Origin,
        place: impl Into<Place>,
        text: &str,
        value: IndicatorValue,
        context: Context,
    ) {
        match self.taker.take(self.subject, value, context) {
            Taken::New => self.loaded.stats.indicators += 1,
            Taken::Repeated => self.loaded.stats.repeated += 1,
            Taken::Full => return self.refuse(origin, place, text, RefusalReason::TooMany),
            Taken::Unwanted(reason) => return self.refuse(origin, place, text, reason),
        }
        self.loaded.stats.values += 1;
    }

    /// Notes what cannot be used: a value, a line, or a whole file.
    pub(crate) fn refuse(
        &mut self,
        origin: &Origin,
        place: impl Into<Place>,
        text: &str,
        reason: RefusalReason,
    ) {
        let place = place.into();
        if place == Place::File {
            self.loaded.stats.files_refused += 1;
        } else {
            self.loaded.stats.values += 1;
            self.loaded.stats.refused += 1;
        }
        *self.loaded.stats.refused_by_reason.entry(reason).or_default() += 1;
        let text = printable(text.trim(), MAX_REFUSED_TEXT_BYTES);
        let refusal = Refusal { file: Arc::clone(&origin.path), place, text, reason };
        self.taker.refuse(self.subject, &refusal);
        if self.loaded.refused.len() < MAX_REFUSALS_LISTED {
            self.loaded.refused.push(refusal);
        }
    }
}
