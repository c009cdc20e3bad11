//! An alert with nothing in it but a host.

use std::sync::Arc;
use weir_model::alert::{Direction, Grade, Notice, Severity, Traffic};
use weir_model::flow::{Counters, EndReason, Orientation};
use weir_model::{
    Alert, Endpoint, Flow, FlowId, Indicator, IndicatorValue, Protocol, Timestamp, record::Counters as Told,
};

#[expect(clippy::default_trait_access, reason = "the program does not know the type of identifiers")]
pub(super) fn alert() -> Alert {
    let value = IndicatorValue::Address("203.0.113.5".parse().unwrap());
    Alert {
        id: Default::default(),
        incident: Default::default(),
        notice: Notice::Opened,
        number: 1,
        unsent: 0,
        indicator: Arc::new(Indicator::new(value, Vec::new())),
        also_matched: Vec::new(),
        matched: Vec::new(),
        direction: Direction::Outbound,
        grade: Grade::Exchanged,
        at_least: false,
        severity: Severity::High,
        known_as: None,
        warned: None,
        host: Some("10.1.2.3".parse().unwrap()),
        roles: Vec::new(),
        first: Timestamp::EPOCH,
        last: Timestamp::EPOCH,
        flows: 1,
        connections: 1,
        sent: Traffic::default(),
        received: Traffic::default(),
        sampling: None,
        estimated_sent: Told::default(),
        estimated_received: Told::default(),
        example: Arc::new(flow()),
        tunnel: None,
        names: Vec::new(),
        lookups: Vec::new(),
        lookup_count: 0,
        touched: Vec::new(),
        touched_count: 0,
        other_hosts: Vec::new(),
        other_host_count: 0,
        called_back: Vec::new(),
        touched_before: None,
        translated: Vec::new(),
        unknown_client: false,
        resolvers: Vec::new(),
        previous: None,
        clock: None,
    }
}

fn flow() -> Flow {
    Flow {
        id: FlowId(1),
        continues: None,
        protocol: Protocol::TCP,
        initiator: Endpoint::new("10.1.2.3".parse().unwrap(), 51_000),
        responder: Endpoint::new("203.0.113.5".parse().unwrap(), 443),
        orientation: Orientation::Start,
        first: Timestamp::EPOCH,
        last: Timestamp::EPOCH,
        forward: Counters::default(),
        reverse: Counters::default(),
        tcp: None,
        icmp: None,
        icmp_errors: 0,
        end: EndReason::Fin,
        vlans: [].into_iter().collect(),
        mpls: [].into_iter().collect(),
        tunnels: [].into_iter().collect(),
        application: None,
        name: None,
        other_names: Vec::new(),
        tls: None,
        http: None,
        dns_messages: (0, 0),
        exported: None,
    }
}
