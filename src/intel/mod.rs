//! Intelligence with a life cycle, as the program keeps it and as people meet it.
//!
//! ```text
//!   weir run:    keeper (schedule, crier) ──asks, makes──> shelf ──set──> arming      changing: another configuration
//!                view <──────────────────────────┘           ^
//!                office (control socket) ──reads─────────────┘
//!   weir intel:  place ──> shelf, or a running program's office
//! ```
//!
//! The *shelf* is what there is: the library, the settings of its sources, and what it is screened with.

mod asking;
mod beginning;
mod changing;
mod crier;
mod diff;
mod explaining;
mod job;
mod keeper;
mod list;
mod office;
pub(crate) mod place;
mod report;
pub(crate) mod say;
mod schedule;
mod screening;
mod shelf;
mod snapshot;
mod sources;
mod stats;
mod sync;
mod trial;
mod view;
mod watching;

pub(crate) use beginning::{Beginning, Kept, begin, begin_with};
pub(crate) use changing::{Changing, Stock};
pub(crate) use office::Office;
pub(crate) use place::{Place, Whereabouts};
pub(crate) use trial::Match;

use crate::Outcome;
use crate::cli::{IntelArguments, IntelCommand};
use crate::config::IntelSettings;
use anyhow::Result;
use shelf::Shelf;
use weir_rules::SetBuilder;
use weir_rules::screen::Screen;

/// What indicators are held against.
pub(crate) fn screen(settings: &IntelSettings) -> Result<Screen> {
    screening::screen(settings)
}

/// Adds to a set what the sources of the settings said when they were last asked, if there are sources.
pub(crate) fn add_kept(settings: &IntelSettings, builder: &mut SetBuilder) -> Result<()> {
    if settings.sources.is_empty() {
        return Ok(());
    }
    settings.state_for_sources()?;
    // Files beside the sources are read by whoever asks for this.
    let shelf = Shelf::look_at(IntelSettings { indicators: Vec::new(), ..settings.clone() })?;
    shelf.must_have_library()?;
    shelf.fill(say::now(), builder).map(drop)
}

/// Runs `weir intel`.
pub(crate) fn run(arguments: &IntelArguments) -> Result<Outcome> {
    match &arguments.command {
        IntelCommand::Sync(arguments) => sync::run(arguments),
        IntelCommand::Release(arguments) => sync::release(arguments),
        IntelCommand::Test(arguments) => trial::run(arguments),
        IntelCommand::Sources(arguments) => sources::run(arguments),
        IntelCommand::List(arguments) => list::run(arguments),
        IntelCommand::Stats(arguments) => stats::run(arguments),
        IntelCommand::Diff(arguments) => diff::run(arguments),
    }
}
