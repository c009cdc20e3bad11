//! What commands look at.

use super::{Shelf, Verdict};
use crate::explain::Refused;
use crate::explain::UNTOLD;
use crate::intel::say::now;
use crate::intel::snapshot;
use crate::status::{Health, IntelStatus, SourceStatus};
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Instant, UNIX_EPOCH};
use weir_intel::library::{Filtered, Said, SourceState, Standing};
use weir_intel::{Refusal, SyncErrorKind};
use weir_model::{Timestamp, Tlp};
use weir_rules::SetBuilder;

/// Which lines are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::intel) enum Wanted {
    /// What is in the set.
    Counting,
    /// What a source says, and does not count: over, or filtered.
    Gone,
    /// What would count, if nothing kept it out.
    KeptOut,
}

/// What one source says of one value. Times are RFC 3339.
#[derive(Debug, Serialize)]
pub(in crate::intel) struct Line {
    pub value: String,
    pub kind: String,
    pub source: String,
    pub since: Option<String>,
    pub until: Option<String>,
    pub tlp: Option<String>,
    pub says: String,
    /// Why it does not count.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// Something that happened to an entry.
#[derive(Debug, Serialize)]
pub(in crate::intel) struct Change {
    pub when: String,
    pub what: String,
    pub value: String,
    pub kind: String,
    pub source: String,
}

/// How much there is.
#[derive(Debug, Default, Serialize)]
pub(in crate::intel) struct Stats {
    pub by_kind: BTreeMap<String, u64>,
    /// Values that count because of it.
    pub by_source: BTreeMap<String, u64>,
    pub by_tlp: BTreeMap<String, u64>,
    /// Values that are kept out, by warninglist or reason.
    pub kept_out: BTreeMap<String, u64>,
    /// Values whose meeting weighs otherwise, by warninglist.
    pub warned: BTreeMap<String, u64>,
    pub refused: BTreeMap<String, u64>,
    pub memory_bytes: u64,
    pub made_in_ms: u64,
    /// When the snapshot was written, in seconds since 1970.
    pub snapshot: Option<u64>,
}

impl Shelf {
    /// Lines of one source or all, of one kind or all.
    pub(in crate::intel) fn lines(
        &self,
        wanted: Wanted,
        source: Option<&str>,
        kind: Option<&str>,
        take: &mut dyn FnMut(Line),
    ) -> Result<()> {
        self.must_have_library()?;
        let Some(reader) = self.library() else { return Ok(()) };
        let names = self.sources.iter().map(|source| source.name.as_str());
        for name in names.filter(|name| source.is_none_or(|source| source == *name)) {
            reader.list(&self.policies, name, now(), &mut |said| {
                let is_kind = kind.is_none_or(|kind| said.value.kind() == kind);
                if let Some(why) = is_kind.then(|| self.why(wanted, &said)).flatten() {
                    take(line(&said, why));
                }
                true
            })?;
        }
        Ok(())
    }

    /// Why it is wanted; nothing to say of what counts.
    fn why(&self, wanted: Wanted, said: &Said) -> Option<String> {
        match (wanted, said.standing) {
            (Wanted::Gone, Standing::Expired { .. }) => Some("expired".to_owned()),
            (Wanted::Gone, Standing::Filtered(by)) => Some(self.filtered(&said.source, by)),
            (Wanted::Counting | Wanted::KeptOut, Standing::Counts) => {
                let kept_out = match self.screen.judge(&said.value, std::slice::from_ref(&said.context)) {
                    Verdict::Take { .. } => None,
                    Verdict::Suppress(list) => Some(format!("warninglist: {list}")),
                    Verdict::Refuse(refused) => Some(refused.meaning().to_owned()),
                    Verdict::Inside(home) => Some(format!("inside your own network {home}")),
                };
                match wanted {
                    Wanted::KeptOut => kept_out,
                    _ => kept_out.is_none().then(String::new),
                }
            }
            _ => None,
        }
    }

    /// Why a policy holds something back.
    pub(in crate::intel) fn filtered(&self, source: &str, by: Filtered) -> String {
        match self.sources.iter().find(|known| known.name == source) {
            Some(known) if known.is_enabled => {
                format!("filtered by the policy of the source: {}", by.keyword())
            }
            Some(_) => "its source is disabled".to_owned(),
            None if self.settings.config.is_none() => UNTOLD.to_owned(),
            None => "its source is not in the settings".to_owned(),
        }
    }

    /// What was refused, of one source or all.
    pub(in crate::intel) fn refusals(
        &self,
        source: Option<&str>,
        take: &mut dyn FnMut(Refused),
    ) -> Result<()> {
        self.must_have_library()?;
        let Some(reader) = self.library() else { return Ok(()) };
        let names = self.sources.iter().map(|source| source.name.as_str());
        for name in names.filter(|name| source.is_none_or(|source| source == *name)) {
            reader.refusals(name, &mut |refusal| {
                take(refused(name, &refusal));
                true
            })?;
        }
        Ok(())
    }

    /// What happened since then, oldest first.
    pub(in crate::intel) fn changes(&self, since: Timestamp, take: &mut dyn FnMut(Change)) -> Result<()> {
        self.must_have_library()?;
        let Some(reader) = self.library() else { return Ok(()) };
        reader.changes(since, &mut |change| {
            take(Change {
                when: change.at.to_string(),
                what: change.happened.keyword().to_owned(),
                kind: change.value.kind().to_owned(),
                value: change.value.to_string(),
                source: change.source,
            });
            true
        })?;
        Ok(())
    }

    /// Counts everything, and makes the set to measure it.
    #[expect(clippy::disallowed_methods, reason = "how long it takes is told")]
    pub(in crate::intel) fn stats(&self) -> Result<Stats> {
        self.must_have_library()?;
        let (mut stats, mut builder, began) = (Stats::default(), SetBuilder::new(), Instant::now());
        let composed = self.each(now(), &mut |indicator, verdict| {
            let count = |counts: &mut BTreeMap<String, u64>, name: &str| {
                *counts.entry(name.to_owned()).or_default() += 1;
            };
            match verdict {
                Verdict::Take { warnings, .. } => {
                    count(&mut stats.by_kind, indicator.value.kind());
                    let tlp = indicator.contexts.iter().filter_map(|context| context.tlp).max();
                    count(&mut stats.by_tlp, tlp.map_or("unmarked", Tlp::keyword));
                    for warning in &*warnings {
                        count(&mut stats.warned, &format!("{} ({})", warning.list, warning.effect.keyword()));
                    }
                    let _ = builder.add(indicator);
                }
                Verdict::Suppress(list) => count(&mut stats.kept_out, &list),
                Verdict::Refuse(refused) => count(&mut stats.kept_out, refused.meaning()),
                Verdict::Inside(_) => count(&mut stats.kept_out, "your own network"),
            }
        })?;
        let set = builder.build();
        stats.made_in_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        stats.memory_bytes = set.memory_bytes() as u64;
        stats.by_source = composed.sources.into_iter().map(|(name, tally)| (name, tally.values)).collect();
        for state in self.states().into_values() {
            for (reason, count) in state.refused {
                *stats.refused.entry(reason.keyword().to_owned()).or_default() += count;
            }
        }
        let written = self.settings.state.as_deref().and_then(snapshot::written);
        stats.snapshot =
            written.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map(|since| since.as_secs());
        Ok(stats)
    }

    /// How the sources are, without a running program.
    pub(in crate::intel) fn intel_status(&self) -> IntelStatus {
        let states = self.states();
        let sources = self.sources.iter().map(|source| status(source, states.get(&source.name))).collect();
        IntelStatus { now: seconds(now()), sources, ..IntelStatus::default() }
    }
}

/// How a source is by what the library knows.
pub(in crate::intel) fn status(
    settings: &crate::config::SourceSettings,
    state: Option<&SourceState>,
) -> SourceStatus {
    let of_settings = SourceStatus {
        name: settings.name.clone(),
        kind: settings.kind().to_owned(),
        health: if settings.is_enabled { Health::Waiting } else { Health::Disabled },
        ..SourceStatus::default()
    };
    let Some(state) = state else { return of_settings };
    let failure = state.failure.as_ref().filter(|failure| Some(failure.at) >= state.succeeded);
    let health = match failure {
        _ if !settings.is_enabled => Health::Disabled,
        Some(failure) if failure.kind == SyncErrorKind::Held => Health::Held,
        Some(_) => Health::Failing,
        None if state.succeeded.is_some() => Health::Well,
        None => Health::Waiting,
    };
    let took = state.duration.unwrap_or_default();
    SourceStatus {
        health,
        entries: state.entries,
        refused: state.refused.values().sum(),
        last_success: state.succeeded.map(seconds),
        last_attempt: state.attempted.map(seconds),
        took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        problem: failure.filter(|_| health.is_problem()).map(|failure| failure.text.clone()),
        ..of_settings
    }
}

pub(in crate::intel) const fn seconds(time: Timestamp) -> u64 {
    time.as_nanos() / 1_000_000_000
}

fn line(said: &Said, why: String) -> Line {
    let further = said.context.further.as_ref();
    Line {
        value: said.value.to_string(),
        kind: said.value.kind().to_owned(),
        source: said.context.line.map_or(said.source.clone(), |line| format!("{}:{line}", said.source)),
        since: Some(said.since.to_string()),
        until: further.and_then(|further| further.valid_until).map(|until| until.to_string()),
        tlp: said.context.tlp.map(|tlp| tlp.keyword().to_owned()),
        says: said.context.description.as_deref().unwrap_or_default().to_owned(),
        why,
    }
}

pub(in crate::intel) fn refused(source: &str, refusal: &Refusal) -> Refused {
    Refused {
        source: source.to_owned(),
        place: format!("{}{}", refusal.file, refusal.place),
        text: refusal.text.clone(),
        reason: refusal.reason.keyword().to_owned(),
        meaning: refusal.reason.meaning().to_owned(),
    }
}
