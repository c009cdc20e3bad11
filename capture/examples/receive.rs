//! Receives and does nothing with it, to measure what receiving costs; to be used with the example `send`.
//!
//! ```text
//! cargo run --release -p weir-capture --example receive -- 127.0.0.1:2055 [THREADS [BUFFER_BYTES]]
//! ```
//!
//! Ends two seconds after the last datagram, and says what came, what the kernel dropped, and how much CPU each thread took.

#![expect(
    unsafe_code,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a tool to measure with: the clocks"
)]

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use weir_capture::collector::{
    self, Arrival, CollectorMonitor, CollectorOptions, CollectorWorker, DatagramBatch, Listen, Received,
};

/// Quiet for so long, it ends; and nobody waits for longer than [`LONGEST`].
const QUIET: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_mins(2);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().ok_or("usage: receive ADDRESS:PORT [THREADS [BUFFER_BYTES]]")?;
    let mut options = CollectorOptions::new(vec![Listen::udp(address.parse()?)]);
    if let Some(threads) = arguments.next() {
        options.threads = threads.parse()?;
    }
    if let Some(bytes) = arguments.next() {
        options.receive_buffer = bytes.parse()?;
    }
    let (workers, monitor) = collector::open(&options)?;
    let threads: Vec<_> = workers.into_iter().map(|worker| thread::spawn(|| receive(worker))).collect();
    wait(&monitor);
    monitor.stop();
    for (thread, stats) in threads.into_iter().zip(monitor.stats().sockets) {
        let (calls, cpu) = thread.join().map_err(|_panic| "a thread panicked")?;
        let nanos = cpu.as_nanos() as f64 / stats.datagrams.max(1) as f64;
        let at_once = stats.datagrams as f64 / calls.max(1) as f64;
        println!(
            "{stats:?}\n  {nanos:.0} ns of CPU a datagram, {at_once:.1} datagrams a call, {cpu:?} in all"
        );
    }
    Ok(())
}

fn receive(mut worker: CollectorWorker) -> (u64, Duration) {
    let (mut batch, mut calls, mut sum) = (DatagramBatch::new(), 0, 0_u64);
    loop {
        match worker.receive(&mut batch, Duration::from_millis(100)) {
            Received::Ended => break,
            Received::Nothing => {}
            Received::Arrivals => calls += 1,
        }
        for arrival in batch.iter() {
            if let Arrival::Datagram(datagram) = arrival {
                sum += u64::from(datagram.bytes.first().copied().unwrap_or_default());
            }
        }
    }
    std::hint::black_box(sum);
    (calls, thread_time())
}

fn wait(monitor: &CollectorMonitor) {
    let (begun, mut last, mut quiet) = (Instant::now(), 0, Instant::now());
    while begun.elapsed() < LONGEST && (last == 0 || quiet.elapsed() < QUIET) {
        thread::sleep(Duration::from_millis(100));
        let received = monitor.stats().sockets.iter().map(|socket| socket.datagrams).sum();
        if received > last {
            (last, quiet) = (received, Instant::now());
        }
    }
}

/// CPU that this thread took.
fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one such structure.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
