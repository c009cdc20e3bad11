//! The handles of all workers on one interface, joined to a group that our program deals to.
//!
//! libpcap binds its socket to the interface before anybody can join it to a group, and until then each socket gets
//! every frame. So that none counts twice, or is handed to a worker that it does not belong to, and still every frame
//! counts from the moment that the first handle is there:
//!
//! 1. The first handle keeps only [`EARLY_BYTES`] of a frame: enough to count it. The others keep nothing. What came
//!    before that was so (known by number, once no packet is on its way any more) is passed over.
//! 2. All join, in the order of the workers. While the group has no program, the kernel gives the first member
//!    everything.
//! 3. The others get the real filter: nothing reaches them yet. Then the group gets its program. From here each frame
//!    goes to its own worker; those of the first are still cut.
//! 4. The first gets the real filter. What is in its ring by then, or cut, was *before joining*.

use std::io;
use std::os::fd::AsFd;

use super::handle::{EARLY_BYTES, Handle, activate};
use super::program;
use super::socket::{self, Socket, settle};
use super::{TapError, TapOptions};
use crate::bpf::{Instruction, NOTHING, RETURN};

/// The filter that keeps every frame, as far as the snap length allows.
const EVERYTHING: [Instruction; 1] = [Instruction { code: RETURN, jump_true: 0, jump_false: 0, k: u32::MAX }];

/// Memory of a ring that is only there so that libpcap compiles a filter for the interface, in bytes.
const UNUSED_RING_BYTES: usize = 1 << 20;

/// Opens an interface that is there and up: a handle for each worker, in order.
pub(super) fn open(interface: &str, options: &TapOptions) -> Result<Vec<Handle>, TapError> {
    let filter = match &options.filter {
        Some(expression) => Some(compile(interface, options, expression)?),
        None => None,
    };
    let mut handles = Vec::with_capacity(options.workers);
    for worker in 0..options.workers {
        let handle = Handle::open(interface, options).map_err(|error| refused(interface, error))?;
        if is_loopback(interface) {
            // Each frame passes twice; libpcap shows only the one that arrives.
            handle.meter.socket().ignore_outgoing().map_err(|error| ungrouped(interface, &error))?;
        }
        let early =
            if worker == 0 { kept_early(filter.as_deref().unwrap_or(&EVERYTHING)) } else { NOTHING.to_vec() };
        if options.workers > 1 || options.filter.is_some() {
            handle.meter.socket().filter(&early).map_err(|error| ungrouped(interface, &error))?;
        }
        handles.push(handle);
    }
    if options.workers > 1 || options.filter.is_some() {
        join(&mut handles, filter.as_deref()).map_err(|error| ungrouped(interface, &error))?;
    }
    Ok(handles)
}

/// Steps 2 to 4.
fn join(handles: &mut [Handle], filter: Option<&[Instruction]>) -> io::Result<()> {
    settle();
    let Some((first, others)) = handles.split_first_mut() else {
        return Ok(());
    };
    for other in &mut *others {
        let repeated = other.meter.forget();
        other.pass_over(repeated, false);
    }
    if !others.is_empty() {
        let group = first.meter.socket().join(None)?;
        for other in &*others {
            other.meter.socket().join(Some(group))?;
        }
        settle();
        for other in &*others {
            receive(other.meter.socket(), filter)?;
        }
        first.meter.socket().deal(&program::dealing(first.link()))?;
    }
    let total = first.meter.total();
    first.pass_over(total.received - total.dropped, true);
    receive(first.meter.socket(), filter)
}

fn receive(socket: &Socket, filter: Option<&[Instruction]>) -> io::Result<()> {
    match filter {
        Some(filter) => socket.filter(filter),
        None => socket.no_filter(),
    }
}

fn is_loopback(interface: &str) -> bool {
    socket::interface(interface).is_some_and(|(_, flags)| flags & libc::IFF_LOOPBACK as u32 != 0)
}

/// The same frames as `filter`, but only so much of them that they can be counted.
fn kept_early(filter: &[Instruction]) -> Vec<Instruction> {
    let cut = |one: &Instruction| {
        let k = if one.code == RETURN { one.k.min(EARLY_BYTES as u32) } else { one.k };
        Instruction { k, ..*one }
    };
    filter.iter().map(cut).collect()
}

/// Lets libpcap compile a filter for the interface and adapt it to the kernel, which for its part tells what it was
/// given.
fn compile(interface: &str, options: &TapOptions, expression: &str) -> Result<Vec<Instruction>, TapError> {
    let options = TapOptions { ring_bytes: UNUSED_RING_BYTES, promiscuous: false, ..options.clone() };
    let wrong = |message: String| TapError::Filter { expression: expression.to_owned(), message };
    let mut capture = activate(interface, &options).map_err(|error| refused(interface, error))?;
    capture.filter(expression, true).map_err(|error| wrong(text(error)))?;
    let program = Socket::of(capture.as_fd()).and_then(|socket| socket.filter_set());
    match program {
        Ok(program) if program.is_empty() => {
            Err(wrong(format!("the kernel cannot run it on interface {interface}")))
        }
        Ok(program) => Ok(program),
        Err(error) => Err(wrong(error.to_string())),
    }
}

fn refused(interface: &str, error: pcap::Error) -> TapError {
    TapError::Interface { interface: interface.to_owned(), message: text(error) }
}

fn ungrouped(interface: &str, error: &io::Error) -> TapError {
    TapError::Group { interface: interface.to_owned(), message: error.to_string() }
}

/// libpcap's message without the crate's prefix.
fn text(error: pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(message) => message,
        other => other.to_string(),
    }
}
