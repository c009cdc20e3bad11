//! Files that shrink while they are read: reading ends with a problem that says so.

use std::fs::{File, OpenOptions};

use weir_capture::{FrameBatch, Input, ProblemKind, ReadOptions, Reader};

use crate::build::*;

/// A pcap file with so many frames of 1000 bytes; and another name of it.
fn large_file(frames: u32) -> (tempfile::NamedTempFile, File) {
    let mut bytes = pcap_header(Order::Little, 0xa1b2_c3d4, (2, 4), 1);
    for index in 0..frames {
        bytes.extend(pcap_record(Order::Little, [1_000_000 + index, 0, 1000, 1000], &[1; 1000]));
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let other = OpenOptions::new().write(true).open(file.path()).unwrap();
    (file, other)
}

/// Reads two batches, changes the length of the file, and reads on.
fn read_while_it_changes(len: u64) -> (u64, Vec<weir_capture::InputProblem>) {
    let (file, other) = large_file(40_000);
    let mut reader =
        Reader::open(vec![Input::Path(file.path().to_owned())], &ReadOptions::default()).unwrap();
    let mut batches = [FrameBatch::new(), FrameBatch::new()];
    for batch in &mut batches {
        assert!(reader.next_batch(batch));
    }
    other.set_len(len).unwrap();
    for frame in batches.iter().flat_map(FrameBatch::iter) {
        assert!(frame.data.iter().all(|byte| *byte == 1), "its bytes");
    }
    let [mut batch, other_batch] = batches;
    drop(other_batch);
    while reader.next_batch(&mut batch) {
        assert!(batch.iter().all(|frame| frame.data.len() == 1000), "zeros are no frames");
    }
    batch.clear();
    (reader.stats().frames_read, reader.problems().to_vec())
}

#[test]
fn a_file_that_shrinks_ends_with_a_problem_wherever_it_ends() {
    for len in [0, 1, 24, 4096, 100_000, 300_000, 500_016, 500_017, 16 << 20, 20_000_000, 40_000_000] {
        let (frames, problems) = read_while_it_changes(len);
        assert!(frames < 40_000, "{len}");
        assert_eq!(problems.len(), 1, "{len}: {problems:?}");
        assert_eq!(problems[0].kind, ProblemKind::Truncated, "{len}: {problems:?}");
        assert!(
            problems[0].message.contains("shrank") || problems[0].message.contains("ends inside"),
            "{len}: {problems:?}"
        );
        // What lies in the block that was read last is there still.
        let in_block = (256 << 10) / 1016;
        assert!(
            frames <= (512 + in_block).max(len / 1016 + 1),
            "{len}: {frames} frames of which there were fewer"
        );
    }
}

#[test]
fn a_file_that_stays_is_no_problem() {
    assert_eq!(read_while_it_changes(24 + 40_000 * 1016), (40_000, Vec::new()));
}
