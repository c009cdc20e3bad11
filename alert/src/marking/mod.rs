//! What may leave by an output that has a ceiling in the Traffic Light Protocol (FIRST, TLP 2.0).
//!
//! A message leaves whole, in part, stripped of all intelligence, or not at all:
//!
//! | what the message repeats of sources | leaves |
//! |---|---|
//! | nothing, or nothing marked above the ceiling | whole |
//! | of the indicator that rings, also words at or below the ceiling | in part: without what is marked higher |
//! | of the indicator that rings, only words above the ceiling | stripped, or not at all: a choice |
//!
//! What sources say is theirs, what was seen on the wire is ours. A message in part therefore keeps the flow, with the addresses at its
//! ends, because a source that may speak says that it is bad; what it would not show but for words that may not leave goes with them.
//! A stripped message keeps nothing by which the other end could be named.

mod key;
mod part;
mod stripped;
#[cfg(test)]
mod tests;
mod traces;

pub use key::StripKey;
pub use part::{Under, notice_under, under};
pub use stripped::{Stripped, StrippedAlert, StrippedListing};

use crate::Message;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use weir_model::{Alert, Context, Indicator, Tlp};

/// What becomes of a message of which all words on what rings are marked above the ceiling.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, Hash)]
#[serde(rename_all = "lowercase")]
pub enum Above {
    /// It stays.
    #[default]
    Withhold,
    /// It goes, without anything that sources know: see [`Stripped`].
    Strip,
}

/// What of a message may leave.
#[derive(Clone, Debug, PartialEq)]
pub enum Leaves {
    /// All of it.
    Whole,
    /// What is left without what is marked higher.
    Part(Message),
    /// That there is something, and where: [`Message::Stripped`].
    Stripped(Message),
    /// Nothing.
    Withheld,
}

/// Decides what of a message may leave where nothing marked above `ceiling` may. `key` makes the identifiers of stripped messages.
pub fn leaves(message: &Message, ceiling: Tlp, above: Above, key: &StripKey) -> Leaves {
    let stripped = |stripped: Stripped| match above {
        Above::Withhold => Leaves::Withheld,
        Above::Strip => Leaves::Stripped(Message::Stripped(Arc::new(stripped))),
    };
    match message {
        Message::Alert(alert) => match under(alert, ceiling) {
            Under::Whole => Leaves::Whole,
            Under::Part(part) => Leaves::Part(Message::from(*part)),
            Under::Withheld => stripped(Stripped::of_alert(alert, key)),
        },
        Message::Notice(notice) => match notice_under(notice, ceiling) {
            Some(left) if left == **notice => Leaves::Whole,
            Some(left) => Leaves::Part(Message::from(left)),
            None => stripped(Stripped::of_listing(notice, key)),
        },
        Message::Stripped(_) => Leaves::Whole,
    }
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
