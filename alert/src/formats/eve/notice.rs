//! Notices about sources: events of the engine, as Suricata logs about itself.

use crate::json::{Constant, EveTime};
use crate::{Lines, sentence};
use weir_model::SourceNotice;
use weir_model::alert::Severity;

/// Adds a notice about a source, or of what sources say of us. The schema has no place for its identifier.
pub fn notice(notice: &SourceNotice, lines: &mut Lines) {
    lines.add(|event| {
        event.set("timestamp", EveTime(notice.time));
        event.set("log_level", level(notice.matter.severity()));
        event.constant(Constant(r#""event_type":"engine","#));
        event.object("engine", |engine| {
            engine.set("error", notice.matter.keyword());
            engine.set("message", &*sentence::of_notice(notice));
            engine.set("module", "weir.intelligence");
        });
    });
}

/// In Suricata's words.
pub(super) fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "Error",
        Severity::Medium => "Warning",
        Severity::Low => "Notice",
        Severity::Informational => "Info",
    }
}
