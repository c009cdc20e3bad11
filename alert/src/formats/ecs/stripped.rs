//! Messages stripped of all intelligence: the fields of alerts and notices, as far as there is something to put in them.

use super::alert::{direction, event_types};
use super::{OBSERVER, SCHEMA};
use crate::json::Object;
use crate::marking::{Stripped, StrippedAlert, StrippedListing};
use crate::{Lines, sentence};
use weir_model::alert::Notice;

/// Adds a stripped message. It is told apart by `weir.stripped`.
pub fn stripped(stripped: &Stripped, lines: &mut Lines) {
    let message = sentence::of_stripped(stripped);
    match stripped {
        Stripped::Alert(alert) => lines.add(|event| self::alert(event, alert, &message)),
        Stripped::Listing(listing) => lines.add(|event| self::listing(event, listing, &message)),
    }
}

fn alert(event: &mut Object<'_>, alert: &StrippedAlert, message: &str) {
    event.set("@timestamp", if alert.notice == Notice::Opened { alert.first } else { alert.last });
    event.constant(SCHEMA);
    event.object("event", |event| {
        event.set("action", alert.notice.keyword());
        event.set_list("category", ["network", "threat"]);
        event.set("dataset", "weir.alert");
        event.set("end", alert.last);
        event.set("id", format_args!("{}", alert.id));
        event.set("kind", "alert");
        event.set("module", "weir");
        event.set("severity", alert.severity as u8 + 1);
        event.set("start", alert.first);
        event.set_list("type", event_types(alert.grade));
    });
    event.set("message", message);
    event.object("network", |network| network.set("direction", direction(alert.direction)));
    event.constant(OBSERVER);
    event.object("related", |related| related.set_list("ip", alert.host));
    event.object("weir", |weir| self::weir(weir, alert));
}

/// All that is under `weir`.
pub(in crate::formats) fn weir(weir: &mut Object<'_>, alert: &StrippedAlert) {
    weir.object("clock", |clock| clock.set_some("synchronised", alert.synchronised));
    weir.object("host", |host| {
        host.set_some("ip", alert.host);
        host.set_list("roles", alert.roles.iter().map(|role| role.keyword()));
    });
    weir.object("incident", |members| incident(members, alert));
    weir.set("stripped", true);
    weir.object("touched", |touched| touched.set_count("count", alert.touched_count));
}

fn incident(members: &mut Object<'_>, alert: &StrippedAlert) {
    members.set_true("at_least", alert.at_least);
    members.set("direction", alert.direction.keyword());
    members.set("flows", alert.flows);
    members.set("grade", alert.grade.keyword());
    members.set("id", format_args!("{}", alert.incident));
    members.set("notice", alert.number);
    if let Some(previous) = alert.previous {
        members.set("previous", format_args!("{previous}"));
    }
    members.object("received", |received| received.set("bytes", alert.received_bytes));
    members.object("sent", |sent| sent.set("bytes", alert.sent_bytes));
    members.set("severity", alert.severity.keyword());
    members.set_count("unsent", alert.unsent);
}

fn listing(event: &mut Object<'_>, listing: &StrippedListing, message: &str) {
    event.set("@timestamp", listing.time);
    event.constant(SCHEMA);
    event.object("event", |event| {
        event.set("action", "listed");
        event.set_list("category", ["threat"]);
        event.set("dataset", "weir.notice");
        event.set("id", format_args!("{}", listing.id));
        event.set("kind", "alert");
        event.set("module", "weir");
        event.set("severity", listing.severity as u8 + 1);
        event.set_list("type", ["indicator"]);
    });
    event.set("message", message);
    event.constant(OBSERVER);
    event.object("weir", |weir| weir_of_listing(weir, listing));
}

/// All that is under `weir`.
pub(in crate::formats) fn weir_of_listing(weir: &mut Object<'_>, listing: &StrippedListing) {
    weir.object("notice", |notice| notice.set("severity", listing.severity.keyword()));
    weir.set("stripped", true);
}
