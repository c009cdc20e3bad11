//! Why some disagreements are right.

use super::table::{Disagreement, Verdict};
use std::path::Path;

/// The lines of `explained.tsv`, and which of them were of use.
pub(super) struct Explanations(Vec<Explanation>);

struct Explanation {
    capture: String,
    /// `*`: any.
    session: String,
    field: String,
    verdict: Verdict,
    used: bool,
}

impl Explanations {
    pub(super) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("explained.tsv");
        let lines = text.lines().skip(1).filter(|line| !line.is_empty());
        Self(lines.map(explanation).collect())
    }

    /// The reason for a disagreement, if it is known.
    pub(super) fn explain(&mut self, disagreement: &Disagreement) -> Option<Verdict> {
        let explanation = self.0.iter_mut().find(|explanation| explanation.covers(disagreement))?;
        explanation.used = true;
        Some(explanation.verdict)
    }

    /// Lines that explain nothing.
    pub(super) fn stale(&self) -> Vec<String> {
        let unused = self.0.iter().filter(|explanation| !explanation.used);
        unused.map(|line| format!("{}\t{}\t{}", line.capture, line.session, line.field)).collect()
    }
}

fn explanation(line: &str) -> Explanation {
    let [capture, session, field, verdict, reason] = line.split('\t').collect::<Vec<_>>()[..] else {
        panic!("not five columns: {line}");
    };
    assert!(reason.len() > 20, "not a reason: {line}");
    let verdict = match verdict {
        "otherwise" => Verdict::DefinedOtherwise,
        "right" => Verdict::WeAreRight,
        "unread" => Verdict::NotReadByUs,
        other => panic!("not a verdict: {other}"),
    };
    let [capture, session, field] = [capture, session, field].map(str::to_owned);
    Explanation { capture, session, field, verdict, used: false }
}

impl Explanation {
    fn covers(&self, disagreement: &Disagreement) -> bool {
        self.capture == disagreement.capture
            && (self.session == "*" || self.session == disagreement.session)
            && self.field == disagreement.field.name()
    }
}
