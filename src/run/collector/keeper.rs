//! Looks after the collectors of a run from outside of their threads: says what people should know, and keeps templates.

use super::templates::Templates;
use super::watchman::Watchman;
use crate::output::complain;
use crate::run::board::Board;
use crate::state::State;
use anyhow::Result;
use std::sync::Arc;
use std::time::{Duration, Instant};
use weir_capture::collector::CollectorMonitor;

/// How often it looks whether exporters are heard, and writes templates that changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Who looks after them.
pub(in crate::run) struct Keeper {
    monitor: Arc<CollectorMonitor>,
    board: Arc<Board>,
    templates: Option<(Arc<Templates>, Arc<State>)>,
    watchman: Watchman,
    looks_at: Instant,
}

impl Keeper {
    #[expect(clippy::disallowed_methods, reason = "exporters are looked after by the clock")]
    pub(super) fn new(
        monitor: Arc<CollectorMonitor>,
        board: Arc<Board>,
        templates: Option<(Arc<Templates>, Arc<State>)>,
    ) -> Self {
        Self {
            monitor,
            board,
            templates,
            watchman: Watchman::default(),
            looks_at: Instant::now() + LOOK_EVERY,
        }
    }

    /// To be called again and again.
    #[expect(clippy::disallowed_methods, reason = "exporters are looked after by the clock")]
    pub(in crate::run) fn look(&mut self) {
        for event in self.monitor.events() {
            complain(&event.to_string());
        }
        let now = Instant::now();
        if now < self.looks_at {
            return;
        }
        self.looks_at = now + LOOK_EVERY;
        if let Some(seen) = self.board.see_collector() {
            let troubles = seen.troubles();
            let exporters = troubles.iter().map(|(row, trouble)| (row, trouble.as_ref()));
            let said = self.watchman.look(seen.running, seen.datagrams(), exporters);
            for line in said {
                complain(&line);
            }
        }
        if let Err(error) = self.save() {
            complain(&format!("{error:#}"));
        }
    }

    /// Nothing more is received.
    pub(in crate::run) fn stop(&self) {
        self.monitor.stop();
    }

    /// The threads are done: what they know is kept.
    pub(in crate::run) fn finish(&mut self) -> Result<()> {
        self.save()
    }

    fn save(&self) -> Result<()> {
        self.templates.as_ref().map_or(Ok(()), |(templates, state)| templates.save(state))
    }
}
