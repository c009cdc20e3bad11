//! The books of the incidents.

use weir_model::Alert;
use weir_model::alert::Notice;

/// What happened to every hit and every incident. Each match that went in is in exactly one of the places it can have gone:
/// see [`Self::is_balanced`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IncidentStats {
    /// Matches handed in with flows.
    pub hits_matched: u64,
    /// Matches in incidents that are open, or waiting for a decision.
    pub hits_open: u64,
    /// Matches in incidents whose notice was given.
    pub hits_notified: u64,
    /// Matches that a flow had no room for: [`crate::hits::MAX_HITS_PER_FLOW`].
    pub hits_left_out: u64,
    /// Passive DNS: the server name or Host that the client said is another.
    pub hits_contradicted: u64,
    /// Passive DNS: the address named is not that of the end that was spoken to.
    pub hits_not_responder: u64,
    /// Passive DNS: the record continues a conversation that began before the name was asked for.
    pub hits_continued: u64,
    /// A honeypot was involved.
    pub hits_honeypot: u64,
    /// Names that mail servers and our own scanners only looked up.
    pub hits_only_looked_up: u64,
    /// Matches in incidents of a direction of which no notice is wanted: [`super::IncidentConfig::directions`].
    pub hits_not_wanted: u64,
    /// Matches that would have opened an incident more than [`super::IncidentConfig::max_incidents`].
    pub hits_overflowed: u64,
    /// Incidents opened.
    pub incidents_opened: u64,
    /// Incidents that are open, or over and not yet told of.
    pub incidents_open: u64,
    /// Incidents whose notice was given.
    pub incidents_notified: u64,
    /// Incidents without notice: mail servers and scanners that only looked up.
    pub incidents_only_looked_up: u64,
    /// Incidents without notice: of a direction of which none is wanted.
    pub incidents_not_wanted: u64,
    /// Incidents of look-ups that became part of the contact that followed.
    pub incidents_absorbed: u64,
    /// Notices given of each kind.
    pub notices_opened: u64,
    /// See `notices_opened`.
    pub notices_raised: u64,
    /// See `notices_opened`.
    pub notices_repeated: u64,
    /// See `notices_opened`.
    pub notices_closed: u64,
    /// Snapshots of open flows that were not held, so that their hits are told of when the flows end:
    /// [`super::MAX_STANDING_FLOWS`], [`super::IncidentConfig::max_incidents`].
    pub snapshots_forgotten: u64,
    /// Look-ups by resolvers that became part of their client's incident.
    pub resolver_lookups_folded: u64,
    /// Look-ups by resolvers that were decided at once, because too many were waiting: [`super::MAX_WAITING_LOOKUPS`].
    pub resolver_lookups_hurried: u64,
    /// Clients' look-ups that were not remembered: [`super::MAX_REMEMBERED_LOOKUPS`].
    pub client_lookups_forgotten: u64,
    /// Flows whose later records will not be counted with them: [`super::MAX_CONTINUING_FLOWS`].
    pub continuations_forgotten: u64,
    /// Touches of hosts that were not noted: [`super::MAX_TOUCHED_HOSTS`].
    pub touches_forgotten: u64,
}

impl IncidentStats {
    /// All counters with their names, in the order of the fields.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("hits_matched", self.hits_matched),
            ("hits_open", self.hits_open),
            ("hits_notified", self.hits_notified),
            ("hits_left_out", self.hits_left_out),
            ("hits_contradicted", self.hits_contradicted),
            ("hits_not_responder", self.hits_not_responder),
            ("hits_continued", self.hits_continued),
            ("hits_honeypot", self.hits_honeypot),
            ("hits_only_looked_up", self.hits_only_looked_up),
            ("hits_not_wanted", self.hits_not_wanted),
            ("hits_overflowed", self.hits_overflowed),
            ("incidents_opened", self.incidents_opened),
            ("incidents_open", self.incidents_open),
            ("incidents_notified", self.incidents_notified),
            ("incidents_only_looked_up", self.incidents_only_looked_up),
            ("incidents_not_wanted", self.incidents_not_wanted),
            ("incidents_absorbed", self.incidents_absorbed),
            ("notices_opened", self.notices_opened),
            ("notices_raised", self.notices_raised),
            ("notices_repeated", self.notices_repeated),
            ("notices_closed", self.notices_closed),
            ("snapshots_forgotten", self.snapshots_forgotten),
            ("resolver_lookups_folded", self.resolver_lookups_folded),
            ("resolver_lookups_hurried", self.resolver_lookups_hurried),
            ("client_lookups_forgotten", self.client_lookups_forgotten),
            ("continuations_forgotten", self.continuations_forgotten),
            ("touches_forgotten", self.touches_forgotten),
        ]
        .into_iter()
    }

    /// Where matches went, with names: these add up to [`Self::hits_matched`].
    pub fn hits_went(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.iter().skip(1).take_while(|(name, _)| name.starts_with("hits_"))
    }

    /// Books an incident that is over.
    pub(super) fn close(&mut self, weight: u64, why_silent: Option<Silent>) {
        self.hits_open -= weight;
        self.incidents_open -= 1;
        let (hits, incidents) = match why_silent {
            None => (&mut self.hits_notified, &mut self.incidents_notified),
            Some(Silent::OnlyLookedUp) => (&mut self.hits_only_looked_up, &mut self.incidents_only_looked_up),
            Some(Silent::NotWanted) => (&mut self.hits_not_wanted, &mut self.incidents_not_wanted),
        };
        *hits += weight;
        *incidents += 1;
    }

    /// Books notices given.
    pub(super) fn count(&mut self, notices: &[Alert]) {
        for alert in notices {
            *match alert.notice {
                Notice::Opened => &mut self.notices_opened,
                Notice::Raised => &mut self.notices_raised,
                Notice::Repeated => &mut self.notices_repeated,
                Notice::Closed => &mut self.notices_closed,
            } += 1;
        }
    }

    /// Books incidents of look-ups that became part of a contact's.
    pub(super) fn absorb(&mut self, incidents: usize) {
        self.incidents_open -= incidents as u64;
        self.incidents_absorbed += incidents as u64;
    }

    /// Whether every match, and every incident opened, is accounted for.
    pub fn is_balanced(&self) -> bool {
        let incidents = self.incidents_open
            + self.incidents_notified
            + self.incidents_only_looked_up
            + self.incidents_not_wanted
            + self.incidents_absorbed;
        self.hits_matched == self.hits_went().map(|(_, count)| count).sum()
            && self.incidents_opened == incidents
    }
}

/// Why there is no notice of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silent {
    OnlyLookedUp,
    NotWanted,
}
