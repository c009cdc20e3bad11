//! What appending and giving out costs.

use super::*;

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
