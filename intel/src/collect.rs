//! Where everything that is read comes together: each value once, refusals counted.

use crate::{Loaded, MAX_REFUSED_TEXT_BYTES, Refusal, RefusalReason};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;
use weir_model::text::printable;
use weir_model::{Context, Indicator, IndicatorValue};

/// Most distinct indicators held: some 4 GB. Adversary: the publisher of a list, or whoever sits between; further values
/// are refused as `too_many`.
pub const MAX_INDICATORS: usize = 16_000_000;
/// Most contexts kept for one value. A list that repeats a value without end would otherwise fill memory; further ones only
/// count as repeated.
pub const MAX_CONTEXTS_PER_INDICATOR: usize = 16;
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

/// Gathers what the formats yield.
#[derive(Default)]
pub(crate) struct Collector {
    loaded: Loaded,
    // Lists are written by strangers: the hasher is seeded. Its order never reaches output, which keeps the order of reading.
    position: HashMap<IndicatorValue, usize, RandomState>,
}

impl Collector {
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
    pub(crate) fn value(&mut self, origin: &Origin, text: &str, value: IndicatorValue, context: Context) {
        self.loaded.stats.values += 1;
        if let Some(indicator) = self.position.get(&value).and_then(|at| self.loaded.indicators.get_mut(*at))
        {
            self.loaded.stats.repeated += 1;
            let known =
                |other: &Context| other.source == context.source && other.description == context.description;
            if indicator.contexts.len() < MAX_CONTEXTS_PER_INDICATOR && !indicator.contexts.iter().any(known)
            {
                indicator.contexts.push(context);
            }
        } else if self.loaded.indicators.len() >= MAX_INDICATORS {
            self.loaded.stats.values -= 1;
            self.refuse(origin, context.line.unwrap_or(0), text, RefusalReason::TooMany);
        } else {
            self.position.insert(value.clone(), self.loaded.indicators.len());
            self.loaded.indicators.push(Indicator { value, contexts: vec![context] });
        }
    }

    /// Notes what cannot be used: a value, a line, or (line 0) a file.
    pub(crate) fn refuse(&mut self, origin: &Origin, line: u32, text: &str, reason: RefusalReason) {
        if line == 0 {
            self.loaded.stats.files_refused += 1;
        } else {
            self.loaded.stats.values += 1;
            self.loaded.stats.refused += 1;
        }
        *self.loaded.stats.refused_by_reason.entry(reason).or_default() += 1;
        if self.loaded.refused.len() < MAX_REFUSALS_LISTED {
            let file = Arc::clone(&origin.path);
            self.loaded.refused.push(Refusal {
                file,
                line,
                text: printable(text.trim(), MAX_REFUSED_TEXT_BYTES),
                reason,
            });
        }
    }
}
