//! How a shelf is opened: to change it, beside whoever changes it, or made of files alone.

use super::{Books, Shelf, policies};
use crate::config::IntelSettings;
use crate::intel::report::SyncOutcome;
use crate::intel::say::now;
use crate::intel::screening;
use crate::output::complain;
use crate::state::{LIBRARY, State, prepare_library};
use anyhow::{Context as _, Result, bail};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use weir_intel::library::{Library, Reader};
use weir_rules::screen::Screen;

/// A folder for a library that is made of files and forgotten.
pub(super) struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

impl Scratch {
    fn new() -> Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("weir-{}-{number}", std::process::id()));
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot create the folder {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Shelf {
    /// To change it, in a state directory that is held by this process. What sources said that are not in the settings any more is
    /// forgotten.
    pub(crate) fn open(settings: IntelSettings, screen: Arc<Screen>, state: &State) -> Result<Self> {
        let path = state.path(LIBRARY);
        let prepare = || {
            prepare_library(state.folder(), &path)
                .with_context(|| format!("cannot make or change {}", path.display()))
        };
        prepare()?;
        let (library, aside) = Library::open_or_set_aside(&path)?;
        // Another was begun where this was set aside.
        prepare()?;
        if let Some(aside) = aside {
            complain(&format!(
                "{}; it was moved to {}, and all sources are asked anew",
                aside.error,
                aside.path.display()
            ));
        }
        let sources = settings.all_sources();
        for source in &sources {
            for warning in source.warnings() {
                complain(&format!("source {}: {warning}", source.name));
            }
        }
        let mut shelf = Self::new(settings, screen, Books::Writing(library));
        shelf.forget_others(&[])?;
        Ok(shelf)
    }

    /// The same library with other settings. What sources said that are not in the settings any more counts no longer.
    pub(in crate::intel) fn change(&mut self, settings: IntelSettings, screen: Arc<Screen>) {
        self.sources = settings.all_sources();
        self.policies = policies(&self.sources);
        (self.settings, self.screen) = (settings, screen);
    }

    /// Forgets what sources said that are not in the settings any more, but for those that are being asked.
    pub(in crate::intel) fn forget_others(&mut self, asked: &[&str]) -> Result<()> {
        let Books::Writing(library) = &mut self.library else { return Ok(()) };
        for known in library.sources()? {
            let is_configured = self.sources.iter().any(|source| source.name == known.name);
            if !is_configured && !asked.contains(&known.name.as_str()) {
                complain(&format!(
                    "source {} is not in the settings any more: its {} entries are removed",
                    known.name, known.entries
                ));
                library.forget(&known.name, now())?;
            }
        }
        Ok(())
    }

    /// The same, and keeps the state directory.
    pub(crate) fn open_with(settings: IntelSettings, state: State) -> Result<Self> {
        let screen = Arc::new(screening::screen(&settings)?);
        let shelf = Self::open(settings, screen, &state)?;
        Ok(Self { state: Some(state), ..shelf })
    }

    /// To look at it, also while a program runs that changes it.
    pub(crate) fn look_at(settings: IntelSettings) -> Result<Self> {
        let screen = Arc::new(screening::screen(&settings)?);
        Self::beside(settings, screen)
    }

    /// The same, with a screen that is there already.
    pub(crate) fn beside(settings: IntelSettings, screen: Arc<Screen>) -> Result<Self> {
        let path = settings.state.as_ref().map(|folder| folder.join(LIBRARY));
        let library = match path.filter(|path| path.exists()) {
            Some(path) => Books::Reading(Reader::open(&path)?),
            None => Books::None,
        };
        Ok(Self::new(settings, screen, library))
    }

    /// Of the files of the settings alone, read at once.
    pub(crate) fn of_files(mut settings: IntelSettings) -> Result<Self> {
        settings.sources = Vec::new();
        for named in &settings.indicators {
            let source = weir_intel::Source::parse(named)
                .with_context(|| format!("in --indicators {}", named.display()))?;
            if !source.path().exists() {
                bail!("there are no indicators at {}", source.path().display());
            }
        }
        // Files are named from here, not from where the configuration lies.
        let here = std::env::current_dir().unwrap_or_default();
        for named in &mut settings.indicators {
            *named = weir_intel::Source::rebase(named, &here);
        }
        let screen = Arc::new(screening::screen(&settings)?);
        let scratch = Scratch::new()?;
        let library = Library::open(&scratch.0.join(LIBRARY))?;
        let mut shelf = Self::new(settings, screen, Books::Writing(library));
        shelf.scratch = Some(scratch);
        for row in shelf.sync(&[], &mut |_| ())? {
            if let (SyncOutcome::Failed, Some((_, problem))) = (row.outcome, row.problem) {
                bail!("{}: {problem}", row.source);
            }
        }
        Ok(shelf)
    }

    fn new(settings: IntelSettings, screen: Arc<Screen>, library: Books) -> Self {
        let sources = settings.all_sources();
        let policies = policies(&sources);
        Self { settings, sources, policies, screen, library, scratch: None, state: None }
    }

    /// Whether anything was ever asked.
    pub(in crate::intel) fn must_have_library(&self) -> Result<()> {
        if matches!(self.library, Books::None) {
            let folder = self.settings.state.as_deref().unwrap_or(Path::new("?"));
            bail!("nothing was synced yet into {}: weir intel sync asks the sources", folder.display());
        }
        Ok(())
    }
}
