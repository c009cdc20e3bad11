//! The clerk: writes flows and names, and hands them, and the ledger, to sinks that want them. A disk or a sink that is too slow for them
//! delays no alert.

use super::board::{Board, ClerkView};
use super::books::{Books, Moment, Wanted};
use super::clock;
use super::outbox::Lines;
use super::register::Register;
use crate::latency::StageTimes;
use crate::output::{Sink, complain};
use crate::sinks::Deliveries;
use crate::supervisor;
use anyhow::{Context as _, Result};
use crossbeam::channel::{Receiver, RecvTimeoutError};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use weir_alert::courier::Bundle;
use weir_alert::sinks::{Kind, Parcel};
use weir_alert::{Format, Pseudonyms};

/// When nothing comes for so long, what is held back is written.
const REST: Duration = Duration::from_millis(500);
/// How often the ledger is handed to sinks that want it.
const LEDGER_EVERY: Duration = Duration::from_mins(1);
/// The form of the ledger as sinks get it.
const LEDGER_SCHEMA: &str = "weir-ledger/1";

/// Writes lines.
pub(super) struct Clerk {
    flows: Option<Register>,
    names: Option<Register>,
    /// Of these two.
    format: Format,
    deliveries: Deliveries,
    wanted: Wanted,
    ledger_due: Instant,
    view: ClerkView,
    board: Arc<Board>,
}

impl Clerk {
    /// Nothing written.
    #[expect(clippy::disallowed_methods, reason = "the ledger is handed on by the clock")]
    pub(super) fn new(
        (flows, names, format): (Option<Sink>, Option<Sink>, Format),
        (deliveries, wanted): (Deliveries, Wanted),
        board: Arc<Board>,
    ) -> Self {
        let view = ClerkView::new();
        let flows = flows.map(|sink| Register::new(sink, "flows"));
        let names = names.map(|sink| Register::new(sink, "names"));
        let ledger_due = Instant::now() + LEDGER_EVERY;
        Self { flows, names, format, deliveries, wanted, ledger_due, view, board }
    }

    /// Works until all workers are done.
    #[expect(clippy::needless_pass_by_value, reason = "when the clerk gives up, the queue goes with it")]
    pub(super) fn run(mut self, lines: Receiver<Lines>) -> Result<()> {
        let pulse = supervisor::pulse("clerk");
        loop {
            pulse.beat();
            match lines.recv_timeout(REST) {
                Ok(lines) => {
                    let mut times = std::mem::replace(&mut self.view.times, StageTimes::new());
                    times.measure(|| self.write(&lines));
                    self.view.times = times;
                }
                Err(RecvTimeoutError::Timeout) => self.flush(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.view.waiting = lines.len();
            self.board.put_clerk(self.view.clone());
            self.hand_on_ledger()?;
        }
        self.flush();
        self.board.put_clerk(self.view.clone());
        Ok(())
    }

    fn write(&mut self, lines: &Lines) {
        let format = self.format;
        if let Some(out) = &mut self.flows {
            for flow in &lines.flows {
                out.write(|line| format.flow(flow, line));
            }
        }
        if let Some(out) = &mut self.names {
            for (flow, protocol, observation) in &lines.names {
                out.write(|line| format.name(*flow, *protocol, observation, line));
            }
        }
        self.hand_on(Kind::Flow, |format, pseudonyms| {
            let flows = lines.flows.iter();
            flows
                .filter_map(|flow| match pseudonyms {
                    None => Parcel::of_flow(flow, format),
                    Some(pseudonyms) => pseudonyms.flow(flow, format),
                })
                .collect()
        });
        self.hand_on(Kind::Name, |format, pseudonyms| {
            let names = lines.names.iter();
            names
                .filter_map(|(flow, protocol, told)| match pseudonyms {
                    None => Parcel::of_name(*flow, *protocol, told, format),
                    Some(pseudonyms) => pseudonyms.name(*flow, *protocol, told, format),
                })
                .collect()
        });
        self.view.flows += lines.flows.len() as u64;
        self.view.names += lines.names.len() as u64;
        self.count_lost();
    }

    /// Hands parcels to all sinks that want them, written once for each format, and for each sink that has its own pseudonyms.
    fn hand_on(&self, kind: Kind, parcels: impl Fn(Format, Option<&Pseudonyms>) -> Bundle) {
        let deliveries = self.deliveries.load();
        let mut plain: Vec<(Format, Bundle)> = Vec::new();
        for delivery in deliveries.iter().filter(|delivery| delivery.kinds.contains(&kind)) {
            let format = delivery.format;
            let known = plain.iter().find(|(of, _)| *of == format && delivery.pseudonyms.is_none());
            let bundle = match known {
                Some((_, bundle)) => bundle.clone(),
                None => parcels(format, delivery.pseudonyms.as_ref()),
            };
            if !bundle.is_empty() {
                delivery.hatch.put(&bundle, clock::now()).iter().for_each(|said| complain(said));
            }
            if delivery.pseudonyms.is_none() {
                plain.push((format, bundle));
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the ledger is handed on by the clock")]
    fn hand_on_ledger(&mut self) -> Result<()> {
        let is_wanted = self.deliveries.load().iter().any(|delivery| delivery.kinds.contains(&Kind::Ledger));
        if !is_wanted || Instant::now() < self.ledger_due {
            return Ok(());
        }
        self.ledger_due = Instant::now() + LEDGER_EVERY;
        let ledger = Books::new(self.board.see(), self.wanted, Moment::Running).ledger();
        let time = clock::now();
        let told = json!({
            "@timestamp": time.to_string(),
            "schema": LEDGER_SCHEMA,
            "is_balanced": ledger.is_balanced(),
            "boundaries": ledger.boundaries,
        });
        let body = serde_json::to_vec(&told).context("cannot write the ledger")?;
        self.hand_on(Kind::Ledger, |format, pseudonyms| {
            let parcel = Parcel::of_ledger(body.clone(), time, format);
            let parcel = match pseudonyms {
                None => Some(parcel),
                Some(pseudonyms) => pseudonyms.parcel(parcel),
            };
            parcel.into_iter().collect()
        });
        Ok(())
    }

    fn flush(&mut self) {
        [&mut self.flows, &mut self.names].into_iter().flatten().for_each(Register::flush);
        self.count_lost();
    }

    fn count_lost(&mut self) {
        self.view.flows_lost = self.flows.as_ref().map_or(0, Register::lost);
        self.view.names_lost = self.names.as_ref().map_or(0, Register::lost);
    }
}
