//! Matches as pDNSSOC, and Unicor after it, write them: a client, what it asked for, what it was answered, and the MISP events that know it
//! (`enrich_logs` of pdnssoc-cli). There is one line for each alert, and no place for anything else.
//!
//! An alert without look-up is told as a match, too: what was met stands as `query`, with the address of the other end as its answer, and `weir`,
//! which readers of matches pass over, says how it was met.

use super::ecs;
use super::registry::record_type;
use crate::json::{Object, Value};
use crate::{Lines, sentence};
use std::net::IpAddr;
use weir_model::alert::{Field, Lookup};
use weir_model::{Alert, Context, Indicator, IndicatorValue, Timestamp};

/// Adds a notice of an incident.
pub fn alert(alert: &Alert, lines: &mut Lines) {
    let lookup = alert.lookups.first();
    lines.add(|found| {
        match lookup {
            Some(lookup) => answers(found, lookup),
            None => met(found, alert),
        }
        found.set("client_ip", client(alert));
        found.set("client_name", client(alert));
        found.object("correlation", |correlation| {
            correlation.object("misp", |misp| {
                let indicators = std::iter::once(&alert.indicator).chain(&alert.also_matched);
                let events = indicators
                    .flat_map(|indicator| indicator.contexts.iter().map(move |context| (indicator, context)));
                misp.objects("events", events, |event, (indicator, context)| {
                    self::event(event, indicator, context, alert);
                });
            });
        });
        found.set("query", &*query(alert));
        found.set("timestamp", lookup.map_or(alert.first, |lookup| lookup.time));
        found.object("weir", |weir| {
            weir.object("clock", |clock| ecs::alert::clock(clock, alert.clock));
            weir.set("grade", alert.grade.keyword());
            weir.set("id", format_args!("{}", alert.id));
            weir.set("incident", format_args!("{}", alert.incident));
            weir.set_list("matched", alert.matched.iter().map(|matched| matched.field.keyword()));
            weir.set("message", &*sentence::sentence(alert));
            weir.set("notice", alert.notice.keyword());
            weir.set("severity", alert.severity.keyword());
        });
    });
}

/// The host that it is about; else who asked, else who began.
fn client(alert: &Alert) -> IpAddr {
    let asked = alert.lookups.first().map(|lookup| lookup.client.ip);
    alert.host.or(asked).unwrap_or(alert.example.initiator.ip)
}

/// The name asked for; without look-up what stood in the field that was met first.
fn query(alert: &Alert) -> std::borrow::Cow<'_, str> {
    match (alert.lookups.first(), alert.matched.first()) {
        (Some(lookup), _) => lookup.name.as_str().into(),
        (None, Some(matched)) => (&*matched.value).into(),
        (None, None) => alert.indicator.value.to_string().into(),
    }
}

/// `answers` of a look-up. An empty list is written, too: readers ask for it.
fn answers(found: &mut Object<'_>, lookup: &Lookup) {
    let mut owner = &lookup.name;
    let mut all = Vec::new();
    for alias in &lookup.aliases {
        all.push((owner, 5, Data::Text(alias.as_str())));
        owner = alias;
    }
    all.extend(
        lookup.addresses.iter().map(|ip| (owner, if ip.is_ipv4() { 1 } else { 28 }, Data::Address(*ip))),
    );
    found.objects_or_none("answers", all, |answer, (name, kind, data)| {
        answer.set("name", name);
        answer.set("rdata", data);
        answer.set("rdatatype", record_type(kind));
    });
}

/// `answers` where nothing was asked for: the address of the other end, unless that is what was met.
fn met(found: &mut Object<'_>, alert: &Alert) {
    let is_address = alert.matched.first().is_some_and(|matched| {
        matches!(matched.field, Field::FlowAddress | Field::TranslatedAddress | Field::TunnelAddress)
    });
    let other = (!is_address).then_some(alert.example.responder.ip);
    found.objects_or_none("answers", other, |answer, ip| {
        answer.set("name", &*query(alert));
        answer.set("rdata", ip);
        answer.set("rdatatype", record_type(if ip.is_ipv4() { 1 } else { 28 }));
    });
}

/// What a record holds.
enum Data<'a> {
    Text(&'a str),
    Address(IpAddr),
}

impl Value for Data<'_> {
    fn write(self, text: &mut crate::json::Text) {
        match self {
            Self::Text(data) => data.write(text),
            Self::Address(ip) => ip.write(text),
        }
    }
}

/// What one source says, as an event of MISP. Readers ask for every member, so that what a source does not say is empty.
fn event(event: &mut Object<'_>, indicator: &Indicator, context: &Context, alert: &Alert) {
    let further = context.further.as_deref();
    let report = further.and_then(|further| further.report.as_deref());
    let title = report.and_then(|report| report.title.as_deref());
    event.set("comment", context.description.as_deref().unwrap_or_default());
    event.set("event_url", context.reference.as_deref().unwrap_or_default());
    event.set("id", "");
    event.set("info", title.or(context.description.as_deref()).unwrap_or(&context.source));
    event.set("ioc", format_args!("{}", indicator.value));
    event.set("ioc_type", misp_type(&indicator.value, alert));
    let organisation = further.and_then(|further| further.organisation.as_deref());
    event.set("organization", organisation.unwrap_or(&context.source));
    match context.first_seen.or(context.last_seen) {
        Some(time) => event.set("publication", Day(time)),
        None => event.set("publication", ""),
    }
    event.set("server", &*context.source);
    event.objects_or_none("tags", &context.tags, |members, tag| {
        members.set("colour", "#999999");
        members.set("name", &**tag);
    });
    let id = report.and_then(|report| report.id).or_else(|| further.and_then(|further| further.id));
    match id {
        Some(id) => event.set("uuid", format_args!("{id}")),
        // Readers keep events by their identifier.
        None => event.set("uuid", format_args!("{}:{}", context.source, context.line.unwrap_or_default())),
    }
}

/// `YYYY-MM-DD`.
struct Day(Timestamp);

impl Value for Day {
    fn write(self, text: &mut crate::json::Text) {
        let time = self.0.to_string();
        time.split('T').next().unwrap_or_default().write(text);
    }
}

/// The type of MISP's attributes.
fn misp_type(value: &IndicatorValue, alert: &Alert) -> &'static str {
    let is_source = alert.direction == weir_model::alert::Direction::Inbound;
    match value {
        IndicatorValue::Address(_) | IndicatorValue::Network(_) => {
            if is_source {
                "ip-src"
            } else {
                "ip-dst"
            }
        }
        IndicatorValue::AddressPort(..) => {
            if is_source {
                "ip-src|port"
            } else {
                "ip-dst|port"
            }
        }
        IndicatorValue::Domain(_) => "domain",
        IndicatorValue::Host(_) => "hostname",
        IndicatorValue::Url(_) => "url",
        IndicatorValue::Ja3(_) => "ja3-fingerprint-md5",
        IndicatorValue::Ja4(_) => "ja4-plus",
        IndicatorValue::CertificateSha1(_) => "x509-fingerprint-sha1",
        IndicatorValue::CertificateSha256(_) => "x509-fingerprint-sha256",
    }
}
