//! Hands mails to the relay: one for each parcel, or one for all.

use super::super::{Outcome, Parcel, Remarks, Sink};
use super::digest::digest;
use super::letter::{Letter, Style, envelope};
use super::relay::{Relay, Session, Trouble};
use lettre::message::Mailbox;
use std::sync::Arc;
use std::time::Instant;

/// To whom mails go, and how.
pub(super) struct Way {
    pub(super) relay: Relay,
    pub(super) from: Mailbox,
    pub(super) to: Vec<Mailbox>,
    pub(super) style: Style,
    /// Of both outlets.
    pub(super) remarks: Remarks,
}

/// A mail for each.
pub(super) struct Mails(pub(super) Arc<Way>);

/// A mail for all that is handed over at once.
pub(super) struct Digests(pub(super) Arc<Way>);

impl Sink for Mails {
    fn deliver(&mut self, parcels: &[Parcel], until: Instant) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(parcels.len());
        let mut session = None;
        for parcel in parcels {
            let outcome = match Letter::of(parcel, &self.0.style) {
                Some(letter) => self.0.send(&mut session, &letter, until),
                None => no_mail(),
            };
            if matches!(outcome, Outcome::Failed(_)) {
                outcomes.resize(parcels.len(), outcome);
                break;
            }
            outcomes.push(outcome);
        }
        if let Some(session) = session {
            session.leave();
        }
        outcomes
    }

    fn remarks(&mut self) -> Vec<String> {
        self.0.remarks.take()
    }
}

impl Sink for Digests {
    fn deliver(&mut self, parcels: &[Parcel], until: Instant) -> Vec<Outcome> {
        let mut session = None;
        let outcome = match digest(parcels, &self.0.style) {
            Some(letter) => self.0.send(&mut session, &letter, until),
            None => no_mail(),
        };
        if let Some(session) = session {
            session.leave();
        }
        vec![outcome; parcels.len()]
    }

    fn remarks(&mut self) -> Vec<String> {
        self.0.remarks.take()
    }
}

fn no_mail() -> Outcome {
    Outcome::Refused("mail is for alerts only: leave flows, names and the ledger out of `send`".to_owned())
}

impl Way {
    /// Sends a mail over the session, which is opened where there is none, and stays open where all is well.
    fn send(&self, session: &mut Option<Session>, letter: &Letter, until: Instant) -> Outcome {
        match self.try_send(session, letter, true, until) {
            // What a relay dislikes in a mail is most often what is attached: its size, its type.
            Err(Trouble::Refused(_)) => match self.try_send(session, letter, false, until) {
                Ok(()) => Outcome::Taken,
                Err(Trouble::Refused(why)) => Outcome::Refused(why),
                Err(Trouble::Failed(why)) => Outcome::Failed(why),
            },
            Ok(()) => Outcome::Taken,
            Err(Trouble::Failed(why)) => Outcome::Failed(why),
        }
    }

    fn try_send(
        &self,
        session: &mut Option<Session>,
        letter: &Letter,
        attached: bool,
        until: Instant,
    ) -> Result<(), Trouble> {
        let mut open = match session.take() {
            Some(open) => open,
            None => self.relay.connect(until).map_err(Trouble::Failed)?,
        };
        let unsendable =
            |error: lettre::error::Error| Trouble::Refused(format!("no mail can be made of it: {error}"));
        let envelope = envelope(&self.from, &self.to).map_err(unsendable)?;
        let unknown = open.announce(&envelope, until)?;
        for address in &unknown {
            self.remarks.add(&format!("the relay takes no mail for {address}; the others of `to` got it"));
        }
        let mail = letter.write(&self.from, &self.to, &unknown, attached).map_err(unsendable)?;
        open.hand_over(&mail, until)?;
        *session = Some(open);
        Ok(())
    }
}
