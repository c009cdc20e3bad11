//! One libpcap handle: the ring of one worker on one interface.

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Arc;

use pcap::{Active, Capture, Precision};
use weir_model::Timestamp;
use weir_model::frame::LinkType;

use super::TapOptions;
use super::interface::Meter;
use super::socket::Socket;

/// Bytes that are kept of frames which arrive too early to be dealt (`super::group`): enough to be counted, and fewer
/// than any frame has that is kept.
pub(super) const EARLY_BYTES: usize = 1;

/// A handle that is in no group yet, or in one with others.
#[derive(Debug)]
pub(super) struct Handle {
    capture: CaptureOf,
    pub(super) meter: Arc<Meter>,
    link: LinkType,
    /// Frames at the front of the ring that arrived before it belonged to its group.
    before_joining: u64,
    /// Whether they count (those of the group's first member), or repeat what another handle counts.
    counts_early: bool,
}

/// The crate's type shows nothing.
struct CaptureOf(Capture<Active>);

impl std::fmt::Debug for CaptureOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Capture")
    }
}

/// Frames that were taken out of a ring.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    /// Given to the caller.
    pub(super) delivered: u64,
    /// Too early.
    pub(super) before_joining: u64,
    /// All that left the ring.
    pub(super) frames: usize,
    /// The handle is of no more use.
    pub(super) failed: bool,
}

/// Opens an interface as libpcap does it.
pub(super) fn activate(interface: &str, options: &TapOptions) -> Result<Capture<Active>, pcap::Error> {
    let clamp = |value: usize| i32::try_from(value).unwrap_or(i32::MAX);
    Capture::from_device(interface)?
        .promisc(options.promiscuous)
        .snaplen(clamp(options.snap_len))
        .buffer_size(clamp(options.ring_bytes))
        .timeout(i32::try_from(options.read_timeout.as_millis()).unwrap_or(i32::MAX).max(1))
        .immediate_mode(false)
        .precision(Precision::Nano)
        .open()?
        .setnonblock()
}

impl Handle {
    /// Opens the interface and counts from there.
    pub(super) fn open(interface: &str, options: &TapOptions) -> Result<Self, pcap::Error> {
        let capture = activate(interface, options)?;
        let socket = Socket::of(capture.as_fd()).map_err(|error| pcap::Error::IoError(error.kind()))?;
        let link = link_of(capture.get_datalink());
        let meter = Arc::new(Meter::new(socket));
        Ok(Self { capture: CaptureOf(capture), meter, link, before_joining: 0, counts_early: false })
    }

    /// Passes over the next `frames`, which arrived before the handle belonged to its group.
    pub(super) const fn pass_over(&mut self, frames: u64, counts: bool) {
        self.before_joining = frames;
        self.counts_early = counts;
    }

    /// What the frames' first byte begins.
    pub(super) const fn link(&self) -> LinkType {
        self.link
    }

    /// For waiting.
    pub(super) fn descriptor(&self) -> RawFd {
        self.capture.0.as_raw_fd()
    }

    /// Takes at most `limit` frames out of the ring, without waiting: time, length on the wire, bytes.
    pub(super) fn take(&mut self, limit: usize, mut each: impl FnMut(Timestamp, u32, &[u8])) -> Taken {
        let mut taken = Taken::default();
        let (early, counts_early) = (&mut self.before_joining, self.counts_early);
        let result = self.capture.0.dispatch(Some(limit), |packet| {
            let cut = packet.data.len() <= EARLY_BYTES && packet.header.len as usize > EARLY_BYTES;
            if *early > 0 || cut {
                *early = early.saturating_sub(1);
                taken.before_joining += u64::from(counts_early);
                return;
            }
            taken.delivered += 1;
            each(time_of(packet.header.ts), packet.header.len, packet.data);
        });
        self.meter.count_taken(taken.delivered + taken.before_joining);
        taken.frames = *result.as_ref().unwrap_or(&0);
        taken.failed = result.is_err();
        taken
    }
}

/// With a precision of nanoseconds, libpcap puts them where microseconds are otherwise.
fn time_of(time: libc::timeval) -> Timestamp {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Timestamp::new(seconds, u32::try_from(time.tv_usec).unwrap_or(0))
}

/// libpcap's numbers on this system are those of files, except for raw IP (`pcap-linktype(7)`).
fn link_of(link: pcap::Linktype) -> LinkType {
    const DLT_RAW: i32 = 12;
    match link.0 {
        DLT_RAW => LinkType::RAW,
        number => LinkType(u16::try_from(number).unwrap_or(u16::MAX)),
    }
}
