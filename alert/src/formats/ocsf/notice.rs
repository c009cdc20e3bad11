//! Notices about sources: detection findings (2004), without evidence.

use super::{DETECTION_FINDING, PRODUCT, VERSION, osint};
use crate::formats::ecs;
use crate::json::{Constant, Millis, Object};
use crate::{Lines, sentence};
use weir_model::SourceNotice;

/// Adds a notice about a source, or of what sources say of us. One that says that something is over closes no finding, because it does not
/// know which; it is a finding of its own.
pub fn notice(notice: &SourceNotice, lines: &mut Lines) {
    let listed = ecs::notice::listed(notice);
    lines.add(|event| {
        event.constant(Constant(r#""activity_id":1,"#));
        event.set("category_uid", DETECTION_FINDING.category);
        event.set("class_uid", DETECTION_FINDING.class);
        event.object("finding_info", |finding| finding_info(finding, notice));
        event.set("is_alert", notice.matter.is_problem());
        event.set("message", &*sentence::of_notice(notice));
        event.object("metadata", |metadata| {
            metadata.constant(PRODUCT);
            metadata.set_list("profiles", listed.as_ref().map(|_| "osint"));
            metadata.set("uid", format_args!("{}", notice.id()));
            metadata.constant(VERSION);
        });
        event.objects("osint", &listed, osint);
        event.objects("resources", notice.source.as_deref(), |resource, source| {
            resource.set("name", source);
            resource.set("type", "source of intelligence");
        });
        event.set("severity_id", notice.matter.severity() as u8 + 1);
        event.set("time", Millis(notice.time));
        event.set("type_uid", DETECTION_FINDING.with(1));
        event.object("unmapped", |unmapped| {
            unmapped.object("weir", |weir| ecs::notice::weir(weir, notice));
        });
    });
}

fn finding_info(finding: &mut Object<'_>, notice: &SourceNotice) {
    finding.set("title", format_args!("Intelligence: {}", notice.matter.keyword().replace('_', " ")));
    finding.set_list("types", ["weir.notice", notice.matter.keyword()]);
    finding.set("uid", format_args!("{}", notice.id()));
}
