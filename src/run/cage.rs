//! Where canaries end up: each becomes an alert, as written as any other, that nobody sees.

use super::outbox::State as FlowState;
use crate::canary::{self, Interval, SERVER, place_of};
use crate::status::CanaryStatus;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use weir_alert::{Lines, ecs};
use weir_model::notice::Matter;
use weir_model::{Alert, Flow, SourceNotice, Timestamp};
use weir_rules::{FlowHits, IncidentConfig, Incidents, RESOLVER_RINGS_AFTER, Site};

/// A canary waits its turn like anything else, so it is late when two and this much more did not come.
const LENIENCE: Duration = Duration::from_secs(10);

/// What is known of the canaries of all threads.
#[derive(Clone, Debug)]
pub(super) struct Cage {
    dial: Arc<Interval>,
    /// What it said when it was looked at last. Without, there are none.
    interval: Option<Duration>,
    threads: Vec<Thread>,
    /// Hits of canaries whose flow ended.
    pub hits: u64,
}

#[derive(Clone, Debug)]
struct Thread {
    name: String,
    /// When the last one came through; before the first, when it began.
    heard: Instant,
    has_heard: bool,
    is_complained_of: bool,
}

impl Cage {
    /// None came yet.
    #[expect(clippy::disallowed_methods, reason = "lateness is told by the clock")]
    pub(super) fn new(dial: Arc<Interval>, threads: Vec<String>) -> Self {
        let thread = |name| Thread { name, heard: Instant::now(), has_heard: false, is_complained_of: false };
        let interval = dial.get();
        Self { dial, interval, threads: threads.into_iter().map(thread).collect(), hits: 0 }
    }

    /// With another interval, lateness counts from here.
    #[expect(clippy::disallowed_methods, reason = "lateness is told by the clock")]
    fn follow(&mut self) {
        let interval = self.dial.get();
        if std::mem::replace(&mut self.interval, interval) != interval {
            self.threads.iter_mut().for_each(|thread| thread.heard = Instant::now());
        }
    }

    /// A canary came.
    #[expect(clippy::disallowed_methods, reason = "lateness is told by the clock")]
    pub(super) fn take(&mut self, flow: &Arc<Flow>, hits: &FlowHits, state: FlowState) {
        match state {
            FlowState::Ended => self.hits += hits.matched(),
            FlowState::Open if is_told(flow, hits) => {
                if let Some(thread) = self.threads.get_mut(place_of(flow.id)) {
                    thread.heard = Instant::now();
                    thread.has_heard = true;
                }
            }
            FlowState::Open => {}
        }
    }

    /// How it is with each thread.
    pub(super) fn status(&self) -> Vec<CanaryStatus> {
        let Some(interval) = self.interval else { return Vec::new() };
        let status = |thread: &Thread| CanaryStatus {
            thread: thread.name.clone(),
            age_seconds: thread.heard.elapsed().as_secs(),
            is_late: thread.heard.elapsed() > interval * 2 + LENIENCE,
        };
        self.threads.iter().map(status).collect()
    }

    /// What is to be said, once for each thread that is late, and once when it is not any more; of one that is late, with a notice.
    pub(super) fn complaints(&mut self, now: Timestamp) -> Vec<(String, Option<SourceNotice>)> {
        self.follow();
        let late: Vec<_> = self.status().into_iter().map(|canary| canary.is_late).collect();
        let changed = |(thread, is_late): (&mut Thread, bool)| {
            let was = std::mem::replace(&mut thread.is_complained_of, is_late);
            (was != is_late).then(|| thread.complaint(is_late, now))
        };
        self.threads.iter_mut().zip(late).filter_map(changed).collect()
    }
}

impl Thread {
    fn complaint(&self, is_late: bool, now: Timestamp) -> (String, Option<SourceNotice>) {
        let Self { name, heard, has_heard, .. } = self;
        if !is_late {
            return (format!("{name}: canaries come through again"), None);
        }
        let seconds = heard.elapsed().as_secs();
        let text = format!(
            "{name}: no canary came through for {seconds} s; what it sees may not be compared or told of"
        );
        let last_seen = has_heard.then(|| now - heard.elapsed());
        (text, Some(SourceNotice { time: now, source: None, matter: Matter::CanaryLost { last_seen } }))
    }
}

/// Whether a canary becomes an alert that can be written: among incidents of its own, in a network in which it is at home.
fn is_told(flow: &Arc<Flow>, hits: &FlowHits) -> bool {
    let mut incidents = Incidents::new(site(), IncidentConfig::live());
    incidents.stands(flow, hits);
    let alerts = incidents.notices(flow.last + RESOLVER_RINGS_AFTER);
    alerts.iter().any(|alert| is_right(alert) && is_written(alert))
}

fn is_right(alert: &Alert) -> bool {
    Some(&alert.indicator.value) == canary::value().as_ref()
}

fn is_written(alert: &Alert) -> bool {
    let mut lines = Lines::default();
    ecs::alert(alert, &mut lines);
    lines.count() == 1
}

fn site() -> Site {
    let [a, b, c, _] = SERVER.octets();
    let home = ipnet::IpNet::new(IpAddr::V4(Ipv4Addr::new(a, b, c, 0)), 24);
    Site { home: home.into_iter().collect(), ..Site::private_ranges() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canary::Aviary;
    use crate::collect::{Collector, CollectorConfig};
    use crate::pipeline::{Look, Wanted};
    use weir_flow::{ExportedFlows, ExportedFlowsConfig};
    use weir_model::Told;
    use weir_rules::{IndicatorSet, SetBuilder};
    use weir_wire::export::ExportLimits;

    fn collector(set: Arc<IndicatorSet>) -> Collector {
        let flows = Arc::new(ExportedFlows::new(ExportedFlowsConfig::default(), None));
        let config = CollectorConfig {
            limits: ExportLimits::default(),
            set,
            site: Site::private_ranges(),
            want_flows: Wanted::Records,
            want_names: Wanted::Records,
            part: 0,
            parts: 1,
            is_live: true,
            told: Told::default(),
        };
        Collector::new(config, flows)
    }

    fn set(is_whole: bool) -> Arc<IndicatorSet> {
        let mut builder = SetBuilder::new();
        if is_whole {
            builder.add(canary::indicator().unwrap()).unwrap();
        }
        Arc::new(builder.build())
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "lateness is told by the clock")]
    fn a_canary_among_records_is_heard_unless_the_set_lacks_it() {
        for is_whole in [true, false] {
            let mut collector = collector(set(is_whole));
            let number =
                Aviary::new(Interval::new(Some(Duration::from_mins(1))), 1).next(Instant::now()).unwrap();
            collector.canary(number, Timestamp::new(1_800_000_000, 0));
            collector.stand(Look::Changed);
            let mut learnt = collector.take_learnt();
            assert!(learnt.named.is_empty(), "names are for people");
            let dial = Interval::new(Some(Duration::from_mins(1)));
            let mut cage = Cage::new(dial, vec!["worker 0".into(), "collector 0".into()]);
            let long_ago = Instant::now().checked_sub(Duration::from_mins(5)).unwrap();
            cage.threads.iter_mut().for_each(|thread| thread.heard = long_ago);
            let now = Timestamp::new(1_800_000_000, 0);
            let said = cage.complaints(now);
            let lost = Some(Matter::CanaryLost { last_seen: None });
            assert!(
                said.len() == 2
                    && said.iter().all(|(_, notice)| notice.clone().map(|notice| notice.matter) == lost)
            );
            for (flow, hits) in &learnt.standing {
                cage.take(flow, hits, FlowState::Open);
            }
            let late: Vec<_> = cage.status().iter().map(|canary| canary.is_late).collect();
            assert_eq!(late, [true, !is_whole]);
            let said = cage.complaints(now);
            assert_eq!(said.len(), usize::from(is_whole), "{said:?}");
            assert!(said.iter().all(|(_, notice)| notice.is_none()), "{said:?}");
            collector.finish();
            learnt = collector.take_learnt();
            for (flow, hits) in &learnt.ended {
                cage.take(flow, hits, FlowState::Ended);
            }
            assert_eq!(cage.hits, collector.report().watch.hits);
            assert_eq!((collector.report().canaries, collector.report().watch.canaries_ended), (1, 1));
        }
    }
}
