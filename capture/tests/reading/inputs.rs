//! Files, folders, streams; progress; writing.

use std::fs;
use std::os::unix::fs::symlink;

use weir_capture::write::PcapWriter;
use weir_capture::{FrameBatch, Input, OpenError, ProblemKind, ReadOptions, Reader, SkipReason};
use weir_model::frame::LinkType;
use weir_model::{Frame, Timestamp};

use crate::build::*;

#[test]
fn folders_are_read_recursively_in_the_order_of_names_and_skip_what_is_no_capture() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir_all(root.join("b/deeper")).unwrap();
    fs::write(root.join("c.txt"), pcap_at(&[1], b'c')).unwrap();
    fs::write(root.join("a"), gzip(&pcap_at(&[1], b'a'))).unwrap();
    fs::write(root.join("b/deeper/file"), zstd(&pcap_at(&[1], b'b'))).unwrap();
    fs::write(root.join("empty.pcap"), "").unwrap();
    fs::write(root.join("notes.pcap"), "no capture").unwrap();
    fs::write(root.join("notes.gz"), gzip(b"no capture")).unwrap();
    symlink(root, root.join("loop")).unwrap();
    symlink(root.join("nowhere"), root.join("dangling")).unwrap();
    let mut reader = Reader::open(vec![Input::Path(root.to_owned())], &ReadOptions::default()).unwrap();
    let skipped: Vec<_> = reader
        .skipped()
        .iter()
        .map(|skipped| (skipped.path.file_name().unwrap().to_str().unwrap(), skipped.reason))
        .collect();
    assert_eq!(
        skipped,
        [
            ("loop", SkipReason::NotAFile),
            ("empty.pcap", SkipReason::Empty),
            ("notes.gz", SkipReason::NotACapture),
            ("notes.pcap", SkipReason::NotACapture),
        ]
    );
    let mut batch = FrameBatch::new();
    assert!(reader.next_batch(&mut batch));
    assert_eq!(batch.iter().map(|frame| frame.data[0]).collect::<Vec<_>>(), b"abc");
    let outcome = drain(reader_over(root));
    assert_eq!(outcome.problems.len(), 1, "the dangling link");
    assert_eq!(outcome.problems[0].kind, ProblemKind::Unreadable);
    let stats = outcome.stats;
    assert_eq!((stats.inputs_opened, stats.skipped_not_a_capture), (3, 2));
    assert_eq!((stats.skipped_empty, stats.skipped_not_a_file, stats.skipped_too_deep), (1, 1, 0));
}

fn reader_over(path: &std::path::Path) -> Reader {
    Reader::open(vec![Input::Path(path.to_owned())], &ReadOptions::default()).unwrap()
}

#[test]
fn folders_deeper_than_the_cap_are_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let deep = (0..=weir_capture::MAX_FOLDER_DEPTH).fold(folder.path().to_owned(), |path, _| path.join("d"));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.parent().unwrap().join("x"), pcap_at(&[1], b'x')).unwrap();
    fs::write(deep.join("y"), pcap_at(&[1], b'y')).unwrap();
    let outcome = drain(reader_over(folder.path()));
    assert_eq!((outcome.data(), outcome.stats.skipped_too_deep), (vec![&b"x"[..]], 1));
}

#[test]
fn a_named_file_that_is_no_capture_is_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes");
    fs::write(&path, "no capture").unwrap();
    let outcome = drain(reader_over(&path));
    assert_eq!(outcome.problems[0].kind, ProblemKind::NotACapture);
    assert_eq!(outcome.stats.skipped_not_a_capture, 0);
}

#[test]
fn a_named_pipe_is_read_once_and_merged_with_files() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let writer = {
        let pipe = pipe.clone();
        std::thread::spawn(move || fs::write(pipe, zstd(&pcap_at(&[2, 4], b'p'))).unwrap())
    };
    let file = folder.path().join("file");
    fs::write(&file, pcap_at(&[1, 3], b'a')).unwrap();
    let outcome = read(vec![Input::from_argument(&pipe), Input::from_argument(&file)]);
    writer.join().unwrap();
    assert_eq!((outcome.data().concat(), outcome.problems), (b"apbq".to_vec(), vec![]));

    fs::remove_file(&file).unwrap();
    let outcome = drain(reader_over(folder.path()));
    assert_eq!(
        (outcome.stats.inputs_opened, outcome.stats.skipped_not_a_file),
        (0, 1),
        "in a folder it is left alone"
    );
}

#[test]
fn a_file_that_vanishes_or_changes_after_the_first_look_is_a_problem_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (name, bytes) in [("a", pcap_at(&[1], b'a')), ("b", pcap_at(&[2], b'b')), ("c", pcap_at(&[3], b'c'))]
    {
        fs::write(path(name), bytes).unwrap();
    }
    let reader = reader_over(folder.path());
    fs::remove_file(path("a")).unwrap();
    fs::write(path("b"), "").unwrap();
    let outcome = drain(reader);
    assert_eq!(outcome.data(), [b"c"]);
    let kinds: Vec<_> = outcome.problems.iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, [ProblemKind::Unreadable, ProblemKind::Truncated]);
}

#[test]
fn a_reader_can_move_to_another_thread() {
    fn moves<T: Send>(_: T) {}
    moves(Reader::open(vec![stream("")], &ReadOptions::default()).unwrap());
    moves(FrameBatch::new());
}

#[test]
fn standard_input_can_be_named_once() {
    let twice = vec![Input::from_argument("-"), Input::from_argument("-")];
    assert_eq!(Reader::open(twice, &ReadOptions::default()).err(), Some(OpenError::StandardInputTwice));
    assert!(matches!(Input::from_argument("./-"), Input::Path(path) if path.as_os_str() == "./-"));
}

#[test]
fn progress_counts_stored_bytes_and_reaches_the_total() {
    let folder = tempfile::tempdir().unwrap();
    let mut broken = pcap_at(&[1, 2], b'a');
    broken.extend(vec![0xff; 300_000]);
    let files = [gzip(&pcap_at(&[5, 6], b'b')), broken, mixed_pcapng()];
    for (index, bytes) in files.iter().enumerate() {
        fs::write(folder.path().join(index.to_string()), bytes).unwrap();
    }
    let total = files.iter().map(|bytes| bytes.len() as u64).sum();
    let mut reader = reader_over(folder.path());
    let progress = reader.progress();
    assert_eq!((progress.total_bytes(), progress.consumed_bytes(), progress.frames()), (Some(total), 0, 0));
    let mut batch = FrameBatch::new();
    while reader.next_batch(&mut batch) {}
    assert_eq!((progress.consumed_bytes(), progress.frames()), (total, 9));

    let alone = reader_over(&folder.path().join("0"));
    let progress = alone.progress();
    assert_eq!(
        (progress.total_bytes(), progress.consumed_bytes()),
        (Some(files[0].len() as u64), files[0].len() as u64)
    );
    let streamed = Reader::open(vec![stream(pcap_at(&[1], b'a'))], &ReadOptions::default()).unwrap();
    assert_eq!((streamed.progress().total_bytes(), streamed.progress().consumed_bytes()), (None, 41));
}

#[test]
fn what_is_written_is_read_again() {
    let mut writer = PcapWriter::new(Vec::new(), LinkType::RAW).unwrap();
    let time = Timestamp::new(4_000_000_000, 123_456_789);
    let frame = Frame { number: 7, time, link: LinkType::RAW, original_len: 1500, data: b"some bytes" };
    writer.write_frame(&frame).unwrap();
    writer.write(Timestamp::EPOCH, 0, b"").unwrap();
    assert!(writer.write_frame(&Frame { link: LinkType::ETHERNET, ..frame }).is_err());
    assert!(writer.write(Timestamp::MAX, 1, b"x").is_err());
    assert!(writer.write(time, 1, &vec![0; weir_capture::MAX_CAPTURED_BYTES + 1]).is_err());
    let outcome = read(vec![stream(writer.finish().unwrap())]);
    let expected = Read {
        number: 1,
        nanos: time.as_nanos(),
        link: 101,
        original_len: 1500,
        data: b"some bytes".to_vec(),
    };
    assert_eq!(outcome.frames[0], expected);
    assert_eq!((outcome.frames.len(), outcome.problems.len()), (2, 0));
}
