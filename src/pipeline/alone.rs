//! One worker: it walks the input itself. Nothing is handed from thread to thread but what is for the desk.

use super::round::{Rounds, Teller};
use super::worker::{Worker, WorkerReport};
use crate::latency::StageTimes;
use weir_capture::{FrameBatch, Reader};

/// Works until the input is over or the desk is gone; gives the reader back, for its books.
pub(super) fn run(
    mut reader: Reader,
    mut worker: Worker,
    mut desk: Teller<'_>,
) -> (Reader, WorkerReport, StageTimes) {
    let mut times = StageTimes::new();
    let mut batch = FrameBatch::new();
    let mut rounds = Rounds::new();
    loop {
        let more = times.measure(|| rounds.next_batch(&mut reader, &mut batch));
        if !batch.is_empty() {
            worker.batch(&batch);
            batch.clear();
        }
        if !more {
            worker.finish_fragments();
        }
        if let Some(end) = rounds.end(&reader, more) {
            let round = worker.close_round(&end.clock);
            worker.resolve(round);
            let mut is_heard = desk.tell(round, worker.take_round());
            if !more {
                worker.finish(&end, |round, learnt| is_heard &= desk.tell(round, learnt));
            }
            // When the desk is gone, it has said why.
            if !more || !is_heard {
                break;
            }
        }
    }
    desk.finish();
    (reader, worker.report(), times)
}
