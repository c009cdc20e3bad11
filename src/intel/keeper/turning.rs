//! Other settings while it keeps: sources that come, go, or are told something else.

use super::{Change, Keeper, Kept};
use crate::config::{IntelSettings, SourceSettings};
use crate::intel::report::SyncRow;
use crate::intel::shelf::Shelf;
use crate::output::complain;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use weir_intel::{SyncError, SyncErrorKind};
use weir_rules::screen::Screen;
use weir_rules::{IndicatorSet, Site};

impl Keeper {
    /// Goes by other settings, if somebody has any.
    pub(super) fn take_change(&mut self) {
        let Ok(Change { settings, screen, files, changed, site, done }) = self.changes.try_recv() else {
            return;
        };
        let turned = self.turn_to(settings, screen);
        if turned.is_ok() {
            self.take_up_sources(&changed);
            self.arm_anew(files, site);
            self.show();
        }
        // Who ordered it may not wait any more.
        drop(done.send(turned));
    }

    fn turn_to(&mut self, settings: IntelSettings, screen: Arc<Screen>) -> anyhow::Result<()> {
        match &mut self.shelf {
            _ if settings.sources.is_empty() => self.shelf = None,
            Some(shelf) => shelf.change(settings, screen),
            None => self.shelf = Some(Shelf::open(settings, screen, &self.state)?),
        }
        Ok(())
    }

    /// Asks the sources of the shelf from here on. Those that are told nothing else go on undisturbed; others are asked at once.
    pub(super) fn take_up_sources(&mut self, changed: &[String]) {
        let Self { shelf, states, sources, leaving, begun, .. } = self;
        *states = shelf.as_ref().map(Shelf::states).unwrap_or_default();
        let before = sources.drain(..).chain(leaving.drain(..));
        let mut before: BTreeMap<_, _> = before.map(|kept| (kept.settings.name.clone(), kept)).collect();
        let (wanted, base) =
            shelf.as_ref().map_or((&[][..], Path::new("")), |shelf| (shelf.sources(), shelf.base()));
        for settings in wanted {
            let is_changed = changed.contains(&settings.name);
            let last = states.get(&settings.name).and_then(|state| state.succeeded);
            let age = last.filter(|_| !is_changed).map(|last| begun.since(last));
            sources.push(match before.remove(&settings.name) {
                Some(known) if !is_changed && !known.is_outdated => known,
                known => Kept::in_place_of(known, settings, base, age),
            });
        }
        for gone in before.into_values() {
            self.let_go(gone);
        }
        self.forget_others();
    }

    /// What is counted follows what is asked.
    fn arm_anew(&mut self, files: Option<Arc<IndicatorSet>>, site: Arc<Site>) {
        if self.shelf.is_none() {
            (self.is_outdated, self.next_expiry) = (false, None);
            self.arming.arm_both(files, Some(site));
            return;
        }
        self.made = Some(self.started.elapsed());
        self.is_outdated = false;
        let generation = self.set.generation;
        if let Err(error) = self.renew(Some(Arc::clone(&site))) {
            complain(&format!("{error:#}"));
            if self.set.generation == generation {
                self.arming.arm_both(None, Some(site));
            }
        }
    }

    /// A source that is not in the settings any more; who waits for it is told.
    fn let_go(&mut self, mut gone: Kept) {
        let name = gone.settings.name.clone();
        for ticket in std::mem::take(&mut gone.tickets) {
            let error = SyncError::new(SyncErrorKind::Held, "it is not in the settings any more");
            self.view.put_row(ticket, SyncRow::failed(&name, &error));
            if !self.sources.iter().any(|kept| kept.tickets.contains(&ticket)) {
                self.finished.push(ticket);
            }
        }
        if gone.is_asked {
            gone.stop();
            gone.is_outdated = true;
            self.leaving.push(gone);
        }
    }

    /// A source that is not in the settings any more has been asked to the end.
    pub(super) fn has_left(&mut self, source: &str) {
        self.leaving.retain(|kept| kept.settings.name != source);
        self.forget_others();
    }

    fn forget_others(&mut self) {
        let asked: Vec<_> = self.leaving.iter().map(|kept| kept.settings.name.as_str()).collect();
        let Some(shelf) = &mut self.shelf else { return };
        if let Err(error) = shelf.forget_others(&asked) {
            complain(&format!("{error:#}"));
        }
    }
}

impl Kept {
    /// One that is told something else than before. It is asked when what it was told before has been asked to the end.
    fn in_place_of(
        before: Option<Self>,
        settings: &SourceSettings,
        base: &Path,
        age: Option<std::time::Duration>,
    ) -> Self {
        let fresh = Self::new(settings, base, age);
        let Some(before) = before else { return fresh };
        if before.is_asked {
            before.stop();
        }
        Self {
            is_asked: before.is_asked,
            is_outdated: before.is_asked,
            errors: before.errors,
            tickets: before.tickets,
            ..fresh
        }
    }
}
