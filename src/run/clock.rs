//! The system's clock, which kernel timestamps are by.

use std::time::SystemTime;
use weir_model::Timestamp;

#[expect(
    clippy::disallowed_methods,
    reason = "latency, silence and the time of idle threads are against the system's clock, as are the kernel's timestamps"
)]
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
