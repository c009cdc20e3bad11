//! `weir explain`: all that is known of a value, in plain sentences and as a table.

mod sentences;

use crate::Outcome;
use crate::cli::ExplainArguments;
use crate::intel::{Match, Place, place, say};
use crate::mute;
use crate::percent;
use crate::table::Table;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// The state of what a source says that would count, were it not kept out of the set.
pub(crate) const KEPT_OUT: &str = "kept out";
/// The state of what a source says, where nobody told which sources there are.
pub(crate) const UNTOLD: &str = "unknown without --config";

/// Runs the command.
pub(crate) fn run(arguments: &ExplainArguments) -> Result<Outcome> {
    let explanation = match place::to_ask(&arguments.holding)? {
        Place::Service(service) => {
            let answer =
                service.post(&format!("/intel/explain?value={}", percent::encode(&arguments.value)))?;
            serde_json::from_str(&answer)
                .context("what the running weir answers is not understood; is it of another version?")?
        }
        Place::Here(shelf) => {
            let known = shelf.explain(&arguments.value, &*shelf.set()?)?;
            let mutes = shelf.state_folder().map(|folder| mute::peek(folder, &arguments.value, say::now()));
            known.with_mutes(mutes.unwrap_or_default())
        }
    };
    say::tell(arguments.holding.json, &explanation, Explanation::text)?;
    Ok(if explanation.verdict == Verdict::Rings { Outcome::Alerts } else { Outcome::Clean })
}

/// All that is known of a value.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Explanation {
    /// As it is compared.
    pub value: String,
    /// `address`, `domain` ...; none, if it cannot be met on the wire.
    pub kind: Option<String>,
    pub verdict: Verdict,
    /// For people, the verdict first.
    pub sentences: Vec<String>,
    /// What each source says of it.
    pub said: Vec<Said>,
    /// What keeps it out of the set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_out: Option<KeptOut>,
    /// Warninglists that hold it and leave it in the set.
    pub warninglists: Vec<Listed>,
    /// What something with this value on the wire would meet.
    pub matches: Vec<Match>,
    /// Where it was refused.
    pub refused: Vec<Refused>,
    /// The last incident with each host.
    pub incidents: Vec<Raised>,
    /// What silences it, or did until not long ago.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mutes: Vec<mute::Row>,
}

/// What meeting it would mean.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// It is in the set, or what it lies in or below is.
    Rings,
    /// Sources say it, and something keeps it out.
    KeptOut,
    /// Sources said it, and it does not count any more, or not yet.
    Gone,
    /// Sources say it, and it cannot be used.
    Refused,
    /// Nobody says anything of it.
    #[default]
    Unknown,
    /// It cannot be met on the wire.
    NotAnIndicator,
}

/// What one source says of it. Times are RFC 3339.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Said {
    pub source: String,
    /// `counts`, `kept out`, `expired`, `withdrawn` ...
    pub state: String,
    /// Whether it is the source's word that has it loaded.
    pub counts: bool,
    pub since: Option<String>,
    pub until: Option<String>,
    pub tlp: Option<String>,
    pub confidence: Option<u8>,
    pub tags: Vec<String>,
    /// Description, event, reference: what there is.
    pub says: Vec<String>,
    pub id: Option<String>,
}

/// What keeps it out.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct KeptOut {
    /// `warninglist`, `public_suffix`, `too_wide`, `own_network`.
    pub by: String,
    /// The list, the suffix, the network.
    pub name: String,
    /// For people.
    pub because: String,
}

/// A warninglist and what it does.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Listed {
    pub list: String,
    /// `lower`, `shared`, `raise`.
    pub effect: String,
}

/// Where and why it was refused.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Refused {
    pub source: String,
    pub place: String,
    pub text: String,
    pub reason: String,
    pub meaning: String,
}

/// An incident that it raised.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Raised {
    pub id: String,
    /// `host 10.1.2.3`, `inbound` ...
    pub about: String,
    pub opened: String,
    pub last: String,
    pub is_open: bool,
    pub grade: Option<String>,
    pub severity: Option<String>,
}

impl Explanation {
    /// Adds the sentences to what was found.
    pub(crate) fn told(mut self) -> Self {
        self.sentences = sentences::of(&self);
        self
    }

    /// Adds what silences it.
    pub(crate) fn with_mutes(self, mutes: Vec<mute::Row>) -> Self {
        Self { mutes, ..self }.told()
    }

    fn text(&self) -> String {
        let kind = self.kind.as_deref().map_or(String::new(), |kind| format!(" ({kind})"));
        let mut text = format!("{}{kind}\n\n", weir_model::text::printable(&self.value, 200));
        for sentence in &self.sentences {
            let _ = writeln!(text, "  {sentence}");
        }
        for table in [self.said_table(), self.matches_table(), self.incidents_table()] {
            if !table.is_empty() {
                let _ = write!(text, "\n{}", table.render());
            }
        }
        text
    }

    fn said_table(&self) -> Table {
        let mut table = Table::new(&["source", "state", "since", "until", "TLP", "it says"]);
        let or_dash = |text: &Option<String>| text.as_deref().map_or("-".to_owned(), plain_time);
        for said in &self.said {
            table.row([
                said.source.as_str(),
                &said.state,
                &or_dash(&said.since),
                &or_dash(&said.until),
                said.tlp.as_deref().unwrap_or("-"),
                &said.says.join("; "),
            ]);
        }
        table
    }

    fn matches_table(&self) -> Table {
        let mut table = Table::new(&["would meet", "because", "source", "TLP"]);
        for met in &self.matches {
            let (indicator, sources) = (format!("{} {}", met.kind, met.indicator), met.sources.join(", "));
            table.row([&indicator, &met.because, &sources, met.tlp.as_deref().unwrap_or("-")]);
        }
        table
    }

    fn incidents_table(&self) -> Table {
        let mut table = Table::new(&["incident", "about", "opened", "last packet", "grade", "severity"]);
        for raised in &self.incidents {
            table.row([
                raised.id.as_str(),
                &raised.about,
                &plain_time(&raised.opened),
                &plain_time(&raised.last),
                raised.grade.as_deref().unwrap_or("closed"),
                raised.severity.as_deref().unwrap_or("-"),
            ]);
        }
        table
    }
}

/// RFC 3339 without the `T` and without parts of a second.
pub(crate) fn plain_time(text: &str) -> String {
    let text = text.split('.').next().unwrap_or_default().trim_end_matches('Z');
    format!("{}Z", text.replacen('T', " ", 1))
}
