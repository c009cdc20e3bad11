//! The collector's sockets on the loopback interface, and in a network namespace where one can be made.

#![expect(
    unsafe_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a thread enters a namespace; what goes wrong in helpers of tests shall fail"
)]

mod datagrams;
mod streams;
mod tls;
mod versions;

use std::net::SocketAddr;
use std::time::{Duration, Instant};
use weir_capture::collector::{Arrival, CollectorOptions, CollectorWorker, DatagramBatch, Listen, Received};
use weir_model::Timestamp;

/// What arrived, with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Got {
    worker: usize,
    listen: usize,
    from: SocketAddr,
    received: Timestamp,
    bytes: Vec<u8>,
}

fn udp(addresses: &[&str], threads: usize) -> CollectorOptions {
    let listen = addresses.iter().map(|address| Listen::udp(address.parse().unwrap())).collect();
    CollectorOptions { threads, ..CollectorOptions::new(listen) }
}

/// Everything that there is until nothing came for a while.
fn drain(workers: &mut [CollectorWorker]) -> Vec<Got> {
    drain_until(workers, usize::MAX)
}

/// The same, or so many.
fn drain_until(workers: &mut [CollectorWorker], count: usize) -> Vec<Got> {
    let (mut all, mut batch, mut quiet) = (Vec::new(), DatagramBatch::new(), Instant::now());
    while all.len() < count && quiet.elapsed() < Duration::from_millis(200) {
        for worker in &mut *workers {
            if worker.receive(&mut batch, Duration::from_millis(5)) == Received::Arrivals {
                quiet = Instant::now();
                all.extend(datagrams_of(worker.index(), &batch));
            }
        }
    }
    all
}

fn datagrams_of(worker: usize, batch: &DatagramBatch) -> Vec<Got> {
    let got = |arrival: Arrival<'_>| match arrival {
        Arrival::Datagram(datagram) => Got {
            worker,
            listen: datagram.listen,
            from: datagram.from,
            received: datagram.received,
            bytes: datagram.bytes.to_vec(),
        },
        other @ Arrival::SessionEnded { .. } => panic!("{other:?} without streams"),
    };
    batch.iter().map(got).collect()
}
