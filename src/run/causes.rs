//! What caused a notice: when its packet was seen, or the router's datagram came.

use super::outbox::HitNews;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use weir_model::alert::Notice;
use weir_model::{Alert, IndicatorValue, Timestamp};

/// When which indicator was met, in the news that were taken before it was looked what is to be told.
#[derive(Default)]
pub(super) struct Causes<'a> {
    by_indicator: HashMap<&'a IndicatorValue, Met, RandomState>,
}

#[derive(Default)]
struct Met {
    /// Found in an open flow when the indicator came: no packet caused it.
    is_late: bool,
    /// When a router told of it, its packets having been seen long before.
    heard: Option<Timestamp>,
    packet: Option<Timestamp>,
}

impl<'a> Causes<'a> {
    /// What is in these news, if somebody wants to know.
    pub(super) fn of(news: &'a [HitNews], is_wanted: bool) -> Self {
        let mut causes = Self::default();
        for news in news.iter().filter(|_| is_wanted) {
            for hit in news.hits.hits() {
                let met = causes.by_indicator.entry(&hit.indicator.value).or_default();
                met.is_late |= hit.is_late;
                met.heard = met.heard.max(news.heard);
                met.packet = met.packet.max(Some(hit.time));
            }
        }
        causes
    }

    /// The time of the packet, or of the router's datagram, that caused a notice; those that are due by time alone, or that a new indicator
    /// caused in an open flow, have none.
    pub(super) fn caused(&self, alert: &Alert) -> Option<Timestamp> {
        if !matches!(alert.notice, Notice::Opened | Notice::Raised) {
            return None;
        }
        let Some(met) = self.by_indicator.get(&alert.indicator.value) else { return Some(alert.last) };
        let packet = if alert.notice == Notice::Opened { met.packet } else { Some(alert.last) };
        if met.is_late { None } else { met.heard.or(packet) }
    }
}
