//! Where the intelligence is that a command is about: in files, in a state directory, or with a running program.

use super::shelf::Shelf;
use crate::cli::HoldingArguments;
use crate::config::{IntelSettings, Settings};
use crate::service::Service;
use crate::state::{Opened, State};
use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Who does what is asked.
pub(crate) enum Place {
    /// A running program.
    Service(Service),
    /// This one.
    Here(Box<Shelf>),
}

/// Where a running program has its intelligence, for those who read it beside it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Whereabouts {
    pub config: Option<PathBuf>,
    pub state: Option<PathBuf>,
    pub indicators: Vec<PathBuf>,
    pub home_net: Vec<String>,
}

/// What to do where nobody says where the intelligence is and no program runs.
const ADVICE: &str = "say where the intelligence is: --config FILE (with [source.NAME] tables and a state directory), or \
                      --indicators FILES to work on files alone";

/// For what changes the library: a running program does it, if it has that library; else it is done here.
pub(crate) fn to_change(arguments: &HoldingArguments) -> Result<Place> {
    if !arguments.indicators.is_empty() {
        bail!(
            "files are read anew each time, so there is nothing to be asked: --indicators does not go with this"
        );
    }
    if let Some(service) = service_alone(arguments)? {
        return Ok(Place::Service(service));
    }
    let (settings, control) = Settings::for_intel(arguments)?;
    let folder = settings.state_for_sources()?;
    match State::try_open(&folder)? {
        Opened::Free(state) => Ok(Place::Here(Box::new(Shelf::open_with(settings, state)?))),
        Opened::UsedBy(process) => {
            let service = Service::find(control.as_deref());
            let who = format!("the state directory {} is in use by process {process}", folder.display());
            Ok(Place::Service(service.context(who)?))
        }
    }
}

/// For questions that a running program answers best.
pub(crate) fn to_ask(arguments: &HoldingArguments) -> Result<Place> {
    match service_alone(arguments)? {
        Some(service) => Ok(Place::Service(service)),
        None => Ok(Place::Here(Box::new(to_look_at(arguments)?))),
    }
}

/// For looking, also beside a running program.
pub(crate) fn to_look_at(arguments: &HoldingArguments) -> Result<Shelf> {
    if !arguments.indicators.is_empty() {
        let (settings, _) = Settings::for_intel(arguments)?;
        return Shelf::of_files(settings);
    }
    let Some(service) = service_alone(arguments)? else {
        let (settings, _) = Settings::for_intel(arguments)?;
        return look_at(settings);
    };
    let answer = service.get("/intel/where")?;
    let place: Whereabouts =
        serde_json::from_str(&answer).context("what answers is no weir of this version")?;
    let home_net = if arguments.home_net.is_empty() { place.home_net } else { arguments.home_net.clone() };
    let (config, state, indicators) = (place.config, place.state, place.indicators);
    let there = HoldingArguments { config, state, indicators, home_net, ..HoldingArguments::default() };
    look_at(Settings::for_intel(&there)?.0)
}

fn look_at(settings: IntelSettings) -> Result<Shelf> {
    if settings.sources.is_empty() && !settings.indicators.is_empty() {
        return Shelf::of_files(settings);
    }
    if settings.state.is_none() && settings.sources.is_empty() {
        bail!("there are neither sources nor indicators in these settings; {ADVICE}");
    }
    Shelf::look_at(settings)
}

/// The running program, if nobody says where to look otherwise.
fn service_alone(arguments: &HoldingArguments) -> Result<Option<Service>> {
    let is_elsewhere =
        arguments.config.is_some() || arguments.state.is_some() || !arguments.indicators.is_empty();
    if is_elsewhere && arguments.control.is_none() {
        return Ok(None);
    }
    Service::find_or(arguments.control.as_deref(), ADVICE).map(Some)
}
