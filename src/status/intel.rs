//! How intelligence is: the set that counts, and each source.

use super::Count;
use crate::intel::say::relative;
use crate::summary::{bytes, number};
use crate::table::Table;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::time::Duration;
use weir_model::Timestamp;

/// The set and the sources. Times are seconds since 1970.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct IntelStatus {
    /// By the clock of whoever says so.
    pub now: u64,
    pub set: SetStatus,
    pub sources: Vec<SourceStatus>,
}

/// The set that counts.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct SetStatus {
    /// How many sets there were before it in this run.
    pub generation: u64,
    /// Indicators by kind.
    pub indicators: Vec<Count>,
    pub memory_bytes: u64,
    /// When what is in it was gathered; none, if nothing was yet.
    pub made: Option<u64>,
    /// How long gathering, screening and compiling took.
    pub made_in_ms: u64,
    /// Values that were kept out, by what did it: warninglists, public suffixes, width, own network.
    pub kept_out: Vec<Count>,
}

/// Whether a source is as it should be.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Health {
    /// It delivered when it was last asked.
    Well,
    /// It was not asked yet.
    #[default]
    Waiting,
    /// It did not deliver when it was last asked.
    Failing,
    /// What it delivered looks wrong, and what it said before stays.
    Held,
    /// The settings say not to ask it.
    Disabled,
    /// Not in the settings any more, but what it said is there.
    Abandoned,
}

impl Health {
    pub(crate) const fn keyword(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Waiting => "waiting",
            Self::Failing => "failing",
            Self::Held => "held",
            Self::Disabled => "disabled",
            Self::Abandoned => "abandoned",
        }
    }

    /// Whether somebody should look.
    pub(crate) const fn is_problem(self) -> bool {
        matches!(self, Self::Failing | Self::Held)
    }
}

/// A source.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct SourceStatus {
    pub name: String,
    /// `misp`, `taxii`, `feed`.
    pub kind: String,
    pub health: Health,
    pub entries: u64,
    pub refused: u64,
    pub last_success: Option<u64>,
    pub last_attempt: Option<u64>,
    /// When it is asked next; only a running program knows.
    pub next: Option<u64>,
    /// Attempts that came to nothing, since the program started.
    pub errors: u64,
    /// How long the last attempt took.
    pub took_ms: u64,
    /// Why it fails or is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl SetStatus {
    /// All kinds together.
    pub(crate) fn total(&self) -> u64 {
        self.indicators.iter().map(|kind| kind.count).sum()
    }

    /// Whether nothing can be recognised. Kinds are told also where there are none of them.
    pub(crate) fn is_empty(&self) -> bool {
        !self.indicators.is_empty() && self.total() == 0
    }

    /// A line among others; `now` in seconds since 1970.
    pub(super) fn render(&self, now: Option<u64>, text: &mut String) {
        if self.indicators.is_empty() && now.is_none() {
            return;
        }
        let at = |time| Timestamp::new(time, 0);
        let made = now.map_or(String::new(), |now| {
            self.made
                .map_or(", not made yet".to_owned(), |made| format!(", made {}", relative(at(made), at(now))))
        });
        let _ = writeln!(text, "indicators {}, {}{made}", number(self.total()), bytes(self.memory_bytes));
    }
}

impl IntelStatus {
    /// Whether nobody has to look after anything.
    pub(crate) fn is_well(&self) -> bool {
        !self.sources.iter().any(|source| source.health.is_problem())
    }

    /// A few lines among others.
    pub(super) fn render(&self, text: &mut String) {
        self.set.render(Some(self.now), text);
        let problems = self.sources.iter().filter(|source| source.health.is_problem());
        let told: Vec<_> =
            problems.map(|source| format!("{} {}", source.name, source.health.keyword())).collect();
        let (count, told) = (self.sources.len(), told.join(", "));
        let told = if told.is_empty() { "all as they should be".to_owned() } else { told.to_uppercase() };
        let _ = writeln!(text, "sources    {count}: {told} (weir intel sources)");
    }

    /// A table of sources, and below it why some are not well.
    pub(crate) fn sources_table(&self) -> String {
        let now = Timestamp::new(self.now, 0);
        let ago =
            |time: Option<u64>| time.map_or("-".to_owned(), |time| relative(Timestamp::new(time, 0), now));
        let mut table =
            Table::new(&["source", "type", "state", "#entries", "#refused", "last success", "next", "took"]);
        for source in &self.sources {
            let took = crate::summary::time(Duration::from_millis(source.took_ms));
            table.row([
                source.name.as_str(),
                &source.kind,
                source.health.keyword(),
                &number(source.entries),
                &number(source.refused),
                &source.last_success.map_or("never".to_owned(), |time| ago(Some(time))),
                &ago(source.next),
                if source.last_attempt.is_some() { &took } else { "-" },
            ]);
        }
        let mut text = table.render();
        for source in self.sources.iter().filter(|source| source.problem.is_some()) {
            let problem = source.problem.as_deref().unwrap_or_default();
            let _ = writeln!(text, "{} is {}: {problem}", source.name, source.health.keyword());
        }
        text
    }
}
