//! `weir run`: interfaces in, alerts out as they come.
//!
//! ```text
//!   tap ──frames──> worker ──hits──> desk ──> alerts         one thread each; a worker decodes, keeps its flows, matches
//!   tap ──frames──> worker ──lines─> clerk ─> flows, names   queues are bounded, and capture never waits for them
//!                        ├──counts─> board <── /metrics, weir status
//!                        └──lane──> another worker           packets of which only decoding told whose they are
//! ```

mod board;
mod books;
mod clerk;
mod control;
mod desk;
mod ending;
mod farewell;
mod http;
mod interfaces;
mod lane;
mod outbox;
mod pages;
mod source;
mod tables;
#[cfg(test)]
mod tests;
mod worker;

pub(crate) use control::usual_places;

use crate::Outcome;
use crate::cli::RunArguments;
use crate::config::{Settings, TapSettings};
use crate::memory;
use crate::output::{self, Sink};
use crate::pipeline;
use crate::read::{flow_config, load_indicators, site};
use crate::state::State;
use anyhow::{Context as _, Result, anyhow};
use board::{Board, Seen};
use books::Wanted;
use clerk::Clerk;
use control::ControlSocket;
use desk::Desk;
use ending::Ending;
use farewell::Farewell;
use pages::LivePages;
use source::{Interfaces, Source};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::ScopedJoinHandle;
use tables::{Peers, Tables};
use weir_rules::{IncidentConfig, Incidents, IndicatorSet};
use worker::WorkerThread;

/// Runs the command.
pub(crate) fn run(arguments: &RunArguments) -> Result<Outcome> {
    let (settings, tap) = Settings::for_run(arguments)?;
    interfaces::must_exist(&tap.interfaces)?;
    let ending = Ending::on_signals()?;
    let state = settings.state.as_deref().map(State::open).transpose()?;
    let (set, loaded) = load_indicators(&settings)?;
    let mut incidents = Incidents::new(site(&settings), IncidentConfig::live());
    if let Some(state) = &state {
        memory::load(state, &mut incidents)?;
    }
    let outputs = Outputs::open(&settings)?;
    let wanted = Wanted { flows: outputs.flows.is_some(), names: outputs.names.is_some() };

    let (sources, monitor) = interfaces::open(&settings, &tap)?;
    let interfaces: Arc<dyn Interfaces> = Arc::new(monitor);
    let board = Arc::new(Board::new(settings.workers, Arc::clone(&interfaces)));
    let _socket = answer(&tap, &LivePages { board: Arc::clone(&board), wanted })?;

    let (workers, peers) = workers(&settings, &set, sources, wanted);
    let pinned = tap.is_pinned;
    let done =
        watch(Watching { workers, peers, incidents, outputs, interfaces, board, ending, pinned, state });
    let Done { seen, problem } = done;
    let farewell = Farewell { settings: &settings, tap: &tap, set: &set, loaded: &loaded, wanted, problem };
    Ok(farewell.tell(seen))
}

/// Where lines go.
struct Outputs {
    alerts: Sink,
    flows: Option<Sink>,
    names: Option<Sink>,
}

impl Outputs {
    fn open(settings: &Settings) -> Result<Self> {
        Ok(Self {
            alerts: output::open_to_append(&settings.alerts)?,
            flows: settings.flows.as_deref().map(output::open_to_append).transpose()?,
            names: settings.names.as_deref().map(output::open_to_append).transpose()?,
        })
    }
}

/// Opens the control socket and the address for metrics.
fn answer(tap: &TapSettings, pages: &LivePages) -> Result<ControlSocket> {
    let (socket, listener) = ControlSocket::bind(tap.control.as_deref())?;
    http::serve("control", listener, Arc::new(pages.clone()))?;
    if let Some(address) = tap.listen {
        let listener = TcpListener::bind(address).with_context(|| {
            format!(
                "cannot serve metrics at {address} (--listen ADDRESS:PORT for another place, `off` for none)"
            )
        })?;
        http::serve("metrics", listener, Arc::new(pages.clone()))?;
    }
    Ok(socket)
}

/// Each source with a worker that has its share of what flows may use.
fn workers<S>(
    settings: &Settings,
    set: &Arc<IndicatorSet>,
    sources: Vec<S>,
    wanted: Wanted,
) -> (Vec<(S, Tables)>, Arc<Peers>) {
    let (site, mut config) = (site(settings), flow_config(settings));
    if sources.len() > 1 {
        config = pipeline::share_of(&config, sources.len());
    }
    let peers = Arc::new(Peers::new(sources.len(), &config));
    let tables = |index| Tables::new(index, &peers, config.clone(), &site, set, wanted);
    let workers = sources.into_iter().enumerate().map(|(index, source)| (source, tables(index))).collect();
    (workers, peers)
}

/// All that a run works with.
struct Watching<S> {
    workers: Vec<(S, Tables)>,
    peers: Arc<Peers>,
    incidents: Incidents,
    outputs: Outputs,
    interfaces: Arc<dyn Interfaces>,
    board: Arc<Board>,
    ending: Ending,
    pinned: bool,
    state: Option<State>,
}

/// What is left when it is over.
struct Done {
    seen: Seen,
    /// Why some output is not complete.
    problem: Option<anyhow::Error>,
}

/// Runs all threads until a signal comes or an output fails, and lets them finish what is under way.
fn watch<S: Source>(watching: Watching<S>) -> Done {
    let Watching { workers, peers, incidents, outputs, interfaces, board, ending, pinned, state } = watching;
    let (queues, hits_in, lines_in) = outbox::queues(outputs.flows.is_some());
    let desk = Desk::new(incidents, state, outputs.alerts, Arc::clone(&board), peers);
    let clerk = Clerk::new(outputs.flows, outputs.names, Arc::clone(&board));
    let is_over = ending.clone();
    let problem = std::thread::scope(|scope| {
        let desk = scope.spawn(move || desk.run(hits_in, &|| is_over.request()));
        let clerk = scope.spawn(move || clerk.run(lines_in));
        let spawn = |(index, (source, tables))| {
            let outbox = outbox::Outbox::new(queues.clone());
            let thread = WorkerThread { index, source, tables, outbox, board: Arc::clone(&board), pinned };
            scope.spawn(move || thread.run())
        };
        let workers: Vec<_> = workers.into_iter().enumerate().map(spawn).collect();
        drop(queues);
        let broke_down =
            || desk.is_finished() || clerk.is_finished() || workers.iter().any(ScopedJoinHandle::is_finished);
        interfaces::look_after(&*interfaces, &|| ending.is_requested() || broke_down());
        board.ending();
        interfaces.stop();
        let worked =
            workers.into_iter().map(|worker| join(worker, "a worker").map(drop)).collect::<Result<Vec<_>>>();
        let clerk = join(clerk, "the clerk").and_then(|written| written);
        let told = join(desk, "the desk").and_then(|told| told);
        told.and(clerk).and(worked.map(drop)).err()
    });
    Done { seen: board.see(), problem }
}

fn join<T>(thread: ScopedJoinHandle<'_, T>, who: &str) -> Result<T> {
    thread.join().map_err(|_| anyhow!("the thread of {who} broke down"))
}
