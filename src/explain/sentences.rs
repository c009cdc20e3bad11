//! What is known of a value, in English.

use super::{Explanation, KEPT_OUT, Said, UNTOLD, Verdict, plain_time};
use crate::intel::say::count;
use crate::mute::Row;

/// The verdict first, then what led to it, then what it raised.
pub(super) fn of(known: &Explanation) -> Vec<String> {
    let mut told = vec![verdict(known)];
    told.extend(known.mutes.iter().map(Row::sentence));
    told.extend(known.said.iter().map(said));
    told.extend(known.warninglists.iter().map(warning));
    told.extend(known.refused.iter().map(|refused| {
        format!("It was refused at {} ({}): {}", refused.place, refused.reason, refused.meaning)
    }));
    if let Some(sentence) = incidents(known) {
        told.push(sentence);
    }
    told
}

fn verdict(known: &Explanation) -> String {
    let is_exact = known.matches.iter().any(|met| met.indicator == known.value);
    match known.verdict {
        Verdict::Rings if is_exact => "It is loaded, and meeting it raises an alert.".to_owned(),
        Verdict::Rings => match known.matches.first() {
            Some(met) => format!(
                "It is not an indicator itself, but meeting it raises an alert because of the {} {}: {}.",
                met.kind.replace('_', " "),
                met.indicator,
                met.because
            ),
            None => "Meeting it raises an alert.".to_owned(),
        },
        Verdict::KeptOut => match &known.kept_out {
            Some(kept) => format!("It is not loaded, although a source has it: {}", kept.because),
            None => "It is not loaded, although a source has it.".to_owned(),
        },
        Verdict::Gone if known.said.iter().any(|said| said.state == UNTOLD) => {
            "Whether it is loaded cannot be told: the configuration says which sources count (--config FILE)."
                .to_owned()
        }
        Verdict::Gone => "It is not loaded: no source says any more that it counts.".to_owned(),
        Verdict::Refused => "It is not loaded: sources have it in a form that cannot be used.".to_owned(),
        Verdict::NotAnIndicator => match &known.kept_out {
            Some(kept) => format!("It cannot be an indicator: {}", kept.because),
            None => "It cannot be an indicator.".to_owned(),
        },
        Verdict::Unknown => match &known.kept_out {
            Some(kept) => {
                format!("No source has it, and it would not be loaded if one had it: {}", kept.because)
            }
            None => "It is not loaded, and no source has it.".to_owned(),
        },
    }
}

fn said(said: &Said) -> String {
    let since = said.since.as_deref().map_or(String::new(), |since| format!(" since {}", plain_time(since)));
    let standing = match (said.until.as_deref().map(plain_time), said.counts) {
        (Some(until), false) if said.state == KEPT_OUT => format!("; it would count until {until}"),
        (None, false) if said.state == KEPT_OUT => ", without an end".to_owned(),
        (_, false) if said.state == UNTOLD => String::new(),
        (Some(until), true) => format!("; it counts until {until}"),
        (None, true) => ", without an end".to_owned(),
        (Some(until), false) => format!(", but it is {}: it counted until {until}", said.state),
        (None, false) => format!(", but it does not count: {}", said.state),
    };
    if let ("withdrawn", Some(until)) = (said.state.as_str(), said.until.as_deref()) {
        return format!("{} had it{since} and says it no longer since {}.", said.source, plain_time(until));
    }
    let tlp = said.tlp.as_deref().map_or(String::new(), |tlp| format!(" (TLP:{tlp})"));
    format!("{} has it{since}{standing}{tlp}.", said.source)
}

fn warning(listed: &super::Listed) -> String {
    let what = match listed.effect.as_str() {
        "lower" => "meeting it is less urgent, because much that is harmless meets it, too",
        "shared" => "many share it, so meeting it is less urgent unless a listed name is met beside it",
        "raise" => "meeting it from inside is more urgent, because only what is infected has a reason to",
        "exact" => "names below it belong to others, so only the very name is met",
        _ => "it is marked",
    };
    format!("The warninglist \"{}\" has it: {what}.", listed.list)
}

fn incidents(known: &Explanation) -> Option<String> {
    let open = known.incidents.iter().filter(|raised| raised.is_open).count() as u64;
    match known.incidents.len() as u64 {
        0 if known.verdict == Verdict::Rings => {
            Some("It has raised no incident that is remembered.".to_owned())
        }
        0 => None,
        all => Some(format!(
            "It raised {}, of which {open} {} open.",
            count(all, "incident"),
            if open == 1 { "is" } else { "are" }
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{KeptOut, Listed, Raised};
    use super::*;

    #[test]
    fn sentences_tell_what_holds_and_why() {
        let said = |state: &str, counts| Said {
            source: "misp".into(),
            state: state.into(),
            counts,
            since: Some("2026-11-20T10:00:00Z".into()),
            until: Some("2026-11-21T10:00:00.5Z".into()),
            tlp: Some("AMBER".into()),
            ..Said::default()
        };
        let gone = Explanation {
            value: "192.0.2.1".into(),
            verdict: Verdict::Gone,
            said: vec![said("expired", false)],
            ..Explanation::default()
        };
        assert_eq!(
            of(&gone),
            [
                "It is not loaded: no source says any more that it counts.",
                "misp has it since 2026-11-20 10:00:00Z, but it is expired: it counted until 2026-11-21 10:00:00Z (TLP:AMBER).",
            ]
        );
        let untold = Explanation { said: vec![said(UNTOLD, false)], ..gone };
        let told = of(&untold);
        assert!(told[0].starts_with("Whether it is loaded cannot be told"), "{told:?}");
        assert_eq!(told[1], "misp has it since 2026-11-20 10:00:00Z (TLP:AMBER).");
        let held = Explanation { said: vec![said(KEPT_OUT, false)], ..Explanation::default() };
        assert!(of(&held)[1].contains("; it would count until 2026-11-21 10:00:00Z"), "{:?}", of(&held));
        let kept_out = KeptOut { because: "public DNS.".into(), ..KeptOut::default() };
        let kept =
            Explanation { verdict: Verdict::KeptOut, kept_out: Some(kept_out), ..Explanation::default() };
        assert_eq!(of(&kept), ["It is not loaded, although a source has it: public DNS."]);
        let rings = Explanation {
            verdict: Verdict::Rings,
            warninglists: vec![Listed { list: "CDN".into(), effect: "shared".into() }],
            incidents: vec![Raised { is_open: true, ..Raised::default() }],
            ..Explanation::default()
        };
        let told = of(&rings).join(" ");
        assert!(told.contains("many share it") && told.contains("1 incident, of which 1 is open"), "{told}");
    }
}
