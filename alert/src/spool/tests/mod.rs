use super::*;
use crate::samples;
use uuid::Uuid;
use weir_model::Alert;
use weir_model::alert::Notice;

pub(super) const ROOMY: Limits = Limits { max_bytes: 1 << 30, max_age: Duration::from_hours(24) };
pub(super) const NOW: Timestamp = Timestamp::new(1_800_000_000, 0);

/// A notice of an incident, told apart by its number.
pub(super) fn message(incident: u128, number: u32) -> Message {
    let notice = if number == 1 { Notice::Opened } else { Notice::Repeated };
    let id = Uuid::from_u128(incident << 32 | u128::from(number));
    Alert { id, incident: Uuid::from_u128(incident), notice, number, ..samples::documented_alert() }.into()
}

pub(super) fn append(spool: &Spool, messages: &[Message]) -> Result<Appended, SpoolError> {
    let entries: Vec<_> =
        messages.iter().map(|message| SpoolEntry { message, note: Some(message.id().to_string()) }).collect();
    spool.append(&entries, NOW)
}

fn ids(spooled: &[Spooled]) -> Vec<Uuid> {
    spooled.iter().map(|spooled| spooled.message.id()).collect()
}

#[test]
fn what_is_appended_is_given_openings_first_and_again_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("spool.sqlite");
    let all = [message(1, 1), message(1, 2), message(2, 1), message(2, 2)];
    let in_order: Vec<_> = [0, 2, 1, 3].map(|index| all[index].id()).into();
    {
        let spool = Spool::open(&path, ROOMY).unwrap();
        let mut cursor = spool.cursor("kafka", "", Beginning::Next).unwrap();
        assert_eq!(append(&spool, &all).unwrap(), Appended { last: 4, expired: 0 });
        assert_eq!(ids(&cursor.next(10, usize::MAX).unwrap()), in_order);
        let first = cursor.next(1, 0).unwrap();
        assert_eq!(ids(&first), in_order[..1], "one at least");
        assert_eq!(*first[0].message, all[0]);
        // The third, ahead of the second.
        cursor.settle(&[(1, Settled::Delivered), (2, Settled::Withheld)]).unwrap();
        assert_eq!(ids(&cursor.next(10, usize::MAX).unwrap()), [all[2].id(), all[3].id()]);
        assert_eq!(spool.cursor("kafka", "", Beginning::Next).unwrap_err().kind, SpoolErrorKind::InUse);
    }
    let spool = Spool::open(&path, ROOMY).unwrap();
    assert_eq!(Spool::open(&path, ROOMY).err().unwrap().kind, SpoolErrorKind::InUse);
    let mut cursor = spool.cursor("kafka", "", Beginning::Next).unwrap();
    let left = cursor.next(10, usize::MAX).unwrap();
    assert_eq!(ids(&left), [all[2].id(), all[3].id()]);
    cursor.settle(&[(4, Settled::Filtered), (3, Settled::DeliveredInPart)]).unwrap();
    let state = spool.state();
    let counts =
        Counts { spooled: 4, delivered: 2, in_part: 1, withheld: 1, filtered: 1, ..Counts::default() };
    assert_eq!((state.entries, state.cursors[0].counts, counts.waiting()), (0, counts, 0));
    assert_eq!(spool.notes_after(2).unwrap(), [all[2].id().to_string(), all[3].id().to_string()]);
    spool.keep_from(3);
    append(&spool, &all[..1]).unwrap();
    assert_eq!(spool.notes_after(0).unwrap(), [all[3].id().to_string(), all[0].id().to_string()]);
}

mod crash;
mod damage;
mod order;
mod rate;
mod room;
