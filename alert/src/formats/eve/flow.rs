//! Flow records.

use super::Head;
use super::said::{Tls, http};
use crate::Lines;
use crate::json::{Constant, EveTime, Hex, Keyword, Object};
use weir_model::Flow;
use weir_model::flow::{EndReason, TcpState, TcpSummary};

const KIND: Constant = Constant(r#""event_type":"flow","#);

/// Adds a flow record as it is at its end, which is also its time. Of what the flow said, the schema has a place only in events about names.
pub fn flow(flow: &Flow, lines: &mut Lines) {
    lines.add(|event| {
        head(flow, KIND).write(event);
        icmp(event, flow);
        event.set_list("vlan", flow.vlans.iter().copied());
        event.object("flow", |members| {
            counters(members, flow);
            members.set("start", EveTime(flow.first));
            members.set("end", EveTime(flow.last));
            members.set("age", flow.duration().as_secs());
            members.set("state", Keyword(state(flow)));
            members.set("reason", Keyword(reason(flow.end)));
        });
        event.object("tcp", |tcp| tcp_flags(tcp, flow));
    });
}

/// What every event about the flow begins with.
pub(super) fn head(flow: &Flow, kind: Constant) -> Head {
    Head {
        time: flow.last,
        kind,
        flow: flow.id.0,
        protocol: flow.protocol,
        source: flow.initiator,
        destination: flow.responder,
        application: flow.application,
    }
}

/// `icmp_type` and `icmp_code`, of the first message.
pub(super) fn icmp(event: &mut Object<'_>, flow: &Flow) {
    event.set_some("icmp_type", flow.icmp.map(|(icmp_type, _)| icmp_type));
    event.set_some("icmp_code", flow.icmp.map(|(_, code)| code));
}

/// Packets and bytes; bytes from the IP header on.
pub(super) fn counters(members: &mut Object<'_>, flow: &Flow) {
    members.set("pkts_toserver", flow.forward.packets);
    members.set("pkts_toclient", flow.reverse.packets);
    members.set("bytes_toserver", flow.forward.ip_bytes);
    members.set("bytes_toclient", flow.reverse.ip_bytes);
}

/// `tls` and `http`, for events that may have them.
pub(super) fn said(event: &mut Object<'_>, flow: &Flow) {
    event.object("tls", |members| {
        if let Some(tls) = flow.tls.as_deref() {
            let summary = Tls {
                server_name: tls.server_name.as_ref(),
                ja3: tls.ja3.as_ref(),
                ja4: tls.ja4.as_deref(),
                version: tls.version,
                alpn: &tls.alpn,
                certificate: tls.certificate.as_deref(),
            };
            summary.write(members);
        }
    });
    event.object("http", |members| {
        if let Some(summary) = &flow.http {
            http(members, summary.request.as_deref(), summary.status);
        }
    });
}

/// `new` until both sides have spoken.
fn state(flow: &Flow) -> &'static str {
    match flow.tcp.map(|tcp| tcp.state) {
        Some(TcpState::Closed | TcpState::Reset) => "closed",
        _ if flow.is_one_sided() => "new",
        _ => "established",
    }
}

/// Suricata ends a closed connection by a timeout; it ends early what must make room.
fn reason(end: EndReason) -> &'static str {
    match end {
        EndReason::Fin | EndReason::Rst | EndReason::Idle => "timeout",
        EndReason::Active | EndReason::Evicted => "forced",
        EndReason::Reused => "tcp_reuse",
        EndReason::EndOfInput => "shutdown",
    }
}

fn tcp_flags(members: &mut Object<'_>, flow: &Flow) {
    let Some(TcpSummary { state, syn_ack, .. }) = flow.tcp else { return };
    let (ours, theirs) = (flow.forward.tcp_flags, flow.reverse.tcp_flags);
    members.set("tcp_flags", Hex(&[ours | theirs]));
    members.set("tcp_flags_ts", Hex(&[ours]));
    members.set("tcp_flags_tc", Hex(&[theirs]));
    let set = |bit: u8| (ours | theirs) & bit != 0;
    members.set_true("syn", set(0x02));
    members.set_true("fin", set(0x01));
    members.set_true("rst", set(0x04));
    members.set_true("psh", set(0x08));
    members.set_true("ack", set(0x10));
    members.set_true("urg", set(0x20));
    members.set_true("ecn", set(0x40));
    members.set_true("cwr", set(0x80));
    members.set(
        "state",
        Keyword(match state {
            TcpState::Opening if syn_ack => "syn_recv",
            TcpState::Opening => "syn_sent",
            TcpState::Open => "established",
            TcpState::HalfClosed => "fin_wait1",
            TcpState::Closed | TcpState::Reset => "closed",
        }),
    );
}
