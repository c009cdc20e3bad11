use super::archive::{Archive, Rules, tidy};
use super::lines::{LinesFile, Rotation};
use super::series::Series;
use super::{Compression, FileSettings, FileSink, Remarks, RotatedLines, path_of, time};
use crate::sinks::parcels::{alerts, parcel, soon};
use crate::sinks::{Kind, Opening, Outcome, Settings, Sink};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use weir_model::Timestamp;

const NOON: Timestamp = Timestamp::new(1_763_812_800, 0);
const DAY: Duration = Duration::from_hours(24);

fn rules(compress: Compression) -> Rules {
    Rules { compress, keep: 90 * DAY, keep_bytes: 1 << 30 }
}

/// Rotated at so many bytes and each day; what was rotated is left as it is.
fn rotated(path: &Path, bytes: u64) -> LinesFile {
    let forever = Rules { keep: Duration::MAX, ..rules(Compression::None) };
    let archive = Archive::new(forever, Remarks::default());
    LinesFile::new(path, Some(Rotation { bytes, span: DAY, archive }), Remarks::default())
}

fn append(file: &mut LinesFile, lines: &str, now: Timestamp) -> std::io::Result<()> {
    file.append(lines.as_bytes(), true, now, soon())
}

fn sink(path: &Path) -> FileSink {
    FileSink::open(FileSettings::plain(path), NOON).unwrap()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// All lines of a series in the order of the names, with the file that grows at the end.
fn all_lines(folder: &Path) -> String {
    let mut files: Vec<_> = names(folder).into_iter().filter(|name| name != "alerts.json").collect();
    files.push("alerts.json".to_owned());
    files.iter().map(|name| unpacked(&folder.join(name))).collect()
}

fn unpacked(path: &Path) -> String {
    let packed = fs::read(path).unwrap_or_default();
    let mut text = String::new();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => drop(flate2::read::GzDecoder::new(&*packed).read_to_string(&mut text).unwrap()),
        Some("zst") => text = String::from_utf8(zstd::decode_all(&*packed).unwrap()).unwrap(),
        _ => text = String::from_utf8(packed).unwrap(),
    }
    text
}

/// As `--flows FILE` of a service: rotated and kept, whoever writes.
#[test]
fn who_writes_lines_without_a_courier_has_them_rotated_too() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("alerts.json");
    fs::write(&path, "{\"torn").unwrap();
    let settings =
        FileSettings { rotate_size: 20, compress: Compression::None, ..FileSettings::kept(&path, 90 * DAY) };
    let mut lines = RotatedLines::open(&settings).unwrap();
    for number in 0..6 {
        lines.write_all(format!("{{\"line\":{number}}}\n").as_bytes()).unwrap();
    }
    lines.flush().unwrap();
    assert!(RotatedLines::open(&settings).is_err(), "two would write into each other's lines");
    assert_eq!(names(folder.path()).len(), 6, "{:?}", names(folder.path()));
    let all = all_lines(folder.path());
    assert!((0..6).all(|number| all.contains(&format!("{{\"line\":{number}}}\n"))), "{all}");
    assert!(!lines.remarks().is_empty(), "what was torn is told of");
}

#[test]
fn a_crash_after_every_byte_leaves_whole_lines() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("alerts.json");
    let (acknowledged, batch) = ("{\"a\":1}\n{\"b\":2}\n", "{\"c\":3}\n{\"d\":\"\u{e4}\"}\n{\"e\":5}\n");
    for written in 0..=batch.len() {
        fs::write(&path, [acknowledged.as_bytes(), &batch.as_bytes()[..written]].concat()).unwrap();
        let mut sink = sink(&path);
        let whole =
            batch.as_bytes()[..written].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let expected = format!("{acknowledged}{}", String::from_utf8_lossy(&batch.as_bytes()[..whole]));
        assert_eq!(read(&path), expected, "after {written} bytes");
        assert_eq!(sink.remarks().len(), usize::from(whole != written), "it is said what was cut off");
        assert_eq!(sink.deliver(&alerts(["{\"f\":6}"]), soon()), [Outcome::Taken]);
        assert_eq!(read(&path), expected + "{\"f\":6}\n");
    }
}

#[test]
fn what_is_not_ours_is_never_cut() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("alerts.json");
    let huge = "{".repeat(17 << 20);
    for (found, expected) in [
        ("my notes", "my notes\n"),
        ("one\n two", "one\n two\n"),
        ("one\n{\"x\"", "one\n"),
        ("one\n\0\0\0", "one\n"),
        ("{", ""),
        (&huge, &format!("{huge}\n")),
    ] {
        fs::write(&path, found).unwrap();
        drop(sink(&path));
        assert!(read(&path) == expected, "{} bytes", found.len());
    }
}

#[test]
fn rotated_by_size_and_by_day_with_names_that_sort() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("alerts.json");
    let mut file = rotated(&path, 64);
    let mut expected = String::new();
    // Twelve to a day, of which five fit into a file.
    for number in 0..36_u32 {
        let line = format!("{{\"n\":{number:05}}}\n");
        append(&mut file, &line, NOON + Duration::from_hours(2) * number).unwrap();
        expected.push_str(&line);
    }
    assert_eq!(all_lines(folder.path()), expected);
    let names = names(folder.path());
    assert_eq!(names.len(), 10, "{names:?}");
    assert!(names[0].starts_with("alerts-20251122T") && names[0].ends_with("Z.json"), "{names:?}");
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode & !0o640, 0, "{mode:o}");
    for name in &names {
        let text = read(&folder.path().join(name));
        assert!(text.len() <= 64 && text.ends_with('\n'), "{name}: {text}");
    }
    file.rotate_if_due(0, NOON + 5 * DAY);
    assert!(!path.exists(), "a day that is over is put away though nothing comes");
    file.rotate_if_due(0, NOON + 6 * DAY);
    append(&mut file, "{}\n", NOON + 6 * DAY).unwrap();
    assert_eq!(read(&path), "{}\n");
}

#[test]
fn after_a_restart_a_file_of_another_day_is_put_away() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("alerts.json");
    append(&mut rotated(&path, 1000), "{\"day\":1}\n", NOON).unwrap();
    File::options().append(true).open(&path).unwrap().set_modified(std::time::UNIX_EPOCH + DAY).unwrap();
    let mut file = rotated(&path, 1000);
    file.open(NOON).unwrap();
    append(&mut file, "{\"day\":2}\n", NOON).unwrap();
    assert_eq!((read(&path), names(folder.path()).len()), ("{\"day\":2}\n".to_owned(), 2));
    append(&mut file, "{\"clock\":\"set back\"}\n", NOON - 3 * DAY).unwrap();
    assert_eq!(names(folder.path()).len(), 2, "a clock that was set back rotates nothing");
}

#[test]
fn nothing_is_overwritten_when_names_meet() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("alerts.json");
    let theirs = folder.path().join("alerts-20251122T120000000Z.json");
    fs::write(&theirs, "theirs\n").unwrap();
    fs::write(folder.path().join("alerts-20251122T120000001Z.json.gz"), "theirs, too\n").unwrap();
    let mut file = rotated(&path, 1);
    let mut expected = String::new();
    for number in 10..40 {
        let line = format!("{{\"n\":{number}}}\n");
        append(&mut file, &line, NOON).unwrap();
        expected.push_str(&line);
    }
    assert_eq!(read(&theirs), "theirs\n");
    let ours: Vec<_> = names(folder.path()).into_iter().skip(2).collect();
    assert_eq!(ours.len(), 30);
    assert_eq!(ours.iter().map(|name| read(&folder.path().join(name))).collect::<String>(), expected);
}

#[test]
fn compressed_and_kept_for_a_time_and_within_a_size() {
    for (compress, ending) in
        [(Compression::Gzip, ".gz"), (Compression::Zstd, ".zst"), (Compression::None, "")]
    {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("alerts.json");
        let mut file = rotated(&path, 1);
        let line = |day: u32| format!("{{\"day\":{day},\"text\":\"{}\"}}\n", "x".repeat(1000));
        for day in 0..5 {
            append(&mut file, &line(day), NOON + DAY * day).unwrap();
        }
        // One at a time looks after a folder.
        drop(file);
        let series = Series::of(&path).unwrap();
        let (over, remarks) = (AtomicBool::new(false), Remarks::default());
        tidy(&series, &rules(compress), NOON + 5 * DAY, &over, &remarks);
        assert_eq!(all_lines(folder.path()), (0..5).map(line).collect::<String>());
        let packed: Vec<_> = names(folder.path()).into_iter().filter(|name| name != "alerts.json").collect();
        let is_packed = |name: &String| name.ends_with(&format!(".json{ending}"));
        assert!(packed.len() == 4 && packed.iter().all(is_packed), "{packed:?}");
        let bytes = fs::metadata(folder.path().join(&packed[3])).unwrap().len();
        let three = Rules { keep_bytes: 3 * bytes + bytes / 2, ..rules(compress) };
        tidy(&series, &three, NOON + 5 * DAY, &over, &remarks);
        assert_eq!(all_lines(folder.path()), (1..5).map(line).collect::<String>(), "the oldest is gone");
        let short = Rules { keep: 2 * DAY, ..rules(compress) };
        tidy(&series, &short, NOON + 5 * DAY, &over, &remarks);
        assert_eq!(all_lines(folder.path()), (2..5).map(line).collect::<String>(), "what is too old is gone");
        assert_eq!(remarks.take(), Vec::<String>::new());
    }
}

/// Each moment at which rotation or compression can be interrupted.
#[test]
fn what_a_crash_interrupted_is_done_again() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let path = at("alerts.json");
    let rotated_name = "alerts-20251122T120000000Z.json";
    let (over, remarks) = (AtomicBool::new(false), Remarks::default());
    let series = Series::of(&path).unwrap();
    // The name was taken, and then nothing.
    File::create(at(rotated_name)).unwrap();
    fs::write(&path, "{\"n\":1}\n").unwrap();
    tidy(&series, &rules(Compression::Gzip), NOON, &over, &remarks);
    assert_eq!(all_lines(folder.path()), "{\"n\":1}\n");
    fs::remove_file(at(rotated_name)).unwrap();
    // Renamed, and compressed in part.
    let whole = "{\"n\":1}\n".repeat(100);
    fs::rename(&path, at(rotated_name)).unwrap();
    fs::write(at(rotated_name), &whole).unwrap();
    tidy(&series, &rules(Compression::Gzip), NOON, &over, &remarks);
    let packed = fs::read(at(&format!("{rotated_name}.gz"))).unwrap();
    for written in (0..packed.len()).step_by(7) {
        fs::remove_file(at(&format!("{rotated_name}.gz"))).unwrap();
        fs::write(at(rotated_name), &whole).unwrap();
        fs::write(at(&format!("{rotated_name}.gz.part")), &packed[..written]).unwrap();
        tidy(&series, &rules(Compression::Gzip), NOON, &over, &remarks);
        assert_eq!((all_lines(folder.path()), names(folder.path()).len()), (whole.clone(), 1));
    }
    // Compressed, and the other not deleted yet.
    fs::write(at(rotated_name), &whole).unwrap();
    tidy(&series, &rules(Compression::Gzip), NOON, &over, &remarks);
    assert_eq!((all_lines(folder.path()), names(folder.path()).len()), (whole.clone(), 1));
    // It is time to leave.
    fs::write(at(rotated_name), &whole).unwrap();
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    tidy(&series, &rules(Compression::Zstd), NOON, &over, &remarks);
    assert_eq!(read(&at(rotated_name)), whole);
    assert_eq!(remarks.take(), Vec::<String>::new());
}

#[test]
fn leftovers_of_others_are_left_alone() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let others = [
        "alerts-20251122.json",
        "alerts-20251122T120000000Z.json.bak",
        "alerts-20251322T120000000Z.json",
        "alerts-20251122T120000000Z.txt",
        "alerts-\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}Z.json",
        "alerts-x-20251122T120000000Z.json",
        "alerts-+0251122T120000000Z.json",
        "alerts-20251122T120000000Z.json.part",
    ];
    let precious = at("precious");
    for other in others.iter().map(|name| at(name)).chain([precious.clone()]) {
        fs::write(other, "theirs\n").unwrap();
    }
    symlink(&precious, at("alerts-20251121T120000000Z.json")).unwrap();
    symlink(&precious, at("alerts-20251121T120000000Z.json.gz.part")).unwrap();
    fs::create_dir(at("alerts-20251121T120000001Z.json")).unwrap();
    fs::create_dir(at("alerts-20251121T120000002Z.json.gz")).unwrap();
    fs::write(at("alerts-20251121T120000002Z.json"), "{}\n").unwrap();
    let before = names(folder.path());
    let series = Series::of(&at("alerts.json")).unwrap();
    let (remarks, none) = (Remarks::default(), Rules { keep_bytes: 0, ..rules(Compression::Gzip) });
    tidy(&series, &rules(Compression::Gzip), NOON, &AtomicBool::new(false), &remarks);
    assert_eq!(names(folder.path()), before, "and what cannot be compressed stays");
    assert_eq!(remarks.take().len(), 1);
    tidy(&series, &none, NOON, &AtomicBool::new(false), &remarks);
    assert_eq!(names(folder.path()).len(), before.len() - 1, "the one that is ours, and nothing else");
    assert_eq!(read(&precious), "theirs\n");
}

#[test]
fn a_file_that_was_moved_or_deleted_is_opened_anew() {
    let folder = TempDir::new().unwrap();
    let (path, moved) = (folder.path().join("alerts.json"), folder.path().join("alerts.json.1"));
    let mut sink = sink(&path);
    let mut deliver = |body| assert_eq!(sink.deliver(&alerts([body]), soon()), [Outcome::Taken]);
    deliver("{\"n\":1}");
    fs::rename(&path, &moved).unwrap();
    deliver("{\"n\":2}");
    assert_eq!((read(&moved), read(&path)), ("{\"n\":1}\n".to_owned(), "{\"n\":2}\n".to_owned()));
    fs::remove_file(&path).unwrap();
    deliver("{\"n\":3}");
    fs::OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
    deliver("{\"n\":4}");
    assert_eq!(read(&path), "{\"n\":4}\n", "copied and truncated");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let outcomes = sink.deliver(&alerts(["{\"n\":5}", "{\"n\":6}"]), soon());
    assert!(
        outcomes.len() == 2 && matches!(&outcomes[1], Outcome::Failed(why) if why.contains("alerts.json"))
    );
    fs::remove_dir(&path).unwrap();
    assert_eq!(sink.deliver(&alerts(["{\"n\":5}"]), soon()), [Outcome::Taken]);
}

#[test]
fn two_never_write_the_same_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("alerts.json");
    let first = sink(&path);
    let second = FileSink::open(FileSettings::plain(&path), NOON).map(|_| ()).unwrap_err();
    assert!(second.text.contains("another"), "{second}");
    drop(first);
    drop(sink(&path));
    let missing = FileSink::open(FileSettings::plain(folder.path().join("none/alerts.json")), NOON);
    assert!(missing.map(|_| ()).unwrap_err().text.contains("none/alerts.json"));
}

#[test]
fn each_kind_has_its_file_where_the_path_says_so() {
    let folder = TempDir::new().unwrap();
    let settings: FileSettings = toml::from_str("path = \"{kind}.json\"\nkeep = \"1h\"").unwrap();
    let opening = Opening { name: "files", base: folder.path() };
    let mut outlets = settings.open(&opening).unwrap();
    let parcels: Vec<_> = Kind::ALL.map(|kind| parcel(kind, &format!("{{\"{}\":1}}", kind.plural()))).into();
    assert_eq!(outlets[0].sink.deliver(&parcels, soon()), vec![Outcome::Taken; 4]);
    outlets[0].sink.idle();
    assert_eq!(names(folder.path()), ["alerts.json", "flows.json", "ledger.json", "names.json"]);
    assert_eq!(read(&folder.path().join("names.json")), "{\"names\":1}\n");
    assert_eq!(path_of(Path::new("/x/{kind}/{kind}"), Kind::Flow), Path::new("/x/{kind}/flows"));
    let wrong: FileSettings = toml::from_str("path = \"{kind}/x.json\"").unwrap();
    assert_eq!(wrong.warnings().len(), 1);
    assert!(toml::from_str::<FileSettings>("path = \"x\"\nrotate_every = \"1h\"").is_err());
}

#[test]
fn pipes_and_devices_are_only_written_to() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("pipe");
    if !Command::new("mkfifo").arg(&path).status().is_ok_and(|status| status.success()) {
        println!("skipped: no mkfifo here");
        return;
    }
    let mut sink = sink(&path);
    let unread = sink.deliver(&alerts(["{\"n\":0}"]), soon());
    assert!(matches!(&unread[..], [Outcome::Failed(why)] if why.contains("nobody reads")), "{unread:?}");
    let long = format!("{{\"n\":\"{}\"}}", "x".repeat(100_000));
    let reader = {
        let path = path.clone();
        std::thread::spawn(move || {
            let mut text = String::new();
            File::open(path).unwrap().take(100_100).read_to_string(&mut text).unwrap();
            text
        })
    };
    while sink.deliver(&alerts(["{}"]), soon()) != [Outcome::Taken] {
        std::thread::yield_now();
    }
    // More than a pipe holds.
    assert_eq!(sink.deliver(&alerts([&*long]), soon()), [Outcome::Taken]);
    drop(sink);
    assert_eq!(reader.join().unwrap(), format!("{{}}\n{long}\n"));
    let mut null = self::sink(Path::new("/dev/null"));
    assert_eq!(null.deliver(&alerts(["{}"]), soon()), [Outcome::Taken]);
    let mut full = self::sink(Path::new("/dev/full"));
    assert!(matches!(full.deliver(&alerts(["{}"]), soon())[..], [Outcome::Failed(_)]));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a time that is over")]
fn a_line_that_a_slow_reader_took_in_part_is_ended_before_the_next() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("pipe");
    if !Command::new("mkfifo").arg(&path).status().is_ok_and(|status| status.success()) {
        println!("skipped: no mkfifo here");
        return;
    }
    // Open for both, so that opening waits for nobody.
    let mut reader = File::options().read(true).write(true).open(&path).unwrap();
    let mut sink = sink(&path);
    let long = format!("{{\"n\":\"{}\"}}", "x".repeat(100_000));
    let outcomes = sink.deliver(&alerts([&*long, "{\"n\":2}"]), Instant::now());
    assert!(matches!(&outcomes[1], Outcome::Failed(why) if why.contains("too slow")), "{outcomes:?}");
    let expected = format!("{long}\n{long}\n{{\"n\":2}}\n");
    let length = expected.len();
    let all = std::thread::spawn(move || {
        let mut text = vec![0; length];
        reader.read_exact(&mut text).unwrap();
        String::from_utf8(text).unwrap()
    });
    assert_eq!(sink.deliver(&alerts([&*long, "{\"n\":2}"]), soon()), vec![Outcome::Taken; 2]);
    assert!(all.join().unwrap() == expected, "it came twice, and whole");
}

/// Runs itself again where the disk is small: on a tmpfs in a mount namespace of its own.
#[test]
fn a_full_disk_tears_nothing_and_delays_what_comes() {
    const VARIABLE: &str = "WEIR_SMALL_DISK";
    if let Some(folder) = std::env::var_os(VARIABLE) {
        return on_a_small_disk(&PathBuf::from(folder));
    }
    let folder = TempDir::new().unwrap();
    let again = "mount -t tmpfs -o size=512k none \"$WEIR_SMALL_DISK\" || exit 77; exec \"$@\"";
    let ran = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", again, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "sinks::file::tests::a_full_disk_tears_nothing_and_delays_what_comes",
            "--nocapture",
        ])
        .env(VARIABLE, folder.path())
        .stdin(Stdio::null())
        .output();
    let Ok(ran) = ran else { return println!("skipped: no unshare here") };
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    if ran.status.code() == Some(77) || said.contains("unshare failed") {
        return println!("skipped: no mount namespace without root");
    }
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
}

fn on_a_small_disk(folder: &Path) {
    let path = folder.join("alerts.json");
    let settings = FileSettings { rotate: true, rotate_size: 64 << 10, ..FileSettings::plain(&path) };
    let mut sink = FileSink::open(settings, time()).unwrap();
    let mut acknowledged = Vec::new();
    let mut failures = 0;
    let body = |number: u32| format!("{{\"n\":{number},\"text\":\"{}\"}}", "x".repeat(3000));
    let batch = |first: u32| (first..first + 5).map(body).collect::<Vec<_>>();
    for first in (0..500).step_by(5) {
        let bodies = batch(first);
        let outcomes = sink.deliver(&alerts(bodies.iter().map(String::as_str)), soon());
        match &outcomes[0] {
            Outcome::Taken => acknowledged.extend(bodies),
            Outcome::Failed(why) => {
                assert!(why.contains("No space left"), "{why}");
                failures += 1;
            }
            Outcome::Refused(why) => panic!("{why}"),
        }
    }
    assert!(failures > 10 && acknowledged.len() > 50, "{failures} {}", acknowledged.len());
    let text = |acknowledged: &[String]| acknowledged.join("\n") + "\n";
    assert!(
        all_lines(folder) == text(&acknowledged),
        "each line is whole, and all that were taken are there"
    );
    let oldest = names(folder).first().unwrap().clone();
    let freed = unpacked(&folder.join(&oldest)).lines().count();
    fs::remove_file(folder.join(oldest)).unwrap();
    let bodies = batch(1000);
    let outcomes = sink.deliver(&alerts(bodies.iter().map(String::as_str)), soon());
    assert_eq!(outcomes, vec![Outcome::Taken; 5], "with room again it goes on");
    acknowledged.extend(bodies);
    assert!(all_lines(folder) == text(&acknowledged[freed..]));
    std::io::stdout().flush().unwrap();
}
