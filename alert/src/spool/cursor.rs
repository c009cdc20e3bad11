//! A sink's place in the spool.

use super::{Lane, Shared, SpoolError};
use crate::{Message, stored};
use std::fmt;
use std::sync::Arc;
use weir_model::Timestamp;

/// Gives a sink its messages, and moves past what it is done with. Who drops it lets it be opened again; what was given and not settled comes
/// again then.
pub struct Cursor {
    shared: Arc<Shared>,
    number: i64,
}

/// A message that waits for a sink.
#[derive(Clone, Debug, PartialEq)]
pub struct Spooled {
    /// What [`Cursor::settle`] knows it by.
    pub sequence: u64,
    /// In which lane it waits.
    pub lane: Lane,
    /// When it was appended.
    pub time: Timestamp,
    /// The message.
    pub message: Arc<Message>,
}

/// Why a sink is done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Settled {
    /// The receiver has it.
    Delivered,
    /// The receiver has what of it may go there.
    DeliveredInPart,
    /// The receiver has it without what of it may not go there.
    DeliveredStripped,
    /// The sink's filter does not want it.
    Filtered,
    /// Nothing of it may go there.
    Withheld,
    /// The receiver refused it, and would again.
    Refused,
    /// What is stored of it cannot be read; the cursor finds that out itself.
    Unreadable,
}

impl Cursor {
    pub(super) const fn new(shared: Arc<Shared>, number: i64) -> Self {
        Self { shared, number }
    }

    /// The first messages that are not settled: openings, then the rest, each oldest first. At most so many, and so many bytes as they are stored (but
    /// one at least). It gives the same again until they are settled. Messages that cannot be read are settled here, as refused.
    pub fn next(&mut self, most: usize, most_bytes: usize) -> Result<Vec<Spooled>, SpoolError> {
        loop {
            let rows = {
                let mut store = self.shared.store();
                // What fell off the end may have stood before what was settled.
                store.pass(self.number)?;
                store.read(self.number, most, most_bytes)?
            };
            let found = rows.len();
            let mut unreadable = Vec::new();
            let mut messages = Vec::with_capacity(found);
            for row in rows {
                match stored::decode(&row.body) {
                    Ok(message) => messages.push(Spooled {
                        sequence: row.sequence,
                        lane: row.lane,
                        time: row.time,
                        message: Arc::new(message),
                    }),
                    Err(_) => unreadable.push((row.sequence, Settled::Unreadable)),
                }
            }
            self.settle(&unreadable)?;
            if !messages.is_empty() || found == 0 {
                return Ok(messages);
            }
        }
    }

    /// Says what became of messages that it gave. It moves past those at its front; others that are settled do not come again either, unless the process
    /// ends before those in front of them are settled. After an error they count as settled, and the next call moves on.
    pub fn settle(&mut self, settled: &[(u64, Settled)]) -> Result<(), SpoolError> {
        if settled.is_empty() {
            return Ok(());
        }
        let mut store = self.shared.store();
        if let Some(window) = store.windows.get_mut(&self.number) {
            for (sequence, settled) in settled {
                window.settle(*sequence, *settled);
            }
        }
        store.pass(self.number)
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        self.shared.store().windows.remove(&self.number);
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor").field("number", &self.number).finish_non_exhaustive()
    }
}
