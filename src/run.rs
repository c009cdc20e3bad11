//! `weir run`: interfaces and what routers send in, alerts out as they come.
//!
//! ```text
//!   tap ──frames──> worker ──hits──> desk ──> spool, sinks   one thread each; a worker decodes, keeps its flows, matches
//!   tap ──frames──> worker ──lines─> clerk ─> flows, names   queues are bounded, and capture never waits for them
//!                        ├──counts─> board <── /metrics, weir status
//!                        └──lane──> another worker           packets of which only decoding told whose they are
//!   sockets ─datagrams─> collector ──hits, lines, counts──>  the same; collectors share their flows
//! ```

mod arming;
mod board;
mod books;
mod bound;
mod cage;
mod causes;
mod clerk;
mod clock;
mod collector;
mod control;
mod desk;
mod dials;
mod door;
mod ending;
mod farewell;
mod headline;
mod health;
mod http;
mod interfaces;
mod lane;
mod losses;
mod memory_keeper;
mod outbox;
mod overload;
mod pace;
mod pages;
mod register;
mod reload;
mod source;
mod tables;
#[cfg(test)]
mod tests;
mod tray;
mod worker;

pub(crate) use arming::Arming;
pub(crate) use clock::now;
pub(crate) use control::usual_places;
pub(crate) use reload::command as reload;
pub(crate) use reload::keys::wants_restart;

use crate::Outcome;
use crate::audit::Audit;
use crate::canary::Aviary;
use crate::cli::RunArguments;
use crate::config::{RunSettings, Settings};
use crate::intel::{self, Beginning};
use crate::memory;
use crate::mute::Mutes;
use crate::output::{self, Sink, complain};
use crate::pipeline;
use crate::read::{flow_config, site};
use crate::sandbox::{self, Access, Confinement};
use crate::sinks::Sinks;
use crate::state::{Caretaker, Copier, State};
use crate::supervisor::{self, Watchdog};
use anyhow::{Result, anyhow};
use board::{Board, Seen};
use books::{Books, Moment, Wanted};
use bound::{Bound, Opens};
use cage::Cage;
use clerk::Clerk;
use collector::{CollectorThread, Collectors, Keeper};
use desk::{Desk, Telling};
use dials::Dials;
use ending::Ending;
use farewell::Farewell;
use headline::Headline;
use overload::Overload;
use pages::LivePages;
use reload::{Read, Reloader, Reloading, Tools};
use source::{Interfaces, Source};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};
use tables::{Peers, Tables};
use weir_alert::Format;
use weir_alert::sinks::Kind;
use weir_flow::FlowConfig;
use weir_rules::{IncidentConfig, Incidents, IndicatorSet};
use worker::WorkerThread;

/// Runs the command.
#[expect(clippy::disallowed_methods, reason = "how long it takes until indicators are armed is told")]
pub(crate) fn run(arguments: &RunArguments) -> Result<Outcome> {
    let began = Instant::now();
    let settings = Settings::for_run(arguments)?;
    if arguments.common.alerts.is_some() && !settings.common.sinks.is_empty() {
        complain("--alerts is not used: alerts go where the tables [sink.NAME] of the configuration say");
    }
    interfaces::must_exist(&settings.tap.interfaces)?;
    let ending = Ending::on_signals()?;
    let state = settings.common.state.as_deref().map(State::open).transpose()?.map(Arc::new);
    let opens = if settings.sandbox.is_wanted() { Opens::Helper } else { Opens::Itself };
    let bound = Bound::open(&settings, opens)?;
    let access = Access::of(&settings, bound.doors.control_path());
    let confinement = sandbox::enter(settings.sandbox, access)?;
    if let Some(folder) = &settings.common.state {
        weir_intel::keep_temporary_files_in(folder);
    }
    let beginning = intel::begin(&settings.common, state.as_ref())?;
    let (again, hangup) = (arguments.clone(), ending.hangup(settings.common.config.is_some())?);
    let read: Read = Box::new(move || Settings::for_run(&again));
    work(settings, (ending, began), (state, beginning), (bound, confinement), Some((read, hangup)))
}

/// Runs for some time with a set that somebody else looks after, and keeps nothing.
#[expect(clippy::disallowed_methods, reason = "as for a run")]
pub(crate) fn rehearse(settings: RunSettings, set: Arc<IndicatorSet>, time: Duration) -> Result<Outcome> {
    let began = Instant::now();
    interfaces::must_exist(&settings.tap.interfaces)?;
    let ending = Ending::on_signals()?.within(time);
    let beginning = intel::begin_with(&settings.common, set)?;
    let bound = Bound::open(&settings, Opens::Itself)?;
    let confined = (bound, Confinement::none("a rehearsal"));
    work(settings, (ending, began), (None, beginning), confined, None)
}

fn work(
    settings: RunSettings,
    (ending, began): (Ending, Instant),
    (state, beginning): (Option<Arc<State>>, Beginning),
    (bound, confinement): (Bound, Confinement),
    again: Option<(Read, Arc<AtomicBool>)>,
) -> Result<Outcome> {
    let reloading = Reloading::new(settings.clone());
    let dials = Dials::new(&settings);
    let RunSettings { common: settings, tap, collector, .. } = settings;
    let loaded = beginning.loaded.clone();
    let mut incidents = Incidents::new(site(&settings), IncidentConfig::live());
    let audit = state.as_deref().map(Audit::of).map(Arc::new);
    let mutes = Arc::new(Mutes::open(state.as_ref().zip(audit.as_ref()))?);
    let sinks = Sinks::open(&settings, state.as_deref())?;
    if let Some(state) = &state {
        memory::load_all(state, &sinks.spool(), &mut incidents)?;
    }
    let outputs = Outputs::open(&settings)?;
    let wanted = Wanted {
        flows: outputs.flows.is_some() || sinks.get(Kind::Flow),
        names: outputs.names.is_some() || sinks.get(Kind::Name),
        told: settings.privacy.told,
    };

    let Bound { tap: prepared, routers: listening, doors } = bound;
    if let Some(listening) = &listening {
        listening.monitor.let_in()?;
    }
    let (sources, interfaces) = prepared.start()?;
    let flow = shared_flow_config(&settings, !sources.is_empty() && listening.is_some());
    let threads = listening.as_ref().map_or(0, |listening| listening.workers.len());
    let peers = Arc::new(Peers::new(sources.len(), threads, &flow));
    let arming = Arming::new(Arc::clone(&beginning.set), site(&settings), sources.len() + threads);
    let workers = workers(&arming, sources, wanted, (&flow, &peers));
    let collectors = listening.map(|listening| {
        let matching = (&arming, wanted);
        Collectors::new(listening, &settings, matching, (&flow, &peers), state.as_ref())
    });
    let places = collectors.as_ref().map(Collectors::places);
    let terms = places.as_ref().map(|places| Arc::clone(&places.terms));
    let board = Arc::new(Board::new(workers.len(), Arc::clone(&interfaces), places, sinks.overlook()));
    let intel::Kept { keeping, office, changing, notices } = beginning.keep(&arming)?;
    let confinement = Arc::new(confinement);
    let copier = settings.state.as_deref().map(|folder| Copier::new(folder, sinks.clone()));
    let kept = settings.state.as_ref().zip(audit.as_ref());
    let caretaker =
        kept.map(|(folder, audit)| Caretaker::start(folder.clone(), Arc::clone(audit), settings.keep));
    let _caretaker = caretaker.transpose()?;
    let pages = LivePages {
        board: Arc::clone(&board),
        wanted,
        intel: office,
        mutes: Arc::clone(&mutes),
        copier: copier.map(Arc::new),
        audit,
        state: settings.state.clone(),
        confinement: Arc::clone(&confinement),
        reloading: Arc::clone(&reloading),
    };
    if let Some((read, hangup)) = again {
        let (arming, dials, sinks) = (Arc::clone(&arming), Arc::clone(&dials), sinks.clone());
        let tools = Tools { changing, arming, sinks, dials, terms, made: wanted, confinement };
        Reloader::new(read, tools, &reloading, hangup).start()?;
    }
    let _socket = doors.answer(&pages)?;
    let pinned = tap.is_pinned;
    let done = watch(Watching {
        arming: Arc::clone(&arming),
        workers,
        collectors,
        peers,
        incidents,
        outputs,
        telling: Telling { mutes, dials: Arc::clone(&dials), arming: Arc::clone(&arming), notices },
        sinks,
        dials,
        wanted,
        interfaces,
        board,
        ending,
        pinned,
        state,
        reloading: Arc::clone(&reloading),
        began,
    });
    keeping.stop();
    let Done { seen, problem } = done;
    let current = reloading.settings();
    let (settings, tap, collector) = (&current.common, &tap, &collector);
    let set = &arming.current().set;
    let farewell = Farewell { settings, tap, collector, set, loaded: &loaded, wanted, problem };
    Ok(farewell.tell(seen))
}

/// What flows may use: half for those of packets and half for those of records, where there are both.
fn shared_flow_config(settings: &Settings, are_both: bool) -> FlowConfig {
    let config = flow_config(settings);
    if are_both { FlowConfig { table_bytes: config.table_bytes / 2, ..config } } else { config }
}

/// Where lines of flows and names go.
struct Outputs {
    flows: Option<Sink>,
    names: Option<Sink>,
    /// Of flows and names.
    format: Format,
}

impl Outputs {
    fn open(settings: &Settings) -> Result<Self> {
        let open = |path: &Path| output::open_to_keep(path, settings.keep.files);
        Ok(Self {
            flows: settings.flows.as_deref().map(open).transpose()?,
            names: settings.names.as_deref().map(open).transpose()?,
            format: settings.format,
        })
    }
}

/// Each source with a worker that has its share of what flows may use.
fn workers<S>(
    arming: &Arc<Arming>,
    sources: Vec<S>,
    wanted: Wanted,
    (flow, peers): (&FlowConfig, &Arc<Peers>),
) -> Vec<(S, Tables)> {
    let share = if sources.len() > 1 { pipeline::share_of(flow, sources.len()) } else { flow.clone() };
    let tables = |index| Tables::new(index, peers, share.clone(), arming, wanted);
    sources.into_iter().enumerate().map(|(index, source)| (source, tables(index))).collect()
}

/// All that a run works with.
struct Watching<S> {
    arming: Arc<Arming>,
    workers: Vec<(S, Tables)>,
    collectors: Option<Collectors>,
    peers: Arc<Peers>,
    incidents: Incidents,
    outputs: Outputs,
    telling: Telling,
    /// Where what is told goes.
    sinks: Sinks,
    dials: Arc<Dials>,
    wanted: Wanted,
    interfaces: Arc<dyn Interfaces>,
    board: Arc<Board>,
    ending: Ending,
    pinned: bool,
    state: Option<Arc<State>>,
    reloading: Arc<Reloading>,
    /// When the program did.
    began: Instant,
}

/// What is left when it is over.
struct Done {
    seen: Seen,
    /// Why some output is not complete.
    problem: Option<anyhow::Error>,
}

/// Runs all threads until a signal comes or an output fails, and lets them finish what is under way.
fn watch<S: Source>(watching: Watching<S>) -> Done {
    let Watching {
        arming,
        workers,
        collectors,
        peers,
        incidents,
        outputs,
        telling,
        sinks,
        dials,
        wanted,
        interfaces,
        board,
        ending,
        pinned,
        state,
        reloading,
        began,
    } = watching;
    let (queues, hits_in, lines_in) = outbox::queues(wanted.flows);
    let cage = Cage::new(Arc::clone(&dials.canary), board.threads());
    let desk =
        Desk::new((incidents, cage), state, (telling, sinks.spool()), Arc::clone(&board), Arc::clone(&peers));
    let files = (outputs.flows, outputs.names, outputs.format);
    let clerk = Clerk::new(files, (sinks.deliveries(), wanted), Arc::clone(&board));
    let started = sinks.start();
    let problem = std::thread::scope(|scope| {
        let desk = scope.spawn(move || desk.run(hits_in));
        let clerk = scope.spawn(move || clerk.run(lines_in));
        let spawn = |(index, (source, tables))| {
            let outbox = outbox::Outbox::new(queues.clone());
            let aviary = Aviary::new(Arc::clone(&dials.canary), index);
            let board = Arc::clone(&board);
            let overload = Overload::default();
            let thread = WorkerThread { index, source, tables, outbox, board, pinned, aviary, overload };
            scope.spawn(move || thread.run())
        };
        let mut workers: Vec<_> = workers.into_iter().enumerate().map(spawn).collect();
        let (threads, mut keeper) =
            collectors.map(|collectors| collectors.divide(&board, &peers, &queues, &dials.canary)).unzip();
        let threads = threads.into_iter().flatten();
        workers.extend(threads.map(|thread: CollectorThread| scope.spawn(move || thread.run())));
        drop(queues);
        let is_over = || {
            let broke_down = desk.is_finished() || clerk.is_finished();
            broke_down
                || ending.is_requested()
                || board.are_sinks_over()
                || workers.iter().any(ScopedJoinHandle::is_finished)
        };
        let (mut watchdog, mut headline) = (Watchdog::of_the_service(), Headline::new());
        board.armed(began.elapsed());
        supervisor::ready();
        let mut attend = || {
            watchdog.look();
            headline.look(&board, wanted);
            look_for_losses(&board, wanted);
        };
        interfaces::look_after(&*interfaces, &arming, keeper.as_mut(), &is_over, &mut attend);
        supervisor::stopping();
        reloading.stop();
        board.ending();
        interfaces.stop();
        keeper.iter().for_each(Keeper::stop);
        let worked =
            workers.into_iter().map(|worker| join(worker, "a worker").map(drop)).collect::<Result<Vec<_>>>();
        let kept = keeper.map_or(Ok(()), |mut keeper| keeper.finish());
        let clerk = join(clerk, "the clerk").and_then(|written| written);
        let told = join(desk, "the desk").and_then(|told| told);
        told.and(clerk).and(worked.map(drop)).and(kept).and(started).err()
    });
    sinks.finish(dials.drain());
    Done { seen: board.see(), problem }
}

/// Notes now and then what was lost, so that it is known when that was.
#[expect(clippy::disallowed_methods, reason = "it is said how long ago something was lost")]
fn look_for_losses(board: &Board, wanted: Wanted) {
    let now = Instant::now();
    if board.losses().are_due(now) {
        board.losses().look(&Books::new(board.see(), wanted, Moment::Running).status(), now);
    }
}

fn join<T>(thread: ScopedJoinHandle<'_, T>, who: &str) -> Result<T> {
    thread.join().map_err(|_| anyhow!("the thread of {who} broke down"))
}
