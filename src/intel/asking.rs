//! Asking one source once.

use super::report::{HeldBack, SyncOutcome, SyncRow};
use super::say::now;
use super::view::Progress;
use crate::config::SourceSettings;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use weir_intel::library::{Library, Observer};
use weir_intel::{Extent, Provider, SyncError, SyncErrorKind};
use weir_model::Timestamp;

/// Who asks a source; made when it is first needed, because that reads secrets.
pub(super) type Asker = Option<Box<dyn Provider>>;

/// Who looks on.
pub(super) struct Onlooker<'a> {
    pub source: &'a str,
    pub show: &'a mut dyn FnMut(Progress),
    pub is_over: &'a AtomicBool,
}

impl Observer for Onlooker<'_> {
    fn progress(&mut self, done: u64, total: Option<u64>, unit: &str) {
        (self.show)(Progress { source: self.source.to_owned(), done, total, unit: unit.to_owned() });
    }

    fn is_stopped(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn now(&self) -> Option<Timestamp> {
        Some(now())
    }
}

/// Asks a source, and keeps what it says. Relative paths of its settings begin at `base`.
#[expect(clippy::disallowed_methods, reason = "how long it takes is told")]
pub(super) fn ask(
    library: &mut Library,
    settings: &SourceSettings,
    asker: &mut Asker,
    base: &Path,
    onlooker: &mut Onlooker<'_>,
) -> SyncRow {
    let began = Instant::now();
    let mut row = match deliver(library, settings, asker, base, onlooker) {
        Ok(row) => row,
        Err(error) => SyncRow::failed(&settings.name, &error),
    };
    complete(library, &mut row);
    row.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    row
}

fn deliver(
    library: &mut Library,
    settings: &SourceSettings,
    asker: &mut Asker,
    base: &Path,
    onlooker: &mut Onlooker<'_>,
) -> Result<SyncRow, SyncError> {
    let provider = match asker {
        Some(provider) => provider,
        None => asker.insert(settings.provider(base)?),
    };
    let delivered = library.deliver(&settings.name, &settings.policy, &mut **provider, now(), onlooker)?;
    let is_same = delivered.extent == Extent::Nothing
        || (delivered.added + delivered.changed + delivered.removed == 0
            && delivered.extent == Extent::Whole);
    Ok(SyncRow {
        source: settings.name.clone(),
        outcome: if is_same { SyncOutcome::Unchanged } else { SyncOutcome::Synced },
        added: delivered.added,
        changed: delivered.changed,
        removed: delivered.removed,
        ..SyncRow::default()
    })
}

/// Adds what the library knows of the source: how many entries it has, what was refused, what is held back.
fn complete(library: &Library, row: &mut SyncRow) {
    let states = library.sources().unwrap_or_default();
    let Some(state) = states.into_iter().find(|state| state.name == row.source) else { return };
    row.entries = state.entries;
    row.refused = state.refused.iter().map(|(reason, count)| (reason.keyword().to_owned(), *count)).collect();
    if let Some(held) = state.held.filter(|_| row.outcome == SyncOutcome::Held) {
        let reason = row.problem.as_ref().map_or(String::new(), |(_, text)| text.clone());
        row.held = Some(HeldBack { reason, before: held.was, brought: held.would_be });
    }
}

impl SyncRow {
    /// Nothing came of it.
    pub(super) fn failed(source: &str, error: &SyncError) -> Self {
        let is_held = error.kind == SyncErrorKind::Held;
        let outcome = if is_held { SyncOutcome::Held } else { SyncOutcome::Failed };
        let problem = Some((error.kind.keyword().to_owned(), error.text.clone()));
        Self { source: source.to_owned(), outcome, problem, ..Self::default() }
    }
}
