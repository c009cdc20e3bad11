//! On what terms a sink is served: what it wants, and how.

use crate::marking::Above;
use crate::{Format, Message, Pseudonyms};
use std::sync::Arc;
use weir_model::alert::Severity;
use weir_model::notice::Matter;
use weir_model::{Context, Grade, SourceNotice, Tlp};

/// What a sink wants of messages, and how it wants it.
#[derive(Clone, Debug)]
pub struct Terms {
    /// How it is written.
    pub format: Format,
    /// What is marked higher does not go there.
    pub ceiling: Tlp,
    /// What becomes of a message of which all that is said is marked higher.
    pub above: Above,
    /// Least severity.
    pub severity: Severity,
    /// Least grade of alerts; all, where none is set.
    pub grade: Option<Grade>,
    /// Only what one of these sources speaks in; all, where none is named.
    pub sources: Vec<Arc<str>>,
    /// Messages a second that are handed over at most while the sink lags behind.
    pub rate: u32,
    /// What stands for the addresses of inside hosts, where they are not told.
    pub pseudonyms: Option<Pseudonyms>,
}

impl Terms {
    /// Messages a second after an outage unless somebody says otherwise: a day of one alert a second is there in three minutes, and a
    /// search cluster that comes back is not knocked over.
    pub const RATE: u32 = 500;
    /// More than any sink takes.
    pub const MOST_RATE: u32 = 1_000_000;

    /// Whether the sink wants a message. What is not of a source and not graded, as that the canary is lost, is not asked for either.
    pub fn wants(&self, message: &Message) -> bool {
        message.severity() >= self.severity && self.is_grade_wanted(message) && self.is_source_wanted(message)
    }

    fn is_grade_wanted(&self, message: &Message) -> bool {
        match message {
            Message::Alert(alert) => self.grade.is_none_or(|least| alert.grade >= least),
            Message::Notice(_) | Message::Stripped(_) => true,
        }
    }

    fn is_source_wanted(&self, message: &Message) -> bool {
        if self.sources.is_empty() {
            return true;
        }
        match message {
            Message::Alert(alert) => {
                let also = alert.also_matched.iter();
                [&alert.indicator]
                    .into_iter()
                    .chain(also)
                    .any(|indicator| self.names_one(&indicator.contexts))
            }
            Message::Notice(notice) => self.is_notice_wanted(notice),
            Message::Stripped(_) => true,
        }
    }

    fn is_notice_wanted(&self, notice: &SourceNotice) -> bool {
        match (&notice.matter, &notice.source) {
            (Matter::Listed { contexts, .. }, _) => self.names_one(contexts),
            (_, Some(source)) => self.sources.iter().any(|wanted| **wanted == **source),
            (_, None) => true,
        }
    }

    fn names_one(&self, contexts: &[Context]) -> bool {
        contexts.iter().any(|context| self.sources.iter().any(|wanted| **wanted == *context.source))
    }
}
