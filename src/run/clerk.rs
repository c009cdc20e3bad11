//! The clerk: writes flows and names. A disk that is too slow for them delays no alert.

use super::board::{Board, ClerkView};
use super::outbox::Lines;
use crate::latency::StageTimes;
use crate::output::Sink;
use anyhow::{Context as _, Result};
use crossbeam::channel::{Receiver, RecvTimeoutError};
use std::sync::Arc;
use std::time::Duration;
use weir_alert::{JsonLines, ecs};

/// When nothing comes for so long, what is held back is written.
const REST: Duration = Duration::from_millis(500);

/// Writes lines.
pub(super) struct Clerk {
    flows: Option<JsonLines<Sink>>,
    names: Option<JsonLines<Sink>>,
    view: ClerkView,
    board: Arc<Board>,
}

impl Clerk {
    /// Nothing written.
    pub(super) fn new(flows: Option<Sink>, names: Option<Sink>, board: Arc<Board>) -> Self {
        let view = ClerkView { flows: 0, names: 0, times: StageTimes::new() };
        Self { flows: flows.map(JsonLines::new), names: names.map(JsonLines::new), view, board }
    }

    /// Works until all workers are done.
    #[expect(clippy::needless_pass_by_value, reason = "when the clerk gives up, the queue goes with it")]
    pub(super) fn run(mut self, lines: Receiver<Lines>) -> Result<()> {
        loop {
            match lines.recv_timeout(REST) {
                Ok(lines) => {
                    let mut times = std::mem::replace(&mut self.view.times, StageTimes::new());
                    let written = times.measure(|| self.write(&lines));
                    self.view.times = times;
                    written?;
                }
                Err(RecvTimeoutError::Timeout) => self.flush()?,
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.board.put_clerk(self.view.clone());
        }
        self.flush()?;
        self.board.put_clerk(self.view.clone());
        Ok(())
    }

    fn write(&mut self, lines: &Lines) -> Result<()> {
        if let Some(out) = &mut self.flows {
            for flow in &lines.flows {
                out.write(|line| ecs::flow(flow, line)).context("cannot write flows")?;
            }
        }
        if let Some(out) = &mut self.names {
            for (flow, protocol, observation) in &lines.names {
                let render = |lines: &mut weir_alert::Lines| ecs::name(*flow, *protocol, observation, lines);
                out.write(render).context("cannot write names")?;
            }
        }
        self.view.flows += lines.flows.len() as u64;
        self.view.names += lines.names.len() as u64;
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        for out in [&mut self.flows, &mut self.names].into_iter().flatten() {
            out.flush().context("cannot write flows or names")?;
        }
        Ok(())
    }
}
