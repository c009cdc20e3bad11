//! A worker whose ring is never empty enough.

use super::*;
use std::collections::BTreeSet;

/// Plays a capture and says how full its ring is.
struct Squeezed(Player, u8);

impl Source for Squeezed {
    fn next_batch(&mut self, batch: &mut FrameBatch) -> Woken {
        self.0.next_batch(batch)
    }

    fn passed(&mut self) -> Timestamp {
        self.0.passed()
    }

    fn fullness(&self) -> u8 {
        self.1
    }
}

/// What a run with such a ring tells of: the kind and value of each indicator that was met, and by how many packets. And its books.
fn told(fullness: u8) -> (BTreeSet<(String, String)>, Books) {
    let Played { watching, wire, alerts, wanted, .. } = {
        let Played { mut watching, wire, .. } = played();
        let player = watching.workers.pop().map(|(player, _)| Squeezed(player, fullness)).unwrap();
        staged(vec![player], wire)
    };
    let ending = watching.ending.clone();
    let run = std::thread::spawn(move || watch(watching));
    wait_for("the capture is over", || wire.is_over.load(Ordering::Relaxed));
    ending.request();
    let books = Books::new(run.join().unwrap().seen, wanted, Moment::End);
    let value = |alert: serde_json::Value| {
        let of = |key: &str| alert["threat"]["indicator"][key].as_str().unwrap().to_owned();
        (of("type"), of("name"))
    };
    (alerts.lines().into_iter().map(value).collect(), books)
}

fn count(books: &Books, stage: &str, name: &str) -> u64 {
    let counters = books.counters();
    counters.iter().find(|(of, event, _)| (*of, event.as_str()) == (stage, name)).unwrap().2
}

#[test]
fn whoever_cannot_keep_up_still_compares_every_address_and_the_books_balance() {
    let (all, _) = told(0);
    let (with_headers, headers) = told(60);
    let (with_addresses, addresses) = told(100);
    let is_address = |(kind, _): &&(String, String)| kind == "ipv4-addr";
    let of_addresses: BTreeSet<_> = all.iter().filter(is_address).cloned().collect();
    assert!(of_addresses.len() >= 2 && all.len() > of_addresses.len(), "{all:?}");
    assert!(with_headers.iter().any(|(kind, _)| kind == "domain-name"), "DNS is read: {with_headers:?}");
    assert!(with_headers.is_superset(&of_addresses) && with_headers.len() < all.len(), "{with_headers:?}");
    assert!(with_addresses.is_superset(&of_addresses), "{with_addresses:?}");
    for (books, shed) in [(&headers, "shed_payloads"), (&addresses, "shed_frames")] {
        assert!(books.ledger().is_balanced(), "{:?}", books.ledger());
        assert!(count(books, "flow", shed) > 0, "{shed}");
        assert_eq!(count(books, "overload", "reductions"), 1);
    }
    let told = |books: &Books| format!("{:?}", books.ledger()).contains("left out under overload");
    assert_eq!((told(&headers), told(&addresses)), (false, true));
}
