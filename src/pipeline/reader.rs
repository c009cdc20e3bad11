//! The first thread: frames from files into batches.

use crate::latency::StageTimes;
use crossbeam::channel::Sender;
use crossbeam::queue::ArrayQueue;
use weir_capture::{FrameBatch, InputProblem, ReadStats, Reader};

/// What the reader has to say at the end.
#[derive(Debug)]
pub(crate) struct ReaderReport {
    pub stats: ReadStats,
    pub problems: Vec<InputProblem>,
    pub times: StageTimes,
}

/// Reads everything; ends early only when nobody takes the batches any more.
pub(super) fn run(
    mut reader: Reader,
    full: &Sender<FrameBatch>,
    spare: &ArrayQueue<FrameBatch>,
) -> ReaderReport {
    let mut times = StageTimes::new();
    loop {
        let mut batch = spare.pop().unwrap_or_default();
        let more = times.measure(|| reader.next_batch(&mut batch));
        if !more || (!batch.is_empty() && full.send(batch).is_err()) {
            break;
        }
    }
    ReaderReport { stats: *reader.stats(), problems: reader.problems(), times }
}
