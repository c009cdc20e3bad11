//! The shelf: the library, the sources of the settings, and what their indicators are held against.

mod looks;
mod opening;

pub(super) use looks::{Change, Line, Stats, Wanted, refused, seconds, status};

use super::asking::{Asker, Onlooker, ask};
use super::report::{SyncOutcome, SyncRow};
use super::say::now;
use super::snapshot;
use super::view::Progress;
use crate::audit::{Act, Audit};
use crate::config::{IntelSettings, SourceSettings};
use crate::output::complain;
use crate::state::State;
use crate::user::User;
use anyhow::{Result, bail};
use opening::Scratch;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use weir_intel::library::{Composed, Library, Policies, Policy, Reader, SourceState, Wanted as Words};
use weir_model::notice::Matter;
use weir_model::{Indicator, SourceNotice, Timestamp};
use weir_rules::screen::{Screen, Verdict};
use weir_rules::{IndicatorSet, SetBuilder};

/// Notices that we are listed, of one set; more are counted as kept out. Adversary: a list of every address that we have.
const MAX_LISTED: usize = 1_000;

/// What there is.
pub(crate) struct Shelf {
    settings: IntelSettings,
    /// All that is asked: of the settings, and the files beside them.
    sources: Vec<SourceSettings>,
    policies: Policies,
    screen: Arc<Screen>,
    library: Books,
    /// Kept until the shelf is dropped.
    scratch: Option<Scratch>,
    state: Option<State>,
}

/// The library, as far as it is needed.
enum Books {
    /// Nothing was ever asked, or there are no sources.
    None,
    Reading(Reader),
    Writing(Library),
}

/// A set, and what came of making it.
pub(super) struct Made {
    pub set: IndicatorSet,
    pub filled: Filled,
}

/// What came of filling a set.
#[derive(Default)]
pub(super) struct Filled {
    /// Values kept out, by what did it.
    pub kept_out: BTreeMap<&'static str, u64>,
    /// When something in it counts no longer.
    pub next_expiry: Option<Timestamp>,
    /// What lies in our own networks.
    pub listed: Vec<SourceNotice>,
}

impl Shelf {
    pub(crate) fn sources(&self) -> &[SourceSettings] {
        &self.sources
    }

    pub(super) const fn policies(&self) -> &Policies {
        &self.policies
    }

    pub(super) fn screen(&self) -> &Screen {
        &self.screen
    }

    pub(crate) fn state_folder(&self) -> Option<&Path> {
        self.settings.state.as_deref()
    }

    /// Where relative paths of the settings begin.
    pub(super) fn base(&self) -> &Path {
        self.settings.base()
    }

    /// Refuses a name that no source has.
    pub(super) fn must_have(&self, name: &str) -> Result<()> {
        if self.sources.iter().any(|source| source.name == name) {
            return Ok(());
        }
        bail!("{}", self.settings.no_such_source(name))
    }

    /// The library for another thread.
    pub(super) fn another_library(&self) -> Result<Library> {
        match &self.library {
            Books::Writing(library) => Ok(library.another()?),
            Books::Reading(_) | Books::None => bail!("this library is only read"),
        }
    }

    /// How each source fares, by its name.
    pub(super) fn states(&self) -> BTreeMap<String, SourceState> {
        let states = self.library().map(Reader::sources).transpose().unwrap_or_else(|error| {
            complain(&error.to_string());
            None
        });
        states.unwrap_or_default().into_iter().map(|state| (state.name.clone(), state)).collect()
    }

    /// Asks sources by their names, all that are enabled if none is named, and keeps a set of what all say for the next start.
    pub(super) fn sync(
        &mut self,
        names: &[String],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Vec<SyncRow>> {
        names.iter().try_for_each(|name| self.must_have(name))?;
        let is_meant = |source: &&SourceSettings| {
            if names.is_empty() { source.is_enabled } else { names.contains(&source.name) }
        };
        let meant: Vec<_> = self.sources.iter().filter(is_meant).cloned().collect();
        let mut rows = Vec::new();
        for source in &meant {
            rows.push(self.ask(source, progress)?);
        }
        if let Some(state) = &self.state
            && rows.iter().any(|row| row.outcome == SyncOutcome::Synced)
        {
            snapshot::save(state, &self.make(now())?.set)?;
        }
        Ok(rows)
    }

    fn ask(&mut self, source: &SourceSettings, progress: &mut dyn FnMut(Progress)) -> Result<SyncRow> {
        let base = self.settings.base().to_owned();
        let Books::Writing(library) = &mut self.library else { bail!("this library is only read") };
        let (mut asker, never): (Asker, _) = (None, AtomicBool::new(false));
        let mut onlooker = Onlooker { source: &source.name, show: progress, is_over: &never };
        Ok(ask(library, source, &mut asker, &base, &mut onlooker))
    }

    /// Writes down who lets what a source delivers through, and why.
    pub(super) fn record_release(&self, name: &str, reason: &str) -> Result<()> {
        let Some(state) = &self.state else { return Ok(()) };
        Audit::of(state).record(&User::running(), &Act::IntelRelease { source: name }, reason, now())
    }

    /// Lets the next delivery of a source through, if one is held back.
    pub(super) fn release(&mut self, name: &str) -> Result<()> {
        self.must_have(name)?;
        if self.states().get(name).is_none_or(|state| state.held.is_none()) {
            bail!("nothing of {name} is held back");
        }
        let Books::Writing(library) = &mut self.library else { bail!("this library is only read") };
        library.release_held(name)?;
        Ok(())
    }

    /// The set that counts at this moment.
    pub(crate) fn set(&self) -> Result<Arc<IndicatorSet>> {
        Ok(Arc::new(self.make(now())?.set))
    }

    /// Makes a set of all that counts and is taken.
    pub(super) fn make(&self, time: Timestamp) -> Result<Made> {
        let mut builder = SetBuilder::new();
        crate::canary::add_to(&mut builder);
        let filled = self.fill(time, &mut builder)?;
        Ok(Made { set: builder.build(), filled })
    }

    /// Adds all that counts and is taken to a set.
    pub(super) fn fill(&self, time: Timestamp, builder: &mut SetBuilder) -> Result<Filled> {
        let mut filled = Filled::default();
        let composed = self.each(time, &mut |indicator, verdict| {
            let by = match verdict {
                Verdict::Take { narrowed, warnings } => {
                    let value = narrowed.unwrap_or(indicator.value);
                    let taken = builder.add(Indicator { value, contexts: indicator.contexts, warnings });
                    if taken.is_ok() {
                        return;
                    }
                    "set_full"
                }
                Verdict::Inside(home) => {
                    if filled.listed.len() < MAX_LISTED {
                        filled.listed.push(we_are_listed(time, indicator, home));
                    }
                    "own_network"
                }
                Verdict::Suppress(_) => "warninglist",
                Verdict::Refuse(refused) => refused.keyword(),
            };
            *filled.kept_out.entry(by).or_default() += 1;
        })?;
        Ok(Filled { next_expiry: composed.next_expiry, ..filled })
    }

    /// Every value that counts, and what becomes of it.
    fn each(&self, time: Timestamp, take: &mut dyn FnMut(Indicator, Verdict)) -> Result<Composed> {
        let Some(reader) = self.library() else { return Ok(Composed::default()) };
        let composed = reader.compose(&self.policies, time, &mut |indicator| {
            let verdict = self.screen.judge(&indicator.value, &indicator.contexts);
            take(indicator, verdict);
        })?;
        Ok(composed)
    }

    /// The library, where there is one.
    pub(super) fn library(&self) -> Option<&Reader> {
        match &self.library {
            Books::None => None,
            Books::Reading(reader) => Some(reader),
            Books::Writing(library) => Some(library),
        }
    }
}

fn we_are_listed(time: Timestamp, indicator: Indicator, home: ipnet::IpNet) -> SourceNotice {
    let source = indicator.contexts.first().map(|context| Arc::clone(&context.source));
    let matter = Matter::Listed { value: indicator.value, home, contexts: indicator.contexts };
    SourceNotice { time, source, matter }
}

/// What is decided about each source; of one that is disabled, or not in the settings, nothing counts.
fn policies(sources: &[SourceSettings]) -> Policies {
    let nothing = |mut policy: Policy| {
        policy.filter.kinds = Words { only: Vec::new(), never: vec!["*".to_owned()] };
        policy
    };
    let policy = |source: &SourceSettings| {
        let policy = source.policy.clone();
        (source.name.clone(), if source.is_enabled { policy } else { nothing(policy) })
    };
    Policies { default: nothing(Policy::default()), sources: sources.iter().map(policy).collect() }
}
