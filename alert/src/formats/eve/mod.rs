//! Events as Suricata writes them (EVE): `alert`, `flow`, `dns`, `tls`, `quic`, `http`, and `engine` for notices about sources.
//!
//! Checked against the schema of Suricata 8 (`etc/schema.json`), which closes every object but `alert.context`: what stands there is all
//! that Weir knows of an incident, in the fields that ECS, or Weir itself, has for it (docs/EVENTS.md). Flows have no such place.

mod alert;
mod flow;
mod name;
mod notice;
mod said;
mod stripped;

pub use alert::alert;
pub use flow::flow;
pub use name::name;
pub use notice::notice;
pub use stripped::stripped;

use crate::json::{Ascii, Constant, EveTime, Keyword, Object};
use weir_model::{Endpoint, Protocol, Timestamp, community_id};

/// What every event about a conversation begins with.
#[derive(Clone, Copy)]
struct Head {
    time: Timestamp,
    kind: Constant,
    /// Joins the events of a flow.
    flow: u64,
    protocol: Protocol,
    source: Endpoint,
    destination: Endpoint,
    application: Option<&'static str>,
}

impl Head {
    fn write(&self, event: &mut Object<'_>) {
        event.set("timestamp", EveTime(self.time));
        event.set("flow_id", self.flow);
        event.constant(self.kind);
        let has_ports = self.protocol.has_ports();
        event.set("src_ip", self.source.ip);
        event.set_some("src_port", has_ports.then_some(self.source.port));
        event.set("dest_ip", self.destination.ip);
        event.set_some("dest_port", has_ports.then_some(self.destination.port));
        protocol(event, self.protocol);
        event.set("ip_v", if self.source.ip.is_ipv4() { 4u8 } else { 6 });
        let identifier = community_id::ascii(0, self.protocol, self.source, self.destination);
        event.set("community_id", Ascii(identifier));
        event.set_some("app_proto", self.application.map(Keyword));
    }
}

/// `proto`, in Suricata's spelling; of others the number, in three digits.
fn protocol(event: &mut Object<'_>, protocol: Protocol) {
    let keyword = match protocol {
        Protocol::TCP => "TCP",
        Protocol::UDP => "UDP",
        Protocol::ICMP => "ICMP",
        Protocol::ICMPV6 => "IPv6-ICMP",
        Protocol::SCTP => "SCTP",
        Protocol::GRE => "GRE",
        Protocol::ESP => "ESP",
        Protocol::AH => "AH",
        Protocol(number) => return event.set("proto", format_args!("{number:03}")),
    };
    event.set("proto", Keyword(keyword));
}
