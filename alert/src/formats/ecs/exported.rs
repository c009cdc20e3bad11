//! What routers told of a flow: who they are, how they chose packets, and what the counters stand for.

use super::OBSERVER;
use crate::formats::registry::Registered;
use crate::json::{Constant, Keyword, Object};
use std::net::IpAddr;
use weir_model::exported::Observer;
use weir_model::record::{Counters, ObservedAt};
use weir_model::{Exported, Flow, Sampling};

/// `agent` of events about flows that others observed: Weir only collected what they told.
const AGENT: Constant = Constant(r#""agent":{"type":"weir"},"#);

/// `agent`, where somebody else is the observer.
pub(super) fn agent(event: &mut Object<'_>, flow: &Flow) {
    if flow.exported.is_some() {
        event.constant(AGENT);
    }
}

/// `observer`: Weir itself, or the devices that told of the flow; interfaces are those of the first.
pub(super) fn observer(event: &mut Object<'_>, flow: &Flow) {
    let Some(exported) = &flow.exported else {
        return event.constant(OBSERVER);
    };
    let interface = |side: &mut Object<'_>, index: Option<u32>| {
        side.object("interface", |interface| {
            if let Some(index) = index {
                interface.set("id", format_args!("{index}"));
            }
        });
    };
    let first = exported.observers.first();
    event.object("observer", |observer| {
        observer.object("egress", |egress| interface(egress, first.and_then(|first| first.output)));
        observer.object("ingress", |ingress| interface(ingress, first.and_then(|first| first.input)));
        observer.set_unique("ip", exporters(exported));
        observer.set("type", if exported.firewall_event.is_some() { "firewall" } else { "router" });
    });
}

/// `weir.flow.estimated`: only where packets were left out.
pub(super) fn estimated(members: &mut Object<'_>, flow: &Flow) {
    if let Some(exported) = flow.exported.as_ref().filter(|exported| exported.is_sampled()) {
        members.object("destination", |destination| counters(destination, exported.estimated_reverse));
        members.object("source", |source| counters(source, exported.estimated_forward));
    }
}

/// `weir.flow.exported`.
pub(super) fn describe(members: &mut Object<'_>, exported: &Exported) {
    members.set_some("application", exported.application.as_deref());
    members
        .set_some("clock_correction", Some(exported.clock_correction).filter(|correction| *correction != 0));
    members.object("destination", |destination| destination.set_some("tos", exported.reverse_tos));
    members.set_some("firewall_event", exported.firewall_event.map(firewall_event));
    members.set_some("nat_event", exported.nat_event);
    members.objects("observers", &exported.observers, observed);
    members.set("records", exported.records);
    members.object("sampling", |members| sampling(members, exported.sampling));
    members.object("source", |source| source.set_some("tos", exported.forward_tos));
}

pub(super) fn counters(side: &mut Object<'_>, counters: Counters) {
    side.set("bytes", counters.bytes);
    side.set("packets", counters.packets);
}

fn exporters(exported: &Exported) -> impl Iterator<Item = IpAddr> {
    exported.observers.iter().map(|observer| observer.exporter)
}

/// What one device saw at one place.
fn observed(members: &mut Object<'_>, observer: &Observer) {
    members.object("destination", |destination| counters(destination, observer.reverse));
    members.set_some(
        "direction",
        observer.observed_at.map(|side| {
            Keyword(match side {
                ObservedAt::Ingress => "ingress",
                ObservedAt::Egress => "egress",
            })
        }),
    );
    members.set("domain", observer.domain);
    members.set_some("input", observer.input);
    members.set("ip", observer.exporter);
    members.set_some("next_hop", observer.next_hop);
    members.set_some("output", observer.output);
    members.set("records", observer.records);
    members.object("sampling", |members| sampling(members, observer.sampling));
    members.object("source", |source| counters(source, observer.forward));
    members.set("version", Keyword(observer.version.name()));
}

fn sampling(members: &mut Object<'_>, sampling: Option<Sampling>) {
    if let Some(sampling) = sampling {
        members.set("chosen", sampling.chosen);
        members.set("of", sampling.of);
        members.set("one_in", sampling.one_in());
        members.set("source", Keyword(sampling.source.name()));
    }
}

/// firewallEvent (IE 233).
fn firewall_event(number: u8) -> Registered {
    Registered::Keyword(match number {
        1 => "created",
        2 => "deleted",
        3 => "denied",
        4 => "alert",
        5 => "updated",
        _ => return Registered::Number("EVENT", number.into()),
    })
}
