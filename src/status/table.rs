//! The status as a person reads it in ten seconds.

use super::findings::Finding;
use super::rates::Rates;
use super::screen::{Colour, Screen};
use super::snapshot::{Count, Status, WorkerStatus};
use super::{clock, collector, sandbox, sinks};
use crate::ledger;
use crate::summary::{bytes, number, time};
use std::fmt::Write as _;
use std::time::Duration;
use weir_model::text::printable;

/// Longest text of what is wrong, in bytes: causes that sinks and exporters say are cut off, and cannot take a terminal over.
const MOST_BYTES_OF_FINDING: usize = 400;

/// The text, with a line break at its end: what is wrong first.
pub(super) fn render(
    status: &Status,
    findings: &[Finding],
    rates: Option<&Rates>,
    screen: &Screen,
) -> String {
    let mut text = String::new();
    head(status, findings, screen, &mut text);
    if let Some(rates) = rates {
        rates.render(&mut text);
        text.push('\n');
    }
    if !status.interfaces.is_empty() {
        interfaces(status, &mut text);
        workers(status, &mut text);
        text.push('\n');
    }
    if let Some(status) = &status.collector {
        collector::render(status, &mut text);
    }
    sinks::render(&status.sinks, &mut text);
    sandbox::render(&status.sandbox, &mut text);
    counted(status, &mut text);
    match &status.intelligence {
        Some(status) => status.render(&mut text),
        None => status.indicators.render(None, &mut text),
    }
    latency(status, &mut text);
    status.reload.render(&mut text);
    text.push('\n');
    ledger::render(&status.ledger, &mut text);
    text
}

fn head(status: &Status, findings: &[Finding], screen: &Screen, text: &mut String) {
    let since = time(Duration::from_secs(status.running_seconds));
    let doing = if status.is_ending { "ending" } else { "running" };
    let well = match findings.len() {
        0 => screen.paint("all is well", Colour::Well),
        1 => screen.paint("something is wrong", Colour::Wrong),
        count => screen.paint(&format!("{count} things are wrong"), Colour::Wrong),
    };
    let _ = writeln!(text, "{} {doing} for {since}, process {}: {well}", status.program, status.process);
    if let Some(armed) = status.armed {
        let _ = writeln!(text, "armed {} after its start", time(Duration::from_millis(armed.after_ms)));
    }
    text.push('\n');
    for Finding { what, remedy } in findings {
        let what = printable(what, MOST_BYTES_OF_FINDING);
        let _ = writeln!(text, "{} {what}\n      {remedy}", screen.paint("WRONG", Colour::Wrong));
    }
    if !findings.is_empty() {
        text.push('\n');
    }
}

fn interfaces(status: &Status, text: &mut String) {
    let _ = writeln!(
        text,
        "{:<16} {:<7} {:>15} {:>13} {:>16} {:>10}",
        "interface", "state", "packets", "kernel drops", "interface drops", "went down"
    );
    for interface in &status.interfaces {
        let _ = writeln!(
            text,
            "{:<16} {:<7} {:>15} {:>13} {:>16} {:>10}",
            interface.name,
            interface.state,
            number(interface.packets),
            number(interface.kernel_drops),
            number(interface.interface_drops),
            number(interface.went_down)
        );
    }
}

fn workers(status: &Status, text: &mut String) {
    let _ = writeln!(
        text,
        "\n{:<16} {:<7} {:>15} {:>13} {:>16}",
        "worker", "busy", "packets", "bytes", "flows open"
    );
    for (index, worker) in status.workers.iter().enumerate() {
        let busy = format!("{}.{}%", worker.busy_permille / 10, worker.busy_permille % 10);
        let _ = writeln!(
            text,
            "{index:<16} {busy:<7} {:>15} {:>13} {:>16}",
            number(worker.packets),
            bytes(worker.bytes),
            number(worker.flows_open)
        );
    }
}

fn counted(status: &Status, text: &mut String) {
    let _ = writeln!(
        text,
        "flows      {} open, {} since the start",
        number(status.flows_open),
        number(status.flows_begun)
    );
    let _ = writeln!(text, "alerts     {}", counts(&status.alerts, "none"));
    let _ = writeln!(text, "incidents  {} open", number(status.incidents_open));
    let _ = writeln!(text, "lost       {}", counts(&status.lost, "nothing in queues"));
    overload(status, text);
    canaries(status, text);
    clock::render(&status.clock, text);
    if status.lanes.iter().any(|lane| lane.count > 0) {
        let _ = writeln!(text, "lanes      {}", counts(&status.lanes, "").replace('_', " "));
    }
}

fn overload(status: &Status, text: &mut String) {
    let sum = |count: fn(&WorkerStatus) -> u64| status.workers.iter().map(count).sum::<u64>();
    let payloads = sum(|worker| worker.payloads_left_out);
    let packets = sum(|worker| worker.packets_left_out);
    if payloads + packets > 0 {
        let (payloads, packets) = (number(payloads), number(packets));
        let _ = writeln!(text, "left out   payload of {payloads} packets; {packets} packets of small flows");
    }
}

fn canaries(status: &Status, text: &mut String) {
    let Some(oldest) = status.canaries.iter().map(|canary| canary.age_seconds).max() else { return };
    let late: Vec<_> = status.canaries.iter().filter(|canary| canary.is_late).collect();
    let age = time(Duration::from_secs(oldest));
    if late.is_empty() {
        let _ = writeln!(text, "canary     came through every thread, the last one {age} ago");
    }
    for canary in late {
        let age = time(Duration::from_secs(canary.age_seconds));
        let _ = writeln!(text, "canary     LATE: none came through {} for {age}", canary.thread);
    }
}

fn counts(counts: &[Count], none: &str) -> String {
    let told: Vec<_> = counts.iter().filter(|count| count.count > 0).collect();
    if told.is_empty() {
        return none.to_owned();
    }
    let told: Vec<_> = told.iter().map(|count| format!("{} {}", count.name, number(count.count))).collect();
    told.join(", ")
}

fn latency(status: &Status, text: &mut String) {
    let latency = &status.latency;
    if latency.count == 0 {
        text.push_str("latency    no alert yet\n");
        return;
    }
    let _ =
        writeln!(text, "latency    packet to alert: {} ({} alerts)", latency.text(), number(latency.count));
}

#[cfg(test)]
mod tests {
    use super::super::findings::findings;
    use super::super::snapshot::{
        CanaryStatus, InterfaceStatus, SpoolStatus, ThreadStatus, VERSION, WorkerStatus,
    };
    use super::*;
    use crate::latency::Quantiles;
    use crate::ledger::{Entry, Ledger};
    use crate::process::Disk;
    use crate::sinks::SinkRow;
    use crate::status::{Check, IntelStatus, Loss};

    fn status() -> Status {
        let mut ledger = Ledger::default();
        ledger.add("frames of eth1", Entry::new("received", 10), [Entry::new("delivered", 10)]);
        Status {
            version: VERSION,
            program: "weir 1".into(),
            process: 7,
            running_seconds: 3_600,
            is_ending: false,
            interfaces: vec![InterfaceStatus {
                name: "eth1".into(),
                is_up: true,
                state: "up".into(),
                went_down: 0,
                packets: 1_234_567,
                kernel_drops: 0,
                before_joining: 0,
                interface_drops: 0,
                freezes: 0,
            }],
            workers: vec![WorkerStatus {
                packets: 10,
                bytes: 2_000_000,
                flows_open: 3,
                busy_permille: 123,
                ..WorkerStatus::default()
            }],
            collector: None,
            sinks: Vec::new(),
            intelligence: None,
            sandbox: Vec::new(),
            flows_begun: 5,
            flows_open: 3,
            incidents_open: 1,
            alerts: vec![Count { name: "opened".into(), count: 1 }],
            lost: vec![Count { name: "flows".into(), count: 0 }],
            lanes: vec![Count { name: "packets_handed_over".into(), count: 9 }],
            canaries: Vec::new(),
            latency: Quantiles { count: 1, p50_us: 850, p99_us: 8_500, p999_us: 8_500, max_us: 1_200_000 },
            stages: Vec::new(),
            is_balanced: ledger.is_balanced(),
            ledger,
            ..Status::default()
        }
    }

    fn shown(status: &Status) -> String {
        render(status, &findings(status), None, &Screen::new())
    }

    #[test]
    fn a_person_sees_what_matters() {
        let text = shown(&status());
        for told in [
            "all is well",
            "eth1             up            1,234,567",
            "12.3%",
            "opened 1",
            "nothing in queues",
            "lanes      packets handed over 9",
            "p50 850 us, p99 8.5 ms, p99.9 8.5 ms, max 1.2 s",
            "frames of eth1: 10 received = 10 delivered",
            "the ledger balances",
        ] {
            assert!(text.contains(told), "{told} is not in\n{text}");
        }
        assert!(text.lines().all(|line| line.len() <= 100), "{text}");
    }

    #[test]
    fn what_is_wrong_comes_first_with_what_to_do() {
        let mut wrong = status();
        wrong.interfaces[0].kernel_drops = 1_234;
        wrong.interfaces[0].is_up = false;
        wrong.interfaces[0].state = "down".into();
        wrong.lost[0].count = 2;
        wrong.threads = vec![ThreadStatus { name: "clerk".into(), silent_ms: 45_000 }];
        wrong.canaries = vec![CanaryStatus { thread: "worker 0".into(), age_seconds: 200, is_late: true }];
        wrong.disk = Some(Disk { free_bytes: 1_000_000, size_bytes: 1_000_000_000 });
        wrong.spool = Some(SpoolStatus { bytes: 90, limit_bytes: 100, ..SpoolStatus::default() });
        wrong.reload.problem = Some("line 3: no such key".into());
        wrong.reload.wants_restart = vec!["interface".into()];
        wrong.messages = vec![Count { name: "held".into(), count: 3 }];
        let text = shown(&wrong);
        for told in [
            "9 things are wrong",
            "WRONG clerk has made no progress for 45.0 s\n      a disk",
            "WRONG no canary came through worker 0 for 3 min 20 s",
            "WRONG eth1 is not captured from: it is down\n      `ip -br link show eth1`",
            "WRONG 1,234 frames of eth1 were dropped by the kernel",
            "WRONG 3 messages wait for the spool",
            "WRONG the spool is nearly full: 90 B of 100 B",
            "WRONG 1.0 MB are free",
            "WRONG 2 flows were lost in a queue",
            "WRONG the configuration that was read last is not used: line 3: no such key",
            "settings   these count after a restart:\n           interface\n",
        ] {
            assert!(text.contains(told), "{told} is not in\n{text}");
        }
        assert!(findings(&status()).is_empty());
    }

    #[test]
    fn a_set_that_is_empty_is_found_and_one_of_plain_files_is_shown() {
        let kinds = |count| vec![Count { name: "domain".into(), count }];
        let mut status = status();
        status.indicators.indicators = kinds(1_234);
        let text = shown(&status);
        assert!(text.contains("all is well") && text.contains("\nindicators 1,234, 0 B\n"), "{text}");
        status.indicators.indicators = kinds(0);
        let text = shown(&status);
        let told = "WRONG no indicators: nothing can be recognised\n      write `indicators";
        assert!(text.contains(told) && text.contains("\nindicators 0, 0 B\n"), "{text}");
        status.intelligence = Some(IntelStatus::default());
        assert!(shown(&status).contains("recognised\n      `weir intel sources`"), "{}", shown(&status));
        status.checks = vec![Check { what: "indicators are armed".into(), is_met: false }];
        assert_eq!(findings(&status).len(), 1, "what is still waited for is said alone");
    }

    #[test]
    fn a_sink_whose_ceiling_withholds_everything_is_found() {
        let sink = |withheld, delivered| SinkRow {
            name: "chat".into(),
            ceiling: Some("GREEN".into()),
            withheld,
            delivered,
            ..SinkRow::default()
        };
        let with = |sink| Status { sinks: vec![sink], ..status() };
        let text = shown(&with(sink(7, 0)));
        let told = "WRONG sink chat got no alert: 7 were withheld, as they are marked above its ceiling (GREEN)\n      raise `tlp`";
        assert!(text.contains(told), "{text}");
        assert!(with(sink(7, 1)).is_well() && with(sink(0, 0)).is_well());
    }

    #[test]
    fn what_was_lost_long_ago_is_shown_and_needs_nobody() {
        let mut status = status();
        status.interfaces[0].kernel_drops = 1_234;
        let loss =
            |seconds_ago| Loss { what: "eth1: dropped by the kernel".into(), count: 1_234, seconds_ago };
        assert!(status.lost_so_far().contains(&(loss(0).what, 1_234)));
        status.losses = vec![loss(90)];
        let text = shown(&status).split_whitespace().collect::<Vec<_>>().join(" ");
        let told =
            "WRONG 1,234 frames of eth1 were dropped by the kernel since the start, the last 90.0 s ago";
        assert!(text.contains(told), "{text}");
        status.losses = vec![loss(3_600)];
        assert!(status.is_well() && shown(&status).contains("1,234"), "{}", shown(&status));
    }

    #[test]
    fn what_others_say_cannot_take_a_terminal_over() {
        let mut wrong = status();
        wrong.reload.problem = Some("\u{1b}[2J".into());
        assert!(!shown(&wrong).contains('\u{1b}'));
    }
}
