//! What the kernel can do: captures need some of it, the sandbox the rest.

use super::finding::Finding;
use crate::config::RunSettings;
use crate::sandbox::Sandbox;
use weir_capture::host::{CaptureFeatures, Kernel};

/// From here on Landlock holds all that docs/SANDBOX.md says.
const WHOLE_LANDLOCK: u32 = 6;

/// Looks at it.
pub(super) fn look(settings: &RunSettings) -> Vec<Finding> {
    judge(&Kernel::ask(), settings)
}

fn judge(kernel: &Kernel, settings: &RunSettings) -> Vec<Finding> {
    let mut found = vec![Finding::fine("kernel", format!("Linux {}", kernel.release))];
    if !settings.tap.interfaces.is_empty() {
        found.extend(captures(kernel.captures, settings.common.workers));
    }
    if settings.sandbox != Sandbox::Off {
        let is_must = settings.sandbox == Sandbox::On;
        found.push(files(kernel.landlock_abi, is_must));
        found.push(calls(kernel.filters_calls, is_must));
    }
    found
}

fn captures(captures: Option<CaptureFeatures>, workers: usize) -> Vec<Finding> {
    const RINGS: &str = "kernel: TPACKET_V3";
    const DEALING: &str = "kernel: PACKET_FANOUT_CBPF";
    let Some(CaptureFeatures { has_block_rings, deals_by_program }) = captures else {
        return vec![Finding::note(
            RINGS,
            "this user may not try whether captures are possible",
            "ask again as one who may capture: sudo weir doctor ...",
        )];
    };
    let rings = if has_block_rings {
        Finding::fine(RINGS, "there: rings from which packets are read without copying")
    } else {
        Finding::wrong(
            RINGS,
            "not there: no interface can be captured from",
            "Linux 3.2 or later with CONFIG_PACKET; in a container its rules (seccomp) may forbid it",
        )
    };
    let dealing = match (deals_by_program, workers) {
        (true, _) => Finding::fine(DEALING, "there: the kernel deals packets to workers"),
        (false, 0 | 1) => Finding::note(
            DEALING,
            "not there: one worker is all there can be",
            "before you set `workers`: Linux 4.3 or later",
        ),
        (false, workers) => Finding::wrong(
            DEALING,
            format!("not there: packets cannot be dealt to {workers} workers"),
            "workers = 1, or Linux 4.3 or later",
        ),
    };
    vec![rings, dealing]
}

fn files(abi: Option<u32>, is_must: bool) -> Finding {
    const ABOUT: &str = "kernel: Landlock";
    match abi {
        None => missing(
            ABOUT,
            "not there: which files a confined Weir can reach is left to the unit",
            "Linux 5.13 or later, and landlock among the modules of its command line (lsm=landlock,...; /sys/kernel/security/lsm)",
            is_must,
        ),
        Some(abi) if abi < WHOLE_LANDLOCK => Finding::note(
            ABOUT,
            format!(
                "ABI {abi}: files are held, some of the rest is not (ports from 4 on, signals and abstract sockets from 6 on)"
            ),
            "a later kernel holds more (Linux 6.12); docs/SANDBOX.md says what",
        ),
        Some(abi) => Finding::fine(ABOUT, format!("ABI {abi}")),
    }
}

fn calls(is_there: bool, is_must: bool) -> Finding {
    const ABOUT: &str = "kernel: seccomp";
    if is_there {
        return Finding::fine(ABOUT, "there: calls that Weir does not need can be refused");
    }
    missing(
        ABOUT,
        "not there: which calls a confined Weir can make is left to the unit",
        "Linux 4.14 or later with CONFIG_SECCOMP_FILTER",
        is_must,
    )
}

/// With `sandbox = "on"` it does not start without.
fn missing(about: &str, found: &str, remedy: &str, is_must: bool) -> Finding {
    if is_must {
        let found = format!("{found}, and with sandbox = \"on\" it does not start");
        return Finding::wrong(about, found, format!("{remedy}; or sandbox = \"auto\""));
    }
    Finding::note(about, found, remedy)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    fn verdict(findings: &[Finding]) -> Vec<Verdict> {
        findings.iter().map(|finding| finding.verdict).collect()
    }

    #[test]
    fn what_captures_lack_weighs_by_what_is_set() {
        let features =
            |has_block_rings, deals_by_program| Some(CaptureFeatures { has_block_rings, deals_by_program });
        assert_eq!(verdict(&captures(features(true, true), 4)), [Verdict::Fine, Verdict::Fine]);
        assert_eq!(verdict(&captures(features(true, false), 1)), [Verdict::Fine, Verdict::Note]);
        assert_eq!(verdict(&captures(features(false, false), 2)), [Verdict::Wrong, Verdict::Wrong]);
        assert_eq!(verdict(&captures(None, 2)), [Verdict::Note]);
    }

    #[test]
    fn what_the_sandbox_lacks_is_wrong_where_it_must_hold() {
        assert_eq!(files(Some(7), true).verdict, Verdict::Fine);
        assert_eq!(files(Some(3), true).verdict, Verdict::Note);
        assert_eq!((files(None, false).verdict, files(None, true).verdict), (Verdict::Note, Verdict::Wrong));
        assert_eq!(
            (calls(false, false).verdict, calls(false, true).verdict),
            (Verdict::Note, Verdict::Wrong)
        );
    }
}
