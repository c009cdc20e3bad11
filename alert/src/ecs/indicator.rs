//! `threat.*`: the indicators met, and what their sources say.

use crate::Event;
use serde_json::{Map, Value};
use std::time::Duration;
use weir_model::alert::{Field, Match};
use weir_model::indicator::Url;
use weir_model::{Alert, Context, Indicator, IndicatorValue, Timestamp, Tlp};

/// `threat.indicator`, `threat.enrichments`, `rule` and `weir.indicator` of an alert.
pub(super) fn threat(event: &mut Event, alert: &Alert) {
    event.set("threat.indicator", fields(&alert.indicator));
    event.set_list("threat.enrichments", enrichments(alert));
    event.set("rule.name", format!("Known bad {}", alert.indicator.value.kind().replace('_', " ")));
    event.set("rule.category", "indicator");
    let indicator = &alert.indicator;
    event.set("weir.indicator.kind", indicator.value.kind());
    event.set("weir.indicator.value", indicator.value.to_string());
    event.set_list("weir.indicator.contexts", indicator.contexts.iter().map(context));
    event.set_some("weir.indicator.age_days", age_days(indicator, alert.last));
    let Some(first) = indicator.contexts.first() else {
        return;
    };
    event.set("rule.ruleset", &*first.source);
    event.set_some("rule.description", first.description.as_deref());
    event.set_some("rule.reference", first.reference.as_deref());
}

/// Days since a source last knew the indicator to be bad: by `last_seen`, else `first_seen`, the latest of any source.
fn age_days(indicator: &Indicator, now: Timestamp) -> Option<u64> {
    let known =
        indicator.contexts.iter().filter_map(|context| context.last_seen.or(context.first_seen)).max()?;
    Some(now.since(known).as_secs() / Duration::from_hours(24).as_secs())
}

/// An indicator as ECS describes one, with what its first source says.
fn fields(indicator: &Indicator) -> Map<String, Value> {
    let mut fields = Event::default();
    fields.set("type", stix_type(&indicator.value));
    fields.set("name", indicator.value.to_string());
    match &indicator.value {
        IndicatorValue::Address(ip) => fields.set("ip", ip.to_string()),
        IndicatorValue::AddressPort(ip, port) => {
            fields.set("ip", ip.to_string());
            fields.set("port", *port);
        }
        IndicatorValue::Domain(name) | IndicatorValue::Host(name) => fields.set("url.domain", name.as_str()),
        IndicatorValue::Url(url) => self::url(&mut fields, url),
        // ECS has no field of its own for these; `name` holds them.
        IndicatorValue::Network(_)
        | IndicatorValue::Ja4(_)
        | IndicatorValue::CertificateSha1(_)
        | IndicatorValue::CertificateSha256(_) => {}
    }
    if let Some(first) = indicator.contexts.first() {
        fields.set("provider", &*first.source);
        fields.set_some("description", first.description.as_deref());
        fields.set_some("reference", first.reference.as_deref());
        fields.set_some("confidence", first.confidence.map(confidence));
        fields.set_some("first_seen", first.first_seen.map(|time| time.to_string()));
        fields.set_some("last_seen", first.last_seen.map(|time| time.to_string()));
        fields.set_some("marking.tlp", first.tlp.map(Tlp::keyword));
    }
    fields.into_fields()
}

/// Only requests in clear can meet a URL, so it is written with `http:`; the scheme does not count.
fn url(fields: &mut Event, url: &Url) {
    let host = if url.host.as_str().contains(':') { format!("[{}]", url.host) } else { url.host.to_string() };
    let port = url.port.map(|port| format!(":{port}")).unwrap_or_default();
    fields.set("url.full", format!("http://{host}{port}{}", url.path));
    fields.set("url.domain", url.host.as_str());
    fields.set_some("url.port", url.port);
    fields.set("url.path", url.path.split('?').next().unwrap_or_default());
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
        IndicatorValue::Ja4(_) => "software",
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

/// One for each field in which the ringing indicator was met, and one for each other indicator.
fn enrichments(alert: &Alert) -> Vec<Map<String, Value>> {
    let rang = alert.matched.iter().map(|matched| enrichment(&alert.indicator, Some(matched)));
    rang.chain(alert.also_matched.iter().map(|indicator| enrichment(indicator, None))).collect()
}

fn enrichment(indicator: &Indicator, matched: Option<&Match>) -> Map<String, Value> {
    let mut fields = Event::default();
    fields.set("indicator", self::fields(indicator));
    fields.set("matched.type", "indicator_match_rule");
    if let Some(context) = indicator.contexts.first() {
        fields.set("matched.index", &*context.source);
        fields.set_some("matched.id", context.line.map(|line| format!("{}:{line}", context.source)));
    }
    if let Some(matched) = matched {
        fields.set("matched.atomic", &*matched.value);
        fields.set("matched.field", matched_field(matched));
    }
    fields.into_fields()
}

/// The field of the event in which the value stands.
fn matched_field(matched: &Match) -> &'static str {
    match (matched.field, matched.value.len()) {
        (Field::Certificate, 40) => "tls.server.hash.sha1",
        (Field::Certificate, _) => "tls.server.hash.sha256",
        (field, _) => field.ecs(),
    }
}

fn context(context: &Context) -> Map<String, Value> {
    let mut fields = Event::default();
    fields.set("source", &*context.source);
    fields.set_some("line", context.line);
    fields.set_some("description", context.description.as_deref());
    fields.set_list("tags", context.tags.iter().map(|tag| &**tag));
    fields.set_some("reference", context.reference.as_deref());
    fields.set_some("confidence", context.confidence);
    fields.set_some("first_seen", context.first_seen.map(|time| time.to_string()));
    fields.set_some("last_seen", context.last_seen.map(|time| time.to_string()));
    fields.set_some("tlp", context.tlp.map(Tlp::keyword));
    fields.into_fields()
}
