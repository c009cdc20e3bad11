//! Logs: lines on stderr, or entries of the journal with a priority and fields where stderr is the journal's.
//!
//! systemd says so with the device and inode of the stream (`JOURNAL_STREAM`, systemd.exec(5)); where stderr was led elsewhere, they do
//! not match. Entries go to the journal's own socket (`tracing-journald`) with `SYSLOG_IDENTIFIER=weir` and `PRIORITY`:
//! 3 for why the program ends, 4 for warnings, 5 for what happened.

use std::os::fd::{AsFd, AsRawFd as _};
use std::os::unix::fs::MetadataExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt, registry};

/// The target of what people are told; it is logged whatever the filter says of others.
pub(crate) const SAID: &str = "weir::said";

static IS_USED: AtomicBool = AtomicBool::new(false);

/// Whether what is said goes to the journal.
pub(crate) fn is_used() -> bool {
    IS_USED.load(Ordering::Relaxed)
}

/// Logs warnings and worse unless `WEIR_LOG` says otherwise (`WEIR_LOG=debug`).
pub(crate) fn begin() {
    let filter = EnvFilter::try_from_env("WEIR_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    // Without a socket of the journal, lines on stderr reach it, too.
    let journal = is_journal(std::env::var("JOURNAL_STREAM").ok().as_deref(), std::io::stderr());
    let journal = journal.then(tracing_journald::layer).and_then(Result::ok);
    let Some(journal) = journal else {
        let lines = fmt::layer().with_writer(std::io::stderr).without_time();
        registry().with(lines.with_filter(filter)).init();
        return;
    };
    let filter = match format!("{SAID}=trace").parse() {
        Ok(said) => filter.add_directive(said),
        Err(_) => filter,
    };
    let entries = journal.with_syslog_identifier("weir".to_owned());
    registry().with(entries.with_filter(filter)).init();
    IS_USED.store(true, Ordering::Relaxed);
}

/// Whether a stream is the one that `JOURNAL_STREAM` names: `device:inode`, both decimal.
fn is_journal(named: Option<&str>, stream: impl AsFd) -> bool {
    let Some((device, inode)) = named.and_then(|text| text.split_once(':')) else { return false };
    let path = format!("/proc/self/fd/{}", stream.as_fd().as_raw_fd());
    let Ok(found) = std::fs::metadata(path) else { return false };
    device.parse() == Ok(found.dev()) && inode.parse() == Ok(found.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_stream_that_is_named_is_the_journals() {
        let file = tempfile::tempfile().unwrap();
        let found = file.metadata().unwrap();
        let named = format!("{}:{}", found.dev(), found.ino());
        assert!(is_journal(Some(&named), &file));
        assert!(!is_journal(Some(&named), tempfile::tempfile().unwrap()));
        assert!(!is_journal(Some("journal"), &file) && !is_journal(None, &file));
    }
}
