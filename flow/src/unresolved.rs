//! Flows that wait for their names from passive DNS until every worker has closed the round in which they began.

use crate::entry::Entry;
use std::collections::VecDeque;
use weir_model::Timestamp;
use weir_model::flow::EndReason;

/// Most records that ended and wait for names. Rounds keep far below it; the adversary floods a full table while another
/// worker is late. When it is reached, the flows of the oldest round are asked for at once, with what is known by then.
/// Counted.
pub(crate) const MAX_HELD: usize = 1 << 18;

/// A conversation that waits, in the order of beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    pub(crate) round: u64,
    /// Its first packet: passive DNS is asked as of this time and number.
    pub(crate) time: Timestamp,
    pub(crate) packet: u64,
    pub(crate) slot: u32,
}

/// A record that ended before its conversation was asked for.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) entry: Entry,
    pub(crate) reason: EndReason,
    /// The round in which it ended.
    pub(crate) round: u64,
}

/// Conversations and records that wait.
#[derive(Debug, Default)]
pub(crate) struct Unresolved {
    begun: VecDeque<Begun>,
    /// The number of the first of them; numbers wrap around.
    first: Ticket,
    held: VecDeque<Held>,
}

/// The number of a conversation that waits.
pub(crate) type Ticket = u32;

impl Unresolved {
    pub(crate) fn begin(&mut self, begun: Begun) -> Ticket {
        let ticket = self.first.wrapping_add(self.begun.len() as u32);
        self.begun.push_back(begun);
        ticket
    }

    /// Keeps a record that ended until its conversation's round is resolved.
    pub(crate) fn hold(&mut self, held: Held) {
        self.held.push_back(held);
    }

    /// How many records are held.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// The record that was held first, if its conversation began in `round` or before; else it goes to the back. Asked as
    /// often as there are records, this gives all that are due and keeps the order of the others.
    pub(crate) fn take_or_rotate(&mut self, round: u64) -> Option<(Held, Begun)> {
        let held = self.held.pop_front()?;
        let begun = held.entry.ticket().and_then(|ticket| self.begun(ticket)).copied();
        match begun {
            Some(begun) if begun.round <= round => Some((held, begun)),
            _ => {
                self.held.push_back(held);
                None
            }
        }
    }

    /// The round of the oldest conversation that waits.
    pub(crate) fn oldest_round(&self) -> Option<u64> {
        self.begun.front().map(|begun| begun.round)
    }

    /// The conversation with that number.
    fn begun(&self, ticket: Ticket) -> Option<&Begun> {
        self.begun.get(ticket.wrapping_sub(self.first) as usize)
    }

    /// A conversation whose turn comes so many later.
    pub(crate) fn ahead(&self, turns: usize) -> Option<&Begun> {
        self.begun.get(turns)
    }

    /// The next conversation that began in `round` or before.
    pub(crate) fn next(&mut self, round: u64) -> Option<(Ticket, Begun)> {
        let begun = *self.begun.front().filter(|begun| begun.round <= round)?;
        let ticket = self.first;
        self.begun.pop_front();
        self.first = self.first.wrapping_add(1);
        Some((ticket, begun))
    }
}
