//! What happens when a page of a window cannot be read: the file shrank under the mapping, or the disk failed. The kernel
//! says so with a signal to the thread that touched it, which would end the process.
//!
//! The handler puts a page of zeros in place of the one that is missing and notes that the window is torn. It finds the
//! window in a table of atomics: no lock, no allocation. A fault anywhere else goes to whoever handled the signal before.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Windows at a time. With a few windows for each of [`crate::MAX_OPEN_INPUTS`] there are far fewer; when there is no slot left, the
/// file is read instead.
const MAX_WINDOWS: usize = 2048;

/// The table. A slot that is free begins at 0.
static SLOTS: [Slot; MAX_WINDOWS] = [const { Slot::free() }; MAX_WINDOWS];

/// Where the search for a free slot begins.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Who handled the signal before; `None` when the handler could not be set.
static PREVIOUS: OnceLock<Option<Previous>> = OnceLock::new();

/// A window as the handler sees it.
#[derive(Debug)]
struct Slot {
    taken: AtomicBool,
    /// Address of its first byte: written last, and erased first.
    start: AtomicUsize,
    len: AtomicUsize,
    torn: AtomicBool,
}

struct Previous {
    action: libc::sigaction,
    page_bytes: usize,
}

/// Protects the memory of one window until it is released.
#[derive(Debug)]
pub(super) struct Guard {
    slot: &'static Slot,
}

impl Guard {
    /// Enters the memory into the table; `None` when it is full or there is no handler.
    pub(super) fn new(start: usize, len: usize) -> Option<Self> {
        PREVIOUS.get_or_init(install).as_ref()?;
        let from = NEXT.fetch_add(1, Ordering::Relaxed) % MAX_WINDOWS;
        let (before, behind) = SLOTS.split_at_checked(from)?;
        let slot = behind.iter().chain(before).find(|slot| !slot.taken.swap(true, Ordering::Acquire))?;
        slot.len.store(len, Ordering::Relaxed);
        slot.torn.store(false, Ordering::Relaxed);
        slot.start.store(start, Ordering::Release);
        Some(Self { slot })
    }

    /// Whether a page of the window was missing.
    pub(super) fn is_torn(&self) -> bool {
        self.slot.torn.load(Ordering::Relaxed)
    }

    /// Takes the memory out of the table. To be called before it is unmapped, and once.
    pub(super) fn release(&self) {
        self.slot.start.store(0, Ordering::SeqCst);
        self.slot.taken.store(false, Ordering::Release);
    }
}

impl Slot {
    const fn free() -> Self {
        Self {
            taken: AtomicBool::new(false),
            start: AtomicUsize::new(0),
            len: AtomicUsize::new(0),
            torn: AtomicBool::new(false),
        }
    }

    /// Whether the address is in the window. The window that holds the address of a fault is borrowed by who caused it, so its
    /// slot stands still; a slot that changes meanwhile is another's, and is told by its start having changed.
    fn holds(&self, address: usize) -> bool {
        let start = self.start.load(Ordering::Acquire);
        let len = self.len.load(Ordering::Acquire);
        start != 0 && address >= start && address - start < len && self.start.load(Ordering::Acquire) == start
    }
}

/// Sets the handler, and gives who had the signal before.
fn install() -> Option<Previous> {
    // SAFETY: asks for a number.
    let page_bytes = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok()?;
    // SAFETY: all zeros are an action: the default one, with no flags.
    let mut previous = unsafe { std::mem::zeroed::<libc::sigaction>() };
    // SAFETY: as above.
    let mut action = unsafe { std::mem::zeroed::<libc::sigaction>() };
    action.sa_sigaction = handle as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: both actions are valid for the length of the call, and `handle` has the signature that SA_SIGINFO asks for.
    let failed = unsafe {
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(libc::SIGBUS, &raw const action, &raw mut previous)
    };
    (failed == 0).then_some(Previous { action: previous, page_bytes })
}

/// Puts zeros where a window's page is missing; hands any other fault on.
extern "C" fn handle(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let previous = PREVIOUS.get().and_then(Option::as_ref);
    // SAFETY: with SA_SIGINFO the kernel gives a valid `info`; for SIGBUS it has the address of the fault.
    let address = unsafe { (*info).si_addr() } as usize;
    let window = SLOTS.iter().find(|slot| slot.holds(address));
    if let (Some(slot), Some(previous)) = (window, previous) {
        // What the interrupted code is about to read of its own last failure must not be this function's.
        let error = io::Error::last_os_error().raw_os_error();
        // Noted first: whoever reads the zeros must find the window torn.
        slot.torn.store(true, Ordering::SeqCst);
        let is_mended = put_zeros(address, previous.page_bytes);
        if let Some(error) = error {
            // SAFETY: the place of the thread's own error number.
            unsafe { *libc::__errno_location() = error };
        }
        if is_mended {
            return;
        }
    }
    hand_on(previous, signal, info, context);
}

/// Replaces the page at `address`; whether that worked.
fn put_zeros(address: usize, page_bytes: usize) -> bool {
    let page = address & !(page_bytes - 1);
    // SAFETY: the page is inside of a window of this process that is mapped for reading and that the interrupted code borrows;
    // it had no content, and gets zeros that may be read. The call is nothing but a system call.
    let mapped = unsafe {
        libc::mmap(
            page as *mut libc::c_void,
            page_bytes,
            libc::PROT_READ,
            libc::MAP_FIXED | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    mapped != libc::MAP_FAILED
}

/// Does what would have been done without this handler.
fn hand_on(
    previous: Option<&Previous>,
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    let (handler, flags) = previous
        .map_or((libc::SIG_DFL, 0), |previous| (previous.action.sa_sigaction, previous.action.sa_flags));
    if handler == libc::SIG_DFL || handler == libc::SIG_IGN {
        // SAFETY: all zeros are the default action. The fault happens again on return, and then ends the process.
        unsafe {
            let default = std::mem::zeroed::<libc::sigaction>();
            libc::sigaction(signal, &raw const default, std::ptr::null_mut());
        }
    } else if flags & libc::SA_SIGINFO == 0 {
        // SAFETY: a handler that was set without SA_SIGINFO has this signature.
        let handler = unsafe { std::mem::transmute::<usize, extern "C" fn(libc::c_int)>(handler) };
        handler(signal);
    } else {
        type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
        // SAFETY: a handler that was set with SA_SIGINFO has this signature.
        let handler = unsafe { std::mem::transmute::<usize, Handler>(handler) };
        handler(signal, info, context);
    }
}
