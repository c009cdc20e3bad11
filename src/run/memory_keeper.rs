//! Writes what is remembered of incidents on a thread of its own: a slow disk, or hundreds of thousands of incidents, delay no alert.

use crate::memory;
use crate::mute::Mutes;
use crate::output::complain;
use crate::state::State;
use anyhow::{Result, anyhow};
use std::sync::Arc;
use std::thread::JoinHandle;
use weir_alert::spool::Spool;
use weir_rules::Incidents;

/// Keeps the memory of a run.
pub(super) struct MemoryKeeper {
    state: Option<Arc<State>>,
    /// How often each mute was used.
    mutes: Arc<Mutes>,
    /// Writes, and gives the sequence up to which the spool's notes are not needed any more.
    writing: Option<JoinHandle<Result<u64>>>,
    is_complained_of: bool,
}

impl MemoryKeeper {
    /// Without a state directory nothing is kept.
    pub(super) const fn new(state: Option<Arc<State>>, mutes: Arc<Mutes>) -> Self {
        Self { state, mutes, writing: None, is_complained_of: false }
    }

    /// Whether anything is kept.
    pub(super) const fn has_place(&self) -> bool {
        self.state.is_some()
    }

    /// Has written what is known, all of which is durable in the spool; unless the last time is not done yet.
    pub(super) fn begin(&mut self, incidents: &Incidents, spool: &Spool) {
        let Some(state) = self.state.clone() else { return };
        if self.writing.as_ref().is_some_and(|writing| !writing.is_finished()) {
            return;
        }
        self.settle(spool);
        let (known, sequence) = (incidents.remembered(), spool.last_sequence());
        let mutes = Arc::clone(&self.mutes);
        let write = move || {
            memory::save(&state, &known, sequence)?;
            mutes.keep().map(|()| sequence)
        };
        self.writing = std::thread::Builder::new().name("memory".to_owned()).spawn(write).ok();
    }

    /// The end: writes what is known, and waits for it.
    pub(super) fn finish(&mut self, incidents: &Incidents, spool: &Spool) -> Result<()> {
        self.settle(spool);
        let Some(state) = &self.state else { return Ok(()) };
        let sequence = spool.last_sequence();
        memory::save(state, &incidents.remembered(), sequence)?;
        spool.keep_from(sequence);
        self.mutes.keep()
    }

    /// Takes in how the last time went, which is complained of once.
    fn settle(&mut self, spool: &Spool) {
        let Some(writing) = self.writing.take() else { return };
        let written =
            writing.join().unwrap_or_else(|_| Err(anyhow!("who writes what is remembered broke down")));
        match &written {
            Ok(sequence) => spool.keep_from(*sequence),
            Err(error) if !self.is_complained_of => complain(&format!("{error:#}")),
            Err(_) => {}
        }
        self.is_complained_of = written.is_err();
    }
}
