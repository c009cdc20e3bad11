//! How many flows a second go to a cluster on the same machine, and what that costs: `cargo test -p weir-alert kafka::tests::speed --
//! --ignored --nocapture`.

use super::bus::Bus;
use super::*;
use std::fmt::Write as _;
use std::fs;

const FLOWS: u32 = 200_000;
const BATCH: usize = 1_000;

/// Processor time of this process in ticks of a hundredth of a second (proc(5)), without the brokers of the mock cluster.
fn ticks() -> u64 {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let of = |path: std::path::PathBuf| {
        let stat = fs::read_to_string(path.join("stat")).unwrap_or_default();
        let (name, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_whitespace().skip(11);
        let is_mock = name.contains("rdk:mock");
        let times = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
        (!is_mock).then_some(times)
    };
    tasks.filter_map(|task| of(task.unwrap().path())).sum()
}

#[test]
#[ignore = "a measurement"]
fn flows_a_second() {
    // As long as a flow record in ECS, and as alike as they are.
    let body = |number: u32| {
        let mut body = format!(
            "{{\"@timestamp\":\"2025-11-22T10:26:40.{number:09}Z\",\"source\":{{\"ip\":\"192.0.2.{}\",",
            number % 251
        );
        while body.len() < 900 {
            let length = body.len();
            write!(
                body,
                "\"field{}\":\"{:016x}\",",
                length,
                u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            )
            .unwrap();
        }
        body.into_bytes()
    };
    for compression in ["zstd", "lz4", "none"] {
        let bus = Bus::new(3);
        let mut sink = open(&bus.settings(&format!("compression = \"{compression}\"")));
        let flows: Vec<_> = (0..FLOWS).map(|number| flow(number, body(number))).collect();
        assert!(
            sink.deliver(&flows[..BATCH], in_seconds(30)).iter().all(|outcome| *outcome == Outcome::Taken)
        );
        let (began, before) = (now(), ticks());
        for batch in flows[BATCH..].chunks(BATCH) {
            assert!(sink.deliver(batch, in_seconds(30)).iter().all(|outcome| *outcome == Outcome::Taken));
        }
        let (seconds, used) = (began.elapsed().as_secs_f64(), ticks() - before);
        let count = f64::from(FLOWS) - 1_000.0;
        println!(
            "{compression}: {:.0} messages a second, {:.1} us of processor time each (clients of the cluster only)",
            count / seconds,
            used as f64 * 10_000.0 / count
        );
    }
}
