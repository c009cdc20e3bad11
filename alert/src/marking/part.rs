//! What is left of an alert, or of a notice, without the words that are marked above a ceiling.

use super::traces::Traces;
use super::{marking, marking_of};
use std::sync::Arc;
use weir_model::notice::Matter;
use weir_model::{Alert, Context, Indicator, SourceNotice, Tlp};

/// What of an alert may go where nothing above a ceiling may.
#[derive(Clone, Debug, PartialEq)]
pub enum Under {
    /// All of it.
    Whole,
    /// What is left without what is marked higher.
    Part(Box<Alert>),
    /// Nothing: all that is said of the indicator that rings is marked higher.
    Withheld,
}

/// Leaves out what sources said under a marking above `ceiling`: their words on the indicator that rings, and indicators that
/// nobody else knows, with what only those recognise. An alert goes as long as one source is left that says of what rings that it is bad.
///
/// How urgent it is stays as it was judged by all words: it is a step of four, and to hear a lower one would mislead.
pub fn under(alert: &Alert, ceiling: Tlp) -> Under {
    if marking(alert) <= ceiling {
        return Under::Whole;
    }
    let Some(indicator) = remaining(&alert.indicator, ceiling) else {
        return Under::Withheld;
    };
    let also_matched: Vec<_> =
        alert.also_matched.iter().filter_map(|other| remaining(other, ceiling)).collect();
    let stays = |other: &&Indicator| also_matched.iter().any(|stayed| stayed.value == other.value);
    let (mut stayed, gone): (Vec<_>, Vec<_>) =
        alert.also_matched.iter().map(|other| &**other).partition(stays);
    stayed.push(&indicator);
    let mut part = alert.clone();
    Traces { gone, stayed }.clear(&mut part);
    (part.indicator, part.also_matched) = (indicator, also_matched);
    Under::Part(Box::new(part))
}

/// A notice without what sources said under a marking above `ceiling`; `None` if nothing of it is left. What is no word of a source may
/// always go.
pub fn notice_under(notice: &SourceNotice, ceiling: Tlp) -> Option<SourceNotice> {
    let mut notice = notice.clone();
    if let Matter::Listed { contexts, .. } = &mut notice.matter {
        *contexts = remaining_of(contexts, ceiling)?;
        // It names one of those that say so, which must be one that may be named.
        let is_named = |source| contexts.iter().any(|context| context.source == source);
        if !notice.source.clone().is_none_or(is_named) {
            notice.source = contexts.first().map(|context| Arc::clone(&context.source));
        }
    }
    Some(notice)
}

/// An indicator without the words above the ceiling; `None` if there are no others.
fn remaining(indicator: &Arc<Indicator>, ceiling: Tlp) -> Option<Arc<Indicator>> {
    if marking_of(indicator) <= ceiling {
        return Some(Arc::clone(indicator));
    }
    let contexts = remaining_of(&indicator.contexts, ceiling)?;
    Some(Arc::new(Indicator { contexts, ..Indicator::clone(indicator) }))
}

/// The words that are not marked above the ceiling, if there are any.
fn remaining_of(contexts: &[Context], ceiling: Tlp) -> Option<Vec<Context>> {
    let may_go = |context: &&Context| context.marking() <= ceiling;
    let contexts: Vec<_> = contexts.iter().filter(may_go).cloned().collect();
    (!contexts.is_empty()).then_some(contexts)
}
