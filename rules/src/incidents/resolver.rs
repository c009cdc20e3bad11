//! Resolvers ask for others: whose question was it?

use super::incident::Key;
use super::meeting::Meeting;
use foldhash::fast::RandomState;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;
use weir_model::{IndicatorValue, Timestamp};

/// A resolver asks within this time after its client did, also when it first has to ask its way down the tree and servers
/// time out.
pub const RESOLVER_WINDOW: Duration = Duration::from_secs(10);

/// Clients' look-ups at resolvers that are remembered to explain the resolvers' own. Beyond it they are counted as
/// forgotten, and the resolver's look-up has an unknown client: too many notices, never too few. The adversary is a client
/// that asks for listed names without end.
pub const MAX_REMEMBERED_LOOKUPS: usize = 1 << 20;

/// Whose incident a client's question belongs to.
#[derive(Clone, Debug)]
pub(super) enum Asker {
    /// This one.
    Incident(Key),
    /// A honeypot's: nobody's.
    Honeypot,
}

/// What clients asked resolvers.
#[derive(Debug, Default)]
pub(super) struct Asked {
    by_resolver: HashMap<(IndicatorValue, IpAddr), ByTime, RandomState>,
    len: usize,
}

/// Who asked, by time and client.
type ByTime = BTreeMap<(Timestamp, IpAddr), Asker>;

impl Asked {
    /// Remembers a client's look-up for each indicator that it met; gives how many there was no room for.
    pub(super) fn remember(&mut self, meeting: &Meeting, asker: &Asker) -> u64 {
        let Some(lookup) = &meeting.lookup else { return 0 };
        let mut forgotten = 0;
        for indicator in meeting.indicators() {
            if self.len >= MAX_REMEMBERED_LOOKUPS {
                forgotten += 1;
                continue;
            }
            let times = self.by_resolver.entry((indicator.value.clone(), lookup.server.ip)).or_default();
            let new = times.insert((lookup.time, lookup.client.ip), asker.clone()).is_none();
            self.len += usize::from(new);
        }
        forgotten
    }

    /// Who asked a resolver last before it asked itself, for the most specific indicator possible.
    pub(super) fn asker(&self, meeting: &Meeting) -> Option<&Asker> {
        let lookup = meeting.lookup.as_ref()?;
        meeting.indicators().find_map(|indicator| {
            let times = self.by_resolver.get(&(indicator.value.clone(), lookup.client.ip))?;
            let ((time, _), asker) = times.range(..=(lookup.time, LAST_ADDRESS)).next_back()?;
            (lookup.time.since(*time) <= RESOLVER_WINDOW).then_some(asker)
        })
    }

    /// Forgets what is older than this.
    pub(super) fn forget_before(&mut self, time: Timestamp) {
        self.by_resolver.retain(|_, times| {
            times.retain(|(asked, _), _| *asked >= time);
            !times.is_empty()
        });
        self.len = self.by_resolver.values().map(BTreeMap::len).sum();
    }
}

/// No address sorts behind it.
const LAST_ADDRESS: IpAddr = IpAddr::V6(std::net::Ipv6Addr::from_bits(u128::MAX));
