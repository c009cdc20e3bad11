//! What appending and giving out costs.

use super::*;
use crate::sinks::Parcel;

/// Time that this thread had a core.
fn worked() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

#[expect(clippy::disallowed_methods, reason = "it measures")]
fn measured<T>(what: &str, messages: u32, work: impl FnOnce() -> T) -> T {
    let (began, before) = (Instant::now(), worked());
    let done = work();
    let (passed, worked) = (began.elapsed(), worked().saturating_sub(before));
    println!("{what}: {:?} of the clock, {:?} of a core a message", passed / messages, worked / messages);
    done
}

#[test]
#[ignore = "measures: make spool-rate"]
fn rate() {
    let directory = tempfile::tempdir().unwrap();
    let sample = message(1, 2);
    let mut bytes = Vec::new();
    crate::stored::encode(&sample, &mut bytes).unwrap();
    println!("a message is stored in {} bytes", bytes.len());
    for batch in [1, 64, 1024_u32] {
        let path = directory.path().join(format!("{batch}.sqlite"));
        let spool = Spool::open(&path, ROOMY).unwrap();
        let mut cursor = spool.cursor("file", "", Beginning::Next).unwrap();
        let messages = vec![sample.clone(); batch as usize];
        let rounds = (8192 / batch).min(256);
        measured(&format!("appended by {batch}"), batch * rounds, || {
            for _ in 0..rounds {
                append(&spool, &messages).unwrap();
            }
        });
        measured("given out and settled by 256", batch * rounds, || {
            loop {
                let given = cursor.next(256, usize::MAX).unwrap();
                if given.is_empty() {
                    break;
                }
                let settled: Vec<_> =
                    given.iter().map(|spooled| (spooled.sequence, Settled::Delivered)).collect();
                cursor.settle(&settled).unwrap();
            }
        });
        assert_eq!(spool.state().entries, 0);
    }
}

/// What it costs to have flows spooled: bundles as the program makes them on a busy link, and on a quiet one.
#[test]
#[ignore = "measures: make spool-rate"]
fn rate_of_flows() {
    let directory = tempfile::tempdir().unwrap();
    for lines in [32, 256, 1024_u64] {
        let depot = Depot::open(&directory.path().join(format!("{lines}.sqlite")), ROOMY).unwrap();
        let rounds = 65_536 / lines;
        let bundles: Vec<Vec<_>> =
            (0..rounds).map(|round| (0..lines).map(|line| flow(round * lines + line)).collect()).collect();
        let bytes: usize = bundles.iter().flatten().map(|parcel: &Parcel| parcel.body.len()).sum();
        let parcels = u32::try_from(rounds * lines).unwrap();
        measured(&format!("flows spooled by {lines}"), parcels, || {
            for bundle in &bundles {
                depot.append(bundle, NOW).unwrap();
            }
        });
        let stored = depot.state().bytes / u64::from(parcels);
        println!("  a line of {} bytes takes {stored} on the disk", bytes / parcels as usize);
        measured("given out and passed", parcels, || {
            while let Some(held) = depot.front().unwrap() {
                depot.pass(held.number, held.parcels.len() as u64, 0).unwrap();
            }
        });
    }
}

/// A flow of a busy link, as it is written: different from others in what flows differ in.
fn flow(number: u64) -> Parcel {
    let [host @ .., high, low, ms, near] = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    let inside = std::net::Ipv4Addr::new(10, host[0], host[1], near);
    let outside = std::net::Ipv4Addr::new(203, host[2], host[3], low);
    let mut flow = samples::plain_flow();
    flow.id = weir_model::flow::FlowId(number);
    flow.first = NOW + Duration::from_micros(number * 100 + u64::from(low));
    flow.last = flow.first + Duration::from_millis(ms.into());
    flow.initiator = samples::end(&inside.to_string(), u16::from_be_bytes([high, low]));
    flow.responder = samples::end(&outside.to_string(), 443);
    Parcel::of_flow(&flow, crate::Format::Ecs).unwrap()
}
