//! What of an alert, or of a notice, may leave by an output that has a ceiling in the Traffic Light Protocol (FIRST, TLP 2.0).

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
/// nobody else knows. An alert goes as long as one source is left that says of what rings that it is bad.
pub fn under(alert: &Alert, ceiling: Tlp) -> Under {
    if marking(alert) <= ceiling {
        return Under::Whole;
    }
    let Some(indicator) = remaining(&alert.indicator, ceiling) else {
        return Under::Withheld;
    };
    let also_matched = alert.also_matched.iter().filter_map(|other| remaining(other, ceiling)).collect();
    Under::Part(Box::new(Alert { indicator, also_matched, ..alert.clone() }))
}

/// A notice without what sources said under a marking above `ceiling`; `None` if nothing of it is left. What is no word of a source may
/// always go.
pub fn notice_under(notice: &SourceNotice, ceiling: Tlp) -> Option<SourceNotice> {
    let mut notice = notice.clone();
    if let Matter::Listed { contexts, .. } = &mut notice.matter {
        *contexts = remaining_of(contexts, ceiling)?;
    }
    Some(notice)
}

/// The strictest marking of what an alert tells.
pub fn marking(alert: &Alert) -> Tlp {
    let indicators = std::iter::once(&alert.indicator).chain(&alert.also_matched);
    indicators.map(|indicator| marking_of(indicator)).max().unwrap_or(Tlp::UNMARKED)
}

/// The strictest marking of what is said of an indicator.
pub(crate) fn marking_of(indicator: &Indicator) -> Tlp {
    indicator.contexts.iter().map(Context::marking).max().unwrap_or(Tlp::UNMARKED)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ecs, samples};
    use weir_model::IndicatorValue;

    const LEVELS: [Tlp; 5] = [Tlp::Clear, Tlp::Green, Tlp::Amber, Tlp::AmberStrict, Tlp::Red];

    fn said(tlp: Option<Tlp>) -> Context {
        let word = format!("said under {}", tlp.map_or("no marking", Tlp::keyword));
        Context { source: "list".into(), description: Some(word.into()), tlp, ..Context::default() }
    }

    fn alert(rings: &[Option<Tlp>], also: &[Option<Tlp>]) -> Alert {
        let indicator = |value: &str, marks: &[Option<Tlp>]| {
            let value = IndicatorValue::Address(value.parse().unwrap());
            Arc::new(Indicator::new(value, marks.iter().copied().map(said).collect()))
        };
        let also_matched = if also.is_empty() { Vec::new() } else { vec![indicator("203.0.113.77", also)] };
        Alert { indicator: indicator("203.0.113.5", rings), also_matched, ..samples::documented_alert() }
    }

    fn text(alert: &Alert) -> String {
        let mut lines = crate::Lines::default();
        ecs::alert(alert, &mut lines);
        String::from_utf8(lines.bytes().to_vec()).unwrap()
    }

    /// What is marked so leaves exactly where the ceiling is at least as high.
    #[test]
    fn every_ceiling_and_marking() {
        for ceiling in LEVELS {
            for marking in LEVELS {
                let all = alert(&[Some(marking)], &[]);
                let expected = if marking <= ceiling { Under::Whole } else { Under::Withheld };
                assert_eq!(under(&all, ceiling), expected, "{marking:?} under {ceiling:?}");
            }
        }
        assert_eq!(under(&alert(&[None], &[]), Tlp::Green), Under::Withheld, "unmarked is AMBER");
        assert_eq!(under(&alert(&[None], &[]), Tlp::Amber), Under::Whole);
    }

    #[test]
    fn notices_leave_likewise() {
        let value = IndicatorValue::Address("192.0.2.7".parse().unwrap());
        let home = "192.0.2.0/24".parse().unwrap();
        let contexts = vec![said(Some(Tlp::Red)), said(Some(Tlp::Green)), said(None)];
        let notice = |matter| SourceNotice { time: weir_model::Timestamp::EPOCH, source: None, matter };
        let listed = notice(Matter::Listed { value, home, contexts: contexts.clone() });
        assert_eq!((listed.tlp(), notice_under(&listed, Tlp::Clear)), (Some(Tlp::Red), None));
        let Matter::Listed { contexts: left, .. } = notice_under(&listed, Tlp::Green).unwrap().matter else {
            panic!("another matter")
        };
        assert_eq!(left, contexts[1..2]);
        let held = notice(Matter::Held { reason: "empty".into(), before: 9, brought: 0 });
        assert_eq!(notice_under(&held, Tlp::Clear), Some(held), "it tells nothing of what sources know");
    }

    #[test]
    fn one_source_that_may_speak_is_enough() {
        let all = alert(&[Some(Tlp::Red), Some(Tlp::Green), None], &[Some(Tlp::Red)]);
        assert_eq!(marking(&all), Tlp::Red);
        let Under::Part(part) = under(&all, Tlp::Green) else { panic!("withheld") };
        assert_eq!(marking(&part), Tlp::Green);
        let written = text(&part);
        assert!(written.contains("said under GREEN") && written.contains(r#""tlp":"GREEN""#), "{written}");
        for gone in ["RED", "no marking", "203.0.113.77"] {
            assert!(!written.contains(gone), "{gone}: {written}");
        }
        let Under::Part(part) = under(&all, Tlp::AmberStrict) else { panic!("withheld") };
        assert_eq!((part.indicator.contexts.len(), part.also_matched.len()), (2, 0));
        assert_eq!(marking(&part), Tlp::Amber);
    }
}
