//! The exporters that are known, and which of them makes room for another.

use super::exporter::Exporter;
use super::limits::ExportLimits;
use super::lru::Lru;
use std::net::IpAddr;
use weir_model::Timestamp;

/// Part of the room that is never left to exporters that have proved themselves, so that a new one can: an eighth.
const FOR_NEWCOMERS: usize = 8;

/// Two tables: newcomers push out only newcomers.
#[derive(Debug)]
pub(super) struct Exporters {
    settled: Lru<IpAddr, Box<Exporter>>,
    newcomers: Lru<IpAddr, Box<Exporter>>,
}

impl Exporters {
    pub(super) fn new() -> Self {
        Self { settled: Lru::new(), newcomers: Lru::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.settled.len() + self.newcomers.len()
    }

    pub(super) fn get(&self, address: &IpAddr) -> Option<&Exporter> {
        self.settled.get(address).or_else(|| self.newcomers.get(address)).map(Box::as_ref)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Exporter> {
        self.settled.iter().chain(self.newcomers.iter()).map(|(_, exporter)| exporter.as_ref())
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Exporter> {
        self.settled.values_mut().chain(self.newcomers.values_mut()).map(Box::as_mut)
    }

    /// The exporter of that address, heard from now.
    pub(super) fn touch(&mut self, address: &IpAddr) -> Option<&mut Exporter> {
        if self.settled.contains(address) {
            self.settled.touch(address)
        } else {
            self.newcomers.touch(address)
        }
        .map(Box::as_mut)
    }

    /// Puts in an exporter that is not there. There must be room.
    pub(super) fn insert(&mut self, exporter: Exporter) {
        self.newcomers.insert(exporter.address, Box::new(exporter));
    }

    /// The exporter that has to go before another can come: a newcomer, or one that has been silent for long. `Err` when all
    /// have proved themselves.
    pub(super) fn make_room(
        &mut self,
        now: Timestamp,
        limits: &ExportLimits,
    ) -> Result<Option<Box<Exporter>>, ()> {
        if self.len() < limits.exporters {
            return Ok(None);
        }
        let gone = self.remove_newcomer(None).or_else(|| self.remove_idle(now, limits));
        if gone.is_some() { Ok(gone) } else { Err(()) }
    }

    /// The newcomer that was silent longest, unless it is `but`.
    pub(super) fn remove_newcomer(&mut self, but: Option<&IpAddr>) -> Option<Box<Exporter>> {
        let oldest = *self.newcomers.oldest()?.0;
        if but == Some(&oldest) { None } else { self.newcomers.remove(&oldest) }
    }

    fn remove_idle(&mut self, now: Timestamp, limits: &ExportLimits) -> Option<Box<Exporter>> {
        let (address, exporter) = self.settled.oldest()?;
        let idle = now.since(exporter.last_seen) >= limits.settled_idle;
        let address = *address;
        if idle { self.settled.remove(&address) } else { None }
    }

    /// Moves an exporter that has proved itself to those that are kept, as long as newcomers have some room left.
    pub(super) fn settle(&mut self, address: &IpAddr, limits: &ExportLimits) {
        if self.settled.len() >= limits.exporters - limits.exporters / FOR_NEWCOMERS {
            return;
        }
        if let Some(exporter) = self.newcomers.remove(address) {
            self.settled.insert(*address, exporter);
        }
    }

    pub(super) fn is_newcomer(&self, address: &IpAddr) -> bool {
        self.newcomers.contains(address)
    }
}
