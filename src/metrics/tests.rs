//! Every metric there is, with a value.

use super::declared::SECTIONS;
use super::*;
use crate::ledger::Entry;
use crate::process::Disk;
use crate::sandbox::Part;
use crate::sinks::{FreightRow, SinkRow};
use crate::status::{
    CanaryStatus, ClockStatus, CollectorStatus, CollectorThreadStatus, Count, ExporterRow, Health,
    IntelStatus, InterfaceStatus, QueueStatus, SetStatus, SocketStatus, SourceStatus, SpoolStatus,
    TableStatus, ThreadStatus, WorkerStatus,
};
use std::time::Duration;

/// One line at least of each metric, as it must come from [`everything`].
const EXPECTED: &str = include_str!("expected.prom");

fn count(name: &str, count: u64) -> Count {
    Count { name: name.into(), count }
}

fn collector() -> CollectorStatus {
    let udp = SocketStatus {
        name: "udp 0.0.0.0:2055".into(),
        datagrams: 21,
        bytes: 22,
        kernel_drops: 23,
        buffer_bytes: Some(24),
        ..SocketStatus::default()
    };
    let tls = SocketStatus {
        name: "tls [::]:4740".into(),
        sessions: Some(25),
        cut_off: 26,
        ..SocketStatus::default()
    };
    let exporter = ExporterRow {
        exporter: "192.0.2.1".into(),
        silent_seconds: Some(31),
        datagrams: 32,
        bytes: 33,
        records: 34,
        samples: 35,
        lost: 36,
        restarts: 37,
        sampled_one_in: Some(38),
        clock_skew_ms: -3_900,
        templates: 40,
        waiting_bytes: 41,
        without_template: 42,
        refused: vec![count("unknown_version", 43)],
        trouble: None,
    };
    CollectorStatus {
        sockets: vec![udp, tls],
        threads: vec![CollectorThreadStatus {
            datagrams: 27,
            records: 28,
            busy_us: 2_900_000,
            ..Default::default()
        }],
        other: ExporterRow { datagrams: 44, ..ExporterRow::default() },
        exporters: vec![exporter],
        others_known: 30,
        not_in_list: 45,
        ..CollectorStatus::default()
    }
}

fn intelligence() -> IntelStatus {
    let source = SourceStatus {
        name: "misp".into(),
        health: Health::Held,
        entries: 51,
        refused: 52,
        last_success: Some(1_700_000_053),
        errors: 54,
        took_ms: 5_500,
        ..SourceStatus::default()
    };
    let failing = SourceStatus { name: "feed".into(), health: Health::Failing, ..SourceStatus::default() };
    IntelStatus { sources: vec![source, failing], ..IntelStatus::default() }
}

fn sink() -> SinkRow {
    let mut latency = Latency::new();
    latency.record(Duration::from_millis(30));
    SinkRow {
        name: "soc".into(),
        spooled: 61,
        delivered: 62,
        in_part: 63,
        stripped: 64,
        waiting: 65,
        oldest_seconds: Some(66),
        filtered: 67,
        withheld: 68,
        refused: 69,
        expired: 70,
        failing_since: Some(1),
        breakdowns: 71,
        distribution: latency.distribution(),
        freight: vec![FreightRow {
            name: "flows".into(),
            offered: 72,
            delivered: 73,
            refused: 74,
            lost: 75,
            expired: 77,
            expired_in_run: 0,
            waiting: 76,
        }],
        ..SinkRow::default()
    }
}

fn everything() -> Status {
    let mut status = Status {
        started: 1_700_000_001,
        clock: ClockStatus {
            synchronised: Some(true),
            estimated_error_us: Some(250),
            maximum_error_us: Some(31_500),
        },
        checks: vec![crate::status::Check { what: "x".into(), is_met: true }],
        sandbox: vec![Part { name: "files".into(), holds: true, text: "Landlock".into() }],
        threads: vec![ThreadStatus { name: "desk".into(), silent_ms: 1_500 }],
        interfaces: vec![InterfaceStatus {
            name: "eth1".into(),
            is_up: true,
            state: "up".into(),
            went_down: 2,
            packets: 3,
            kernel_drops: 4,
            before_joining: 5,
            interface_drops: 6,
            freezes: 7,
        }],
        workers: vec![WorkerStatus {
            packets: 8,
            bytes: 9,
            busy_us: 10_500_000,
            reduced_to: Some("x".into()),
            ..WorkerStatus::default()
        }],
        tables: vec![TableStatus { name: "packets".into(), flows_open: 1, capacity: 11 }],
        queues: vec![QueueStatus { name: "hits".into(), length: 12, capacity: 13 }],
        collector: Some(collector()),
        intelligence: Some(intelligence()),
        indicators: SetStatus {
            generation: 46,
            indicators: vec![count("domain", 47)],
            memory_bytes: 48,
            made: Some(1_700_000_049),
            made_in_ms: 5_000,
            kept_out: vec![count("warninglist", 50)],
        },
        sinks: vec![sink()],
        spool: Some(SpoolStatus {
            bytes: 81,
            limit_bytes: 82,
            messages: 83,
            oldest_seconds: Some(84),
            appended: 85,
            expired: 86,
        }),
        disk: Some(Disk { free_bytes: 87, size_bytes: 88 }),
        hits: 89,
        alerts: vec![count("opened", 90)],
        messages: vec![count("muted", 91), count("held", 0)],
        mutes_active: 92,
        canaries: vec![CanaryStatus { thread: "worker 0".into(), age_seconds: 93, is_late: true }],
        ..Status::default()
    };
    let reload = &mut status.reload;
    (reload.at, reload.accepted, reload.refused) = (Some(1_700_000_094), 95, 96);
    reload.wants_restart.push("interface".into());
    reload.problem = Some("it is wrong".into());
    status
}

fn published() -> String {
    let mut ledger = Ledger::default();
    ledger.add(
        "frames",
        Entry::new("received", 10),
        [Entry::new("delivered", 7), Entry::held("under way", 3)],
    );
    let levels = [
        ("flow", "flows_open", 101),
        ("flow", "flows_open_peak", 102),
        ("flow", "facts_bytes", 103),
        ("flow", "stream_bytes_held", 104),
        ("flow", "passive_dns_own_entries", 105),
        ("wire", "fragments.held_frames", 106),
        ("wire", "fragments.held_datagrams", 107),
        ("wire", "fragments.held_bytes", 108),
        ("rules", "hits_open", 109),
        ("rules", "incidents_open", 110),
        ("message", "held", 111),
        ("message", "muted", 1),
        ("flow", "flows_begun", 112),
        ("wire", "frame_bytes", 113),
        ("overload", "headers_milliseconds", 1_500),
    ];
    let counters = levels.map(|(stage, name, count)| (stage, name.to_owned(), count));
    let mut times = StageTimes::new();
    times.measure(|| ());
    let mut latency = Latency::new();
    for ms in [1, 20, 3_000] {
        latency.record(Duration::from_millis(ms));
    }
    let process = Process {
        resident_bytes: Some(121),
        virtual_bytes: Some(122),
        open_descriptors: Some(123),
        most_descriptors: Some(124),
        cpu_seconds: Some(1.25),
    };
    let status = everything();
    let running = Running {
        status: &status,
        latency: &latency,
        process: Some(process),
        now: Timestamp::new(1_700_000_131, 500_000_000),
    };
    let stages = [("decode", &times)];
    let published =
        Published { ledger: &ledger, counters: &counters, stages: &stages, running: Some(running) };
    published.render().unwrap()
}

#[test]
fn every_metric_has_a_value() {
    let text = published();
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let expected = EXPECTED.replace("BUILD", build).replace("VERSION", env!("CARGO_PKG_VERSION"));
    for line in expected.lines() {
        assert!(text.lines().any(|told| told == line), "{line} is not in\n{text}");
    }
    for metric in SECTIONS.iter().flat_map(|section| section.metrics) {
        let is_of = |line: &str| {
            let rest = line.strip_prefix(metric.name)?;
            ["{", " ", "_bucket{", "_sum", "_count"].iter().any(|next| rest.starts_with(next)).then_some(())
        };
        assert!(
            EXPECTED.lines().any(|line| is_of(line).is_some()),
            "{} is expected with no value",
            metric.name
        );
        assert!(text.contains(&format!("# TYPE {} {}\n", metric.name, metric.kind)), "{}", metric.name);
        assert!(text.contains(&format!("# HELP {} ", metric.name)), "{}", metric.name);
    }
}

/// As `promtool check metrics` would complain of; it is asked itself in `tests/monitoring`.
#[test]
fn the_form_is_that_of_prometheus() {
    let text = published();
    let mut types = 0;
    for line in text.lines() {
        if line.starts_with("# TYPE ") {
            types += 1;
        }
        assert!(
            line.starts_with('#')
                || line.rsplit_once(' ').is_some_and(|(_, value)| value.parse::<f64>().is_ok()),
            "{line}"
        );
    }
    assert_eq!(types, SECTIONS.iter().map(|section| section.metrics.len()).sum::<usize>());
}

/// Whoever forges sources: thousands of exporters are one series.
#[test]
fn a_flood_of_exporters_adds_no_series() {
    let series = |collector: CollectorStatus| {
        let status = Status { collector: Some(collector), ..everything() };
        let running =
            Running { status: &status, latency: &Latency::new(), process: None, now: Timestamp::EPOCH };
        let ledger = Ledger::default();
        let published = Published { ledger: &ledger, counters: &[], stages: &[], running: Some(running) };
        let text = published.render().unwrap();
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.rsplit_once(' '))
            .map(|(series, _)| series.to_owned())
            .collect::<Vec<_>>()
    };
    let calm = series(collector());
    let forged = |number: u32| ExporterRow {
        exporter: std::net::Ipv4Addr::from(0x0a00_0000 + number).to_string(),
        datagrams: 1,
        ..ExporterRow::default()
    };
    let flood = CollectorStatus {
        others: (0..5_000).map(forged).collect(),
        others_known: 5_000,
        other: ExporterRow { datagrams: 5_000, ..ExporterRow::default() },
        ..collector()
    };
    assert_eq!(series(flood), calm);
}
