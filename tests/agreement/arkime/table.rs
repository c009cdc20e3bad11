//! How much agrees, by field.

use std::collections::BTreeMap;
use std::fmt;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Ends,
    Began,
    Packets,
    Bytes,
    PayloadBytes,
    DeliveredBytes,
    CommunityId,
    HostNames,
    Ja4,
}

impl Field {
    pub(super) const ALL: [Self; 9] = [
        Self::Ends,
        Self::Began,
        Self::Packets,
        Self::Bytes,
        Self::PayloadBytes,
        Self::DeliveredBytes,
        Self::CommunityId,
        Self::HostNames,
        Self::Ja4,
    ];

    /// The word in the table and in `explained.tsv`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ends => "addresses and ports",
            Self::Began => "who began",
            Self::Packets => "packets each way",
            Self::Bytes => "IP bytes each way",
            Self::PayloadBytes => "payload bytes each way",
            Self::DeliveredBytes => "payload as Arkime counts it",
            Self::CommunityId => "Community ID",
            Self::HostNames => "host names",
            Self::Ja4 => "JA4",
        }
    }

    /// How much must agree of what both define, in percent. Below 99 only because of what Arkime gets wrong
    /// (`docs/AGREEMENT.md`).
    pub(super) fn least_percent(self) -> f64 {
        match self {
            Self::CommunityId => 96.0,
            Self::HostNames => 96.5,
            Self::Ja4 => 97.0,
            _ => 99.0,
        }
    }
}

/// What a disagreement comes to (`explained.tsv`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// `otherwise`: the two mean different things by the field.
    DefinedOtherwise,
    /// `right`: the packets bear us out.
    WeAreRight,
    /// `unread`: Arkime reads something that we do not.
    NotReadByUs,
}

/// One thing that is said differently.
#[derive(Clone, Debug)]
pub(super) struct Disagreement {
    pub(super) capture: String,
    pub(super) session: String,
    pub(super) field: Field,
    pub(super) ours: String,
    pub(super) theirs: String,
}

/// The table.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Arkime's sessions of IP.
    pub(super) sessions: u64,
    /// Arkime's sessions of ARP, LLDP and the like.
    pub(super) not_ip: u64,
    agree: BTreeMap<Field, u64>,
    explained: Vec<(Disagreement, Verdict)>,
    open: Vec<Disagreement>,
}

impl Table {
    pub(super) fn note(&mut self, compared: Disagreement, agree: bool) {
        if agree {
            *self.agree.entry(compared.field).or_default() += 1;
        } else {
            self.open.push(compared);
        }
    }

    pub(super) fn join(&mut self, other: Self) {
        self.sessions += other.sessions;
        self.not_ip += other.not_ip;
        for (field, count) in other.agree {
            *self.agree.entry(field).or_default() += count;
        }
        self.open.extend(other.open);
    }

    /// Looks for a reason for each disagreement.
    pub(super) fn settle(&mut self, mut explain: impl FnMut(&Disagreement) -> Option<Verdict>) {
        for disagreement in std::mem::take(&mut self.open) {
            match explain(&disagreement) {
                Some(verdict) => self.explained.push((disagreement, verdict)),
                None => self.open.push(disagreement),
            }
        }
        self.open.sort_by(|one, other| (one.field, &one.capture).cmp(&(other.field, &other.capture)));
    }

    pub(super) fn unexplained(&self) -> Vec<String> {
        let described = |open: &Disagreement| {
            let Disagreement { capture, session, field, ours, theirs } = open;
            format!("{capture}\t{session}\t{}\tours {ours}, Arkime's {theirs}", field.name())
        };
        self.open.iter().map(described).collect()
    }

    /// How much agrees of what both define, in percent.
    pub(super) fn percent(&self, field: Field) -> f64 {
        let row = self.row(field);
        percent(row.agree, row.agree + row.right + row.open)
    }

    fn row(&self, field: Field) -> Row {
        let explained = |verdict| {
            let of_field = self.explained.iter().filter(|(known, _)| known.field == field);
            of_field.filter(|(_, found)| *found == verdict).count() as u64
        };
        Row {
            agree: self.agree.get(&field).copied().unwrap_or_default(),
            otherwise: explained(Verdict::DefinedOtherwise),
            right: explained(Verdict::WeAreRight),
            unread: explained(Verdict::NotReadByUs),
            open: self.open.iter().filter(|open| open.field == field).count() as u64,
        }
    }
}

struct Row {
    agree: u64,
    otherwise: u64,
    right: u64,
    unread: u64,
    open: u64,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} sessions of IP ({} others are not compared)\n", self.sessions, self.not_ip)?;
        writeln!(
            f,
            "| field | compared | agree | defined otherwise | not read by Weir | Weir is right | unexplained | agree of all | agree of what both define |"
        )?;
        writeln!(f, "|---|---:|---:|---:|---:|---:|---:|---:|---:|")?;
        for field in Field::ALL {
            let Row { agree, otherwise, right, unread, open } = self.row(field);
            let compared = agree + otherwise + right + unread + open;
            let (name, all, both) = (field.name(), percent(agree, compared), self.percent(field));
            writeln!(
                f,
                "| {name} | {compared} | {agree} | {otherwise} | {unread} | {right} | {open} | {all:.2} % | {both:.2} % |"
            )?;
        }
        Ok(())
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}
