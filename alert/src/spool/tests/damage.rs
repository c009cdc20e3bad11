//! Files that are not as they were left.

use super::*;

/// What a later version adds and this one need not know: it is read, and written as it was. Rolling back by one version needs it.
#[test]
fn what_a_later_version_adds_stands_in_nobodys_way() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("spool.sqlite");
    let spool = Spool::open(&path, ROOMY).unwrap();
    drop(spool.cursor("file", "", Beginning::Next).unwrap());
    append(&spool, &[message(1, 1)]).unwrap();
    drop(spool);
    let connection = Connection::open(&path).unwrap();
    let added = "ALTER TABLE cursor ADD COLUMN more INTEGER NOT NULL DEFAULT 7;
         ALTER TABLE message ADD COLUMN more TEXT; ALTER TABLE totals ADD COLUMN more INTEGER NOT NULL DEFAULT 7;
         CREATE TABLE further (number INTEGER PRIMARY KEY) STRICT; CREATE INDEX message_by_key ON message (key);";
    connection.execute_batch(added).unwrap();
    drop(connection);
    let spool = Spool::open(&path, ROOMY).unwrap();
    let mut cursor = spool.cursor("file", "", Beginning::Next).unwrap();
    append(&spool, &[message(1, 2)]).unwrap();
    let given = cursor.next(10, usize::MAX).unwrap();
    assert_eq!(given.len(), 2);
    cursor.settle(&[(1, Settled::Delivered), (2, Settled::Delivered)]).unwrap();
    assert_eq!(spool.state().cursors[0].counts.delivered, 2);
    drop((spool, cursor));
    Spool::check(&path).unwrap();
}
use rusqlite::Connection;
use std::fs;

fn spool_of(messages: &[Message]) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("spool.sqlite");
    let spool = Spool::open(&path, ROOMY).unwrap();
    drop(spool.cursor("file", "", Beginning::Next).unwrap());
    append(&spool, messages).unwrap();
    (directory, path)
}

#[test]
fn a_message_that_cannot_be_read_holds_up_no_other() {
    let all: Vec<_> = (1..=5).map(|number| message(1, number)).collect();
    let (_directory, path) = spool_of(&all);
    let connection = Connection::open(&path).unwrap();
    let change = |sql: &str| assert_eq!(connection.execute(sql, []).unwrap(), 1, "{sql}");
    let place = |sequence: i64| 1_i64 << 61 | sequence;
    change("UPDATE message SET body = CAST(x'02' || substr(body, 2) AS BLOB) WHERE place = 1");
    change(&format!("UPDATE message SET body = substr(body, 1, 900) WHERE place = {}", place(2)));
    change(&format!(
        "UPDATE message SET body = CAST(substr(body, 1, 700) || x'ff' || substr(body, 702) AS BLOB) WHERE place = {}",
        place(4)
    ));
    drop(connection);
    let spool = Spool::open(&path, ROOMY).unwrap();
    let mut cursor = spool.cursor("file", "", Beginning::Next).unwrap();
    let mut given = Vec::new();
    loop {
        // One at a time: a call that meets only what cannot be read goes on.
        let next = cursor.next(1, usize::MAX).unwrap();
        let Some(spooled) = next.first() else { break };
        given.push(spooled.message.id());
        cursor.settle(&[(spooled.sequence, Settled::Delivered)]).unwrap();
    }
    assert_eq!(given, [all[2].id(), all[4].id()]);
    let counts = Counts { spooled: 5, delivered: 2, refused: 3, unreadable: 3, ..Counts::default() };
    assert_eq!((spool.state().cursors[0].counts, spool.state().entries), (counts, 0));
}

#[test]
fn files_of_others_and_of_later_versions_are_refused() {
    let (directory, path) = spool_of(&[message(1, 1)]);
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 2).unwrap();
    drop(connection);
    let error = Spool::open_or_set_aside(&path, ROOMY).err().unwrap();
    assert_eq!(error.kind, SpoolErrorKind::Later);
    assert!(
        error.to_string().contains("later version of Weir: use that one, or move spool.sqlite away"),
        "{error}"
    );
    for content in ["no database at all, but long enough to be looked at ".repeat(50), "short".into()] {
        let other = directory.path().join("other.sqlite");
        fs::write(&other, &content).unwrap();
        assert_eq!(Spool::open(&other, ROOMY).err().unwrap().kind, SpoolErrorKind::Damaged);
        let (spool, aside) = Spool::open_or_set_aside(&other, ROOMY).unwrap();
        assert_eq!(spool.state().appended, 0);
        assert_eq!(fs::read_to_string(aside.unwrap().path).unwrap(), content);
    }
    let nowhere = Spool::open(&directory.path().join("absent/spool.sqlite"), ROOMY).err().unwrap();
    assert_eq!(nowhere.kind, SpoolErrorKind::Other);
}

/// A log cut off anywhere, as by a crash in the middle of an append: what was whole stays, the rest never was.
#[test]
fn a_log_that_is_torn_anywhere_gives_a_whole_spool() {
    let (directory, path) = (tempfile::tempdir().unwrap(), "spool.sqlite");
    let log = directory.path().join("spool.sqlite-wal");
    let spool = Spool::open(&directory.path().join(path), ROOMY).unwrap();
    let mut cursor = spool.cursor("file", "", Beginning::Next).unwrap();
    let mut committed = Vec::new();
    for number in 1..=4 {
        append(&spool, &[message(1, number)]).unwrap();
        committed.push((fs::metadata(&log).unwrap().len(), u64::from(number)));
    }
    let given = cursor.next(1, usize::MAX).unwrap();
    cursor.settle(&[(given[0].sequence, Settled::Delivered)]).unwrap();
    let (table, whole) = (fs::read(directory.path().join(path)).unwrap(), fs::read(&log).unwrap());
    let torn = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    for length in (0..=whole.len()).step_by(509).chain([whole.len()]) {
        fs::write(torn.path().join(path), &table).unwrap();
        fs::write(torn.path().join("spool.sqlite-wal"), &whole[..length]).unwrap();
        let spool = Spool::open(&torn.path().join(path), ROOMY).unwrap();
        let expected =
            committed.iter().rfind(|(at, _)| *at <= length as u64).map_or(0, |(_, number)| *number);
        let state = spool.state();
        assert_eq!(state.appended, expected, "cut at {length}");
        if let Some(cursor) = state.cursors.first() {
            let delivered = u64::from(length == whole.len());
            assert_eq!((cursor.counts.spooled, cursor.counts.delivered), (expected, delivered));
        }
        let mut cursor = spool.cursor("file", "", Beginning::Next).unwrap();
        assert_eq!(
            cursor.next(9, usize::MAX).unwrap().len() as u64,
            state.cursors.first().map_or(0, |cursor| cursor.counts.waiting())
        );
    }
}
