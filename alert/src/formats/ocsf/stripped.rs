//! Messages stripped of all intelligence: findings without evidence and indicators.

use super::alert::activity;
use super::{DETECTION_FINDING, PRODUCT, VERSION, resources};
use crate::formats::ecs;
use crate::json::{Constant, Millis, Object};
use crate::marking::{Stripped, StrippedAlert, StrippedListing};
use crate::{Lines, sentence};
use weir_model::alert::Notice;

/// Adds a stripped message.
pub fn stripped(stripped: &Stripped, lines: &mut Lines) {
    let message = sentence::of_stripped(stripped);
    match stripped {
        Stripped::Alert(alert) => lines.add(|event| self::alert(event, alert, &message)),
        Stripped::Listing(listing) => lines.add(|event| self::listing(event, listing, &message)),
    }
}

fn alert(event: &mut Object<'_>, alert: &StrippedAlert, message: &str) {
    let activity = activity(alert.notice);
    event.set("activity_id", activity);
    event.set("category_uid", DETECTION_FINDING.category);
    event.set("class_uid", DETECTION_FINDING.class);
    event.set("end_time", Millis(alert.last));
    event.object("finding_info", |finding| {
        finding.set("title", "Something known to be bad");
        finding.set_list("types", ["weir.alert", alert.grade.keyword()]);
        finding.set("uid", format_args!("{}", alert.incident));
    });
    event.constant(Constant(r#""is_alert":true,"#));
    event.set("message", message);
    event.object("metadata", |metadata| {
        metadata.set("correlation_uid", format_args!("{}", alert.incident));
        metadata.constant(PRODUCT);
        metadata.set("sequence", alert.number);
        metadata.set("uid", format_args!("{}", alert.id));
        metadata.constant(VERSION);
    });
    resources(event, alert.host, &alert.roles);
    event.set("severity_id", alert.severity as u8 + 1);
    event.set("start_time", Millis(alert.first));
    event.set("time", Millis(if alert.notice == Notice::Opened { alert.first } else { alert.last }));
    event.set("type_uid", DETECTION_FINDING.with(activity));
    event.object("unmapped", |unmapped| {
        unmapped.object("weir", |weir| ecs::stripped::weir(weir, alert));
    });
}

fn listing(event: &mut Object<'_>, listing: &StrippedListing, message: &str) {
    event.constant(Constant(r#""activity_id":1,"#));
    event.set("category_uid", DETECTION_FINDING.category);
    event.set("class_uid", DETECTION_FINDING.class);
    event.object("finding_info", |finding| {
        finding.set("title", "Intelligence: listed");
        finding.set_list("types", ["weir.notice", "listed"]);
        finding.set("uid", format_args!("{}", listing.id));
    });
    event.constant(Constant(r#""is_alert":true,"#));
    event.set("message", message);
    event.object("metadata", |metadata| {
        metadata.constant(PRODUCT);
        metadata.set("uid", format_args!("{}", listing.id));
        metadata.constant(VERSION);
    });
    event.set("severity_id", listing.severity as u8 + 1);
    event.set("time", Millis(listing.time));
    event.set("type_uid", DETECTION_FINDING.with(1));
    event.object("unmapped", |unmapped| {
        unmapped.object("weir", |weir| ecs::stripped::weir_of_listing(weir, listing));
    });
}
