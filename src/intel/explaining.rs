//! Gathers all that is known of a value: from the library, the screen, the set, and what incidents are remembered.

use super::say::now;
use super::shelf::{Shelf, refused};
use super::trial::matches;
use crate::explain::{Explanation, KEPT_OUT, KeptOut, Listed, Raised, Said, Verdict};
use crate::memory;
use anyhow::Result;
use weir_intel::library::{Said as Known, Standing};
use weir_model::{Context, IndicatorValue};
use weir_rules::screen::{Does, Verdict as Judged};
use weir_rules::{IndicatorSet, Remembered};

/// Refusals that an explanation shows; a text such as `a` is in all of them.
const MAX_REFUSALS: u32 = 20;
/// Incidents that it shows, the latest.
const MAX_INCIDENTS: usize = 50;

impl Shelf {
    /// All that is known of a value, as people write it. `set` is what counts.
    pub(crate) fn explain(&self, text: &str, set: &IndicatorSet) -> Result<Explanation> {
        let text = text.trim();
        let refused = self.refused_as(text)?;
        let value = match weir_intel::value::parse(text) {
            Ok(value) => value,
            Err(reason) => {
                let verdict = if refused.is_empty() { Verdict::NotAnIndicator } else { Verdict::Refused };
                let because = format!("{} ({})", reason.meaning(), reason.keyword());
                let kept_out = KeptOut { by: "form".to_owned(), name: reason.keyword().to_owned(), because };
                let kept_out = Some(kept_out);
                return Ok(Explanation {
                    value: text.to_owned(),
                    verdict,
                    kept_out,
                    refused,
                    ..Explanation::default()
                }
                .told());
            }
        };
        let known = self.known(&value)?;
        let mut contexts: Vec<Context> = Vec::new();
        contexts.extend(
            known.iter().filter(|said| said.standing == Standing::Counts).map(|said| said.context.clone()),
        );
        let matches = matches(set, &value);
        let mut said: Vec<_> = known.iter().map(|known| self.said(known)).collect();
        if said.is_empty() {
            said = set
                .find_value(&value)
                .and_then(|id| set.get(id))
                .map_or(Vec::new(), |indicator| indicator.contexts.iter().map(of_set).collect());
        }
        let (kept_out, warninglists) = self.screened(&value, &contexts);
        let verdict = if matches.iter().any(|met| met.counts) {
            Verdict::Rings
        } else if !contexts.is_empty() {
            Verdict::KeptOut
        } else if !said.is_empty() {
            Verdict::Gone
        } else if refused.is_empty() {
            Verdict::Unknown
        } else {
            Verdict::Refused
        };
        if !contexts.is_empty() && (kept_out.is_some() || verdict == Verdict::KeptOut) {
            for said in said.iter_mut().filter(|said| said.counts) {
                (said.state, said.counts) = (KEPT_OUT.to_owned(), false);
            }
        }
        let incidents = self.incidents(&value, &matches);
        let (value, kind) = (value.to_string(), Some(value.kind().to_owned()));
        let sentences = Vec::new();
        Ok(Explanation {
            value,
            kind,
            verdict,
            sentences,
            said,
            kept_out,
            warninglists,
            matches,
            refused,
            incidents,
            mutes: Vec::new(),
        }
        .told())
    }

    /// What every source says of a value; of a name both as a domain and as a host.
    fn known(&self, value: &IndicatorValue) -> Result<Vec<Known>> {
        let Some(reader) = self.library() else { return Ok(Vec::new()) };
        let twin = match value {
            IndicatorValue::Domain(name) => Some(IndicatorValue::Host(name.clone())),
            IndicatorValue::Host(name) => Some(IndicatorValue::Domain(name.clone())),
            _ => None,
        };
        let mut known = reader.find(self.policies(), value, now())?;
        if let Some(twin) = twin {
            known.extend(reader.find(self.policies(), &twin, now())?);
        }
        Ok(known)
    }

    fn refused_as(&self, text: &str) -> Result<Vec<crate::explain::Refused>> {
        let Some(reader) = self.library().filter(|_| !text.is_empty()) else { return Ok(Vec::new()) };
        let found = reader.find_refused(text, MAX_REFUSALS)?;
        Ok(found.iter().map(|(source, refusal)| refused(source, refusal)).collect())
    }

    fn said(&self, known: &Known) -> Said {
        let context = &known.context;
        let (state, until) = match known.standing {
            Standing::Counts => {
                ("counts".to_owned(), context.further.as_ref().and_then(|further| further.valid_until))
            }
            Standing::Expired { at } => ("expired".to_owned(), Some(at)),
            Standing::Filtered(by) => (self.filtered(&known.source, by), None),
            Standing::Withdrawn { at } => ("withdrawn".to_owned(), Some(at)),
        };
        Said {
            source: known.source.clone(),
            state,
            counts: known.standing == Standing::Counts,
            since: Some(known.since.to_string()),
            until: until.map(|until| until.to_string()),
            id: known.id.map(|id| id.to_string()),
            ..of_context(context)
        }
    }

    /// What keeps the value out, and what changes its weight.
    fn screened(&self, value: &IndicatorValue, contexts: &[Context]) -> (Option<KeptOut>, Vec<Listed>) {
        let kept =
            |by: &str, name: String, because: String| Some(KeptOut { by: by.to_owned(), name, because });
        let kept_out = match self.screen().judge(value, contexts) {
            Judged::Take { .. } => None,
            Judged::Suppress(list) => {
                kept("warninglist", list.to_string(), format!("the warninglist \"{list}\" holds it down."))
            }
            Judged::Refuse(refused) => {
                kept(refused.keyword(), value.to_string(), format!("it is {}.", refused.meaning()))
            }
            Judged::Inside(home) => kept(
                "own_network",
                home.to_string(),
                format!(
                    "it lies inside your own network {home}. That somebody lists you is told as a notice."
                ),
            ),
        };
        let held = self.screen().explain(value, contexts);
        let listed = held.iter().filter_map(|held| {
            let effect = match held.does? {
                Does::Warn(effect) => effect.keyword(),
                Does::Narrow => "exact",
                Does::Suppress => return None,
            };
            Some(Listed { list: held.name.to_string(), effect: effect.to_owned() })
        });
        (kept_out, listed.collect())
    }

    /// The last incident with each host that is remembered, latest first.
    fn incidents(&self, value: &IndicatorValue, matches: &[super::Match]) -> Vec<Raised> {
        let Some(folder) = self.state_folder() else { return Vec::new() };
        let exact = format!(" {} {value}", value.kind());
        let ends: Vec<_> =
            matches.iter().map(|met| format!(" {} {}", met.kind, met.indicator)).chain([exact]).collect();
        let mut remembered = memory::peek(folder);
        remembered.sort_by_key(|one| (std::cmp::Reverse(one.last), one.incident));
        let of_value = remembered.iter().filter_map(|one| {
            let about = ends.iter().find_map(|end| one.key.strip_suffix(end.as_str()))?;
            Some(raised(one, about))
        });
        of_value.take(MAX_INCIDENTS).collect()
    }
}

fn raised(one: &Remembered, about: &str) -> Raised {
    Raised {
        id: one.incident.to_string(),
        about: about.to_owned(),
        opened: one.opened.to_string(),
        last: one.last.to_string(),
        is_open: one.told.is_some(),
        grade: one.told.as_ref().map(|told| told.grade.to_string()),
        severity: one.told.as_ref().map(|told| told.severity.to_string()),
    }
}

/// What a set knows of a source that no library keeps.
fn of_set(context: &Context) -> Said {
    let until = context.further.as_ref().and_then(|further| further.valid_until);
    let counts = until.is_none_or(|until| now() < until);
    let source = context.line.map_or(context.source.to_string(), |line| format!("{}:{line}", context.source));
    let state = if counts { "counts" } else { "expired" };
    let until = until.map(|until| until.to_string());
    Said { source, state: state.to_owned(), counts, until, ..of_context(context) }
}

fn of_context(context: &Context) -> Said {
    let further = context.further.as_deref();
    let report =
        further.and_then(|further| further.report.as_ref()).and_then(|report| report.title.as_deref());
    let organisation = further.and_then(|further| further.organisation.as_deref());
    let says = [
        context.description.as_deref().map(str::to_owned),
        report.map(|title| format!("in \"{title}\"")),
        organisation.map(|name| format!("by {name}")),
        context.reference.as_deref().map(str::to_owned),
    ];
    Said {
        source: context.source.to_string(),
        tlp: context.tlp.map(|tlp| tlp.keyword().to_owned()),
        confidence: context.confidence,
        tags: context.tags.iter().map(ToString::to_string).collect(),
        says: says.into_iter().flatten().collect(),
        ..Said::default()
    }
}
