//! What open flows met, until their records end; and how much memory that takes, which the budget of the flow table pays for.

use foldhash::fast::RandomState;
use std::collections::HashMap;
use weir_model::flow::FlowId;
use weir_model::held::Held as _;
use weir_rules::FlowHits;

/// Bytes of a flow's place here and among those that are told of while they are open.
const BYTES_PER_FLOW: usize = 200;

/// Hits by flow. A flow without hits is not there.
#[derive(Default)]
pub(super) struct Open {
    hits: HashMap<FlowId, FlowHits, RandomState>,
    held: usize,
}

impl Open {
    /// What a flow met.
    pub(super) fn get(&self, flow: FlowId) -> Option<&FlowHits> {
        self.hits.get(&flow)
    }

    /// Changes what a flow met; gives how many matches that added.
    pub(super) fn change(&mut self, flow: FlowId, change: impl FnOnce(&mut FlowHits)) -> u64 {
        if let Some(hits) = self.hits.get_mut(&flow) {
            let (matched, held) = (hits.matched(), hits.held_bytes());
            change(hits);
            self.held = (self.held + hits.held_bytes()).saturating_sub(held);
            return hits.matched() - matched;
        }
        let mut hits = FlowHits::default();
        change(&mut hits);
        let matched = hits.matched();
        if !hits.is_empty() {
            self.held += BYTES_PER_FLOW + hits.held_bytes();
            self.hits.insert(flow, hits);
        }
        matched
    }

    /// What a flow met that ended.
    pub(super) fn take(&mut self, flow: FlowId) -> FlowHits {
        let Some(hits) = self.hits.remove(&flow) else { return FlowHits::default() };
        self.held = self.held.saturating_sub(BYTES_PER_FLOW + hits.held_bytes());
        hits
    }

    /// Bytes that all of it takes, about.
    pub(super) const fn held_bytes(&self) -> usize {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;
    use weir_model::flow::FlowHead;
    use weir_model::{Endpoint, Indicator, IndicatorValue, Protocol, Timestamp};
    use weir_rules::{Matcher, SetBuilder};

    #[test]
    fn what_is_held_is_given_back() {
        let mut builder = SetBuilder::new();
        let listed = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        builder.add(Indicator::new(IndicatorValue::Address(listed), Vec::new())).unwrap();
        let matcher = Matcher::new(Arc::new(builder.build()));
        let flow = FlowHead {
            id: FlowId(1),
            first: Timestamp::EPOCH,
            protocol: Protocol::TCP,
            source: Endpoint::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 50_000),
            destination: Endpoint::new(listed, 443),
            tunnels: &[],
            translated: None,
            passive: &[],
        };
        let mut open = Open::default();
        assert_eq!(open.change(flow.id, |_| ()), 0);
        assert!(open.held_bytes() == 0 && open.get(flow.id).is_none(), "nothing was met");
        let met = open.change(flow.id, |hits| matcher.began(&flow, hits));
        let held = open.held_bytes();
        assert!(met == 1 && (BYTES_PER_FLOW + 200..1_000).contains(&held), "{met} {held}");
        assert_eq!(open.change(flow.id, |hits| matcher.began(&flow, hits)), 1);
        assert_eq!(open.held_bytes(), held, "hits alike are counted in one");
        assert_eq!(open.take(flow.id).matched(), 2);
        assert_eq!(open.held_bytes(), 0);
    }
}
