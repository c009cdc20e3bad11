//! What decoders notice of exporters, said on stderr: never more than a person can read, whoever forges sources.

use std::net::IpAddr;
use std::time::Duration;
use weir_model::Timestamp;
use weir_wire::export::Notice;

/// Notices that a thread says in each [`WINDOW`]. The adversary makes exporters seem to restart with every datagram.
const MOST_IN_WINDOW: u32 = 10;
const WINDOW: Duration = Duration::from_mins(1);
/// Exporters whose first datagram is told, where everybody is heard; anyone may seem to be a new one.
const MOST_APPEARED: u32 = 16;

/// Chooses what is said, and in which words.
#[derive(Debug, Default)]
pub(super) struct Crier {
    /// When the window began.
    since: Timestamp,
    said: u32,
    unsaid: u64,
    appeared: u32,
    lines: Vec<String>,
}

impl Crier {
    /// Takes a notice of an exporter; `is_listed` says whether it is one of those that alone are heard.
    pub(super) fn take(&mut self, now: Timestamp, exporter: IpAddr, notice: Notice, is_listed: bool) {
        if notice == Notice::Appeared && !is_listed {
            self.appeared += 1;
            if self.appeared > MOST_APPEARED {
                return;
            }
        }
        if now.since(self.since) >= WINDOW {
            self.begin_window(now);
        }
        if self.said >= MOST_IN_WINDOW {
            self.unsaid += 1;
            return;
        }
        self.said += 1;
        self.lines.push(text(exporter, notice));
        if notice == Notice::Appeared && !is_listed && self.appeared == MOST_APPEARED {
            self.lines.push("further exporters are not announced; --exporter says who is heard".to_owned());
        }
    }

    /// What is to be said now.
    pub(super) fn lines(&mut self, now: Timestamp) -> Vec<String> {
        if self.unsaid > 0 && now.since(self.since) >= WINDOW {
            self.begin_window(now);
        }
        std::mem::take(&mut self.lines)
    }

    fn begin_window(&mut self, now: Timestamp) {
        if self.unsaid > 0 {
            self.lines.push(format!("{} more notices about exporters were not shown", self.unsaid));
        }
        (self.since, self.said, self.unsaid) = (now, 0, 0);
    }
}

fn text(exporter: IpAddr, notice: Notice) -> String {
    match notice {
        Notice::Appeared => format!("{exporter} is heard for the first time"),
        Notice::Restarted { version, domain } => format!(
            "{exporter} counts anew ({}, domain {domain}): it was restarted, or somebody else sends in its name",
            version.name()
        ),
        Notice::ClockSkewed { nanos } => {
            format!("the clock of {exporter} is {}; times of its flows are moved", apart(nanos))
        }
        Notice::ClockAgrees => format!("the clock of {exporter} is right again"),
    }
}

/// `62 min ahead of ours`.
pub(super) fn apart(nanos: i64) -> String {
    let side = if nanos < 0 { "behind" } else { "ahead of" };
    let seconds = nanos.unsigned_abs() / 1_000_000_000;
    let size = match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    };
    format!("{size} {side} ours")
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_model::ExportVersion;

    const RESTARTED: Notice = Notice::Restarted { version: ExportVersion::NetFlow9, domain: 3 };

    fn exporter(number: u32) -> IpAddr {
        IpAddr::V4((0xc000_0200 + number).into())
    }

    #[test]
    fn a_flood_of_notices_is_ten_lines_a_minute_and_a_count() {
        let (mut crier, now) = (Crier::default(), Timestamp::new(1_700_000_000, 0));
        (0..1_000).for_each(|number| crier.take(now, exporter(number % 256), RESTARTED, false));
        let lines = crier.lines(now);
        assert_eq!(lines.len(), 10);
        assert!(lines[0].starts_with("192.0.2.0 counts anew (netflow_v9, domain 3)"), "{lines:?}");
        assert!(crier.lines(now + Duration::from_secs(59)).is_empty());
        let later = crier.lines(now + WINDOW);
        assert_eq!(later, ["990 more notices about exporters were not shown"]);
    }

    #[test]
    fn newcomers_are_announced_while_they_are_few_and_listed_exporters_always() {
        let (mut crier, mut now) = (Crier::default(), Timestamp::new(1_700_000_000, 0));
        let mut said = 0;
        for number in 0..200 {
            now = now + Duration::from_secs(10);
            crier.take(now, exporter(number), Notice::Appeared, false);
            said += crier.lines(now).len();
        }
        assert_eq!(said, 17, "sixteen, and that there will be no more");
        crier.take(now + WINDOW, exporter(201), Notice::Appeared, true);
        assert_eq!(crier.lines(now), ["192.0.2.201 is heard for the first time"]);
    }

    #[test]
    fn a_wrong_clock_is_told_with_its_size() {
        assert_eq!(apart(-3_720_000_000_000), "62 min behind ours");
        assert_eq!(apart(90_000_000_000), "90 s ahead of ours");
        assert_eq!(apart(i64::MAX), "106751 days ahead of ours");
    }
}
