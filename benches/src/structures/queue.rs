//! The queue between two threads: a bounded channel of batches.

use crate::harness::{Run, Scale};
use crossbeam::channel::bounded;

/// As many as the program has under way.
const CAPACITY: usize = 8;
const BATCH: usize = 256;

/// Batches that go into the channel until it is full and come out again, in one thread: the work, not the waiting. An
/// item is a batch.
pub(super) fn batches(scale: Scale) -> Run {
    let rounds = scale.pick(100_000, 500);
    let (sender, receiver) = bounded::<Vec<u64>>(CAPACITY);
    let mut spare: Vec<_> = (0..CAPACITY).map(|_| vec![1; BATCH]).collect();
    let work = move || {
        let mut sum = 0_u64;
        for _ in 0..rounds {
            while let Some(batch) = spare.pop() {
                if sender.try_send(batch).is_err() {
                    break;
                }
            }
            while let Ok(batch) = receiver.try_recv() {
                sum += batch.len() as u64;
                spare.push(batch);
            }
        }
        sum
    };
    Run { items: rounds * CAPACITY as u64, work: Box::new(work) }
}
