//! What notices about the intelligence itself say.

use crate::text::{count, first_of, quoted};
use std::sync::Arc;
use weir_model::alert::Severity;
use weir_model::notice::Matter;
use weir_model::{Context, SourceNotice, Timestamp};

/// Says what is the matter, and what to do.
pub fn of_notice(notice: &SourceNotice) -> String {
    let source = match &notice.source {
        Some(source) => format!("the source {}", quoted(source)),
        None => "a source".to_owned(),
    };
    match &notice.matter {
        Matter::Listed { value, home, contexts } => {
            let value = quoted(&value.to_string());
            format!(
                "{value} lies in your network {home} and is listed as bad by {}{}. It is not matched, because all that it does would \
                 ring. Find out what it did (is a host infected or abused, an address new to you?) and ask for its removal there.",
                listers(contexts),
                said(contexts),
            )
        }
        Matter::Held { reason, before, brought } => format!(
            "What {source} delivered is held back: {} ({before} before, {brought} delivered). What it said before stays in force. Look at \
             the source; if this is right, release it: weir intel release.",
            quoted(reason)
        ),
        Matter::Released => format!("What {source} delivers is in force again."),
        Matter::Stale { last_success, error } => {
            let error = error.as_ref().map(|error| format!(": {}", quoted(error))).unwrap_or_default();
            format!(
                "Nothing has come from {source} {}{error}. What it said before stays until it expires. Look at the source and at the way to it.",
                since(*last_success)
            )
        }
        Matter::Recovered => capital(&format!("{source} delivers again.")),
        Matter::NotSaved { reason } => format!(
            "What is loaded could not be saved: {}. A restart will begin with what was saved last. Look at the disk and the state directory.",
            quoted(reason)
        ),
        Matter::CanaryLost { last_seen } => format!(
            "The canary has not come back {}: what meets an indicator may not be told. Look at capture, queues and outputs: weir status.",
            since(*last_seen)
        ),
        Matter::Folded { since, messages, incidents, by_severity, kinds } => {
            folded((*since, *messages, *incidents), *by_severity, kinds)
        }
        Matter::Delayed { since, reason } => format!(
            "What there was to tell could not be kept since {since}: {}. It comes now, late. Look at the disk and the state directory.",
            quoted(reason)
        ),
    }
}

fn folded(
    (since, messages, incidents): (Timestamp, u64, u64),
    by_severity: [u64; 4],
    kinds: &[(Arc<str>, u64)],
) -> String {
    let of = Severity::ALL.iter().zip(by_severity).rev().filter(|(_, count)| *count > 0);
    let severities: Vec<String> = of.map(|(severity, count)| format!("{count} {severity}")).collect();
    let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{kind} ({count})")).collect();
    let most = if kinds.is_empty() { String::new() } else { format!(" Most were {}.", kinds.join(", ")) };
    format!(
        "There was more to tell than may be told in a minute: {} of {} since {since} {} only counted ({}).{most} What comes of these incidents          later says so. Look for what they have in common: a scan, a list that is wrong, an outbreak. The cap is per_minute in [storm].",
        count(messages, "message"),
        count(incidents, "incident"),
        if messages == 1 { "was" } else { "were" },
        severities.join(", "),
    )
}

fn listers(contexts: &[Context]) -> String {
    let mut sources: Vec<String> = contexts.iter().map(|context| quoted(&context.source)).collect();
    sources.sort();
    sources.dedup();
    if sources.is_empty() { "a source".to_owned() } else { first_of(&sources, sources.len() as u64) }
}

fn said(contexts: &[Context]) -> String {
    let all = contexts.len() as u64;
    let what = contexts.iter().find_map(|context| context.description.as_deref());
    match (what, all) {
        (Some(what), 0 | 1) => format!(": {}", quoted(what)),
        (Some(what), _) => {
            format!(" ({}): {}", count(all, "entry").replace("entrys", "entries"), quoted(what))
        }
        (None, _) => String::new(),
    }
}

fn since(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "yet".to_owned(), |time| format!("since {time}"))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().collect::<String>() + letters.as_str())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_model::IndicatorValue;

    fn sentence(matter: Matter) -> String {
        let time = Timestamp::from_nanos(1_700_000_000_000_000_000);
        of_notice(&SourceNotice { time, source: Some("feodo\u{202e}".into()), matter })
    }

    #[test]
    fn each_says_what_is_the_matter_and_what_to_do() {
        let context = |source: &str| Context {
            source: source.into(),
            description: Some("botnet\ncontroller".into()),
            ..Context::default()
        };
        let listed = sentence(Matter::Listed {
            value: IndicatorValue::Address("192.0.2.7".parse().unwrap()),
            home: "192.0.2.0/24".parse().unwrap(),
            contexts: vec![context("b"), context("a")],
        });
        assert!(listed.starts_with(
            "192.0.2.7 lies in your network 192.0.2.0/24 and is listed as bad by a, b (2 entries): botnet"
        ));
        assert!(!listed.contains('\n'), "{listed}");
        let held = sentence(Matter::Held { reason: "it came back empty".into(), before: 12, brought: 0 });
        assert!(held.contains("it came back empty (12 before, 0 delivered)"), "{held}");
        assert!(!held.contains('\u{202e}'), "{held}");
        let stale = sentence(Matter::Stale { last_success: None, error: Some("timed out".into()) });
        assert!(stale.contains("yet: timed out. What it said before stays"), "{stale}");
        let lost = sentence(Matter::CanaryLost { last_seen: Some(Timestamp::from_nanos(0)) });
        assert!(lost.contains("since 1970-01-01T00:00:00"), "{lost}");
        assert!(sentence(Matter::Recovered).starts_with("The source feodo"));
    }
}
