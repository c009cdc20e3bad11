//! What the keeper shows to whoever asks, and how it is asked for something: metrics, `weir status` and the control socket look here
//! and wait for nobody.

use super::report::SyncRow;
use crate::status::IntelStatus;
use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Orders that wait. People give them one at a time; whoever sends more through the socket is turned away.
const MAX_ORDERS: usize = 16;
/// Orders whose outcome is remembered, the last ones: whoever gave one asks for it within seconds.
const MAX_REMEMBERED: usize = 64;

/// What the keeper is told to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Ask these sources at once; all that are enabled, if none is named.
    Sync { ticket: u64, sources: Vec<String> },
    /// Let the next delivery of a source through.
    Release { ticket: u64, source: String },
}

/// How far an order is.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct OrderState {
    pub ticket: u64,
    pub is_done: bool,
    pub rows: Vec<SyncRow>,
    /// What is under way, whoever ordered it.
    pub progress: Option<Progress>,
}

/// How far a source is that is being asked.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Progress {
    pub source: String,
    pub done: u64,
    pub total: Option<u64>,
    pub unit: String,
}

/// What is shown.
#[derive(Debug)]
pub(crate) struct View {
    shown: Mutex<Shown>,
    orders: Sender<Order>,
    tickets: AtomicU64,
}

#[derive(Debug, Default)]
struct Shown {
    status: IntelStatus,
    progress: Option<Progress>,
    orders: BTreeMap<u64, OrderState>,
}

impl View {
    /// Nothing shown; orders come out of the receiver.
    pub(crate) fn new() -> (Self, Receiver<Order>) {
        let (orders, receiver) = bounded(MAX_ORDERS);
        (Self { shown: Mutex::default(), orders, tickets: AtomicU64::new(0) }, receiver)
    }

    /// Gives an order, and a ticket by which to ask for it; `None` where too many wait.
    pub(crate) fn order(&self, order: impl FnOnce(u64) -> Order) -> Option<u64> {
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed) + 1;
        let mut shown = self.shown();
        shown.orders.insert(ticket, OrderState { ticket, ..OrderState::default() });
        while shown.orders.len() > MAX_REMEMBERED {
            shown.orders.pop_first();
        }
        match self.orders.try_send(order(ticket)) {
            Ok(()) => Some(ticket),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                shown.orders.remove(&ticket);
                None
            }
        }
    }

    /// How far an order is.
    pub(crate) fn state_of(&self, ticket: u64) -> Option<OrderState> {
        let shown = self.shown();
        let state = shown.orders.get(&ticket)?;
        Some(OrderState { progress: shown.progress.clone(), ..state.clone() })
    }

    /// How everything is.
    pub(crate) fn status(&self) -> IntelStatus {
        self.shown().status.clone()
    }

    /// The keeper says how everything is.
    pub(super) fn put(&self, status: IntelStatus) {
        self.shown().status = status;
    }

    /// The keeper says how far it is.
    pub(super) fn put_progress(&self, progress: Option<Progress>) {
        self.shown().progress = progress;
    }

    /// The keeper says what came of a part of an order.
    pub(super) fn put_row(&self, ticket: u64, row: SyncRow) {
        if let Some(state) = self.shown().orders.get_mut(&ticket) {
            state.rows.push(row);
        }
    }

    /// The keeper has done what was ordered.
    pub(super) fn put_done(&self, ticket: u64) {
        if let Some(state) = self.shown().orders.get_mut(&ticket) {
            state.is_done = true;
        }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_followed_by_its_ticket_and_too_many_are_turned_away() {
        let (view, orders) = View::new();
        let sync = |ticket| Order::Sync { ticket, sources: Vec::new() };
        let first = view.order(sync).unwrap();
        assert!(!view.state_of(first).unwrap().is_done);
        assert_eq!(orders.recv().unwrap(), sync(first));
        view.put_row(first, SyncRow::default());
        view.put_done(first);
        let state = view.state_of(first).unwrap();
        assert!(state.is_done && state.rows.len() == 1);
        assert_eq!(view.state_of(first + 1), None);
        let given = std::iter::repeat_with(|| view.order(sync)).take_while(Option::is_some).count();
        assert_eq!(given, MAX_ORDERS);
    }
}
