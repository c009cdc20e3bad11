//! Certificates met before: servers send the same ones to every client, and hashing and reading one takes microseconds.
//!
//! Only a shorter way to what [`super::certificate::describe`] says: a certificate counts as met before when all its bytes are
//! the same.

use super::certificate;
use std::cell::RefCell;
use std::sync::Arc;
use weir_model::observation::Certificate;

/// Certificates remembered by each thread. A server that makes up a new one for every client would like this to be larger; the one
/// met last takes the place of an earlier one, and what was forgotten is read again. With [`MAX_BYTES`] this bounds what
/// is remembered to 4 MiB and what was read from it.
const PLACES: usize = 1024;

/// Longest certificate remembered; nearly all have 1 to 2 KiB.
const MAX_BYTES: usize = 4096;

thread_local! {
    static KNOWN: RefCell<Known> = const { RefCell::new(Known { places: Vec::new() }) };
}

/// What is known of a certificate from its DER form.
pub(super) fn describe(position: u8, der: &[u8]) -> Arc<Certificate> {
    KNOWN.with_borrow_mut(|known| known.describe(position, der))
}

/// Each certificate has one place.
#[derive(Debug, Default)]
struct Known {
    places: Vec<Option<Entry>>,
}

#[derive(Debug)]
struct Entry {
    der: Box<[u8]>,
    certificate: Arc<Certificate>,
}

impl Known {
    fn describe(&mut self, position: u8, der: &[u8]) -> Arc<Certificate> {
        let read = || Arc::new(certificate::describe(position, der));
        if der.len() > MAX_BYTES {
            return read();
        }
        self.places.resize_with(PLACES, || None);
        let Some(place) = self.places.get_mut(place(position, der)) else {
            return read();
        };
        match place {
            Some(entry) if *entry.der == *der && entry.certificate.position == position => {
                Arc::clone(&entry.certificate)
            }
            _ => {
                let certificate = read();
                *place = Some(Entry { der: der.into(), certificate: Arc::clone(&certificate) });
                certificate
            }
        }
    }
}

/// The place of a certificate, by the end of its signature, where all bits differ between any two.
fn place(position: u8, der: &[u8]) -> usize {
    let end = der.last_chunk::<8>().map_or(0, |end| u64::from_le_bytes(*end));
    (end.wrapping_add(position.into()) % PLACES as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_reading_says_however_often() {
        let mut known = Known::default();
        let whole: &[u8] = include_bytes!("../../testdata/certificate.der");
        let mut other = whole.to_vec();
        other[whole.len() / 2] ^= 1;
        let long = [whole, &[0; MAX_BYTES]].concat();
        for _ in 0..2 {
            for der in [whole, &other, b"abc", b"", &long] {
                for position in [0, 1] {
                    assert_eq!(*known.describe(position, der), certificate::describe(position, der));
                }
            }
        }
        assert_eq!(place(0, whole), place(0, &other), "or the test would show nothing");
    }

    #[test]
    fn what_was_met_is_not_read_again() {
        let mut known = Known::default();
        let first = known.describe(0, b"a certificate");
        assert!(Arc::ptr_eq(&first, &known.describe(0, b"a certificate")));
        assert!(!Arc::ptr_eq(&first, &known.describe(1, b"a certificate")));
        assert_eq!(known.places.len(), PLACES);
    }
}
