//! Capabilities: none are left. What captures is a helper that keeps what it needs.

use anyhow::{Context as _, Result};
use caps::{CapSet, Capability};

/// Gives up all of them.
pub(super) fn give_up() -> Result<()> {
    // What could be won back by another program, which cannot be started; it takes a right of its own.
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)
        .context("capabilities cannot be read")?
    {
        caps::clear(None, CapSet::Bounding)?;
    }
    // Kernels before 4.3 know none of these.
    drop(caps::clear(None, CapSet::Ambient));
    for set in [CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        caps::clear(None, set)?;
    }
    Ok(())
}
