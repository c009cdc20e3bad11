//! A digest: what was gathered, by severity, host and indicator, the worst first.

use super::super::Parcel;
use super::super::brief::Brief;
use super::letter::{Events, Letter, Style};
use crate::defang::defanged;
use crate::text::count;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use uuid::Uuid;
use weir_model::Tlp;

/// The namespace of identifiers of digests (UUIDv5, RFC 9562 section 5.5).
const NAMESPACE: Uuid = Uuid::from_u128(0x5b0a_65c2_6f4e_4f0b_9d3c_7765_6972_0011);
/// Most groups that are listed; nobody reads more, and the mail says how many there are. Adversary: a scan of a thousand hosts.
const MAX_GROUPS: usize = 100;
/// Longest sentence of a group.
const MAX_SENTENCE_BYTES: usize = 400;
/// Longest name of a host or an indicator.
const MAX_NAME_BYTES: usize = 120;

/// Alerts that differ in time and grade only.
struct Group {
    count: u64,
    first: String,
    last: String,
    /// Of the last one.
    sentence: String,
    link: Option<String>,
}

/// One mail about all of them; `None` if there is nothing in them that mails tell.
pub(super) fn digest(parcels: &[Parcel], style: &Style) -> Option<Letter> {
    let told: Vec<(&Parcel, Brief)> = parcels
        .iter()
        .filter_map(|parcel| Some((parcel, Brief::of(parcel, style.link.as_ref())?)))
        .filter(|(_, brief)| brief.kind == "alert")
        .collect();
    if told.is_empty() {
        return None;
    }
    let markings = told.iter().filter_map(|(parcel, _)| parcel.message.as_ref()?.marking());
    let marking: Option<Tlp> = markings.max();
    let ids: Vec<u8> = told.iter().flat_map(|(parcel, _)| parcel.id.into_bytes()).collect();
    let groups = groups(told.iter().map(|(_, brief)| brief));
    let about = format!(
        "Digest: {} about {}",
        count(told.len() as u64, "alert"),
        count(groups.len() as u64, "matter")
    );
    Some(Letter {
        id: Uuid::new_v5(&NAMESPACE, &ids).to_string(),
        thread: None,
        subject: style.subject(marking, &about),
        text: text(&about, marking, &groups),
        marks: vec![("X-Weir-Digest", told.len().to_string())],
        events: Events::of(told.iter().map(|(parcel, _)| *parcel), style.max_attachment),
        is_urgent: false,
    })
}

/// By severity from high to low, then host, then indicator (or what else it is about).
type Key = (Reverse<u64>, String, String);

fn groups<'a>(briefs: impl Iterator<Item = &'a Brief>) -> BTreeMap<Key, Group> {
    let mut groups: BTreeMap<Key, Group> = BTreeMap::new();
    for brief in briefs {
        let host = brief.host.clone().unwrap_or_default();
        let about = brief.indicator.clone().unwrap_or_else(|| brief.title.clone());
        let group = groups.entry((Reverse(brief.severity_number), host, about)).or_insert_with(|| Group {
            count: 0,
            first: brief.time.clone(),
            last: brief.time.clone(),
            sentence: String::new(),
            link: None,
        });
        group.count += 1;
        if brief.time < group.first {
            group.first.clone_from(&brief.time);
        }
        if brief.time >= group.last {
            group.last.clone_from(&brief.time);
            group.sentence.clone_from(&brief.sentence);
            group.link.clone_from(&brief.link);
        }
    }
    groups
}

fn text(about: &str, marking: Option<Tlp>, groups: &BTreeMap<Key, Group>) -> String {
    let mut text = format!("{about}.\n");
    if let Some(marking) = marking {
        let _ = writeln!(text, "Marking: TLP:{}", marking.keyword());
    }
    let mut severity = None;
    for (key, group) in groups.iter().take(MAX_GROUPS) {
        let (Reverse(number), host, indicator) = key;
        if severity != Some(number) {
            let _ = writeln!(text, "\n{}\n", heading(*number));
            severity = Some(number);
        }
        let ends: Vec<String> = [host, indicator]
            .into_iter()
            .filter(|end| !end.is_empty())
            .map(|end| defanged(end, MAX_NAME_BYTES))
            .collect();
        let _ = writeln!(text, "{} x {}", group.count, ends.join("  "));
        let _ = writeln!(text, "    {} to {}", group.first, group.last);
        let _ = writeln!(text, "    {}", defanged(&group.sentence, MAX_SENTENCE_BYTES));
        if let Some(link) = &group.link {
            let _ = writeln!(text, "    {link}");
        }
    }
    let more = groups.len().saturating_sub(MAX_GROUPS);
    if more > 0 {
        let _ = writeln!(text, "\nand {more} more, which are in the attachment as far as it holds them.");
    }
    text
}

fn heading(severity: u64) -> &'static str {
    match severity {
        4.. => "HIGH",
        3 => "MEDIUM",
        2 => "LOW",
        _ => "INFORMATIONAL",
    }
}
