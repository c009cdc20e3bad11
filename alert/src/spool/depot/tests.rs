use super::*;
use crate::Format;
use crate::spool::tests::{NOW, ROOMY};
use std::time::Duration;
use uuid::Uuid;

/// A parcel, told apart by its number.
pub(in crate::spool) fn parcel(number: u64, bytes: usize) -> Parcel {
    let body = format!("{{\"number\":{number}}}{}", " ".repeat(bytes)).into_bytes();
    let (id, key) = (Uuid::from_u128(number.into()), format!("1:{}", number % 7));
    Parcel { kind: Kind::Flow, id, key, time: NOW, body, format: Format::Ecs, message: None }
}

fn parcels(numbers: std::ops::Range<u64>) -> Vec<Parcel> {
    numbers.map(|number| parcel(number, 0)).collect()
}

fn numbers(held: &HeldBundle) -> Vec<u128> {
    held.parcels.iter().map(|parcel| parcel.id.as_u128()).collect()
}

#[test]
fn parcels_come_back_as_they_were_in_their_order_and_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("soc.sqlite");
    let (depot, aside) = Depot::open_or_set_aside(&path, ROOMY).unwrap();
    assert_eq!((aside, depot.front().unwrap().is_none()), (None, true));
    depot.append(&parcels(0..3), NOW).unwrap();
    let mut mixed = parcels(3..6);
    mixed[2].kind = Kind::Name;
    depot.append(&mixed, NOW).unwrap();
    assert_eq!(Depot::open(&path, ROOMY).err().unwrap().kind, SpoolErrorKind::InUse);
    let first = depot.front().unwrap().unwrap();
    assert_eq!(numbers(&first), [0, 1, 2]);
    let (one, other) = (&first.parcels[1], parcel(1, 0));
    assert_eq!((&one.key, one.time, &one.body, one.format), (&other.key, NOW, &other.body, Format::Ecs));
    assert_eq!(numbers(&depot.front().unwrap().unwrap()), [0, 1, 2], "until it is passed");
    depot.pass(first.number, 2, 1).unwrap();
    drop(depot);
    let depot = Depot::open(&path, ROOMY).unwrap();
    for expected in [&[3, 4][..], &[5]] {
        let held = depot.front().unwrap().unwrap();
        assert_eq!(numbers(&held), expected);
        depot.pass(held.number, expected.len() as u64, 0).unwrap();
    }
    assert!(depot.front().unwrap().is_none());
    let counts = depot.counts();
    let flows = DepotCounts { spooled: 5, delivered: 4, refused: 1, expired: 0 };
    assert_eq!(counts[&Kind::Flow], flows);
    assert_eq!((counts[&Kind::Name].delivered, counts[&Kind::Name].waiting()), (1, 0));
}

#[test]
fn what_has_no_room_or_is_too_old_falls_off_the_end_and_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits { max_bytes: 256 << 10, max_age: Duration::from_mins(1) };
    let depot = Depot::open(&directory.path().join("soc.sqlite"), limits).unwrap();
    let mut expired = 0;
    for round in 0..40_u64 {
        // Bytes that do not compress.
        let body: Vec<u8> = (0..20_000_u64).map(|at| ((at + round * 7919).pow(3) >> 7) as u8).collect();
        expired += depot.append(&[Parcel { body, ..parcel(round, 0) }], NOW).unwrap();
        assert!(depot.state().bytes <= limits.max_bytes, "{:?}", depot.state());
    }
    assert!(expired > 20, "{expired}");
    let under_way = depot.front().unwrap().unwrap();
    assert_eq!(numbers(&under_way), [u128::from(expired)], "the oldest went");
    let counts = depot.counts()[&Kind::Flow];
    assert_eq!((counts.spooled, counts.expired, counts.waiting()), (40, expired, 40 - expired));
    assert_eq!(depot.expire(NOW + Duration::from_mins(1)).unwrap(), 0);
    assert_eq!(depot.expire(NOW + Duration::from_secs(61)).unwrap(), 40 - expired);
    depot.append(&parcels(99..100), NOW).unwrap();
    depot.pass(under_way.number, 1, 0).unwrap();
    let counts = depot.counts()[&Kind::Flow];
    assert_eq!((counts.expired, counts.delivered, counts.waiting()), (40, 0, 1), "it was counted before");
    assert_eq!(depot.state().oldest, Some(NOW));
}

#[test]
fn a_bundle_that_cannot_be_read_is_refused_and_stands_in_nobodys_way() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("soc.sqlite");
    let depot = Depot::open(&path, ROOMY).unwrap();
    for round in 0..4 {
        depot.append(&parcels(round * 2..round * 2 + 2), NOW).unwrap();
    }
    drop(depot);
    let connection = rusqlite::Connection::open(&path).unwrap();
    for change in [
        "UPDATE bundle SET body = x'00' WHERE number = 1",
        "UPDATE bundle SET format = 'later' WHERE number = 2",
        "UPDATE bundle SET bytes = 4000000000 WHERE number = 3",
    ] {
        connection.execute(change, []).unwrap();
    }
    drop(connection);
    let depot = Depot::open(&path, ROOMY).unwrap();
    assert_eq!(numbers(&depot.front().unwrap().unwrap()), [6, 7]);
    let counts = depot.counts()[&Kind::Flow];
    assert_eq!((counts.refused, counts.waiting()), (6, 2));
    drop(depot);
    std::fs::write(&path, "no database at all, and long enough to be seen as none").unwrap();
    let (depot, aside) = Depot::open_or_set_aside(&path, ROOMY).unwrap();
    assert!(aside.unwrap().path.exists() && depot.front().unwrap().is_none());
}

/// What a hostile length says is not believed.
#[test]
fn unpacking_reads_no_further_than_there_is() {
    let packed = bundle::pack(&parcels(0..2)).unwrap().remove(0);
    let row = |body: Vec<u8>, bytes: u64| store::Row {
        number: 1,
        kind: "flows".to_owned(),
        format: "ecs".to_owned(),
        parcels: 2,
        bytes,
        body,
    };
    assert_eq!(bundle::unpack(&row(packed.body.clone(), packed.bytes)).unwrap().len(), 2);
    assert!(bundle::unpack(&row(packed.body.clone(), packed.bytes - 1)).is_none());
    let whole = zstd::bulk::decompress(&packed.body, 10_000).unwrap();
    for length in 0..whole.len() {
        let cut = zstd::bulk::compress(&whole[..length], 1).unwrap();
        assert!(bundle::unpack(&row(cut, length as u64)).is_none(), "{length}");
    }
}
