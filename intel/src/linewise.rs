//! Formats that are read line by line: each says what one line holds; counting, places and contexts are the same for all.

use crate::collect::{Collector, Origin};
use crate::lines::Lines;
use crate::{RefusalReason, text};
use std::io::{self, BufRead};
use std::sync::Arc;
use weir_model::{Context, IndicatorValue};

/// Reads all lines; `line` says what each holds. A line of which it says nothing holds no value.
pub(crate) fn read(
    input: impl BufRead,
    origin: &Origin,
    collector: &mut Collector<'_>,
    mut line: impl FnMut(&str, &mut LineOut<'_, '_>),
) -> io::Result<()> {
    let mut lines = Lines::new(input);
    while let Some(next) = lines.next()? {
        collector.line();
        let text = match next.text {
            Ok(text) => text,
            Err(reason) => {
                collector.refuse(origin, next.number, "", reason);
                continue;
            }
        };
        let mut out = LineOut { origin, number: next.number, collector, said_something: false };
        line(&text, &mut out);
        if !out.said_something {
            collector.without_value();
        }
        lines.recycle(text);
    }
    Ok(())
}

/// Where values and refusals of a line go.
pub(crate) struct LineOut<'a, 'b> {
    origin: &'a Origin,
    number: u32,
    collector: &'a mut Collector<'b>,
    said_something: bool,
}

impl LineOut<'_, '_> {
    /// A value as it was read from `text`, with what the line says of it.
    pub(crate) fn value(&mut self, text: &str, value: Result<IndicatorValue, RefusalReason>, said: Context) {
        self.said_something = true;
        match value {
            Ok(value) => {
                let context =
                    Context { source: Arc::clone(&self.origin.source), line: Some(self.number), ..said };
                self.collector.value(self.origin, self.number, text, value, context);
            }
            Err(reason) => self.collector.refuse(self.origin, self.number, text, reason),
        }
    }

    /// What cannot be used.
    pub(crate) fn refuse(&mut self, text: &str, reason: RefusalReason) {
        self.value(text, Err(reason), Context::default());
    }
}

/// A context with this description.
pub(crate) fn described(description: &str) -> Context {
    Context { description: text::shared(description), ..Context::default() }
}
