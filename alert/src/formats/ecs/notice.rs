//! Notices about the intelligence itself.

use super::{OBSERVER, SCHEMA, indicator};
use crate::json::Object;
use crate::{Lines, sentence};
use std::net::IpAddr;
use weir_model::alert::Severity;
use weir_model::notice::Matter;
use weir_model::{Indicator, IndicatorValue, SourceNotice, Tlp};

/// Adds a notice about a source, or of what sources say of us.
pub fn notice(notice: &SourceNotice, lines: &mut Lines) {
    let listed = listed(notice);
    lines.add(|event| {
        event.set("@timestamp", notice.time);
        event.constant(SCHEMA);
        event.object("event", |event| {
            event.set("action", notice.matter.keyword());
            event.set_list("category", [if listed.is_some() { "threat" } else { "configuration" }]);
            event.set("dataset", "weir.notice");
            event.set("id", format_args!("{}", notice.id()));
            event.set("kind", if notice.matter.is_problem() { "alert" } else { "event" });
            event.set("module", "weir");
            event.set("severity", notice.matter.severity() as u8 + 1);
            event.set_list("type", [if listed.is_some() { "indicator" } else { "info" }]);
        });
        event.set("message", &*sentence::of_notice(notice));
        event.constant(OBSERVER);
        event.object("related", |related| related.set_list("ip", listed.as_ref().and_then(address)));
        event.object("threat", |threat| {
            if let Some(indicator) = &listed {
                threat.object("indicator", |members| indicator::describe(members, indicator));
            }
        });
        event.object("weir", |weir| self::weir(weir, notice));
    });
}

/// All that is under `weir`.
pub(in crate::formats) fn weir(weir: &mut Object<'_>, notice: &SourceNotice) {
    if let Some(indicator) = listed(notice) {
        weir.object("indicator", |members| indicator::weir_indicator(members, &indicator, notice.time));
    }
    weir.object("notice", |members| describe(members, notice));
}

/// What a source lists of us.
pub(in crate::formats) fn listed(notice: &SourceNotice) -> Option<Indicator> {
    match &notice.matter {
        Matter::Listed { value, contexts, .. } => Some(Indicator::new(value.clone(), contexts.clone())),
        _ => None,
    }
}

fn address(indicator: &Indicator) -> Option<IpAddr> {
    match &indicator.value {
        IndicatorValue::Address(ip) | IndicatorValue::AddressPort(ip, _) => Some(*ip),
        _ => None,
    }
}

fn describe(members: &mut Object<'_>, notice: &SourceNotice) {
    if let Matter::Held { before, brought, .. } = &notice.matter {
        members.set("before", *before);
        members.set("brought", *brought);
    }
    if let Matter::Folded { incidents, .. } = &notice.matter {
        members.set("incidents", *incidents);
    }
    if let Matter::Folded { kinds, .. } = &notice.matter {
        members.objects("kinds", kinds, |members, (kind, count)| {
            members.set("count", *count);
            members.set("kind", &**kind);
        });
    }
    match &notice.matter {
        Matter::Listed { home, .. } => members.set("home", format_args!("{home}")),
        Matter::Stale { last_success, .. } => members.set_some("last_success", *last_success),
        Matter::CanaryLost { last_seen } => members.set_some("last_success", *last_seen),
        _ => {}
    }
    if let Matter::Folded { messages, .. } = &notice.matter {
        members.set("messages", *messages);
    }
    members.set_some("reason", reason(&notice.matter));
    if let Matter::Folded { by_severity, .. } = &notice.matter {
        members.object("severities", |members| severities(members, *by_severity));
    }
    members.set("severity", notice.matter.severity().keyword());
    if let Matter::Folded { since, .. } | Matter::Delayed { since, .. } = &notice.matter {
        members.set("since", *since);
    }
    members.set_some("source", notice.source.as_deref());
    members.set_some("tlp", notice.tlp().map(Tlp::keyword));
}

/// How many of each severity, by name.
fn severities(members: &mut Object<'_>, by_severity: [u64; 4]) {
    let mut counts: Vec<_> =
        Severity::ALL.iter().map(|severity| severity.keyword()).zip(by_severity).collect();
    counts.sort_unstable();
    for (severity, count) in counts {
        members.set(severity, count);
    }
}

fn reason(matter: &Matter) -> Option<&str> {
    match matter {
        Matter::Held { reason, .. } | Matter::NotSaved { reason } | Matter::Delayed { reason, .. } => {
            Some(reason)
        }
        Matter::Stale { error, .. } => error.as_deref(),
        _ => None,
    }
}
