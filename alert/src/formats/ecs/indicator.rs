//! The indicators met, and what their sources say: `threat`, `rule`, `weir.indicator`.

use crate::json::Object;
use crate::marking;
use std::time::Duration;
use weir_model::alert::{Field, Match};
use weir_model::indicator::{Side, Url};
use weir_model::{Alert, Context, Indicator, IndicatorValue, Timestamp, Tlp};

/// `threat` of an alert: an enrichment for each field in which the ringing indicator was met, and for each other indicator.
pub(super) fn threat(threat: &mut Object<'_>, alert: &Alert) {
    let rang = alert.matched.iter().map(|matched| (&alert.indicator, Some(matched)));
    let others = alert.also_matched.iter().map(|indicator| (indicator, None));
    threat.objects("enrichments", rang.chain(others), |enrichment, (indicator, met)| {
        enrichment.object("indicator", |members| describe(members, indicator));
        enrichment.object("matched", |members| matched(members, indicator, met));
    });
    threat.object("indicator", |members| describe(members, &alert.indicator));
}

/// An indicator as ECS describes one, with what its first source says.
pub(in crate::formats) fn describe(members: &mut Object<'_>, indicator: &Indicator) {
    let first = indicator.contexts.first();
    members.set_some("confidence", first.and_then(|first| first.confidence).map(confidence));
    members.set_some("description", first.and_then(|first| first.description.as_deref()));
    members.set_some("first_seen", first.and_then(|first| first.first_seen));
    match &indicator.value {
        IndicatorValue::Address(ip) | IndicatorValue::AddressPort(ip, _) => members.set("ip", *ip),
        // ECS has no field of its own for these; `name` holds them.
        _ => {}
    }
    members.set_some("last_seen", first.and_then(|first| first.last_seen));
    members.object("marking", |members| {
        members.set("tlp", marking::marking_of(indicator).keyword());
    });
    members.set("name", format_args!("{}", indicator.value));
    if let IndicatorValue::AddressPort(_, port) = &indicator.value {
        members.set("port", *port);
    }
    members.set_some("provider", first.map(|first| &*first.source));
    members.set_some("reference", first.and_then(|first| first.reference.as_deref()));
    members.set("type", stix_type(&indicator.value));
    members.object("url", |url| match &indicator.value {
        IndicatorValue::Domain(name) | IndicatorValue::Host(name) => url.set("domain", name),
        IndicatorValue::Url(indicated) => self::url(url, indicated),
        _ => {}
    });
}

/// Only requests in clear can meet a URL, so it is written with `http:`; the scheme does not count.
fn url(members: &mut Object<'_>, url: &Url) {
    let (open, close) = if url.host.as_str().contains(':') { ("[", "]") } else { ("", "") };
    let port = url.port.map(|port| format!(":{port}")).unwrap_or_default();
    members.set("domain", &url.host);
    members.set("full", format_args!("http://{open}{}{close}{port}{}", url.host, url.path));
    members.set("path", url.path.split('?').next().unwrap_or_default());
    members.set_some("port", url.port);
}

fn stix_type(value: &IndicatorValue) -> &'static str {
    match value {
        IndicatorValue::Address(ip) | IndicatorValue::AddressPort(ip, _) if ip.is_ipv4() => "ipv4-addr",
        IndicatorValue::Network(network) if network.addr().is_ipv4() => "ipv4-addr",
        IndicatorValue::Address(_) | IndicatorValue::AddressPort(..) | IndicatorValue::Network(_) => {
            "ipv6-addr"
        }
        IndicatorValue::Domain(_) | IndicatorValue::Host(_) => "domain-name",
        IndicatorValue::Url(_) => "url",
        IndicatorValue::Ja3(_) | IndicatorValue::Ja4(_) => "software",
        IndicatorValue::CertificateSha1(_) | IndicatorValue::CertificateSha256(_) => "x509-certificate",
    }
}

/// The scale of STIX 2.1 appendix A (None, Low, Med, High).
fn confidence(number: u8) -> &'static str {
    match number {
        0 => "None",
        1..=29 => "Low",
        30..=69 => "Medium",
        _ => "High",
    }
}

/// `matched` of an enrichment.
fn matched(members: &mut Object<'_>, indicator: &Indicator, met: Option<&Match>) {
    let context = indicator.contexts.first();
    members.set_some("atomic", met.map(|met| &*met.value));
    members.set_some("field", met.map(matched_field));
    members.set_some("id", context.and_then(place_of).as_deref());
    members.set_some("index", context.map(|context| &*context.source));
    members.set("type", "indicator_match_rule");
}

/// Where the source has it: list and line, else the identifier that it has there.
fn place_of(context: &Context) -> Option<String> {
    let id = || context.further.as_ref().and_then(|further| further.id).map(|id| id.to_string());
    context.line.map(|line| format!("{}:{line}", context.source)).or_else(id)
}

/// The field of the event in which the value stands.
pub(in crate::formats) fn matched_field(matched: &Match) -> &'static str {
    match (matched.field, matched.value.len()) {
        (Field::Certificate, 40) => "tls.server.hash.sha1",
        (Field::Certificate, _) => "tls.server.hash.sha256",
        (field, _) => field.ecs(),
    }
}

/// `rule` of an alert.
pub(super) fn rule(rule: &mut Object<'_>, indicator: &Indicator) {
    let first = indicator.contexts.first();
    rule.set("category", "indicator");
    rule.set_some("description", first.and_then(|first| first.description.as_deref()));
    rule.set("name", format_args!("Known bad {}", indicator.value.kind().replace('_', " ")));
    rule.set_some("reference", first.and_then(|first| first.reference.as_deref()));
    rule.set_some("ruleset", first.map(|first| &*first.source));
}

/// `weir.indicator` of an alert or notice.
pub(super) fn weir_indicator(members: &mut Object<'_>, indicator: &Indicator, now: Timestamp) {
    members.set_some("age_days", age_days(indicator, now));
    members.objects("contexts", &indicator.contexts, context);
    members.set("kind", indicator.value.kind());
    members.set("value", format_args!("{}", indicator.value));
    members.objects("warninglists", &*indicator.warnings, |members, warning| {
        members.set("effect", warning.effect.keyword());
        members.set("list", &*warning.list);
    });
}

/// Days since a source last knew the indicator to be bad: by `last_seen`, else `first_seen`, the latest of any source.
fn age_days(indicator: &Indicator, now: Timestamp) -> Option<u64> {
    let known =
        indicator.contexts.iter().filter_map(|context| context.last_seen.or(context.first_seen)).max()?;
    Some(now.since(known).as_secs() / Duration::from_hours(24).as_secs())
}

fn context(members: &mut Object<'_>, context: &Context) {
    let further = context.further.as_deref();
    let report = further.and_then(|further| further.report.as_deref());
    members.set_some("confidence", context.confidence);
    members.set_some("description", context.description.as_deref());
    members.set_some("first_seen", context.first_seen);
    members.set_some("id", further.and_then(|further| further.id).map(|id| id.to_string()).as_deref());
    members.set_some("last_seen", context.last_seen);
    members.set_some("line", context.line);
    members.set_some("organisation", further.and_then(|further| further.organisation.as_deref()));
    members.set_some("reference", context.reference.as_deref());
    members.object("report", |members| {
        let id = report.and_then(|report| report.id).map(|id| id.to_string());
        members.set_some("id", id.as_deref());
        members.set_some("title", report.and_then(|report| report.title.as_deref()));
    });
    members.set_some("side", further.and_then(|further| further.side).map(Side::keyword));
    members.set("source", &*context.source);
    members.set_list("tags", context.tags.iter().map(|tag| &**tag));
    members.objects("threats", further.iter().flat_map(|further| &*further.threats), |members, threat| {
        members.set("kind", &*threat.kind);
        members.set("name", &*threat.name);
    });
    members.set_some("tlp", context.tlp.map(Tlp::keyword));
    members.set_list("types", further.iter().flat_map(|further| &*further.types).map(|kind| &**kind));
    members.set_some("valid_from", further.and_then(|further| further.valid_from));
    members.set_some("valid_until", further.and_then(|further| further.valid_until));
}
