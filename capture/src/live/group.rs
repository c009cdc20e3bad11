//! The rings of all workers on one interface, joined to a group that our program deals to.
//!
//! A socket can be joined to a group only when it is bound to the interface, and until then each gets every frame.
//! So that none counts twice, or is handed to a worker that it does not belong to, and still every frame counts from
//! the moment that the first ring is there:
//!
//! 1. The first ring keeps only [`EARLY_BYTES`] of a frame: enough to count it. The others keep nothing. These filters
//!    are there before the sockets are bound (`super::opening`).
//! 2. All join, in the order of the workers. While the group has no program, the kernel gives the first member
//!    everything.
//! 3. The others get the real filter: nothing reaches them yet. Then the group gets its program. From here each frame
//!    goes to its own worker; those of the first are still cut.
//! 4. The first gets the real filter. What is cut in its ring was *before joining*.
//!
//! [`EARLY_BYTES`]: super::handle::EARLY_BYTES

use std::io;

use super::block::Shape;
use super::handle::Handle;
use super::opening::Opener;
use super::program;
use super::socket::{Socket, settle};
use super::{TapError, TapOptions};
use crate::bpf::Instruction;

/// Opens the interface with this place in the options, which is there and up: a handle for each worker, in order.
pub(super) fn open(
    opener: &dyn Opener,
    place: usize,
    interface: &str,
    options: &TapOptions,
) -> Result<Vec<Handle>, TapError> {
    let opened = opener.open(place)?;
    let shape = Shape { link: opened.link, is_cooked: opened.is_cooked, snap_len: options.snap_len };
    if opened.rings.len() != options.workers {
        let message = format!("{} rings were opened for {} workers", opened.rings.len(), options.workers);
        return Err(TapError::Interface { interface: interface.to_owned(), message });
    }
    let handles = opened.rings.into_iter().map(|ring| Handle::new(ring, shape));
    let unread = |error: io::Error| TapError::Interface {
        interface: interface.to_owned(),
        message: format!("its ring cannot be mapped: {error}"),
    };
    let handles: Vec<_> = handles.collect::<io::Result<_>>().map_err(unread)?;
    if handles.len() > 1 {
        let ungrouped = |error: io::Error| TapError::Group {
            interface: interface.to_owned(),
            message: error.to_string(),
        };
        join(&handles, opened.filter.as_deref()).map_err(ungrouped)?;
    }
    Ok(handles)
}

/// Steps 2 to 4.
fn join(handles: &[Handle], filter: Option<&[Instruction]>) -> io::Result<()> {
    let Some((first, others)) = handles.split_first() else {
        return Ok(());
    };
    let group = first.meter.socket().join(None)?;
    for other in others {
        other.meter.socket().join(Some(group))?;
    }
    settle();
    for other in others {
        receive(other.meter.socket(), filter)?;
    }
    first.meter.socket().deal(&program::dealing(first.link()))?;
    receive(first.meter.socket(), filter)
}

fn receive(socket: &Socket, filter: Option<&[Instruction]>) -> io::Result<()> {
    match filter {
        Some(filter) => socket.filter(filter),
        None => socket.no_filter(),
    }
}
