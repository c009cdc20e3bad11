//! Templates and options of exporters, kept in the state directory: a program that is killed and started again can read at once what
//! comes, although exporters repeat templates only now and then.
//!
//! Each thread puts up a snapshot of its exporters when they changed; who looks after the run writes them all to one file. After a
//! start each thread takes in those exporters that are dealt to it, so there may be another number of threads.

use crate::output::complain;
use crate::state::State;
use anyhow::Result;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use weir_wire::export::{ExportDecoder, ExportStats, RestoreError};

const FILE: &str = "templates";
/// What a file that could not be read is called.
const SET_ASIDE: &str = "templates.damaged";
/// What the file begins with, and the version of its form. Behind it: the length of each snapshot in 4 bytes, and the snapshot.
const MAGIC: &[u8; 8] = b"weirtpl1";

/// How long after a change it is kept. What exporters announced in between must be announced again if the program is killed.
const KEEP_EVERY: Duration = Duration::from_secs(2);
/// Templates are kept again after so long, for when they were used last.
const KEEP_AGAIN_AFTER: Duration = Duration::from_mins(10);
/// A thread rests so many times as long as a snapshot took before it takes the next.
const PAUSE_PER_WORK: u32 = 100;

/// The snapshots of all threads.
#[derive(Debug)]
pub(super) struct Templates {
    places: Mutex<Places>,
}

#[derive(Debug)]
struct Places {
    snapshots: Vec<Vec<u8>>,
    is_changed: bool,
}

impl Templates {
    /// Of so many threads.
    pub(super) fn new(threads: usize) -> Self {
        Self { places: Mutex::new(Places { snapshots: vec![Vec::new(); threads], is_changed: false }) }
    }

    /// What the thread of that number knows.
    pub(super) fn put(&self, thread: usize, snapshot: Vec<u8>) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let Places { snapshots, is_changed } = &mut *places;
        if let Some(place) = snapshots.get_mut(thread).filter(|place| **place != snapshot) {
            *place = snapshot;
            *is_changed = true;
        }
    }

    /// Writes the file, if something has changed since.
    pub(super) fn save(&self, state: &State) -> Result<()> {
        let bytes = {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            if !std::mem::take(&mut places.is_changed) {
                return Ok(());
            }
            joined(&places.snapshots)
        };
        let saved = state.save(FILE, &bytes);
        if saved.is_err() {
            self.places.lock().unwrap_or_else(PoisonError::into_inner).is_changed = true;
        }
        saved
    }
}

/// When a thread takes a snapshot: a moment after something changed, and of the times of templates now and then; and never so often that
/// it takes much of the thread's time, however large the adversary makes it.
#[derive(Debug, Default)]
pub(super) struct Changes {
    taken_at: Option<Instant>,
    took: Duration,
    seen: u64,
}

impl Changes {
    /// Puts up a snapshot of what the decoder knows, if it is time.
    #[expect(clippy::disallowed_methods, reason = "what was learnt is kept by the clock")]
    pub(super) fn keep(
        &mut self,
        templates: &Templates,
        thread: usize,
        decoder: &ExportDecoder,
        is_last: bool,
    ) {
        let now = Instant::now();
        let age = self.taken_at.map(|taken| now.saturating_duration_since(taken));
        let has_rested = age.is_none_or(|age| age >= KEEP_EVERY.max(self.took * PAUSE_PER_WORK));
        if !is_last && !has_rested {
            return;
        }
        let changes = changes(&decoder.stats());
        let is_old = age.is_none_or(|age| age >= KEEP_AGAIN_AFTER);
        if changes != self.seen || is_old || is_last {
            templates.put(thread, decoder.snapshot());
            self.seen = changes;
            self.took = now.elapsed();
            self.taken_at = Some(now);
        }
    }
}

/// How often something that a snapshot says has changed, but for the times at which templates were used.
fn changes(stats: &ExportStats) -> u64 {
    stats.templates
        + stats.templates_redefined
        + stats.templates_withdrawn
        + stats.templates_expired
        + stats.templates_evicted
        + stats.domains_evicted
        + stats.exporters_evicted
        + stats.option_records
}

/// Gives each decoder what was kept of the exporters that are dealt to it. A file that cannot be used is told, set aside, and forgotten.
pub(super) fn restore(
    state: &State,
    decoders: &mut [&mut ExportDecoder],
    dealt_to: impl Fn(IpAddr) -> usize,
) {
    let restored = state.load(FILE).map(|bytes| bytes.map(|bytes| restore_from(&bytes, decoders, dealt_to)));
    match restored {
        Ok(None | Some(Ok(()))) => {}
        Ok(Some(Err(error))) => {
            let aside = state.path(SET_ASIDE);
            let moved = std::fs::rename(state.path(FILE), &aside);
            let what = if moved.is_ok() { "it is kept as" } else { "it could not be kept as" };
            complain(&format!(
                "the templates in {} cannot be used ({error}): data waits until exporters announce them again; {what} {}",
                state.path(FILE).display(),
                aside.display()
            ));
        }
        Err(error) => {
            complain(&format!("{error:#}; data waits until exporters announce their templates again"));
        }
    }
}

fn restore_from(
    bytes: &[u8],
    decoders: &mut [&mut ExportDecoder],
    dealt_to: impl Fn(IpAddr) -> usize,
) -> Result<(), RestoreError> {
    for snapshot in parts(bytes)? {
        for (thread, decoder) in decoders.iter_mut().enumerate() {
            decoder.restore_if(snapshot, |exporter| dealt_to(exporter) == thread)?;
        }
    }
    Ok(())
}

fn joined(snapshots: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for snapshot in snapshots.iter().filter(|snapshot| !snapshot.is_empty()) {
        // Limits keep a snapshot well below 4 GiB.
        bytes.extend_from_slice(&u32::try_from(snapshot.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(snapshot);
    }
    bytes
}

fn parts(bytes: &[u8]) -> Result<Vec<&[u8]>, RestoreError> {
    let mut rest = bytes.strip_prefix(MAGIC.as_slice()).ok_or(RestoreError::NotASnapshot)?;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (length, behind) = rest.split_first_chunk::<4>().ok_or(RestoreError::Truncated)?;
        let length = u32::from_be_bytes(*length) as usize;
        let (part, behind) = behind.split_at_checked(length).ok_or(RestoreError::Truncated)?;
        parts.push(part);
        rest = behind;
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use weir_model::Timestamp;

    /// A decoder that knows a template of each of these exporters.
    fn taught(exporters: &[u8]) -> ExportDecoder {
        struct Nowhere;
        impl weir_wire::export::ExportSink for Nowhere {
            fn record(&mut self, _: &weir_model::ExportedRecord<'_>) {}
            fn sampled(&mut self, _: &weir_model::SampledFrame<'_>) {}
        }
        let mut decoder = ExportDecoder::default();
        let template = [0, 2, 0, 16, 1, 0, 0, 2, 0, 8, 0, 4, 0, 12, 0, 4];
        let mut message = vec![0, 10, 0, 32, 0x65, 0x53, 0xf1, 0, 0, 0, 0, 0, 0, 0, 0, 7];
        message.extend(template);
        for last in exporters {
            decoder
                .datagram(exporter(*last), Timestamp::new(1_700_000_000, 0), &message, &mut Nowhere)
                .unwrap();
        }
        decoder
    }

    fn exporter(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
    }

    fn addresses(decoder: &ExportDecoder) -> Vec<IpAddr> {
        decoder.exporters().iter().map(|known| known.address).collect()
    }

    fn last_bit(exporter: IpAddr) -> usize {
        match exporter {
            IpAddr::V4(address) => usize::from(address.octets()[3] % 2),
            IpAddr::V6(_) => 0,
        }
    }

    #[test]
    fn what_one_thread_knew_is_divided_among_two() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let templates = Templates::new(2);
        templates.put(1, taught(&[1, 2, 3]).snapshot());
        templates.save(&state).unwrap();
        let (mut even, mut odd) = (ExportDecoder::default(), ExportDecoder::default());
        restore(&state, &mut [&mut even, &mut odd], last_bit);
        assert_eq!(addresses(&even), [exporter(2)]);
        assert_eq!(addresses(&odd), [exporter(1), exporter(3)]);
        assert_eq!(odd.exporter(exporter(1)).unwrap().templates, 1);
    }

    #[test]
    fn the_file_is_written_when_something_changed() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let templates = Templates::new(1);
        templates.save(&state).unwrap();
        assert!(!state.path(FILE).exists());
        templates.put(0, taught(&[1]).snapshot());
        templates.save(&state).unwrap();
        assert!(state.path(FILE).exists());
        std::fs::remove_file(state.path(FILE)).unwrap();
        templates.put(0, taught(&[1]).snapshot());
        templates.save(&state).unwrap();
        assert!(!state.path(FILE).exists(), "the same again");
    }

    #[test]
    fn what_cannot_be_used_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let good = joined(&[taught(&[1]).snapshot()]);
        let mut changed = good.clone();
        changed[40] ^= 1;
        let later = [b"weirtpl2".as_slice(), &good[8..]].concat();
        for bytes in [&changed, &later, &good[..20].to_vec(), &b"x".to_vec()] {
            state.save(FILE, bytes).unwrap();
            let mut decoder = ExportDecoder::default();
            restore(&state, &mut [&mut decoder], |_| 0);
            assert!(decoder.exporters().is_empty());
            assert!(!state.path(FILE).exists());
            assert_eq!(&state.load(SET_ASIDE).unwrap().unwrap(), bytes);
        }
    }
}
