//! What people are told of sources, each thing once: what is held back, what does not deliver any more, and that we are listed.

use crate::state::State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use weir_model::notice::Matter;
use weir_model::{SourceNotice, Timestamp};

/// What goes on is told again after this.
const AGAIN_AFTER: Duration = Duration::from_hours(24);
/// Notices a day that we are listed; the others are counted as kept out. Adversary: a list of every address that we have.
const MAX_LISTED_A_DAY: usize = 100;
/// Notices remembered. The oldest are forgotten, and may be told again.
const MAX_REMEMBERED: usize = 4_096;
/// Where it is remembered what was told.
const FILE: &str = "notices.json";
/// What notices that we are listed begin with, in what is remembered.
const LISTED: &str = "listed";

/// Remembers what was told.
#[derive(Debug, Default)]
pub(super) struct Crier {
    /// When, by what makes two notices the same.
    told: BTreeMap<String, Timestamp>,
    has_changed: bool,
}

#[derive(Deserialize, Serialize)]
struct Contents {
    /// Nanoseconds since 1970.
    told: BTreeMap<String, u64>,
}

impl Crier {
    /// What earlier runs told. What cannot be read is as if nothing had been told.
    pub(super) fn load(state: &State) -> Self {
        let bytes = state.load(FILE).ok().flatten().unwrap_or_default();
        let contents = serde_json::from_slice(&bytes).unwrap_or(Contents { told: BTreeMap::new() });
        let told = contents.told.into_iter().map(|(what, at)| (what, Timestamp::from_nanos(at))).collect();
        Self { told, has_changed: false }
    }

    /// Keeps it for later runs.
    pub(super) fn save(&mut self, state: &State) -> anyhow::Result<()> {
        if !std::mem::take(&mut self.has_changed) {
            return Ok(());
        }
        let told = self.told.iter().map(|(what, at)| (what.clone(), at.as_nanos())).collect();
        state.save(FILE, &serde_json::to_vec(&Contents { told })?)
    }

    /// The notice, if it is to be told. A problem is told when it begins and after a day; its end only if the problem was told.
    pub(super) fn tell(&mut self, notice: SourceNotice) -> Option<SourceNotice> {
        let source = notice.source.as_deref().unwrap_or_default();
        let problem = match &notice.matter {
            Matter::Released => format!("held {source}"),
            Matter::Recovered => format!("stale {source}"),
            Matter::Listed { value, .. } => format!("{LISTED} {source} {} {value}", value.kind()),
            matter => format!("{} {source}", matter.keyword()),
        };
        if !notice.matter.is_problem() {
            let was_told = self.told.remove(&problem).is_some();
            self.has_changed |= was_told;
            return was_told.then_some(notice);
        }
        let is_due = self.told.get(&problem).is_none_or(|told| notice.time.since(*told) >= AGAIN_AFTER);
        let is_listed = matches!(notice.matter, Matter::Listed { .. });
        if !is_due || (is_listed && self.has_told_enough(notice.time)) {
            return None;
        }
        self.told.insert(problem, notice.time);
        self.has_changed = true;
        self.forget_oldest();
        Some(notice)
    }

    /// Whether so many notices that we are listed were told in the last day that others are not.
    fn has_told_enough(&self, now: Timestamp) -> bool {
        let of_today =
            |(what, at): &(&String, &Timestamp)| what.starts_with(LISTED) && now.since(**at) < AGAIN_AFTER;
        self.told.iter().filter(of_today).count() >= MAX_LISTED_A_DAY
    }

    fn forget_oldest(&mut self) {
        while self.told.len() > MAX_REMEMBERED {
            let oldest =
                self.told.iter().min_by_key(|(what, at)| (**at, *what)).map(|(what, _)| what.clone());
            oldest.map(|what| self.told.remove(&what));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(second: u64, matter: Matter) -> SourceNotice {
        SourceNotice { time: Timestamp::new(second, 0), source: Some("misp".into()), matter }
    }

    fn held(second: u64) -> SourceNotice {
        notice(second, Matter::Held { reason: "empty".into(), before: 9, brought: 0 })
    }

    #[test]
    fn a_problem_is_told_once_a_day_and_its_end_if_it_was_told() {
        let mut crier = Crier::default();
        assert!(crier.tell(notice(1, Matter::Released)).is_none(), "nothing was held");
        assert!(crier.tell(held(10)).is_some());
        assert!(crier.tell(held(20)).is_none());
        assert!(crier.tell(held(10 + 86_400)).is_some(), "after a day");
        assert!(crier.tell(notice(90_000, Matter::Released)).is_some());
        assert!(crier.tell(held(90_001)).is_some(), "it is another time");
    }

    #[test]
    fn what_was_told_is_remembered_between_runs() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let mut crier = Crier::load(&state);
        assert!(crier.tell(held(10)).is_some());
        crier.save(&state).unwrap();
        assert!(Crier::load(&state).tell(held(20)).is_none());
        std::fs::write(state.path(FILE), "{").unwrap();
        assert!(Crier::load(&state).tell(held(20)).is_some());
    }
}
