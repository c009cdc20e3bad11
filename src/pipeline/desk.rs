//! The third thread: flows and names to lines, hits to incidents. What is slow (JSON, files) happens here.

use super::watch::Learnt;
use crate::latency::StageTimes;
use crate::output::Sink;
use crate::talkers::Talkers;
use anyhow::{Context as _, Result};
use crossbeam::channel::Receiver;
use std::sync::Arc;
use weir_alert::{JsonLines, Lines, ecs};
use weir_model::{Flow, Protocol};
use weir_rules::{Incidents, Site};

/// Where everything that the worker learnt ends up.
pub(crate) struct Desk {
    incidents: Incidents,
    site: Site,
    flows: Option<JsonLines<Sink>>,
    names: Option<JsonLines<Sink>>,
    report: DeskReport,
}

/// What the desk has to say at the end.
#[derive(Debug)]
pub(crate) struct DeskReport {
    pub talkers: Talkers,
    pub flows: u64,
    /// Flows by [`PROTOCOL_KINDS`].
    pub by_protocol: [u64; PROTOCOL_KINDS.len()],
    /// Flows with no end inside.
    pub outside_flows: u64,
    pub times: StageTimes,
}

/// Protocols that the summary tells apart.
pub(crate) const PROTOCOL_KINDS: [&str; 5] = ["tcp", "udp", "icmp", "sctp", "other"];

fn protocol_kind(protocol: Protocol) -> usize {
    match protocol {
        Protocol::TCP => 0,
        Protocol::UDP => 1,
        Protocol::ICMP | Protocol::ICMPV6 => 2,
        Protocol::SCTP => 3,
        _ => 4,
    }
}

impl Desk {
    /// A desk that writes flows and names where somebody wants them.
    pub(crate) fn new(incidents: Incidents, site: Site, flows: Option<Sink>, names: Option<Sink>) -> Self {
        let report = DeskReport {
            talkers: Talkers::default(),
            flows: 0,
            by_protocol: [0; PROTOCOL_KINDS.len()],
            outside_flows: 0,
            times: StageTimes::new(),
        };
        Self { incidents, site, flows: flows.map(JsonLines::new), names: names.map(JsonLines::new), report }
    }

    /// Takes what the worker learnt until it is done; then the incidents are whole.
    pub(super) fn run(mut self, learnt: Receiver<Learnt>) -> Result<(Incidents, DeskReport)> {
        let mut times = StageTimes::new();
        for news in learnt {
            times.measure(|| self.take(news))?;
        }
        for lines in [&mut self.flows, &mut self.names].into_iter().flatten() {
            lines.flush().context("cannot write flows or names")?;
        }
        self.report.times = times;
        Ok((self.incidents, self.report))
    }

    fn take(&mut self, news: Learnt) -> Result<()> {
        if let Some(names) = &mut self.names {
            for (flow, protocol, observation) in &news.named {
                let render = |lines: &mut Lines| ecs::name(*flow, *protocol, observation, lines);
                names.write(render).context("cannot write names")?;
            }
        }
        for (flow, hits) in news.ended {
            if let Some(flows) = &mut self.flows {
                flows.write(|lines| ecs::flow(&flow, lines)).context("cannot write flows")?;
            }
            self.count(&flow);
            self.incidents.fold(&flow, &hits);
        }
        Ok(())
    }

    fn count(&mut self, flow: &Arc<Flow>) {
        self.report.flows += 1;
        if let Some(count) = self.report.by_protocol.get_mut(protocol_kind(flow.protocol)) {
            *count += 1;
        }
        let inside = [flow.initiator, flow.responder].iter().any(|end| self.site.is_inside(end.ip));
        self.report.outside_flows += u64::from(!inside);
        self.report.talkers.add(flow);
    }
}
