//! Age, budget, notes, sinks that went.

use super::*;

fn counts_of(spool: &Spool, sink: &str) -> Counts {
    spool.state().cursors.into_iter().find(|cursor| &*cursor.sink == sink).unwrap().counts
}

fn drain(cursor: &mut Cursor) -> Vec<Uuid> {
    let mut all = Vec::new();
    loop {
        let given = cursor.next(64, usize::MAX).unwrap();
        if given.is_empty() {
            return all;
        }
        let settled: Vec<_> = given.iter().map(|spooled| (spooled.sequence, Settled::Delivered)).collect();
        all.extend(given.into_iter().map(|spooled| spooled.message.id()));
        cursor.settle(&settled).unwrap();
    }
}

#[test]
fn what_has_no_room_is_counted_and_openings_stay_longest() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("spool.sqlite");
    let limits = Limits { max_bytes: 512 << 10, ..ROOMY };
    let spool = Spool::open(&path, limits).unwrap();
    let mut cursor = spool.cursor("kafka", "", Beginning::Next).unwrap();
    let mut expired = 0;
    for incident in 0..20 {
        let batch: Vec<_> = (1..=40).map(|number| message(incident, number)).collect();
        expired += append(&spool, &batch).unwrap().expired;
        assert!(spool.state().bytes <= limits.max_bytes, "{:?}", spool.state());
    }
    let counts = counts_of(&spool, "kafka");
    assert_eq!((counts.spooled, counts.expired, spool.state().expired), (800, expired, expired));
    assert!(expired > 400, "{expired}");
    let left = drain(&mut cursor);
    assert_eq!(left.len() as u64, 800 - expired);
    let openings: Vec<_> = (0..20).map(|incident| message(incident, 1).id()).collect();
    assert_eq!(left[..20], openings, "all openings are there");
    assert_eq!(left.last(), Some(&message(19, 40).id()));
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size < 2 * limits.max_bytes, "{size}: pages are used again");
    assert_eq!((spool.state().entries, counts_of(&spool, "kafka").waiting()), (0, 0));
}

#[test]
fn age_takes_what_one_sink_did_not_fetch() {
    let spool = Spool::in_memory(Limits { max_age: Duration::from_mins(1), ..ROOMY }).unwrap();
    let mut fast = spool.cursor("file", "", Beginning::Next).unwrap();
    let slow = spool.cursor("kafka", "", Beginning::Next).unwrap();
    let old: Vec<_> = (1..=3).map(|number| message(1, number)).collect();
    append(&spool, &old).unwrap();
    drain(&mut fast);
    assert_eq!(spool.expire(NOW + Duration::from_mins(1)).unwrap(), 0);
    assert_eq!(spool.state().oldest, Some(NOW));
    assert_eq!(spool.expire(NOW + Duration::from_secs(61)).unwrap(), 3);
    assert_eq!((counts_of(&spool, "file").expired, counts_of(&spool, "kafka").expired), (0, 3));
    assert_eq!((spool.state().entries, spool.state().oldest), (0, None));
    drop(slow);
    append(&spool, &old).unwrap();
    assert_eq!(spool.forget("file", "").unwrap(), None, "it is open");
    assert_eq!(spool.forget("kafka", "").unwrap(), Some(3));
    drain(&mut fast);
    assert_eq!(
        (spool.state().entries, spool.state().forgotten),
        (0, 3),
        "nothing waits for a sink that went"
    );
}

#[test]
fn notes_outlive_their_messages() {
    let spool = Spool::in_memory(ROOMY).unwrap();
    let mut cursor = spool.cursor("file", "", Beginning::Next).unwrap();
    let all: Vec<_> = (1..=3).map(|number| message(1, number)).collect();
    append(&spool, &all).unwrap();
    drain(&mut cursor);
    assert_eq!((spool.state().entries, spool.last_sequence()), (0, 3));
    assert_eq!(spool.notes_after(1).unwrap(), [all[1].id().to_string(), all[2].id().to_string()]);
    spool.keep_from(3);
    append(&spool, &all[..1]).unwrap();
    assert_eq!(spool.notes_after(0).unwrap().len(), 1);
}

#[test]
fn an_empty_spool_goes_on_counting_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("spool.sqlite");
    for run in 1..=3 {
        let spool = Spool::open(&path, ROOMY).unwrap();
        let mut cursor = spool.cursor("file", "", Beginning::Next).unwrap();
        assert_eq!(append(&spool, &[message(run, 1)]).unwrap().last, u64::try_from(run).unwrap());
        assert_eq!(drain(&mut cursor).len(), 1);
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "it waits by the clock")]
fn whoever_waits_is_woken() {
    let spool = Spool::in_memory(ROOMY).unwrap();
    let other = spool.clone();
    let until = Instant::now() + Duration::from_mins(1);
    let waiting = std::thread::spawn(move || other.wait(0, until));
    append(&spool, &[message(1, 1)]).unwrap();
    assert_eq!(waiting.join().unwrap(), 1);
    assert_eq!(spool.wait(1, Instant::now()), 1, "nothing more came");
}
