//! The caps of the decoder. Whoever can send a datagram to the collector, with any source address, would like each of them
//! to be missing.

use std::time::Duration;

/// What the decoder may hold. Defaults are for one collector thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportLimits {
    /// Exporters known at once. Adversary: spoofed source addresses. When full, the one that was silent longest among those
    /// that have not proved themselves goes ([`ExportLimits::settle`]); when all have, the newcomer is refused.
    pub exporters: usize,
    /// After sending records for so long an exporter has proved itself, and floods of new addresses do not push it out.
    pub settle: Duration,
    /// An exporter that has proved itself may go when it was silent for so long.
    pub settled_idle: Duration,
    /// Observation domains, source ids, engines, sub-agents of one exporter. When full, the one unused longest goes.
    pub domains: usize,
    /// Templates of one domain, and of one datagram. When full, the one unused longest goes.
    pub templates: usize,
    /// Fields of one template; a template with more is refused. The largest in the wild have about 120.
    pub fields: usize,
    /// Bytes that the domains of one exporter take with their templates and options; what is beyond is refused.
    pub state_bytes: usize,
    /// Bytes that they take in all; exporters that have not proved themselves go first, then the new is refused.
    pub state_bytes_in_all: usize,
    /// A template that was neither announced nor used for so long is forgotten (datagrams only: on a stream templates live as
    /// long as the session). Exporters repeat them every 10 to 30 minutes, or after 20 to 1,000 datagrams (RFC 7011 section 8.4
    /// asks collectors for three times that).
    pub template_lifetime: Duration,
    /// Bytes of data sets of one exporter that wait for their template; what is beyond is dropped.
    pub waiting_bytes: usize,
    /// Bytes that wait in all.
    pub waiting_bytes_in_all: usize,
    /// How long data waits for its template.
    pub waiting_for: Duration,
    /// Entries of each table that options fill, per domain: samplers, sampled interfaces, applications, interface names. When
    /// full, new entries are refused.
    pub options: usize,
    /// Difference between the exporter's clock and ours from which it is told.
    pub clock_skew: Duration,
}

impl Default for ExportLimits {
    fn default() -> Self {
        Self {
            exporters: 4_096,
            settle: Duration::from_mins(1),
            settled_idle: Duration::from_hours(1),
            domains: 64,
            templates: 1_024,
            fields: 512,
            state_bytes: 4 << 20,
            state_bytes_in_all: 128 << 20,
            template_lifetime: Duration::from_hours(24),
            waiting_bytes: 1 << 20,
            waiting_bytes_in_all: 64 << 20,
            waiting_for: Duration::from_mins(30),
            options: 4_096,
            clock_skew: Duration::from_mins(1),
        }
    }
}

/// Bytes of a name (application, interface) that are kept.
pub(super) const NAME_BYTES: usize = 128;
