//! What is left after a crash, what readers see meanwhile, and what becomes of a damaged file.

use super::{Says, Shelf, at, entry};
use crate::library::{Guard, Library, LibraryError, Observer, Policies, Policy, Reader};
use crate::{Delivery, Extent};
use std::process::{Command, Stdio};

/// Set in the process that [`what_is_killed_in_the_middle_leaves_what_was`] kills.
const DIES: &str = "WEIR_TEST_LIBRARY_THAT_DIES";

/// Kills this process when so much was applied.
struct DiesAt(u64);

impl Observer for DiesAt {
    fn progress(&mut self, done: u64, _: Option<u64>, unit: &str) {
        if unit == "kept" && done >= self.0 {
            // The pages that were changed are in the log by now: the cache was made small.
            Command::new("kill").args(["-9", &std::process::id().to_string()]).status().unwrap();
        }
    }
}

/// Delivers half of something into the tables, and is killed. Does nothing unless it is started by the test below.
#[test]
fn dies_in_the_middle() {
    let Some(path) = std::env::var_os(DIES) else { return };
    let mut library = Library::open(path.as_ref()).unwrap();
    library.connection.pragma_update(None, "cache_size", 10).unwrap();
    let mut provider = Says(|delivery: &mut dyn Delivery| {
        (0..25_000).try_for_each(|number| delivery.put(entry(&format!("new-{number}.example"))))?;
        Ok(Extent::Whole)
    });
    let _ = library.deliver("a", &Policy::default(), &mut provider, at(1), &mut DiesAt(20_000));
    unreachable!("it should be dead");
}

#[test]
fn what_is_killed_in_the_middle_leaves_what_was() {
    let mut shelf = Shelf::new();
    let names: Vec<String> = (0..3_000).map(|number| format!("{number}.example")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    shelf.list("a", &names, at(0)).unwrap();
    let before = shelf.composed(&Policies::default(), at(2));
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "library::tests::crash::dies_in_the_middle", "--nocapture"])
        .env(DIES, shelf.path())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(!status.success());
    let log = std::fs::metadata(shelf.path().with_file_name("library-wal")).unwrap();
    assert!(log.len() > 100_000, "something was written: {}", log.len());
    let files = std::fs::read_dir(shelf.folder.path()).unwrap().count();
    assert_eq!(files, 3, "the database and its log; nothing of the delivery");
    shelf.library = Library::open(&shelf.path()).unwrap();
    assert_eq!(shelf.composed(&Policies::default(), at(2)), before);
    let sound: String =
        shelf.library.connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    shelf.list("a", &names[..2_000], at(3)).unwrap();
}

/// Composes with a reader whenever there is progress, and counts how often.
struct Looks<'a>(&'a Reader, u32);

impl Observer for Looks<'_> {
    fn progress(&mut self, _: u64, _: Option<u64>, _: &str) {
        let composed = self.0.compose(&Policies::default(), at(1), &mut |_| ()).unwrap();
        assert_eq!(composed.sources["a"].entries, 1);
        self.1 += 1;
    }
}

#[test]
fn readers_see_what_was_while_a_delivery_runs() {
    let mut shelf = Shelf::new();
    shelf.list("a", &["x.example"], at(0)).unwrap();
    let reader = shelf.library.reader().unwrap();
    let mut other = shelf.library.another().unwrap();
    let mut looks = Looks(&reader, 0);
    let mut provider = Says(|delivery: &mut dyn Delivery| {
        (0..30_000).try_for_each(|number| delivery.put(entry(&format!("{number}.example"))))?;
        delivery.progress(1, None, "pages");
        // Another source is delivered from while this one still speaks.
        let mut list = super::whole(vec![entry("y.example")]);
        other.deliver("b", &Policy::default(), &mut list, at(1), &mut ()).unwrap();
        Ok(Extent::Whole)
    });
    let policy = Policy { guard: Guard { most_times: 0.0, ..Default::default() }, ..Policy::default() };
    shelf.library.deliver("a", &policy, &mut provider, at(1), &mut looks).unwrap();
    assert_eq!(looks.1, 4, "once while it spoke, three times while it was kept");
    assert_eq!(reader.compose(&Policies::default(), at(1), &mut |_| ()).unwrap().values, 30_001);
}

#[test]
fn a_damaged_file_is_set_aside() {
    let shelf = Shelf::new();
    let path = shelf.path();
    let folder = shelf.folder;
    drop(shelf.library);
    std::fs::write(&path, b"this is no database, but it is long enough to be looked at".repeat(100)).unwrap();
    assert!(matches!(Library::open(&path), Err(LibraryError::Damaged(_))));
    let (library, aside) = Library::open_or_set_aside(&path).unwrap();
    let aside = aside.unwrap();
    assert!(aside.path.exists() && library.sources().unwrap().is_empty());
    drop(library);
    assert!(Library::open_or_set_aside(&path).unwrap().1.is_none());
    drop(folder);
}

/// Pages in the middle are overwritten: whatever is read of them is an error, and no panic.
#[test]
fn damage_that_shows_later_is_told() {
    let mut shelf = Shelf::new();
    let names: Vec<String> = (0..2_000).map(|number| format!("{number}.example")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    shelf.list("a", &names, at(0)).unwrap();
    let path = shelf.path();
    let folder = shelf.folder;
    drop(shelf.library);
    let mut bytes = std::fs::read(&path).unwrap();
    let from = bytes.len() / 3;
    bytes[from..].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let library = Library::open(&path).unwrap();
    let error = library.compose(&Policies::default(), at(1), &mut |_| ()).unwrap_err();
    assert!(matches!(error, LibraryError::Damaged(_)), "{error}");
    let (library, aside) = library.set_aside(error).unwrap();
    assert!(aside.path.exists() && library.sources().unwrap().is_empty());
    drop(folder);
}
