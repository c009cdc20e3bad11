//! How right the clock is: of the kernel, or, where this process may not ask it, from somebody who may and writes it down.
//!
//! ```text
//!   weir run ──adjtimex──> kernel
//!      └──refused by the unit──> /run/weir-clock/quality <── weir tell-clock (a unit of its own) ──adjtimex──> kernel
//! ```
//!
//! A unit that may not set the clock (`ProtectClock=`) may not ask how right it is either: systemd refuses the call, whatever its arguments.
//! So a process that does nothing else, and reads nothing of anybody, asks for all services of the host.

use crate::Outcome;
use crate::cli::TellClockArguments;
use anyhow::{Context as _, Result};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, SystemTime};
use weir_capture::host::clock_quality;
use weir_model::ClockQuality;

/// The folder of the unit that tells; a confined Weir can read it.
pub(crate) const FOLDER: &str = "/run/weir-clock";
/// What it writes there.
const FILE: &str = "quality";
/// Between two writings.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// What is older (or of a time to come) says nothing any more: who told is gone, or the clock was set.
const OLDEST: Duration = Duration::from_mins(1);
/// Most bytes that are read; what is written has 120 at most. Longer ones are of somebody else, and say nothing.
const MAX_BYTES: u64 = 1_024;

/// How right the clock is; `None` where nobody says so.
pub(crate) fn quality() -> Option<ClockQuality> {
    clock_quality().or_else(|| told(&Path::new(FOLDER).join(FILE), now()))
}

/// Runs `weir tell-clock`: writes it down again and again.
pub(crate) fn run(arguments: &TellClockArguments) -> Result<Outcome> {
    loop {
        tell(&arguments.file, clock_quality())
            .with_context(|| format!("cannot write {}", arguments.file.display()))?;
        std::thread::sleep(TELL_EVERY);
    }
}

/// Whole or not at all.
fn tell(file: &Path, quality: Option<ClockQuality>) -> Result<()> {
    let fresh = file.with_extension("new");
    std::fs::write(&fresh, serde_json::to_vec(&quality)?)?;
    Ok(std::fs::rename(&fresh, file)?)
}

fn told(file: &Path, now: SystemTime) -> Option<ClockQuality> {
    let file = File::open(file).ok()?;
    let written = file.metadata().ok()?.modified().ok()?;
    let age = now.duration_since(written).unwrap_or_else(|later| later.duration());
    if age > OLDEST {
        return None;
    }
    let mut text = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()?
}

#[expect(clippy::disallowed_methods, reason = "the age of a file is by the clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_believed_while_it_is_fresh() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        assert_eq!(told(&file, now()), None, "nobody told");
        let (estimated_error, maximum_error) = (Duration::from_micros(7), Duration::from_millis(3));
        for quality in [
            Some(ClockQuality::Synchronised { estimated_error, maximum_error }),
            Some(ClockQuality::Unsynchronised),
            None,
        ] {
            tell(&file, quality).unwrap();
            assert_eq!(told(&file, now()), quality);
            for off in [now() + OLDEST * 2, now() - OLDEST * 2] {
                assert_eq!(told(&file, off), None, "from another time");
            }
        }
        for text in ["", "{", "\"Kept\"", &format!("{}\"Unsynchronised\"", " ".repeat(2_000))] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(told(&file, now()), None, "{text}");
        }
        let largest =
            ClockQuality::Synchronised { estimated_error: Duration::MAX, maximum_error: Duration::MAX };
        assert!(serde_json::to_vec(&Some(largest)).unwrap().len() as u64 <= MAX_BYTES / 2);
    }
}
