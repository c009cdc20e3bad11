//! Tunnels that are looked through.
//!
//! A packet is taken for a tunnel only when its tunnel header is valid *and* an IP packet is found in it. Otherwise it is an
//! ordinary packet of the outer flow: nothing is lost when a port is used for something else.

mod gre;
mod udp;

pub(super) use udp::is_port;

use super::ip::{self, Addresses};
use super::span::Span;
use super::trail::Trail;
use super::{Found, Reached};
use weir_model::Protocol;
use weir_model::flow::{Tunnel, TunnelKind};

const IPV4_IN_IP: Protocol = Protocol(4);
const IPV6_IN_IP: Protocol = Protocol(41);

/// The packet within the IP payload `span`, if it is a tunnel.
pub(super) fn look_through<'a>(
    trail: &mut Trail,
    outer: Addresses,
    protocol: Protocol,
    span: Span<'a>,
) -> Option<Reached<'a>> {
    match protocol {
        Protocol::UDP => udp::look_through(trail, outer, span),
        Protocol::GRE => gre::look_through(trail, outer, span),
        IPV4_IN_IP => inside(trail, outer, TunnelKind::IpIp, None, |trail| ip::ip_version(trail, 4, span)),
        IPV6_IN_IP => inside(trail, outer, TunnelKind::IpIp, None, |trail| ip::ip_version(trail, 6, span)),
        _ => None,
    }
}

fn inside<'a>(
    trail: &mut Trail,
    outer: Addresses,
    kind: TunnelKind,
    id: Option<u32>,
    read: impl FnOnce(&mut Trail) -> Found<'a>,
) -> Option<Reached<'a>> {
    let tunnel = Tunnel { kind, source: outer.source, destination: outer.destination, id };
    trail.inside(tunnel, read)
}
