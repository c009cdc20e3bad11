//! Where everything that is read comes together: values go to whoever keeps them, refusals are counted.

use crate::{Loaded, MAX_REFUSED_TEXT_BYTES, Place, Refusal, RefusalReason, Taken};
use std::sync::Arc;
use weir_model::text::printable;
use weir_model::{Context, IndicatorValue};

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

/// Hands on what the formats yield, and keeps the books of it.
pub(crate) struct Collector<'a> {
    loaded: Loaded,
    take: &'a mut dyn FnMut(IndicatorValue, Context) -> Taken,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(take: &'a mut dyn FnMut(IndicatorValue, Context) -> Taken) -> Self {
        Self { loaded: Loaded::default(), take }
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
        match (self.take)(value, context) {
            Taken::New => self.loaded.stats.indicators += 1,
            Taken::Repeated => self.loaded.stats.repeated += 1,
            Taken::Full => return self.refuse(origin, place, text, RefusalReason::TooMany),
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
        if self.loaded.refused.len() < MAX_REFUSALS_LISTED {
            let file = Arc::clone(&origin.path);
            let text = printable(text.trim(), MAX_REFUSED_TEXT_BYTES);
            self.loaded.refused.push(Refusal { file, place, text, reason });
        }
    }
}
