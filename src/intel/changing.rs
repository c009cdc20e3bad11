//! From one configuration to another while packets flow: other sources, lists, screening, and networks that are ours.

use super::keeper::Change;
use super::{Office, screening};
use crate::canary;
use crate::config::{IntelSettings, Settings};
use crate::read::load_indicators;
use crate::run::Arming;
use anyhow::{Context as _, Result, bail};
use crossbeam::channel::{RecvTimeoutError, Sender, bounded};
use std::sync::Arc;
use std::time::Duration;
use weir_rules::screen::Screen;
use weir_rules::{IndicatorSet, Site};

/// How often whoever waits for the keeper looks whether there is still a reason to.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Changes what counts as an indicator.
pub(crate) struct Changing {
    /// To the keeper, where there is a state directory.
    pub(super) keeper: Option<Sender<Change>>,
    pub(super) arming: Arc<Arming>,
    pub(super) office: Arc<Office>,
}

/// All that can be found out beforehand of what is to count.
pub(crate) struct Stock {
    settings: IntelSettings,
    screen: Arc<Screen>,
    /// What files say, where there are no sources.
    files: Option<Arc<IndicatorSet>>,
    /// Sources that were there before, and are told something else.
    changed: Vec<String>,
}

impl Stock {
    /// Reads what other settings name. Nothing changes before [`Changing::commit`].
    pub(crate) fn of(settings: &Settings, changed: Vec<String>) -> Result<Self> {
        let intel = settings.intel();
        if !intel.sources.is_empty() {
            intel.state_for_sources()?;
            let screen = Arc::new(screening::screen(&intel)?);
            return Ok(Self { settings: intel, screen, files: None, changed });
        }
        let (set, loaded) = load_indicators(settings, canary::indicator())?;
        if loaded.stats.files_refused > 0 {
            // At a start there is nothing better than the rest; here there is.
            let first = loaded.refused.first().map_or(String::new(), |refusal| format!(": {refusal}"));
            bail!("{} of the lists cannot be read{first}", loaded.stats.files_refused);
        }
        let screen = Arc::new(screening::screen(&intel)?);
        Ok(Self { settings: intel, screen, files: Some(set), changed })
    }

    /// How many indicators lists have that were read, where there are no sources.
    pub(crate) fn listed(&self) -> Option<u64> {
        self.files.as_ref().map(|set| canary::kinds(set).iter().map(|(_, count)| count).sum())
    }
}

impl Changing {
    /// Has it count, at the same moment as which networks are ours. With an error nothing has changed. It takes as long as making a set; who
    /// does not want to wait so long is asked by `is_over`.
    pub(crate) fn commit(&self, stock: Stock, site: Arc<Site>, is_over: &dyn Fn() -> bool) -> Result<()> {
        let Stock { settings, screen, files, changed } = stock;
        let (shown, shown_screen) = (settings.clone(), Arc::clone(&screen));
        match &self.keeper {
            Some(keeper) => {
                let (done, outcome) = bounded(1);
                let change = Change { settings, screen, files, changed, site, done };
                keeper.send(change).ok().context("nobody keeps intelligence any more")?;
                loop {
                    match outcome.recv_timeout(LOOK_EVERY) {
                        Ok(outcome) => break outcome?,
                        Err(RecvTimeoutError::Timeout) if !is_over() => {}
                        Err(_) => bail!("the run is over"),
                    }
                }
            }
            None => drop(self.arming.arm_both(files, Some(site))),
        }
        self.office.change(shown, shown_screen);
        Ok(())
    }
}
