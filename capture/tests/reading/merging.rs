//! Several inputs at once.

use std::fs;

use weir_capture::{Input, MAX_OPEN_INPUTS, ProblemKind};

use crate::build::*;

fn letters(outcome: &Outcome) -> String {
    outcome.data().concat().into_iter().map(char::from).collect()
}

#[test]
fn files_that_overlap_are_merged_by_time_and_equal_times_by_input_order() {
    let folder = tempfile::tempdir().unwrap();
    let files = [("1", pcap_at(&[10, 20, 30, 40], b'a')), ("2", pcap_at(&[5, 20, 35, 40, 50], b'p'))];
    for (name, bytes) in &files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let path = |name: &str| Input::Path(folder.path().join(name));
    let outcome = read(vec![path("1"), path("2")]);
    assert_eq!(letters(&outcome), "pabqcrdst");
    assert_eq!(outcome.stats.steps_backwards, 0);
    assert_eq!(
        outcome.frames.iter().map(|frame| frame.number).collect::<Vec<_>>(),
        (1..=9).collect::<Vec<_>>()
    );
    let swapped = read(vec![path("2"), path("1")]);
    assert_eq!(letters(&swapped), "paqbcrsdt");
}

#[test]
fn files_that_do_not_overlap_are_read_in_the_order_of_their_time() {
    let inputs = vec![
        stream(pcap_at(&[300, 301], b'e')),
        stream(pcap_at(&[1, 2], b'a')),
        stream(pcap_at(&[9, 10], b'c')),
    ];
    assert_eq!(letters(&read(inputs)), "abcdef");
}

#[test]
fn a_step_backwards_stays_where_it_is_and_is_counted() {
    let stepping = pcap_at(&[10, 30, 5, 6, 40], b'a');
    let alone = read(vec![stream(stepping.clone())]);
    assert_eq!((letters(&alone), alone.stats.steps_backwards), ("abcde".to_owned(), 1));
    let other = pcap_at(&[7, 20, 35], b'p');
    let merged = read(vec![stream(stepping), stream(other)]);
    assert_eq!((letters(&merged), merged.stats.steps_backwards), ("paqbcdre".to_owned(), 1));
}

#[test]
fn a_frame_from_the_far_future_delays_its_own_file_only() {
    let odd = pcap_at(&[1, 4_000_000_000, 2, 3], b'a');
    let merged = read(vec![stream(odd), stream(pcap_at(&[1, 2, 3, 4], b'p'))]);
    assert_eq!(letters(&merged), "apqrsbcd");
}

#[test]
fn a_broken_input_does_not_stop_the_others() {
    let mut broken = pcap_at(&[1, 3, 5], b'a');
    broken.pop();
    let missing = Input::Path("/nonexistent/capture.pcap".into());
    let outcome = read(vec![
        missing,
        stream(broken),
        stream("plainly no capture"),
        stream(""),
        stream(pcap_at(&[2, 4], b'p')),
    ]);
    assert_eq!(letters(&outcome), "apbq");
    let kinds: Vec<_> = outcome.problems.iter().map(|problem| problem.kind).collect();
    assert_eq!(
        kinds,
        [ProblemKind::Unreadable, ProblemKind::NotACapture, ProblemKind::Truncated, ProblemKind::Truncated]
    );
    assert_eq!(outcome.problems[0].input, "/nonexistent/capture.pcap");
    assert_eq!(outcome.problems[1].message, "no known capture format begins with 70 6c 61 69");
    assert_eq!(outcome.stats.inputs_opened, 2);
}

#[test]
fn more_overlapping_files_than_may_be_open_are_all_read_and_the_late_ones_named() {
    let folder = tempfile::tempdir().unwrap();
    let count = MAX_OPEN_INPUTS + 3;
    for index in 0..count {
        let start = index as u32;
        let bytes = pcap_at(&[start, 1000 + start], 0);
        fs::write(folder.path().join(format!("{index:03}")), bytes).unwrap();
    }
    let outcome = read(vec![Input::Path(folder.path().to_owned())]);
    assert_eq!(outcome.frames.len(), 2 * count);
    let late: Vec<_> =
        outcome.problems.iter().map(|problem| (problem.kind, problem.input.as_str())).collect();
    let name = |index: usize| folder.path().join(format!("{index:03}")).display().to_string();
    assert_eq!(
        late,
        [64, 65, 66].map(name).iter().map(|name| (ProblemKind::Late, name.as_str())).collect::<Vec<_>>()
    );
    assert_eq!(outcome.stats.steps_backwards, 3);

    // As many files, one after another in time, need no more than one open at a time.
    for index in 0..count {
        let start = 10 * index as u32;
        fs::write(folder.path().join(format!("{index:03}")), pcap_at(&[start, start + 9], 0)).unwrap();
    }
    let outcome = read(vec![Input::Path(folder.path().to_owned())]);
    assert_eq!((outcome.frames.len(), outcome.problems.len()), (2 * count, 0));
    assert_eq!(outcome.stats.steps_backwards, 0);
}

proptest::proptest! {
    /// Merging loses nothing, keeps each file's order, and adds no step backwards of its own.
    #[test]
    fn merging_keeps_every_frame_and_every_order(
        files in proptest::collection::vec(proptest::collection::vec(0_u32..50, 0..12), 1..6)
    ) {
        let bytes = files.iter().enumerate().map(|(index, times)| stream(pcap_at(times, index as u8 * 12)));
        let outcome = read(bytes.collect());
        for (index, times) in files.iter().enumerate() {
            let own: Vec<_> = outcome
                .frames
                .iter()
                .filter(|frame| usize::from(frame.data[0]) / 12 == index)
                .map(|frame| (frame.data[0], frame.nanos))
                .collect();
            let stored: Vec<_> = times
                .iter()
                .enumerate()
                .map(|(place, time)| ((index * 12 + place) as u8, u64::from(*time) * 1000))
                .collect();
            proptest::prop_assert_eq!(own, stored);
        }
        let steps: usize = files.iter().map(|times| times.windows(2).filter(|pair| pair[1] < pair[0]).count()).sum();
        proptest::prop_assert_eq!(outcome.stats.steps_backwards, steps as u64);
    }
}
