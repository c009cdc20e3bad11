//! Power cuts, a full disk, a file system that may not be written: what was acknowledged stays.
//!
//! A power cut keeps what was synced and any part of the rest, which `kill -9` does not show. So a child process works on a spool while a
//! preloaded library (`unsynced.c`) writes down what it does to its files; from that [`Disk`] makes up what a cut at some moment leaves.

use super::*;
use crate::sinks::{Kind, Parcel};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Command, Output};
use weir_model::alert::Match;

const FILE: &str = "spool.sqlite";
/// Where the child writes what it is about to do and what was acknowledged; it comes between the writes that it caused.
const MARKS: &str = "marks";

/// Messages of a run, each of some ten pages: enough that the log is moved into the table and begun again in between.
const MESSAGES: u64 = 150;

/// The message of a sequence: three of each incident.
fn numbered(sequence: u64) -> Message {
    let Message::Alert(alert) =
        message(u128::from(sequence.div_ceil(3)), u32::try_from((sequence - 1) % 3).unwrap() + 1)
    else {
        panic!("no alert")
    };
    let padding = Match { field: alert.matched[0].field, value: "x".repeat(40_000).into() };
    Message::from(Alert { matched: vec![padding], ..(*alert).clone() })
}

/// A generator of numbers: splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % below
    }
}

/// The memory of the machine, where a sync costs nothing, or else where there is room.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn child(test: &str, directory: &Path, seed: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("spool::tests::crash::{test}"), "--ignored", "--nocapture"]);
    command.env("WEIR_CRASH_DIR", directory).env("WEIR_CRASH_SEED", seed.to_string());
    command
}

fn directory_of_child() -> PathBuf {
    PathBuf::from(std::env::var_os("WEIR_CRASH_DIR").expect("it is a child of another test"))
}

#[test]
#[ignore = "the child of power_cuts"]
fn works() {
    let directory = directory_of_child();
    let mut random = Random(std::env::var("WEIR_CRASH_SEED").unwrap().parse().unwrap());
    let mut marks = fs::File::create(directory.join(MARKS)).unwrap();
    let mut mark = |text: String| std::io::Write::write_all(&mut marks, text.as_bytes()).unwrap();
    let mut last = 0;
    while last < MESSAGES {
        let spool = Spool::open(&directory.join(FILE), ROOMY).unwrap();
        let mut cursor = spool.cursor("file", "", Beginning::First).unwrap();
        mark("open\n".into());
        for _ in 0..random.next(40) {
            let until = last + 1 + random.next(4);
            let batch: Vec<_> = (last + 1..=until).map(numbered).collect();
            mark(format!("append {until}\n"));
            append(&spool, &batch).unwrap();
            mark(format!("appended {until}\n"));
            last = until;
            let given = cursor.next(usize::try_from(random.next(6)).unwrap(), usize::MAX).unwrap();
            let settled: Vec<_> =
                given.iter().map(|spooled| (spooled.sequence, Settled::Delivered)).collect();
            for (sequence, _) in &settled {
                mark(format!("settle {sequence}\n"));
            }
            cursor.settle(&settled).unwrap();
            for (sequence, _) in &settled {
                mark(format!("settled {sequence}\n"));
            }
        }
    }
}

/// The parcel of a sequence, of some ten pages that do not compress.
fn parcel(sequence: u64) -> Parcel {
    let mut random = Random(sequence);
    let body = (0..40_000).map(|_| u8::try_from(random.next(256)).unwrap()).collect();
    Parcel { body, ..depot::tests::parcel(sequence, 0) }
}

#[test]
#[ignore = "the child of power_cuts"]
fn works_on_a_depot() {
    let directory = directory_of_child();
    let mut random = Random(std::env::var("WEIR_CRASH_SEED").unwrap().parse().unwrap());
    let mut marks = fs::File::create(directory.join(MARKS)).unwrap();
    let mut mark = |text: String| std::io::Write::write_all(&mut marks, text.as_bytes()).unwrap();
    let mut last = 0;
    while last < MESSAGES {
        let depot = Depot::open(&directory.join(FILE), ROOMY).unwrap();
        mark("open\n".into());
        for _ in 0..random.next(40) {
            let until = last + 1 + random.next(4);
            let bundle: Vec<_> = (last + 1..=until).map(parcel).collect();
            mark(format!("append {until}\n"));
            depot.append(&bundle, NOW).unwrap();
            mark(format!("appended {until}\n"));
            last = until;
            let Some(held) = depot.front().unwrap().filter(|_| random.next(3) > 0) else { continue };
            for word in ["settle", "settled"] {
                for parcel in held.parcels.iter() {
                    mark(format!("{word} {}\n", parcel.id.as_u128()));
                }
                if word == "settle" {
                    depot.pass(held.number, held.parcels.len() as u64, 0).unwrap();
                }
            }
        }
    }
}

/// Something that was done to a file.
struct Done {
    what: u8,
    name: String,
    offset: usize,
    data: Vec<u8>,
}

fn read_log(mut log: &[u8]) -> Vec<Done> {
    let mut all = Vec::new();
    while let Some(([what, name_length], rest)) = log.split_first_chunk() {
        let (offset, rest) = rest.split_first_chunk().unwrap();
        let (length, rest) = rest.split_first_chunk().unwrap();
        let (name, rest) = rest.split_at(usize::from(*name_length));
        let (data, rest) = rest.split_at(usize::try_from(u64::from_ne_bytes(*length)).unwrap());
        log = rest;
        all.push(Done {
            what: *what,
            name: String::from_utf8(name.to_vec()).unwrap(),
            offset: usize::try_from(u64::from_ne_bytes(*offset)).unwrap(),
            data: data.to_vec(),
        });
    }
    all
}

/// Files, and names for them. Names are written in their order, and stay when the directory was synced; what is in a file stays when that
/// was synced, and before that in any order and part.
#[derive(Default)]
struct Disk<'a> {
    files: Vec<Content<'a>>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    renamings: Vec<&'a Done>,
    made: Vec<Option<usize>>,
}

#[derive(Default)]
struct Content<'a> {
    durable: Vec<u8>,
    unsynced: Vec<&'a Done>,
}

fn put(file: &mut Vec<u8>, offset: usize, data: &[u8]) {
    file.resize(file.len().max(offset + data.len()), 0);
    file[offset..offset + data.len()].copy_from_slice(data);
}

fn rename(names: &mut BTreeMap<String, usize>, done: &Done, made: Option<usize>) {
    let file = if done.what == b'C' { made } else { names.remove(&done.name) };
    match (done.what, file) {
        (b'C', Some(file)) => drop(names.insert(done.name.clone(), file)),
        (b'R', Some(file)) => drop(names.insert(String::from_utf8(done.data.clone()).unwrap(), file)),
        _ => {}
    }
}

impl<'a> Disk<'a> {
    fn take(&mut self, done: &'a Done) {
        match done.what {
            b'C' | b'U' | b'R' => {
                let made = (done.what == b'C').then(|| {
                    self.files.push(Content::default());
                    self.files.len() - 1
                });
                rename(&mut self.names, done, made);
                self.renamings.push(done);
                self.made.push(made);
            }
            b'D' => {
                self.durable_names = self.names.clone();
                self.renamings.clear();
                self.made.clear();
            }
            b'S' => {
                let Content { durable, unsynced } = &mut self.files[self.names[&done.name]];
                for done in unsynced.drain(..) {
                    if done.what == b'T' {
                        durable.resize(done.offset, 0);
                    } else {
                        put(durable, done.offset, &done.data);
                    }
                }
            }
            _ => self.files[self.names[&done.name]].unsynced.push(done),
        }
    }

    /// What a power cut leaves, in a directory. Of what was not synced a sector is kept with `likely` in 100.
    fn cut(&self, random: &mut Random, likely: u64, directory: &Path) {
        let mut names = self.durable_names.clone();
        let kept = random.next(self.renamings.len() as u64 + 1);
        for (done, made) in self.renamings.iter().zip(&self.made).take(usize::try_from(kept).unwrap()) {
            rename(&mut names, done, *made);
        }
        for (name, file) in names.iter().filter(|(name, _)| *name != MARKS) {
            let Content { durable, unsynced } = &self.files[*file];
            let mut content = durable.clone();
            for done in unsynced {
                if done.what == b'T' {
                    if random.next(100) < likely {
                        content.resize(done.offset, 0);
                    }
                    continue;
                }
                for (index, sector) in done.data.chunks(512).enumerate() {
                    if random.next(100) < likely {
                        put(&mut content, done.offset + index * 512, sector);
                    }
                }
            }
            fs::write(directory.join(name), content).unwrap();
        }
    }
}

/// What the child had said until a moment.
#[derive(Default)]
struct Marks {
    is_open: bool,
    appending: u64,
    appended: u64,
    settling: BTreeSet<u64>,
    settled: BTreeSet<u64>,
    /// What was settled when the append began that was acknowledged last: that was synced with it.
    settled_for_good: BTreeSet<u64>,
    settled_before_append: BTreeSet<u64>,
}

impl Marks {
    fn take(&mut self, text: &str) {
        let mut words = text.split_whitespace();
        let word = words.next().unwrap();
        let number = words.next().map_or(0, |number| number.parse().unwrap());
        match word {
            "open" => self.is_open = true,
            "append" => (self.appending, self.settled_before_append) = (number, self.settled.clone()),
            "appended" => {
                (self.appended, self.settled_for_good) = (number, self.settled_before_append.clone());
            }
            "settle" => drop(self.settling.insert(number)),
            "settled" => drop(self.settled.insert(number)),
            other => panic!("{other}"),
        }
    }

    /// Whether a spool is what it may be after a cut.
    fn check(&self, directory: &Path, at: usize) {
        let spool =
            Spool::open(&directory.join(FILE), ROOMY).unwrap_or_else(|error| panic!("cut at {at}: {error}"));
        let state = spool.state();
        assert!(
            (self.appended..=self.appending).contains(&state.appended),
            "cut at {at}: {} of {}",
            state.appended,
            self.appended
        );
        assert!(!self.is_open || state.cursors.len() == 1, "cut at {at}: the cursor is gone");
        let mut cursor = spool.cursor("file", "", Beginning::First).unwrap();
        let counts = spool.state().cursors[0].counts;
        let given = cursor.next(usize::MAX, usize::MAX).unwrap();
        assert_eq!((counts.spooled, counts.waiting()), (state.appended, given.len() as u64), "cut at {at}");
        assert_eq!(
            (counts.delivered, counts.expired + counts.refused),
            (counts.spooled - counts.waiting(), 0)
        );
        let sequences: BTreeSet<_> = given.iter().map(|spooled| spooled.sequence).collect();
        for spooled in &given {
            assert_eq!(spooled.message.id(), numbered(spooled.sequence).id(), "cut at {at}");
        }
        for sequence in 1..=self.appended {
            assert!(
                sequences.contains(&sequence) || self.settling.contains(&sequence),
                "cut at {at}: {sequence} is lost"
            );
        }
        let again: Vec<_> = sequences.intersection(&self.settled_for_good).collect();
        assert!(again.is_empty(), "cut at {at}: {again:?} come again");
        let next = state.appended + 1;
        assert_eq!(append(&spool, &[numbered(next)]).unwrap().last, next, "cut at {at}");
    }
}

impl Marks {
    /// Whether a depot is what it may be after a cut.
    fn check_depot(&self, directory: &Path, at: usize) {
        let depot =
            Depot::open(&directory.join(FILE), ROOMY).unwrap_or_else(|error| panic!("cut at {at}: {error}"));
        let counts = depot.counts().get(&Kind::Flow).copied().unwrap_or_default();
        assert!((self.appended..=self.appending).contains(&counts.spooled), "cut at {at}: {counts:?}");
        let mut sequences = Vec::new();
        while let Some(held) = depot.front().unwrap() {
            for found in held.parcels.iter() {
                let sequence = u64::try_from(found.id.as_u128()).unwrap();
                assert!(found.body == parcel(sequence).body, "cut at {at}");
                sequences.push(sequence);
            }
            depot.pass(held.number, held.parcels.len() as u64, 0).unwrap();
        }
        assert!(sequences.is_sorted(), "cut at {at}: {sequences:?}");
        assert_eq!(counts.waiting(), sequences.len() as u64, "cut at {at}");
        let after = depot.counts().get(&Kind::Flow).copied().unwrap_or_default();
        assert_eq!((after.delivered, after.refused), (counts.spooled, 0), "cut at {at}");
        for sequence in 1..=self.appended {
            let is_there = sequences.binary_search(&sequence).is_ok();
            assert!(is_there || self.settling.contains(&sequence), "cut at {at}: {sequence} is lost");
        }
        let again: Vec<_> =
            sequences.iter().filter(|sequence| self.settled_for_good.contains(sequence)).collect();
        assert!(again.is_empty(), "cut at {at}: {again:?} come again");
        depot.append(&[parcel(counts.spooled + 1)], NOW).unwrap();
        assert_eq!(depot.front().unwrap().unwrap().parcels.len(), 1, "cut at {at}");
    }
}

/// What is cut, and how it is looked at after that.
type Case = (&'static str, fn(&Marks, &Path, usize));
const CASES: [Case; 2] = [("works", Marks::check), ("works_on_a_depot", Marks::check_depot)];

/// Runs the child once and cuts its power at so many moments.
fn cut_power((test, check): Case, library: &Path, seed: u64, cuts: usize) {
    let (directory, elsewhere) = (scratch(), scratch());
    let log = elsewhere.path().join("log");
    let mut command = child(test, directory.path(), seed);
    let output = command.env("LD_PRELOAD", library).env("WEIR_CRASH_LOG", &log).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    let log = read_log(&fs::read(&log).unwrap());
    assert!(log.iter().filter(|done| done.what == b'S').count() > 40, "syncs were seen");
    let mut random = Random(seed);
    let mut moments: Vec<_> =
        (0..cuts).map(|_| usize::try_from(random.next(log.len() as u64)).unwrap()).collect();
    moments.sort_unstable();
    let (mut disk, mut marks) = (Disk::default(), Marks::default());
    let mut moments = moments.into_iter().peekable();
    for (at, done) in log.iter().enumerate() {
        while moments.next_if_eq(&at).is_some() {
            let remains = scratch();
            let likely = [0, 10, 50, 90, 100][usize::try_from(random.next(5)).unwrap()];
            disk.cut(&mut random, likely, remains.path());
            check(&marks, remains.path(), at);
        }
        disk.take(done);
        if done.what == b'W' && done.name == MARKS {
            marks.take(str::from_utf8(&done.data).unwrap());
        }
    }
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// The library to be preloaded, if there is a C compiler.
fn library(directory: &Path) -> Option<PathBuf> {
    let library = directory.join("unsynced.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/spool/tests/unsynced.c");
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).args(["-ldl", "-lpthread"]);
    let Ok(output) = command.output() else {
        println!("skipped: no C compiler (cc)");
        return None;
    };
    assert!(output.status.success(), "{}", told(&output));
    Some(library)
}

#[test]
fn power_cuts_lose_nothing_that_was_acknowledged() {
    let directory = scratch();
    if let Some(library) = library(directory.path()) {
        for case in CASES {
            cut_power(case, &library, 1, 60);
        }
    }
}

#[test]
#[ignore = "takes minutes: make spool-crash"]
fn many_power_cuts() {
    let number = |name: &str, usual: u64| std::env::var(name).map_or(usual, |value| value.parse().unwrap());
    let (first, seeds) = (number("WEIR_CRASH_FIRST", 2), number("WEIR_CRASH_SEEDS", 10));
    let directory = scratch();
    let Some(library) = library(directory.path()) else { return };
    for seed in first..first + seeds {
        for case in CASES {
            cut_power(case, &library, seed, 200);
        }
        println!("seed {seed}: 200 cuts of each");
    }
}

/// Runs a script of the shell as root of mounts of its own, with a small disk at `$DIR` and the child in `$@`.
fn on_a_small_disk(test: &str, script: &str) {
    let directory = tempfile::tempdir().unwrap();
    let child = child(test, directory.path(), 0);
    let mut command = Command::new("unshare");
    let begin =
        "mount -t tmpfs -o size=1m weir \"$WEIR_CRASH_DIR\" || { echo skipped: no mounts; exit 0; }; ";
    command
        .args(["-m", "sh", "-c", &format!("{begin}{script}"), "sh"])
        .arg(child.get_program())
        .args(child.get_args());
    let output = command.env("WEIR_CRASH_DIR", directory.path()).output();
    let Ok(output) = output else {
        println!("skipped: no unshare");
        return;
    };
    if told(&output).contains("Operation not permitted") {
        println!("skipped: mounts need root");
        return;
    }
    assert!(output.status.success(), "{}", told(&output));
}

#[test]
fn a_full_disk_delays_and_loses_nothing() {
    on_a_small_disk("fills_the_disk", "\"$@\"");
}

#[test]
#[ignore = "the child of a_full_disk_delays_and_loses_nothing"]
fn fills_the_disk() {
    let directory = directory_of_child();
    let ballast = directory.join("ballast");
    fs::write(&ballast, vec![0; 300 << 10]).unwrap();
    let spool = Spool::open(&directory.join(FILE), ROOMY).unwrap();
    let mut cursor = spool.cursor("file", "", Beginning::First).unwrap();
    let mut last = 0;
    let error = loop {
        match append(&spool, &[numbered(last + 1), numbered(last + 2)]) {
            Ok(appended) => last = appended.last,
            Err(error) => break error,
        }
        assert!(last < 1000, "the disk does not fill up");
    };
    assert_eq!(error.kind, SpoolErrorKind::Full, "{error}");
    assert!(error.to_string().contains("make room on the disk of the state directory"), "{error}");
    for _ in 0..3 {
        assert_eq!(
            append(&spool, &[numbered(last + 1), numbered(last + 2)]).unwrap_err().kind,
            SpoolErrorKind::Full
        );
    }
    let state = spool.state();
    assert_eq!(
        (state.appended, state.entries, spool.last_sequence()),
        (last, last, last),
        "nothing of a batch is kept"
    );
    let given = cursor.next(usize::MAX, usize::MAX).unwrap();
    assert_eq!(given.len() as u64, last, "what was acknowledged is there");
    let _ = cursor.settle(&[(given[0].sequence, Settled::Delivered)]);
    fs::remove_file(ballast).unwrap();
    assert_eq!(append(&spool, &[numbered(last + 1)]).unwrap().last, last + 1);
    cursor.settle(&[(given[1].sequence, Settled::Delivered)]).unwrap();
    let counts = spool.state().cursors[0].counts;
    assert_eq!((counts.delivered, counts.waiting()), (2, last - 1));
}

#[test]
fn a_file_system_that_may_not_be_written_is_told_plainly() {
    on_a_small_disk(
        "may_not_write",
        "\"$@\" || exit; mount -o remount,ro \"$WEIR_CRASH_DIR\" && WEIR_CRASH_READ_ONLY=1 \"$@\"",
    );
}

#[test]
#[ignore = "the child of a_file_system_that_may_not_be_written_is_told_plainly"]
fn may_not_write() {
    let path = directory_of_child().join(FILE);
    let opened = Spool::open_or_set_aside(&path, ROOMY);
    if std::env::var_os("WEIR_CRASH_READ_ONLY").is_none() {
        append(&opened.unwrap().0, &[message(1, 1)]).unwrap();
        return;
    }
    for path in [path.clone(), path.with_file_name("other.sqlite")] {
        let error = Spool::open_or_set_aside(&path, ROOMY).err().unwrap();
        assert_eq!(error.kind, SpoolErrorKind::ReadOnly, "{error}");
        assert!(error.to_string().contains("the state directory must be writable for Weir"), "{error}");
    }
}
