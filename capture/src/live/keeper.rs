//! The thread that follows the interfaces: lets go of those that went down or away, and takes them up again.
//!
//! An interface that goes down leaves its sockets in their group, but in which order they stand there when it comes
//! back is the kernel's affair, and the member decides which packets a worker gets. So every time all handles are
//! opened anew, as a new group in the order of the workers. The workers first empty their old rings, into which
//! nothing more is let.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::device::Device;
use super::interface::Interface;
use super::links::{Change, Links};
use super::opening::Opener;
use super::{Happening, LinkState, Tap, TapError, TapOptions, group};

/// How long the kernel's news are waited for. By then all interfaces are looked at without any.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Time between two attempts at an interface that is up and cannot be captured from.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What the keeper knows of the interfaces.
#[derive(Debug)]
pub(super) struct Keeper {
    tap: Arc<Tap>,
    means: Means,
    links: Links,
    kept: Vec<Kept>,
}

/// What interfaces are opened with.
#[derive(Debug)]
struct Means {
    options: TapOptions,
    opener: Arc<dyn Opener>,
}

/// An interface as the keeper sees it.
#[derive(Debug)]
struct Kept {
    interface: Arc<Interface>,
    /// Which of the interfaces of the options it is.
    place: usize,
    /// Its number while it is captured from.
    index: u32,
    last_try: Option<Instant>,
    /// What the card had dropped when last asked.
    card_dropped: Option<u64>,
    /// What was said last of an interface that cannot be captured from, so that it is said once.
    complaint: Option<String>,
}

impl Keeper {
    /// Listens, so that no change is missed before interfaces are opened.
    pub(super) fn new(tap: Arc<Tap>, options: TapOptions, opener: Arc<dyn Opener>) -> Result<Self, TapError> {
        let links = Links::new().map_err(|error| TapError::Watch(error.to_string()))?;
        let kept = |(place, interface): (usize, &Arc<Interface>)| Kept {
            interface: Arc::clone(interface),
            place,
            index: 0,
            last_try: None,
            card_dropped: None,
            complaint: None,
        };
        let kept = tap.interfaces.iter().enumerate().map(kept).collect();
        Ok(Self { tap, means: Means { options, opener }, links, kept })
    }

    /// Opens the interfaces that are up.
    pub(super) fn begin(&mut self) -> Result<(), TapError> {
        for kept in &mut self.kept {
            let name = &kept.interface.name;
            let Some(device) = self.links.find(name) else {
                let message = "there is no such interface".to_owned();
                return Err(TapError::Interface { interface: name.clone(), message });
            };
            if device.is_up() {
                kept.take_up(device.index, &self.means)?;
            }
        }
        Ok(())
    }

    /// Until the tap is stopped.
    pub(super) fn run(mut self) {
        while !self.tap.ending.load(Ordering::Acquire) {
            let mut changes = Vec::new();
            self.links.wait(LOOK_EVERY, |change| changes.push(change));
            for change in &changes {
                for kept in &mut self.kept {
                    kept.hear(change, &self.tap);
                }
            }
            for kept in &mut self.kept {
                let found = self.links.find(&kept.interface.name);
                kept.look(found, &self.tap, &self.means);
            }
        }
    }
}

impl Kept {
    /// Opens a handle for each worker.
    fn take_up(&mut self, index: u32, means: &Means) -> Result<(), TapError> {
        self.interface.opening.store(true, Ordering::Release);
        let opened = group::open(&*means.opener, self.place, &self.interface.name, &means.options)
            .map(|handles| self.interface.take_up(handles));
        self.interface.opening.store(false, Ordering::Release);
        opened?;
        self.interface.set_state(LinkState::Up);
        self.index = index;
        self.complaint = None;
        Ok(())
    }

    /// Lets go when the kernel says that the interface is not what it was.
    fn hear(&mut self, change: &Change, tap: &Tap) {
        if self.interface.state() != LinkState::Up {
            return;
        }
        match change {
            Change::Gone { index } if *index == self.index => self.let_go(LinkState::Absent, tap),
            Change::Is { index, name, .. } if *index == self.index && *name != self.interface.name => {
                self.let_go(LinkState::Absent, tap);
            }
            Change::Is { index, up: false, .. } if *index == self.index => {
                self.let_go(LinkState::Down, tap);
            }
            // It may have been down and up in what was lost.
            Change::Lost => self.let_go(LinkState::Down, tap),
            _ => {}
        }
    }

    fn let_go(&mut self, state: LinkState, tap: &Tap) {
        self.interface.set_state(state);
        self.interface.let_go();
        self.last_try = None;
        let what = if state == LinkState::Absent { Happening::WentAway } else { Happening::WentDown };
        tap.tell(&self.interface.name, what);
    }

    /// Compares the interface with what is known of it.
    fn look(&mut self, found: Option<Device>, tap: &Tap, means: &Means) {
        self.count_card_dropped();
        let is = match found {
            None => LinkState::Absent,
            Some(device) if device.is_up() => LinkState::Up,
            Some(_) => LinkState::Down,
        };
        let failed = self.interface.failed.swap(false, Ordering::Relaxed);
        let same = found.is_some_and(|device| device.index == self.index);
        match (self.interface.state(), is) {
            (LinkState::Up, LinkState::Up) if same && !failed => {}
            (LinkState::Up, LinkState::Up) if !same => self.let_go(LinkState::Absent, tap),
            (LinkState::Up, LinkState::Up) => self.let_go(LinkState::Down, tap),
            (LinkState::Up, is) => self.let_go(is, tap),
            (LinkState::Down, LinkState::Absent) => {
                self.interface.set_state(is);
                tap.tell(&self.interface.name, Happening::WentAway);
            }
            (LinkState::Absent, LinkState::Down) => self.interface.set_state(is),
            _ => {}
        }
        if let (LinkState::Down | LinkState::Absent, LinkState::Up, Some(device)) =
            (self.interface.state(), is, found)
        {
            self.try_again(device.index, tap, means);
        }
    }

    fn try_again(&mut self, index: u32, tap: &Tap, means: &Means) {
        if self.last_try.is_some_and(|last| last.elapsed() < TRY_AGAIN_AFTER) {
            return;
        }
        self.last_try = Some(now());
        match self.take_up(index, means) {
            Ok(()) => tap.tell(&self.interface.name, Happening::TakenUp),
            Err(error) => {
                let message = error.to_string();
                if self.complaint.as_ref() != Some(&message) {
                    tap.tell(&self.interface.name, Happening::Refused(message.clone()));
                }
                self.complaint = Some(message);
            }
        }
    }

    /// The kernel's counters of a card begin at 0 when the interface is made again.
    fn count_card_dropped(&mut self) {
        let Some(dropped) = card_dropped(&self.interface.name) else {
            self.card_dropped = Some(0);
            return;
        };
        let before = self.card_dropped.replace(dropped).unwrap_or(dropped);
        self.interface.count_interface_dropped(dropped.checked_sub(before).unwrap_or(dropped));
    }
}

/// Frames for which the card or its driver had no room (`Documentation/ABI/testing/sysfs-class-net-statistics`). Not
/// `rx_dropped`, which also counts frames that a tap has seen and no protocol wanted.
fn card_dropped(interface: &str) -> Option<u64> {
    let statistics = Path::new("/sys/class/net").join(interface).join("statistics");
    let read = |name: &str| std::fs::read_to_string(statistics.join(name)).ok()?.trim().parse::<u64>().ok();
    Some(read("rx_missed_errors")? + read("rx_fifo_errors")?)
}

#[expect(clippy::disallowed_methods, reason = "interfaces are waited for by the clock")]
fn now() -> Instant {
    Instant::now()
}
