//! The queue between two threads: a bounded channel of batches.

use crate::harness::{Run, Scale};
use crossbeam::channel::bounded;

/// As many as the program has under way.
const CAPACITY: usize = 8;
const BATCH: usize = 256;

/// Batches that are filled on one side of the channel and emptied on the other, in one thread: the work, not the waiting.
pub(super) fn batches(scale: Scale) -> Run {
    let rounds = scale.pick(20_000, 500);
    let (sender, receiver) = bounded::<Vec<u64>>(CAPACITY);
    let work = move || {
        let mut spare: Vec<_> = (0..CAPACITY).map(|_| Vec::with_capacity(BATCH)).collect();
        let mut sum = 0_u64;
        for round in 0..rounds {
            while let Some(mut batch) = spare.pop() {
                batch.extend(round..round + BATCH as u64);
                if sender.try_send(batch).is_err() {
                    break;
                }
            }
            while let Ok(mut batch) = receiver.try_recv() {
                sum = batch.drain(..).fold(sum, u64::wrapping_add);
                spare.push(batch);
            }
        }
        sum
    };
    Run { items: rounds * (CAPACITY * BATCH) as u64, work: Box::new(work) }
}
