//! What was found, how bad it is, and what to do.

use serde::Serialize;

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Fine,
    /// It could be better, or cannot be known here.
    Note,
    /// Something is lost, false or fails.
    Wrong,
}

impl Verdict {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Note => "note",
            Self::Wrong => "WRONG",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub verdict: Verdict,
    /// `eth1: GRO`.
    pub about: String,
    pub found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    pub(super) fn fine(about: impl Into<String>, found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fine, about: about.into(), found: found.into(), remedy: None }
    }

    pub(super) fn note(
        about: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { verdict: Verdict::Note, remedy: Some(remedy.into()), ..Self::fine(about, found) }
    }

    pub(super) fn wrong(
        about: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { verdict: Verdict::Wrong, remedy: Some(remedy.into()), ..Self::fine(about, found) }
    }
}
