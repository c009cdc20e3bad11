//! A source that is being asked, on a thread of its own.

use super::asking::{Asker, Onlooker, ask};
use super::keeper::Kept;
use super::report::SyncRow;
use super::shelf::Shelf;
use super::view::View;
use crate::config::SourceSettings;
use anyhow::Result;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use weir_intel::library::Library;

/// All that the thread needs.
pub(super) struct Job {
    settings: SourceSettings,
    asker: Asker,
    library: Library,
    base: PathBuf,
    view: Arc<View>,
    is_over: Arc<AtomicBool>,
}

/// What came of it.
pub(super) struct Answer {
    pub source: String,
    pub row: SyncRow,
    pub asker: Asker,
}

impl Job {
    pub(super) fn new(
        kept: &mut Kept,
        shelf: &Shelf,
        view: &Arc<View>,
        is_over: Arc<AtomicBool>,
    ) -> Result<Self> {
        Ok(Self {
            settings: kept.settings.clone(),
            library: shelf.another_library()?,
            asker: kept.asker.take(),
            base: shelf.base().to_owned(),
            view: Arc::clone(view),
            is_over,
        })
    }

    pub(super) fn run(mut self) -> Answer {
        let view = &self.view;
        let mut onlooker = Onlooker {
            source: &self.settings.name,
            show: &mut |progress| view.put_progress(Some(progress)),
            is_over: &self.is_over,
        };
        let row = ask(&mut self.library, &self.settings, &mut self.asker, &self.base, &mut onlooker);
        view.put_progress(None);
        Answer { source: self.settings.name, row, asker: self.asker }
    }
}
