//! A batch of messages on its way: what of each may leave, how it is written, and what became of it.

use super::Terms;
use crate::Message;
use crate::marking::{Leaves, StripKey, leaves};
use crate::sinks::{Outcome, Parcel};
use crate::spool::{Settled, Spooled};
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

/// Messages as they are handed over.
pub(super) struct Round {
    /// Those that stay here, and why.
    kept: Vec<(u64, Settled)>,
    /// Of each parcel: whose it is, and as what it is settled when it is taken.
    tickets: Vec<Ticket>,
    parcels: Vec<Parcel>,
    /// Why some could not be written.
    unwritten: Option<String>,
}

struct Ticket {
    sequence: u64,
    /// The message's own, also where what leaves has another.
    key: Uuid,
    settled: Settled,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub settled: Vec<(u64, Settled)>,
    /// Those of them that were delivered.
    pub delivered: BTreeSet<u64>,
    pub outcome: Went,
}

/// How handing over went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Went {
    /// Something was taken or refused: the sink works.
    pub worked: bool,
    /// Why something was refused.
    pub refused: Option<String>,
    /// Why something failed.
    pub failed: Option<String>,
}

impl Went {
    pub(super) fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Taken => self.worked = true,
            Outcome::Refused(why) => {
                self.worked = true;
                self.refused.get_or_insert_with(|| why.clone());
            }
            Outcome::Failed(why) => {
                self.failed.get_or_insert_with(|| why.clone());
            }
        }
    }
}

impl Round {
    /// Writes what of messages may leave.
    pub(super) fn prepare(messages: &[Spooled], terms: &Terms, key: &StripKey) -> Self {
        let mut round = Self { kept: Vec::new(), tickets: Vec::new(), parcels: Vec::new(), unwritten: None };
        for spooled in messages {
            let (message, settled) = match leaves(&spooled.message, terms.ceiling, terms.above, key) {
                Leaves::Whole => (Arc::clone(&spooled.message), Settled::Delivered),
                Leaves::Part(part) => (Arc::new(part), Settled::DeliveredInPart),
                Leaves::Stripped(stripped) => (Arc::new(stripped), Settled::DeliveredStripped),
                Leaves::Withheld => {
                    round.kept.push((spooled.sequence, Settled::Withheld));
                    continue;
                }
            };
            let (message, settled) = match &terms.pseudonyms {
                None => (message, settled),
                Some(pseudonyms) => match pseudonyms.message(&message) {
                    stripped @ Message::Stripped(_) => (Arc::new(stripped), Settled::DeliveredStripped),
                    told => (Arc::new(told), settled),
                },
            };
            if !terms.format.tells(&message) {
                round.kept.push((spooled.sequence, Settled::Filtered));
                continue;
            }
            let Some(parcel) = Parcel::of_message(message, terms.format) else {
                round.kept.push((spooled.sequence, Settled::Refused));
                let why =
                    format!("a message cannot be written as {}; please report this", terms.format.keyword());
                round.unwritten = Some(why);
                continue;
            };
            round.tickets.push(Ticket { sequence: spooled.sequence, key: spooled.message.key(), settled });
            round.parcels.push(parcel);
        }
        round
    }

    /// What is handed over.
    pub(super) fn parcels(&self) -> &[Parcel] {
        &self.parcels
    }

    /// What becomes of the messages. Behind one that failed, none with its key is settled, whatever the sink says: it comes again, so that
    /// the last that the receiver hears of an incident is the latest.
    pub(super) fn judge(self, outcomes: &[Outcome]) -> Verdict {
        let mut verdict = Verdict { settled: self.kept, ..Verdict::default() };
        verdict.outcome.refused = self.unwritten;
        let mut failed: BTreeSet<Uuid> = BTreeSet::new();
        let silent = Outcome::Failed("the sink did not say what became of it".to_owned());
        let outcomes = outcomes.iter().chain(std::iter::repeat(&silent));
        for (ticket, outcome) in self.tickets.into_iter().zip(outcomes) {
            verdict.outcome.add(outcome);
            let is_behind = failed.contains(&ticket.key);
            match outcome {
                Outcome::Failed(_) => {
                    failed.insert(ticket.key);
                }
                Outcome::Taken if !is_behind => {
                    verdict.settled.push((ticket.sequence, ticket.settled));
                    verdict.delivered.insert(ticket.sequence);
                }
                Outcome::Refused(_) if !is_behind => {
                    verdict.settled.push((ticket.sequence, Settled::Refused));
                }
                Outcome::Taken | Outcome::Refused(_) => {}
            }
        }
        verdict
    }
}
