//! How a run begins with intelligence: armed at once with what the last run had, before any source is asked.

use super::keeper::{Keeper, Tools};
use super::shelf::Shelf;
use super::view::View;
use super::{Changing, Office, screening, snapshot};
use crate::canary;
use crate::config::{IntelSettings, Settings};
use crate::output::complain;
use crate::read::load_indicators;
use crate::run::Arming;
use crate::state::State;
use anyhow::{Context as _, Result};
use crossbeam::channel::{Receiver, bounded, never, unbounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use weir_intel::Loaded;
use weir_model::SourceNotice;
use weir_rules::screen::Screen;
use weir_rules::{IndicatorSet, SetBuilder};

/// How long the end of the run waits for the keeper, who may be waiting for a server. What is under way then is as if it had never begun.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a run begins with.
pub(crate) struct Beginning {
    pub set: Arc<IndicatorSet>,
    /// What came of reading files, where there are no sources.
    pub loaded: Loaded,
    settings: IntelSettings,
    screen: Arc<Screen>,
    /// Where there is a state directory; with sources, what they said.
    kept: Option<(Option<Shelf>, Arc<State>)>,
}

/// Until sources are read.
fn only_built_in() -> IndicatorSet {
    let mut builder = SetBuilder::new();
    canary::add_to(&mut builder);
    builder.build()
}

/// Loads what counts at first: with sources the snapshot of the last run, else the files.
pub(crate) fn begin(settings: &Settings, state: Option<&Arc<State>>) -> Result<Beginning> {
    let intel = settings.intel();
    if intel.sources.is_empty() {
        let screen = Arc::new(screening::screen(&intel)?);
        let (set, loaded) = load_indicators(settings, canary::indicator())?;
        let kept = state.map(|state| (None, Arc::clone(state)));
        return Ok(Beginning { set, loaded, settings: intel, screen, kept });
    }
    intel.state_for_sources()?;
    let state = state.context("sources need a state directory")?;
    // First of all: the screen takes longer than the map.
    let set = snapshot::load(state).unwrap_or_else(|error| {
        complain(&format!("begins without a set until sources are read: {error:#}"));
        None
    });
    let set = Arc::new(set.unwrap_or_else(only_built_in));
    let screen = Arc::new(screening::screen(&intel)?);
    let shelf = Shelf::open(intel.clone(), Arc::clone(&screen), state)?;
    Ok(Beginning {
        set,
        loaded: Loaded::default(),
        settings: intel,
        screen,
        kept: Some((Some(shelf), Arc::clone(state))),
    })
}

/// Begins with a set that somebody else looks after.
pub(crate) fn begin_with(settings: &Settings, set: Arc<IndicatorSet>) -> Result<Beginning> {
    let intel = settings.intel();
    let screen = Arc::new(screening::screen(&intel)?);
    Ok(Beginning { set, loaded: Loaded::default(), settings: intel, screen, kept: None })
}

/// What goes on beside the packets.
pub(crate) struct Keeping {
    is_over: Arc<AtomicBool>,
    keeper: Option<JoinHandle<()>>,
}

/// Intelligence while packets flow.
pub(crate) struct Kept {
    pub keeping: Keeping,
    pub office: Arc<Office>,
    pub changing: Changing,
    /// What people are to be told.
    pub notices: Receiver<SourceNotice>,
}

impl Beginning {
    /// Starts the keeper, if there is a place where something can be kept.
    pub(crate) fn keep(self, arming: &Arc<Arming>) -> Result<Kept> {
        let Self { settings, screen, kept, .. } = self;
        let is_over = Arc::new(AtomicBool::new(false));
        let Some((shelf, state)) = kept else {
            let office = Arc::new(Office::new(settings, screen, Arc::clone(arming), None));
            let changing = Changing { keeper: None, arming: Arc::clone(arming), office: Arc::clone(&office) };
            return Ok(Kept {
                keeping: Keeping { is_over, keeper: None },
                office,
                changing,
                notices: never(),
            });
        };
        let (view, orders) = View::new();
        let view = Arc::new(view);
        let (notices, told) = unbounded();
        let (to_keeper, changes) = bounded(1);
        let tools =
            Tools { state, arming: Arc::clone(arming), view: Arc::clone(&view), orders, changes, notices };
        let keeper = Keeper::new(shelf, tools, Arc::clone(&is_over));
        let thread = std::thread::Builder::new().name("keeper".to_owned());
        let keeper =
            thread.spawn(move || keeper.run()).context("cannot start the thread that asks sources")?;
        let office = Arc::new(Office::new(settings, screen, Arc::clone(arming), Some(view)));
        let changing =
            Changing { keeper: Some(to_keeper), arming: Arc::clone(arming), office: Arc::clone(&office) };
        Ok(Kept { keeping: Keeping { is_over, keeper: Some(keeper) }, office, changing, notices: told })
    }
}

impl Keeping {
    /// Has the keeper stop, and waits for it a little.
    pub(crate) fn stop(self) {
        self.is_over.store(true, Ordering::Relaxed);
        let Some(keeper) = self.keeper else { return };
        let step = PATIENCE / 100;
        for _ in 0..100 {
            if keeper.is_finished() {
                if keeper.join().is_err() {
                    complain("the thread that asks sources broke down");
                }
                return;
            }
            std::thread::sleep(step);
        }
    }
}
