//! Flow records: network activity (4001), traffic (6).

use super::{Handshake, METADATA, NETWORK_ACTIVITY, Side, connection, ja4, url};
use crate::Lines;
use crate::formats::ecs;
use crate::json::{Constant, Keyword, Millis, Object};
use weir_model::Flow;

/// Report of traffic.
const TRAFFIC: u32 = 6;

/// What all of them begin with.
const HEAD: Constant = Constant(r#""activity_id":6,"#);
const CLASS: Constant = Constant(r#""category_uid":4,"class_uid":4001,"#);

/// Adds a flow record as it is at its end. `time` is its first packet.
pub fn flow(flow: &Flow, lines: &mut Lines) {
    lines.add(|event| {
        event.constant(HEAD);
        event.set_some("app_name", flow.application.map(Keyword));
        event.constant(CLASS);
        event.object("connection_info", |members| connection_info(members, flow, 0));
        event.object("dst_endpoint", |members| responder(flow).endpoint(members));
        event.set("duration", u64::try_from(flow.duration().as_millis()).unwrap_or(u64::MAX));
        event.set("end_time", Millis(flow.last));
        ja4(event, flow.tls.as_ref().and_then(|tls| tls.ja4.as_deref()));
        event.constant(METADATA);
        event.constant(Constant(r#""severity_id":1,"#));
        event.object("src_endpoint", |members| initiator(flow).endpoint(members));
        event.set("start_time", Millis(flow.first));
        event.set("time", Millis(flow.first));
        event.object("tls", |members| tls(members, flow));
        event.object("traffic", |members| traffic(members, flow));
        event.set("type_uid", NETWORK_ACTIVITY.with(TRAFFIC));
        event.object("unmapped", |members| unmapped(members, flow));
        event.object("url", |members| flow_url(members, flow));
    });
}

/// `connection_info`.
pub(super) fn connection_info(members: &mut Object<'_>, flow: &Flow, direction: u8) {
    let flags = flow.forward.tcp_flags | flow.reverse.tcp_flags;
    let flags = flow.tcp.map(|_| flags);
    connection(members, flow.protocol, (flow.initiator, flow.responder), (direction, flow.id.0), flags);
}

/// The end that began.
pub(super) fn initiator(flow: &Flow) -> Side<'_> {
    let exported = flow.exported.as_deref();
    Side {
        number: exported.and_then(|exported| exported.initiator_as),
        translated: exported.and_then(|exported| exported.initiator_translated),
        vlan: flow.vlans.first().copied(),
        ..Side::plain(flow.initiator, flow.protocol)
    }
}

/// The other end.
pub(super) fn responder(flow: &Flow) -> Side<'_> {
    let exported = flow.exported.as_deref();
    Side {
        name: flow.name.as_ref().map(|name| &name.name),
        number: exported.and_then(|exported| exported.responder_as),
        translated: exported.and_then(|exported| exported.responder_translated),
        ..Side::plain(flow.responder, flow.protocol)
    }
}

/// `tls`.
pub(super) fn tls(members: &mut Object<'_>, flow: &Flow) {
    let Some(summary) = &flow.tls else { return };
    let names = summary.certificate.as_ref().map_or(&[][..], |certificate| &certificate.names);
    let (server_name, ja3) = (summary.server_name.as_ref(), summary.ja3.as_ref());
    let (version, cipher) = (summary.version, summary.cipher);
    Handshake { server_name, ja3, version, cipher, names }.tls(members);
}

/// `url` of the first request.
pub(super) fn flow_url(members: &mut Object<'_>, flow: &Flow) {
    if let Some(request) = ecs::flow::request(flow) {
        url(members, request.host.as_ref(), request.port, &request.path);
    }
}

/// `out` is what the initiator sent.
fn traffic(members: &mut Object<'_>, flow: &Flow) {
    members.set("bytes", flow.ip_bytes());
    members.set("bytes_in", flow.reverse.ip_bytes);
    members.set("bytes_out", flow.forward.ip_bytes);
    members.set("packets", flow.packets());
    members.set("packets_in", flow.reverse.packets);
    members.set("packets_out", flow.forward.packets);
}

/// What OCSF has no attribute for: certificate, method, user agent, status, and all that is Weir's own.
pub(super) fn unmapped(members: &mut Object<'_>, flow: &Flow) {
    members.object("http", |http| ecs::flow::http(http, flow));
    members.object("tls", |tls| certificate(tls, flow));
    members.object("user_agent", |user_agent| ecs::flow::user_agent(user_agent, flow));
    members.object("weir", |weir| ecs::flow::weir(weir, flow));
}

/// `tls.server`.
pub(super) fn certificate(tls: &mut Object<'_>, flow: &Flow) {
    if let Some(certificate) = flow.tls.as_ref().and_then(|tls| tls.certificate.as_deref()) {
        tls.object("server", |server| ecs::wire::certificate(server, certificate));
    }
}
