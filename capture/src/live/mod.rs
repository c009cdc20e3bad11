//! Live taps.

mod monitor;
mod options;
mod stats;
mod worker;

pub use monitor::TapMonitor;
pub use options::{MAX_TAP_INTERFACES, MAX_WORKERS, TapError, TapOptions};
pub use stats::{Happening, InterfaceStats, LinkState, TapEvent};
pub use worker::{TapWorker, Woken};

/// Events of interfaces kept until somebody asks for them: an interface that flaps for hours shall not fill the memory. The oldest go.
pub const MAX_EVENTS: usize = 256;

/// Starts capturing. The workers are in order, and each belongs to one thread.
///
/// An interface that is down is waited for; one that does not exist is an error here (and is waited for later).
pub fn open(options: &TapOptions) -> Result<(Vec<TapWorker>, TapMonitor), TapError> {
    Err(TapError::Options(format!("{} interfaces: not supported on this system", options.interfaces.len())))
}

/// Binds the calling thread to a core.
pub fn pin_to(core: usize) -> std::io::Result<()> {
    Err(std::io::Error::other(format!("core {core}")))
}
