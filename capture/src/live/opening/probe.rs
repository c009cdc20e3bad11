//! What libpcap knows of an interface: what its frames begin with, whether the kernel has to take that off because
//! nobody could read it, and what a filter is in the kernel's terms there.
//!
//! libpcap is asked on a handle of its own, which is closed again. It has the experience of decades with kinds of
//! interfaces, so that no second table of them is kept here; and only on a live handle does it compile filters so that
//! the kernel finds VLAN tags which were taken off the frame. Its rings are not used: their memory is known to libpcap
//! alone, so they could be neither passed to another process nor read in one that got the descriptor.

use std::os::fd::AsFd;

use pcap::{Active, Capture};
use weir_model::frame::LinkType;

use crate::bpf::Instruction;
use crate::live::socket::Socket;
use crate::live::{TapError, TapOptions};

/// Memory of the ring that libpcap makes although nobody reads it, in bytes.
const UNUSED_RING_BYTES: i32 = 1 << 18;

/// What is known of an interface.
#[derive(Debug)]
pub(super) struct Probed {
    pub(super) link: LinkType,
    pub(super) is_cooked: bool,
    pub(super) filter: Option<Vec<Instruction>>,
}

/// The filter for interfaces of a kind: whatever it depends on is in these.
#[derive(Debug)]
pub(super) struct Compiled {
    link: LinkType,
    is_cooked: bool,
    filter: Vec<Instruction>,
}

/// Asks libpcap about an interface that is up. A filter that was compiled before is not compiled again.
pub(super) fn probe(
    interface: &str,
    options: &TapOptions,
    compiled: &mut Vec<Compiled>,
) -> Result<Probed, TapError> {
    let refused = |message: String| TapError::Interface { interface: interface.to_owned(), message };
    let mut capture = activate(interface, options.snap_len).map_err(|error| refused(text(error)))?;
    let socket = Socket::of(capture.as_fd()).map_err(|error| refused(error.to_string()))?;
    let is_cooked = socket.takes_link_headers_off().map_err(|error| refused(error.to_string()))?;
    let link = link_of(capture.get_datalink());
    let known = compiled.iter().find(|known| known.link == link && known.is_cooked == is_cooked);
    let filter = match (&options.filter, known) {
        (None, _) => None,
        (Some(_), Some(known)) => Some(known.filter.clone()),
        (Some(expression), None) => {
            let filter = compile(interface, &mut capture, &socket, expression)?;
            compiled.push(Compiled { link, is_cooked, filter: filter.clone() });
            Some(filter)
        }
    };
    Ok(Probed { link, is_cooked, filter })
}

fn activate(interface: &str, snap_len: usize) -> Result<Capture<Active>, pcap::Error> {
    Capture::from_device(interface)?
        .promisc(false)
        .snaplen(i32::try_from(snap_len).unwrap_or(i32::MAX))
        .buffer_size(UNUSED_RING_BYTES)
        .open()
}

/// Lets libpcap compile a filter for the interface and adapt it to the kernel, which for its part tells what it was
/// given.
fn compile(
    interface: &str,
    capture: &mut Capture<Active>,
    socket: &Socket,
    expression: &str,
) -> Result<Vec<Instruction>, TapError> {
    let wrong = |message: String| TapError::Filter { expression: expression.to_owned(), message };
    capture.filter(expression, true).map_err(|error| wrong(text(error)))?;
    match socket.filter_set() {
        Ok(program) if program.is_empty() => {
            Err(wrong(format!("the kernel cannot run it on interface {interface}")))
        }
        Ok(program) => Ok(program),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// libpcap's numbers on this system are those of files, except for raw IP (`pcap-linktype(7)`).
fn link_of(link: pcap::Linktype) -> LinkType {
    const DLT_RAW: i32 = 12;
    match link.0 {
        DLT_RAW => LinkType::RAW,
        number => LinkType(u16::try_from(number).unwrap_or(u16::MAX)),
    }
}

/// libpcap's message without the crate's prefix.
fn text(error: pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(message) => message,
        other => other.to_string(),
    }
}
