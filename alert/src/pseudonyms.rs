//! What stands for the addresses of inside hosts where a sink shall not learn them.
//!
//! An address becomes one of fd00::/8 (RFC 4193), made by HMAC-SHA256 with a key that each sink has for itself: the same host has the same
//! pseudonym in all that a sink gets, two sinks cannot compare theirs, and nobody finds an address by trying all of them without the key. All
//! pseudonyms of a sink lie in one prefix of 48 bits, by which they are known and not replaced again; 80 bits are the host's. They keep no
//! prefix of the address, as Crypto-PAn would: who knows a few of its pairs reads the upper bits of all others.
//!
//! Addresses are replaced wherever they stand as text, in ends and sentences as well as in a certificate's subject or the name of a
//! reverse look-up, so that no member of a message is forgotten; how they may be written is in `written.rs`. What could be tried goes, too: Community
//! IDs are those of the pseudonyms, and identifiers of alerts, which are made of the incident's host, are made once more with the key. Where an
//! indicator is itself an address of ours, whoever has the source's list reads there what the pseudonym stands for: such a message leaves stripped.

#[cfg(test)]
mod tests;
mod veil;
mod written;

use crate::marking::{StripKey, Stripped};
use crate::sinks::Parcel;
use crate::{Format, Message};
use ring::hmac;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use uuid::{Builder, Uuid};
use veil::Veil;
use weir_model::notice::Matter;
use weir_model::{Alert, Flow, FlowId, Networks, Observation, Protocol, SourceNotice};

/// The networks that are inside, as they are at the moment.
pub type Inside = Arc<RwLock<Networks>>;

/// Bytes that all pseudonyms of a sink begin with.
const PREFIX_BYTES: usize = 6;

/// Those of one sink.
#[derive(Clone)]
pub struct Pseudonyms {
    key: hmac::Key,
    strip_key: StripKey,
    prefix: [u8; PREFIX_BYTES],
    inside: Inside,
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonyms")
    }
}

impl Pseudonyms {
    /// Those of the sink of that name in an installation.
    pub fn new(key: &StripKey, sink: &str, inside: Inside) -> Self {
        let strip_key = key.clone();
        let key = key.derived("pseudonyms", sink);
        let tag = hmac::sign(&key, b"prefix");
        let mut prefix: [u8; PREFIX_BYTES] = tag.as_ref().first_chunk().copied().unwrap_or_default();
        prefix[0] = 0xfd;
        Self { key, strip_key, prefix, inside }
    }

    /// A message as the sink gets it: with pseudonyms, or stripped.
    pub fn message(&self, message: &Message) -> Message {
        let veil = self.veil();
        match message {
            Message::Alert(alert) => self.alert(alert, &veil),
            Message::Notice(notice) => self.notice(notice, &veil),
            Message::Stripped(stripped) => self.stripped(Stripped::clone(stripped), &veil),
        }
    }

    /// A flow as the sink gets it; none where the format has no flows.
    pub fn flow(&self, flow: &Flow, format: Format) -> Option<Parcel> {
        let veil = self.veil();
        let mut flow = flow.clone();
        for end in [&mut flow.initiator, &mut flow.responder] {
            end.ip = veil.ip(end.ip);
        }
        veil.parcel(Parcel::of_flow(&flow, format)?)
    }

    /// Likewise what a conversation taught of a name.
    pub fn name(
        &self,
        flow: FlowId,
        protocol: Protocol,
        told: &Observation,
        format: Format,
    ) -> Option<Parcel> {
        let veil = self.veil();
        let mut told = told.clone();
        for end in [&mut told.source, &mut told.destination] {
            end.ip = veil.ip(end.ip);
        }
        veil.parcel(Parcel::of_name(flow, protocol, &told, format)?)
    }

    /// What is about no conversation, as the ledger, with pseudonyms in all that is written there.
    pub fn parcel(&self, parcel: Parcel) -> Option<Parcel> {
        self.veil().parcel(parcel)
    }

    fn alert(&self, alert: &Alert, veil: &Veil<'_>) -> Message {
        let stripped = || self.stripped(Stripped::of_alert(alert, &self.strip_key), veil);
        if veil.names(&alert.indicator.value) {
            return stripped();
        }
        let mut told = Alert {
            id: self.identifier(alert.id),
            incident: self.identifier(alert.incident),
            previous: alert.previous.map(|previous| self.identifier(previous)),
            ..Alert::clone(alert)
        };
        told.also_matched.retain(|other| !veil.names(&other.value));
        // What somebody wrote so that it is too long with pseudonyms in it shall not keep it from being told.
        veil.throughout(&told).map_or_else(stripped, Message::from)
    }

    fn notice(&self, notice: &SourceNotice, veil: &Veil<'_>) -> Message {
        let stripped = || self.stripped(Stripped::of_listing(notice, &self.strip_key), veil);
        if matches!(notice.matter, Matter::Listed { .. }) {
            return stripped();
        }
        veil.throughout(notice).map_or_else(stripped, Message::from)
    }

    /// Its identifiers are the same at all sinks that strip: here they become the sink's own.
    fn stripped(&self, mut stripped: Stripped, veil: &Veil<'_>) -> Message {
        match &mut stripped {
            Stripped::Alert(alert) => {
                alert.id = self.identifier(alert.id);
                alert.incident = self.identifier(alert.incident);
                alert.previous = alert.previous.map(|previous| self.identifier(previous));
                alert.host = alert.host.map(|host| veil.ip(host));
            }
            Stripped::Listing(listing) => listing.id = self.identifier(listing.id),
        }
        Message::Stripped(Arc::new(stripped))
    }

    fn veil(&self) -> Veil<'_> {
        let inside = self.inside.read().unwrap_or_else(PoisonError::into_inner).clone();
        Veil::new(&self.key, self.prefix, inside)
    }

    /// What stands for an identifier.
    fn identifier(&self, id: Uuid) -> Uuid {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(b"id");
        context.update(id.as_bytes());
        let bytes = context.sign().as_ref().first_chunk().copied().unwrap_or_default();
        Builder::from_custom_bytes(bytes).into_uuid()
    }
}
