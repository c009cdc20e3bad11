//! Whether the program does its work: `/healthz` for whoever would restart it, `/readyz` for whoever waits for it.

use super::http::{Page, Status as Answer};
use crate::status::{Check, Status, ThreadStatus};
use crate::supervisor;
use std::fmt::Write as _;
use std::time::Duration;

/// A thread that has shown no progress for so long hangs: each shows some within seconds, also when there is nothing to do.
const STALLED_AFTER_MS: u64 = 30_000;
/// It captures all the same, and what it tells of flows and names is told: that is ready.
const NO_INDICATORS: &str = ", but there are none: nothing can be recognised";

/// Threads that must make progress, by name, and since when they made none.
pub(super) fn threads() -> Vec<ThreadStatus> {
    let mut threads: Vec<_> = supervisor::stalled(Duration::ZERO)
        .into_iter()
        .map(|(name, silent)| ThreadStatus {
            name,
            silent_ms: u64::try_from(silent.as_millis()).unwrap_or(u64::MAX),
        })
        .collect();
    threads.sort_by(|one, other| one.name.cmp(&other.name));
    threads
}

/// All that is to be so before everything that is configured is done.
pub(super) fn checks(status: &Status, is_armed: bool) -> Vec<Check> {
    let captured = status.interfaces.iter().map(|interface| Check {
        what: format!("{} is captured from", interface.name),
        is_met: interface.is_up,
    });
    let none = if is_armed && status.indicators.is_empty() { NO_INDICATORS } else { "" };
    let armed = Check { what: format!("indicators are armed{none}"), is_met: is_armed };
    captured.chain([armed]).collect()
}

/// Whether all threads make progress. While a run ends they may be through.
pub(super) fn alive(status: &Status) -> Page {
    let check = |thread: &ThreadStatus| Check {
        what: format!("{} makes progress", thread.name),
        is_met: status.is_ending || thread.silent_ms < STALLED_AFTER_MS,
    };
    let checks: Vec<_> = status.threads.iter().map(check).collect();
    page(checks.iter().all(|check| check.is_met), &checks)
}

/// Whether all is captured and armed.
pub(super) fn ready(status: &Status) -> Page {
    page(status.is_ready(), &status.checks)
}

fn page(is_well: bool, checks: &[Check]) -> Page {
    let mut text = String::from(if is_well { "ok\n" } else { "not ok\n" });
    for check in checks {
        let _ = writeln!(text, "{} {}", if check.is_met { "[+]" } else { "[-]" }, check.what);
    }
    let status = if is_well { Answer::Ok } else { Answer::Unavailable };
    Page { status, ..Page::new(super::http::TEXT, text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{Count, InterfaceStatus};

    fn status(silent_ms: u64, is_up: bool) -> Status {
        let interface = InterfaceStatus { name: "eth1".into(), is_up, ..InterfaceStatus::default() };
        let status = Status {
            interfaces: vec![interface],
            threads: vec![ThreadStatus { name: "worker 0".into(), silent_ms }],
            ..Status::default()
        };
        Status { checks: checks(&status, true), ..status }
    }

    #[test]
    fn a_thread_that_hangs_is_no_health() {
        let well = alive(&status(100, false));
        assert_eq!((well.status, well.body.as_str()), (Answer::Ok, "ok\n[+] worker 0 makes progress\n"));
        let hung = alive(&status(STALLED_AFTER_MS, true));
        assert_eq!(hung.status, Answer::Unavailable);
        assert_eq!(hung.body, "not ok\n[-] worker 0 makes progress\n");
        let ending = alive(&Status { is_ending: true, ..status(STALLED_AFTER_MS, true) });
        assert_eq!(ending.status, Answer::Ok);
    }

    #[test]
    fn an_interface_that_is_away_or_a_set_that_is_not_armed_is_not_ready() {
        assert_eq!(ready(&status(0, true)).status, Answer::Ok);
        let away = ready(&status(0, false));
        assert_eq!(away.status, Answer::Unavailable);
        assert!(away.body.contains("[-] eth1 is captured from\n[+] indicators are armed\n"), "{}", away.body);
        let mut empty = status(0, true);
        empty.indicators.indicators = vec![Count { name: "domain".into(), count: 0 }];
        empty.checks = checks(&empty, true);
        let none = ready(&empty);
        assert!(
            none.status == Answer::Ok && none.body.contains("[+] indicators are armed, but there are none")
        );
        let unarmed = Status { checks: checks(&status(0, true), false), ..status(0, true) };
        assert_eq!(ready(&unarmed).status, Answer::Unavailable);
        assert_eq!(ready(&Status { is_ending: true, ..status(0, true) }).status, Answer::Unavailable);
    }
}
