//! What a tap counts and reports.

use weir_model::Timestamp;

/// Counters of one interface, over all workers and over all times that it was taken up.
///
/// The books: `received = delivered + before_joining + dropped` as soon as nothing is in the rings. (The kernel's own
/// count of packets already contains those that it dropped.)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceStats {
    /// The interface's name.
    pub interface: String,
    /// How it is.
    pub state: LinkState,
    /// Frames that the kernel saw pass the filter, from the time the first ring was there.
    pub received: u64,
    /// Of these, frames for which a ring had no room.
    pub dropped: u64,
    /// Of these, frames that arrived while the rings were being joined to a group, and are not looked at.
    pub before_joining: u64,
    /// Of these, frames handed on in batches, or waiting to be merged.
    pub delivered: u64,
    /// Times that the kernel found a ring full and stopped until there was room.
    pub freezes: u64,
    /// Frames that the network card or its driver dropped (`rx_missed_errors` and `rx_fifo_errors`): no ring ever saw
    /// them, so they are in no other count.
    pub interface_dropped: u64,
    /// Times that the interface went down or away.
    pub went_down: u64,
}

impl InterfaceStats {
    /// Frames still in the rings; 0 after the end, unless the books are wrong.
    pub fn in_rings(&self) -> i64 {
        let gone = self.delivered + self.before_joining + self.dropped;
        self.received.cast_signed().wrapping_sub(gone.cast_signed())
    }
}

/// How an interface is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LinkState {
    /// Captured from.
    Up,
    /// It is there, and was configured down: it is waited for.
    #[default]
    Down,
    /// There is no interface of this name: it is waited for.
    Absent,
}

impl LinkState {
    /// In one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Absent => "absent",
        }
    }
}

/// Something happened to an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapEvent {
    /// The interface's name.
    pub interface: String,
    /// What.
    pub what: Happening,
    /// When it was noticed, by the system's clock.
    pub when: Timestamp,
}

/// What happens to interfaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// It went down.
    WentDown,
    /// It was removed.
    WentAway,
    /// It is captured from again, by all workers.
    TakenUp,
    /// It is up, but capturing from it failed; this is tried again. What the system says.
    Refused(String),
}

/// A sentence for people.
impl std::fmt::Display for TapEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { interface, what, when } = self;
        match what {
            Happening::WentDown => write!(f, "{when}: interface {interface} went down; waiting for it"),
            Happening::WentAway => write!(f, "{when}: interface {interface} is gone; waiting for it"),
            Happening::TakenUp => write!(f, "{when}: interface {interface} is captured from again"),
            Happening::Refused(message) => {
                write!(f, "{when}: interface {interface} is up but cannot be captured from: {message}")
            }
        }
    }
}
