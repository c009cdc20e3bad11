//! Live taps: frames from network interfaces, dealt to workers by the kernel.
//!
//! ```text
//!   eth1 ── group ─┬─ ring 0 ─┐                     keeper (a thread): opens and joins all handles of an interface,
//!   (our program)  └─ ring 1 ─│─┐                   hears of its going down and away, opens them anew
//!                             │ │
//!   eth2 ── group ─┬─ ring 0 ─┴─│─> worker 0 (merges its rings by time) ──> FrameBatch
//!                  └─ ring 1 ───┴─> worker 1
//! ```
//!
//! [`open`] gives a [`TapWorker`] for each thread, and a [`TapMonitor`] that knows the books and ends the capture. A
//! ring is memory that the kernel shares (TPACKET_V3): it gathers frames in blocks and hands a block on when it is full
//! or the read timeout is over, so that a busy interface costs a system call per hundreds of frames. Payload is copied
//! once, because the ring takes its block back; and once more where several interfaces are merged.
//!
//! * **Opening.** Only making a packet socket needs a privilege. Who does that is an [`Opener`]: this process, or
//!   another one that keeps the privilege and passes descriptors ([`Asked`], [`serve`]), so that this one can live
//!   without it and still take up an interface that was away. libpcap is asked what an interface is, and compiles
//!   filters (`opening`).
//! * **Dealing.** The sockets of an interface are a group (PACKET_FANOUT) in which our program of classic BPF chooses
//!   the member (`program`): the kernel's own hash sends the two directions of a flow in VXLAN, MPLS or GTP-U to
//!   different workers or all to one, and its defragmentation swallows frames. Fragments are dealt by addresses and
//!   protocol.
//! * **Beginning.** Each frame counts once from the first moment, also while the group is being joined (`group`).
//! * **Merging.** Worker `i` has the ring `i` of each interface, as both directions of a passive tap must meet. A
//!   frame is handed on when every other ring has a later one, or when it has waited for [`TapOptions::merge_wait`].
//! * **Going down.** The order of a group's members is not to be relied upon when its interface was down, so all
//!   handles are opened anew, in order, after nothing more was let into the old ones. Workers empty those, then go on
//!   with the new ones.
//! * **VLAN tags** that the kernel or the card took off are put back (`block`).
//! * **Clock.** Times are the kernel's, in nanoseconds. Whoever needs frames as they were on the wire switches off
//!   what glues them together (`ethtool -K eth1 gro off lro off`).

mod asked;
mod block;
mod device;
mod group;
mod handle;
mod interface;
mod keeper;
mod links;
mod mapped;
mod monitor;
mod opening;
mod options;
mod program;
mod ring;
mod socket;
mod staged;
mod stats;
mod worker;

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use interface::{Interface, locked};
use keeper::Keeper;

pub use asked::{Asked, pair, serve};
pub use monitor::TapMonitor;
pub use opening::{InProcess, OpenRing, Opened, Opener};
pub use options::{MAX_TAP_INTERFACES, MAX_WORKERS, TapError, TapOptions};
pub use stats::{Happening, InterfaceStats, LinkState, TapEvent};
pub(crate) use worker::wall_clock;
pub use worker::{TapWorker, Woken};

/// Events of interfaces kept until somebody asks for them: an interface that flaps for hours shall not fill the
/// memory. The oldest go.
pub const MAX_EVENTS: usize = 256;

/// What the workers, the keeper and the monitor of a tap share.
#[derive(Debug)]
struct Tap {
    interfaces: Vec<Arc<Interface>>,
    events: Mutex<VecDeque<TapEvent>>,
    /// The keeper shall end.
    ending: AtomicBool,
    /// Nothing arrives any more: the workers shall end when their rings are empty.
    stopping: AtomicBool,
}

/// Starts capturing. The workers are in order, and each belongs to one thread.
///
/// An interface that is down is waited for; one that does not exist is an error here (and is waited for later).
pub fn open(options: &TapOptions) -> Result<(Vec<TapWorker>, TapMonitor), TapError> {
    open_by(options, Arc::new(InProcess::new(options.clone())))
}

/// The same, with interfaces opened by somebody else, who was made with the same options.
pub fn open_by(
    options: &TapOptions,
    opener: Arc<dyn Opener>,
) -> Result<(Vec<TapWorker>, TapMonitor), TapError> {
    prepare(options, opener)?.start()
}

/// Opens what the `opener` does not: whoever wants to give up the right to open anything for all threads to come does
/// it between this and [`Prepared::start`]. Left are, besides what the `opener` does: mapping, polling and options of
/// sockets that are there, SIOCGIFINDEX and SIOCGIFFLAGS, membarrier, and what the card dropped (`/sys/class/net`).
pub fn prepare(options: &TapOptions, opener: Arc<dyn Opener>) -> Result<Prepared, TapError> {
    check(options)?;
    let interface = |name: &String| Arc::new(Interface::new(name.clone(), options.workers));
    let tap = Arc::new(Tap {
        interfaces: options.interfaces.iter().map(interface).collect(),
        events: Mutex::default(),
        ending: AtomicBool::new(false),
        stopping: AtomicBool::new(false),
    });
    let keeper = Keeper::new(Arc::clone(&tap), options.clone(), opener)?;
    Ok(Prepared { tap, keeper, options: options.clone() })
}

/// A tap that hears of its interfaces and does not capture yet.
#[derive(Debug)]
pub struct Prepared {
    tap: Arc<Tap>,
    keeper: Keeper,
    options: TapOptions,
}

impl Prepared {
    /// Starts capturing, as [`open`] does.
    pub fn start(self) -> Result<(Vec<TapWorker>, TapMonitor), TapError> {
        let Self { tap, mut keeper, options } = self;
        keeper.begin()?;
        let keeper = std::thread::Builder::new()
            .name("tap-keeper".to_owned())
            .spawn(|| keeper.run())
            .map_err(|error| TapError::Watch(error.to_string()))?;
        let workers =
            (0..options.workers).map(|index| TapWorker::new(index, Arc::clone(&tap), &options)).collect();
        Ok((workers, TapMonitor::new(tap, keeper)))
    }
}

/// Binds the calling thread to a core.
pub fn pin_to(core: usize) -> std::io::Result<()> {
    socket::pin(core)
}

impl Tap {
    fn tell(&self, interface: &str, what: Happening) {
        let mut events = locked(&self.events);
        if events.len() >= MAX_EVENTS {
            events.pop_front();
        }
        let when = wall_clock();
        events.push_back(TapEvent { interface: interface.to_owned(), what, when });
    }
}

fn check(options: &TapOptions) -> Result<(), TapError> {
    let wrong = |message: String| Err(TapError::Options(message));
    let interfaces = options.interfaces.len();
    let different: BTreeSet<_> = options.interfaces.iter().collect();
    if !(1..=MAX_TAP_INTERFACES).contains(&interfaces) {
        return wrong(format!("{interfaces} interfaces: 1 to {MAX_TAP_INTERFACES} can be captured from"));
    }
    if different.len() < interfaces {
        return wrong("an interface is named twice".to_owned());
    }
    if !(1..=MAX_WORKERS).contains(&options.workers) {
        return wrong(format!("{} workers: 1 to {MAX_WORKERS} are possible", options.workers));
    }
    if !(64..=crate::MAX_CAPTURED_BYTES).contains(&options.snap_len) {
        let most = crate::MAX_CAPTURED_BYTES;
        return wrong(format!("{} bytes of each frame: 64 to {most} are possible", options.snap_len));
    }
    Ok(())
}
