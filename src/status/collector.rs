//! What listens to routers, as tables: a row for each socket, thread and exporter.

use super::snapshot::{CollectorStatus, ExporterRow, SocketStatus};
use crate::summary::{bytes, number};
use std::fmt::Write as _;
use std::time::Duration;

/// Appends the tables.
pub(super) fn render(status: &CollectorStatus, text: &mut String) {
    sockets(status, text);
    threads(status, text);
    exporters(status, text);
    text.push('\n');
}

fn sockets(status: &CollectorStatus, text: &mut String) {
    let _ = writeln!(
        text,
        "{:<30} {:>15} {:>10} {:>13}   buffer or sessions",
        "socket", "datagrams", "bytes", "kernel drops"
    );
    for socket in &status.sockets {
        let _ = writeln!(
            text,
            "{:<30} {:>15} {:>10} {:>13}   {}",
            socket.name,
            number(socket.datagrams),
            bytes(socket.bytes),
            number(socket.kernel_drops),
            kept(socket)
        );
    }
}

fn kept(socket: &SocketStatus) -> String {
    let cut_off = match socket.cut_off {
        0 => String::new(),
        count => format!(", {} cut off", number(count)),
    };
    match (socket.sessions, socket.buffer_bytes) {
        (Some(sessions), _) => format!("{} open{cut_off}", number(sessions)),
        (None, Some(size)) => bytes(size),
        (None, None) => String::new(),
    }
}

fn threads(status: &CollectorStatus, text: &mut String) {
    let _ = writeln!(text, "\n{:<16} {:<13} {:>15} {:>15}", "collector", "busy", "datagrams", "records");
    for (index, thread) in status.threads.iter().enumerate() {
        let busy = format!("{}.{}%", thread.busy_permille / 10, thread.busy_permille % 10);
        let _ = writeln!(
            text,
            "{index:<16} {busy:<13} {:>15} {:>15}",
            number(thread.datagrams),
            number(thread.records)
        );
    }
}

fn exporters(status: &CollectorStatus, text: &mut String) {
    let _ = writeln!(
        text,
        "\n{:<22} {:>10} {:>11} {:>12} {:>9} {:>7} {:>8} {:>9} {:>8}",
        "exporter", "last seen", "datagrams", "records", "lost", "1 in N", "clock", "templates", "waiting"
    );
    let all = || status.exporters.iter().chain(&status.others);
    all().for_each(|exporter| row(exporter, text));
    let not_shown = status.others_known.saturating_sub(status.others.len() as u64);
    if not_shown > 0 {
        let _ = writeln!(text, "... and {} more", number(not_shown));
    }
    for exporter in all() {
        if let Some(trouble) = &exporter.trouble {
            let _ = writeln!(text, "  {}: {trouble}", exporter.exporter);
        }
        if !exporter.refused.is_empty() {
            let refused: Vec<_> = exporter
                .refused
                .iter()
                .map(|count| format!("{} {}", count.name.replace('_', " "), number(count.count)))
                .collect();
            let _ = writeln!(text, "  {}: not taken: {}", exporter.exporter, refused.join(", "));
        }
    }
    if status.not_in_list > 0 {
        let _ = writeln!(
            text,
            "  {} datagrams of exporters that are not in the list (--exporter) were not decoded",
            number(status.not_in_list)
        );
    }
}

fn row(exporter: &ExporterRow, text: &mut String) {
    let seen = exporter.silent_seconds.map_or("never".to_owned(), |seconds| match seconds {
        0..2 => "now".to_owned(),
        _ => format!("{} ago", short(Duration::from_secs(seconds))),
    });
    let _ = writeln!(
        text,
        "{:<22} {seen:>10} {:>11} {:>12} {:>9} {:>7} {:>8} {:>9} {:>8}",
        exporter.exporter,
        number(exporter.datagrams),
        number(exporter.records + exporter.samples),
        number(exporter.lost),
        exporter.sampled_one_in.map_or("-".to_owned(), |one_in| number(u64::from(one_in))),
        clock(exporter.clock_skew_ms),
        number(exporter.templates),
        bytes(exporter.waiting_bytes)
    );
}

/// `45 s`, `12 min`, `3 h`.
fn short(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3_600),
    }
}

/// How far its clock is ahead. Versions that tell whole seconds seem to be up to one late.
fn clock(skew_ms: i64) -> String {
    let size = Duration::from_millis(skew_ms.unsigned_abs());
    match skew_ms {
        -1_999..=1_999 => "right".to_owned(),
        2_000.. => format!("+{}", short(size)),
        _ => format!("-{}", short(size)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::{CollectorThreadStatus, Count};
    use super::*;

    #[test]
    fn a_person_sees_who_is_silent_lost_or_wrong() {
        let socket = SocketStatus {
            name: "udp 0.0.0.0:2055".into(),
            datagrams: 1_234,
            buffer_bytes: Some(425_984),
            ..SocketStatus::default()
        };
        let stream = SocketStatus {
            name: "tls 0.0.0.0:4740".into(),
            sessions: Some(2),
            cut_off: 1,
            ..SocketStatus::default()
        };
        let exporter = ExporterRow {
            exporter: "192.0.2.1".into(),
            silent_seconds: Some(754),
            datagrams: 1_234,
            records: 38_000,
            lost: 31,
            sampled_one_in: Some(1_000),
            clock_skew_ms: -3_600_000,
            trouble: Some("silent for 12 min".into()),
            refused: vec![Count { name: "unknown_version".into(), count: 2 }],
            ..ExporterRow::default()
        };
        let status = CollectorStatus {
            sockets: vec![socket, stream],
            threads: vec![CollectorThreadStatus {
                datagrams: 1_234,
                records: 38_000,
                busy_permille: 123,
                busy_us: 0,
            }],
            exporters: vec![exporter],
            others_known: 3,
            not_in_list: 5,
            ..CollectorStatus::default()
        };
        let mut text = String::new();
        render(&status, &mut text);
        for told in [
            "udp 0.0.0.0:2055                         1,234        0 B             0   426.0 kB",
            "2 open, 1 cut off",
            "12.3%",
            "192.0.2.1              12 min ago       1,234       38,000        31   1,000  -60 min",
            "... and 3 more",
            "192.0.2.1: silent for 12 min",
            "not taken: unknown version 2",
            "5 datagrams of exporters that are not in the list (--exporter) were not decoded",
        ] {
            assert!(text.contains(told), "{told} is not in\n{text}");
        }
        assert!(text.lines().all(|line| line.len() <= 110), "{text}");
    }
}
