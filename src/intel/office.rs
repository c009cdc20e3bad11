//! What a running program answers about intelligence over its control socket.

use super::place::Whereabouts;
use super::shelf::Shelf;
use super::view::{Order, OrderState, View};
use crate::canary;
use crate::config::{HomeNet, IntelSettings};
use crate::explain::Explanation;
use crate::run::Arming;
use crate::status::{Count, IntelStatus, SetStatus};
use anyhow::Result;
use arc_swap::ArcSwap;
use std::sync::Arc;
use weir_rules::screen::Screen;

/// Answers from what the keeper shows, and from the library beside the keeper: nobody waits for a source.
pub(crate) struct Office {
    /// What sources are told, and what indicators are held against.
    counts: ArcSwap<(IntelSettings, Arc<Screen>)>,
    arming: Arc<Arming>,
    /// Where there is somebody who asks sources.
    view: Option<Arc<View>>,
}

impl Office {
    pub(crate) fn new(
        settings: IntelSettings,
        screen: Arc<Screen>,
        arming: Arc<Arming>,
        view: Option<Arc<View>>,
    ) -> Self {
        Self { counts: ArcSwap::from_pointee((settings, screen)), arming, view }
    }

    /// Answers by other settings from here on.
    pub(super) fn change(&self, settings: IntelSettings, screen: Arc<Screen>) {
        self.counts.store(Arc::new((settings, screen)));
    }

    /// Where everything is, for those who look for themselves.
    pub(crate) fn whereabouts(&self) -> Whereabouts {
        let absolute = |path: &std::path::PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let base = std::env::current_dir().unwrap_or_default();
        let counts = self.counts.load();
        let (settings, _) = &**counts;
        let home_net = match &settings.home {
            HomeNet::Configured(networks) => networks.iter().map(ToString::to_string).collect(),
            HomeNet::PrivateRanges => Vec::new(),
        };
        Whereabouts {
            config: settings.config.as_ref().map(absolute),
            state: settings.state.as_ref().map(absolute),
            indicators: settings
                .indicators
                .iter()
                .map(|named| weir_intel::Source::rebase(named, &base))
                .collect(),
            home_net,
        }
    }

    /// How the set and the sources are; nothing where there are no sources.
    pub(crate) fn status(&self) -> Option<IntelStatus> {
        self.view.as_ref().filter(|_| self.has_sources()).map(|view| view.status())
    }

    /// The set that counts.
    pub(crate) fn set(&self) -> SetStatus {
        let made = self.status().map(|status| status.set).filter(|set| set.made.is_some());
        made.unwrap_or_else(|| {
            let armed = self.arming.current();
            let count = |(name, count): (&str, u64)| Count { name: name.to_owned(), count };
            SetStatus {
                generation: armed.generation,
                indicators: canary::kinds(&armed.set).into_iter().map(count).collect(),
                memory_bytes: armed.set.memory_bytes() as u64,
                ..SetStatus::default()
            }
        })
    }

    /// Whether all threads compare with the set that counts, and there is one where sources are to give one.
    pub(crate) fn is_armed(&self) -> bool {
        let is_made = self.status().is_none_or(|status| status.set.made.is_some());
        is_made && self.arming.is_taken()
    }

    /// All that is known of a value.
    pub(crate) fn explain(&self, value: &str) -> Result<Explanation> {
        let set = Arc::clone(&self.arming.current().set);
        let counts = self.counts.load();
        let (settings, screen) = &**counts;
        Shelf::beside(settings.clone(), Arc::clone(screen))?.explain(value, &set)
    }

    /// How far an order is.
    pub(crate) fn order_state(&self, ticket: &str) -> Option<OrderState> {
        self.view.as_ref()?.state_of(ticket.parse().ok()?)
    }

    /// Orders that sources be asked; the error says why not.
    pub(crate) fn sync(&self, sources: &[&str]) -> Result<u64, String> {
        let unknown = sources.iter().find(|name| !self.has(name));
        if let Some(unknown) = unknown {
            return Err(self.counts.load().0.no_such_source(unknown));
        }
        let sources = sources.iter().map(|name| (*name).to_owned()).collect();
        self.order(|ticket| Order::Sync { ticket, sources })
    }

    /// Orders that the next delivery of a source be let through.
    pub(crate) fn release(&self, source: &str) -> Result<u64, String> {
        if !self.has(source) {
            return Err(self.counts.load().0.no_such_source(source));
        }
        self.order(|ticket| Order::Release { ticket, source: source.to_owned() })
    }

    fn has(&self, name: &str) -> bool {
        self.counts.load().0.sources.iter().any(|source| source.name == name)
    }

    fn has_sources(&self) -> bool {
        !self.counts.load().0.sources.is_empty()
    }

    fn order(&self, order: impl FnOnce(u64) -> Order) -> Result<u64, String> {
        let Some(view) = self.view.as_ref().filter(|_| self.has_sources()) else {
            return Err("the running weir has no sources".to_owned());
        };
        view.order(order).ok_or_else(|| "too much is ordered already; try again in a moment".to_owned())
    }
}
