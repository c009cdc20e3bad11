//! What the desk has to tell and the spool does not have yet. Nothing is told before it is durable, and nothing is thrown away for want of
//! room: where the spool cannot take it, it is held and offered again.

use crate::latency::Latency;
use std::sync::Arc;
use std::time::{Duration, Instant};
use weir_alert::Message;
use weir_alert::spool::{SpoolEntry, SpoolError, SpoolErrorKind};
use weir_model::SourceNotice;
use weir_model::Timestamp;
use weir_model::notice::Matter;

/// The first wait of a spool that could not take something; each later one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest: so long after there is room on the disk again, all is told.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Messages that are to be durable before more are asked for.
#[derive(Default)]
pub(super) struct Tray {
    held: Vec<Held>,
    trouble: Option<Trouble>,
    spooled: u64,
    lost: u64,
}

/// A message on its way into the spool.
pub(super) struct Held {
    pub message: Message,
    /// What the next run must know of it.
    pub note: Option<String>,
    /// When what it tells of was heard, where that is known.
    pub caused: Option<Timestamp>,
}

impl Held {
    fn entry(&self) -> SpoolEntry<'_> {
        SpoolEntry { message: &self.message, note: self.note.clone() }
    }
}

/// What there is to say of the spool.
#[derive(Debug, PartialEq)]
pub(super) struct Said {
    /// On stderr.
    pub text: String,
    /// As a message, when it is over.
    pub notice: Option<SourceNotice>,
}

struct Trouble {
    since: Timestamp,
    reason: Arc<str>,
    wait: Duration,
    again: Instant,
}

impl Tray {
    /// Takes a message.
    pub(super) fn put(&mut self, held: Held) {
        self.held.push(held);
    }

    /// Whether all that was taken is durable.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Messages that wait for the spool.
    pub(super) fn held(&self) -> u64 {
        self.held.len() as u64
    }

    /// Messages that became durable.
    pub(super) const fn spooled(&self) -> u64 {
        self.spooled
    }

    /// Messages that never did.
    pub(super) const fn lost(&self) -> u64 {
        self.lost
    }

    /// Offers what is held, unless it is too early to try again, and gives what is to be said. `now` is the same moment by both clocks.
    pub(super) fn offer(
        &mut self,
        (now, at): (Timestamp, Instant),
        latency: &mut Latency,
        append: impl Fn(&[SpoolEntry<'_>]) -> Result<(), SpoolError>,
    ) -> Option<Said> {
        let is_early = self.trouble.as_ref().is_some_and(|trouble| at < trouble.again);
        if self.held.is_empty() || is_early {
            return None;
        }
        let mut offered = self.settle(self.held.len(), now, latency, &append);
        if offered.as_ref().is_err_and(|error| error.kind == SpoolErrorKind::NotStored) {
            offered = self.one_by_one(now, latency, &append);
        }
        match offered {
            Ok(()) => self.trouble.take().map(|trouble| trouble.over(now)),
            Err(error) => self.failed((now, at), &error).map(|text| Said { text, notice: None }),
        }
    }

    /// The end: what is still held is lost. Gives what is to be said.
    pub(super) fn give_up(&mut self) -> Option<String> {
        let lost = std::mem::take(&mut self.held).len() as u64;
        self.lost += lost;
        let reason =
            self.trouble.as_ref().map(|trouble| format!(" ({})", trouble.reason)).unwrap_or_default();
        (lost > 0).then(|| format!("{lost} messages were lost before the spool{reason}"))
    }

    /// Has the first so many made durable.
    fn settle(
        &mut self,
        count: usize,
        now: Timestamp,
        latency: &mut Latency,
        append: &impl Fn(&[SpoolEntry<'_>]) -> Result<(), SpoolError>,
    ) -> Result<(), SpoolError> {
        append(&self.held.iter().take(count).map(Held::entry).collect::<Vec<_>>())?;
        for held in self.held.drain(..count) {
            self.spooled += 1;
            held.caused.into_iter().for_each(|caused| latency.record(now.since(caused)));
        }
        Ok(())
    }

    /// The same where one of them cannot be stored at all: it is lost, because it would stand in the way of all others for ever.
    fn one_by_one(
        &mut self,
        now: Timestamp,
        latency: &mut Latency,
        append: &impl Fn(&[SpoolEntry<'_>]) -> Result<(), SpoolError>,
    ) -> Result<(), SpoolError> {
        while !self.held.is_empty() {
            match self.settle(1, now, latency, append) {
                Err(error) if error.kind == SpoolErrorKind::NotStored => {
                    self.held.remove(0);
                    self.lost += 1;
                }
                settled => settled?,
            }
        }
        Ok(())
    }

    /// It is complained of once.
    fn failed(&mut self, (now, at): (Timestamp, Instant), error: &SpoolError) -> Option<String> {
        if let Some(trouble) = &mut self.trouble {
            trouble.wait = (trouble.wait * 2).min(LONGEST_WAIT);
            trouble.again = at + trouble.wait;
            return None;
        }
        let reason: Arc<str> = error.to_string().into();
        let complaint = format!("nothing can be told for now: {reason}");
        self.trouble = Some(Trouble { since: now, reason, wait: FIRST_WAIT, again: at + FIRST_WAIT });
        Some(complaint)
    }
}

impl Trouble {
    fn over(self, now: Timestamp) -> Said {
        let seconds = now.since(self.since).as_secs();
        let matter = Matter::Delayed { since: self.since, reason: self.reason };
        let notice = Some(SourceNotice { time: now, source: None, matter });
        Said { text: format!("messages are kept and told again, after {seconds} s"), notice }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};

    fn notice(second: u64) -> Held {
        let notice = SourceNotice { time: at(second), source: None, matter: Matter::Recovered };
        Held { message: notice.into(), note: None, caused: Some(at(second)) }
    }

    fn at(second: u64) -> Timestamp {
        Timestamp::new(second, 0)
    }

    /// A spool that has no room until it has, and will never take what is of one second.
    #[derive(Default)]
    struct Disk {
        is_full: Cell<bool>,
        refuses: Option<Timestamp>,
        offers: Cell<u32>,
        kept: RefCell<Vec<Timestamp>>,
    }

    impl Disk {
        fn append(&self, entries: &[SpoolEntry<'_>]) -> Result<(), SpoolError> {
            self.offers.set(self.offers.get() + 1);
            let error = |kind| Err(SpoolError { kind, detail: "as the test wants it".to_owned() });
            if self.is_full.get() {
                return error(SpoolErrorKind::Full);
            }
            if entries.iter().any(|entry| Some(entry.message.time()) == self.refuses) {
                return error(SpoolErrorKind::NotStored);
            }
            self.kept.borrow_mut().extend(entries.iter().map(|entry| entry.message.time()));
            Ok(())
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a moment to begin with")]
    fn what_finds_no_room_waits_and_is_complained_of_once() {
        let (mut tray, mut latency, disk, start) =
            (Tray::default(), Latency::new(), Disk::default(), Instant::now());
        let mut offer = |tray: &mut Tray, second| {
            let moment = (at(second), start + Duration::from_secs(second));
            tray.offer(moment, &mut latency, |entries| disk.append(entries))
        };
        disk.is_full.set(true);
        tray.put(notice(1));
        tray.put(notice(2));
        let said = offer(&mut tray, 10).unwrap();
        assert!(said.text.contains("no room") && said.notice.is_none());
        assert!((10..200).all(|second| offer(&mut tray, second).is_none()), "once");
        assert!((12..20).contains(&disk.offers.get()), "{} offers in 190 s", disk.offers.get());
        assert_eq!((tray.held(), tray.spooled(), tray.lost()), (2, 0, 0));
        disk.is_full.set(false);
        let said: Vec<_> = (200..220).filter_map(|second| offer(&mut tray, second)).collect();
        assert!(said.len() == 1 && said[0].text.contains("told again"), "{said:?}");
        assert_eq!(disk.kept.borrow()[..2], [at(1), at(2)], "in their order");
        assert_eq!((tray.held(), tray.spooled()), (0, 2));
        assert!(said[0].notice.is_some(), "that they come late is told, too");
        assert!(latency.quantiles().max_us >= 190_000_000, "packet to durable");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a moment to begin with")]
    fn a_message_that_cannot_be_stored_stands_in_nobodys_way() {
        let disk = Disk { refuses: Some(at(2)), ..Disk::default() };
        let mut tray = Tray::default();
        (1..=3).for_each(|second| tray.put(notice(second)));
        let said = tray.offer((at(9), Instant::now()), &mut Latency::new(), |entries| disk.append(entries));
        assert_eq!((said, tray.held(), tray.spooled(), tray.lost()), (None, 0, 2, 1));
        assert_eq!(*disk.kept.borrow(), [at(1), at(3)]);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a moment to begin with")]
    fn what_is_held_at_the_end_is_lost_and_said() {
        let (mut tray, disk) = (Tray::default(), Disk::default());
        assert_eq!(tray.give_up(), None);
        disk.is_full.set(true);
        tray.put(notice(1));
        tray.offer((at(9), Instant::now()), &mut Latency::new(), |entries| disk.append(entries));
        assert!(tray.give_up().unwrap().starts_with("1 messages were lost"));
        assert_eq!((tray.held(), tray.spooled(), tray.lost()), (0, 0, 1));
    }
}
