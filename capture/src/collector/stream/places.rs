//! How many sessions there may be.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use crate::collector::locked;
use crate::collector::options::StreamOptions;

/// Room for sessions.
#[derive(Debug)]
pub(super) struct Places {
    options: StreamOptions,
    taken: Arc<Mutex<Taken>>,
}

/// Open sessions.
#[derive(Debug, Default)]
struct Taken {
    count: usize,
    of: BTreeMap<IpAddr, usize>,
}

/// Room for one session, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    exporter: IpAddr,
    taken: Arc<Mutex<Taken>>,
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// In all.
    All,
    /// For this exporter.
    Exporter,
}

impl Places {
    pub(super) fn new(options: StreamOptions) -> Self {
        Self { options, taken: Arc::default() }
    }

    pub(super) fn take(&self, exporter: IpAddr) -> Result<Place, Full> {
        let mut taken = locked(&self.taken);
        if taken.of.get(&exporter).is_some_and(|count| *count >= self.options.sessions_per_exporter) {
            return Err(Full::Exporter);
        }
        if taken.count >= self.options.sessions {
            return Err(Full::All);
        }
        taken.count += 1;
        *taken.of.entry(exporter).or_default() += 1;
        Ok(Place { exporter, taken: Arc::clone(&self.taken) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = locked(&self.taken);
        taken.count -= 1;
        if let Some(count) = taken.of.get_mut(&self.exporter) {
            *count -= 1;
            if *count == 0 {
                taken.of.remove(&self.exporter);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_in_all_and_per_exporter_and_come_back() {
        let options = StreamOptions { sessions: 3, sessions_per_exporter: 2, ..StreamOptions::default() };
        let places = Places::new(options);
        let [a, b, c] = [1, 2, 3].map(|number: u32| IpAddr::V4(number.into()));
        let first = places.take(a).unwrap();
        let _second = places.take(a).unwrap();
        assert_eq!(places.take(a).unwrap_err(), Full::Exporter);
        let third = places.take(b).unwrap();
        assert_eq!(places.take(c).unwrap_err(), Full::All);
        drop((first, third));
        assert_eq!(locked(&places.taken).of.len(), 1);
        let _back = (places.take(a).unwrap(), places.take(c).unwrap());
        assert_eq!(places.take(b).unwrap_err(), Full::All);
    }
}
