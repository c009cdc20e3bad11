//! Threads, what confines them, their tables and the queues between them, in series.

use super::declared as of;
use super::series::Series;
use crate::status::Status;

/// Adds the series.
pub(super) fn publish(status: &Status, series: &mut Series) {
    for thread in &status.threads {
        series.measure(&of::THREAD_IDLE, &[&thread.name], thread.silent_ms as f64 / 1_000.0);
    }
    for part in &status.sandbox {
        series.measure_whole(&of::SANDBOX, &[&part.name], part.holds.into());
    }
    for (index, worker) in status.workers.iter().enumerate() {
        let name = format!("worker {index}");
        series.count(&of::WORKER_FRAMES, &[&name], worker.packets);
        series.tell(&of::WORKER_REDUCED, &[&name], worker.reduced_to.is_some());
        series.count(&of::WORKER_BYTES, &[&name], worker.bytes);
        series.count_seconds(&of::THREAD_BUSY, &[&name], worker.busy_us as f64 / 1_000_000.0);
    }
    for (index, thread) in status.collector.iter().flat_map(|collector| &collector.threads).enumerate() {
        let name = format!("collector {index}");
        series.count(&of::COLLECTOR_DATAGRAMS, &[&name], thread.datagrams);
        series.count(&of::COLLECTOR_RECORDS, &[&name], thread.records);
        series.count_seconds(&of::THREAD_BUSY, &[&name], thread.busy_us as f64 / 1_000_000.0);
    }
    for table in &status.tables {
        series.measure_whole(&of::FLOWS_CAPACITY, &[&table.name], table.capacity);
    }
    for queue in &status.queues {
        series.measure_whole(&of::QUEUE_LENGTH, &[&queue.name], queue.length);
        series.measure_whole(&of::QUEUE_CAPACITY, &[&queue.name], queue.capacity);
    }
}
