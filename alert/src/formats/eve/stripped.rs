//! Messages stripped of all intelligence: alerts of no flow.

use super::alert::{GENERATOR, severity};
use super::notice::level;
use crate::formats::ecs;
use crate::json::{Constant, EveTime, Object};
use crate::marking::{Stripped, StrippedAlert, StrippedListing};
use crate::{Lines, sentence};
use weir_model::IndicatorValue;
use weir_model::alert::Notice;

/// Behind those of the kinds of indicators, so that it does not tell of which kind what was met is.
const SIGNATURE: usize = IndicatorValue::KINDS.len() + 1;

/// Adds a stripped message.
pub fn stripped(stripped: &Stripped, lines: &mut Lines) {
    let message = sentence::of_stripped(stripped);
    match stripped {
        Stripped::Alert(alert) => lines.add(|event| self::alert(event, alert, &message)),
        Stripped::Listing(listing) => lines.add(|event| self::listing(event, listing, &message)),
    }
}

fn alert(event: &mut Object<'_>, alert: &StrippedAlert, message: &str) {
    event.set("timestamp", EveTime(if alert.notice == Notice::Opened { alert.first } else { alert.last }));
    event.constant(Constant(r#""event_type":"alert","#));
    event.object("alert", |members| {
        members.set("action", "allowed");
        members.set("gid", GENERATOR);
        members.set("signature_id", SIGNATURE as u64);
        members.set("rev", 1u8);
        members.set("signature", "Something known to be bad");
        members.set("category", "Something known to be bad");
        members.set("severity", severity(alert.severity));
        members.object("target", |target| target.set_some("ip", alert.host));
        members.object("context", |context| {
            context.set("id", format_args!("{}", alert.id));
            context.set("message", message);
            context.object("weir", |weir| ecs::stripped::weir(weir, alert));
        });
    });
}

fn listing(event: &mut Object<'_>, listing: &StrippedListing, message: &str) {
    event.set("timestamp", EveTime(listing.time));
    event.set("log_level", level(listing.severity));
    event.constant(Constant(r#""event_type":"engine","#));
    event.object("engine", |engine| {
        engine.set("error", "listed");
        engine.set("message", message);
        engine.set("module", "weir.intelligence");
    });
}
