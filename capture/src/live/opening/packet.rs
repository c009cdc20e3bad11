//! A packet socket with a ring (`packet(7)`; `Documentation/networking/packet_mmap.rst` in Linux).
//!
//! All is set before the socket is bound, so nothing arrives that a later setting would have treated otherwise.

#![expect(unsafe_code, reason = "making and binding a packet socket are system calls of the C library")]

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::{Geometry, OpenRing};
use crate::bpf::{Instruction, with_program};
use crate::live::TapOptions;
use crate::live::device::{self, Device};
use crate::system::{checked, get_option, set_option};

/// Bytes of a block: as libpcap's, room for the largest frame that is taken of an interface, and a whole number of
/// pages everywhere.
const BLOCK_BYTES: u32 = 256 * 1024;

/// Bytes that the kernel leaves free in front of each frame: a VLAN tag is put back there. (For the pseudo-header of a
/// cooked frame, the kernel leaves another 16 bytes anyway.)
const RESERVED_BYTES: libc::c_int = 4;

/// A ring on an interface that is up. `filter`: what the socket shall run from its first frame on.
pub(super) fn open(
    interface: &str,
    is_cooked: bool,
    filter: Option<&[Instruction]>,
    options: &TapOptions,
) -> io::Result<OpenRing> {
    let socket = packet_socket(if is_cooked { libc::SOCK_DGRAM } else { libc::SOCK_RAW })?;
    let device =
        device::find(&socket, interface).ok_or_else(|| io::Error::from_raw_os_error(libc::ENODEV))?;
    let packet = |option, value: libc::c_int| set_option(&socket, libc::SOL_PACKET, option, &value);
    packet(libc::PACKET_VERSION, libc::tpacket_versions::TPACKET_V3 as libc::c_int)?;
    packet(libc::PACKET_RESERVE, RESERVED_BYTES)?;
    // Frames are stamped when the driver hands them up, not when they reach the ring.
    set_option(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &1_i32)?;
    let geometry = make_ring(&socket, options)?;
    if device.is_loopback() {
        // Each frame passes twice; the one that arrives is kept.
        packet(libc::PACKET_IGNORE_OUTGOING, 1)?;
    }
    if let Some(filter) = filter {
        with_program(filter, |program| {
            set_option(&socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, program)
        })?;
    }
    if options.promiscuous {
        be_promiscuous(&socket, device)?;
    }
    bind(&socket, device)?;
    Ok(OpenRing { socket, geometry })
}

/// Without a protocol, so that nothing is received before it is bound.
fn packet_socket(kind: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: no memory is passed.
    let descriptor =
        unsafe { libc::socket(libc::AF_PACKET, kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0) };
    checked(descriptor)?;
    // SAFETY: it is open, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// As large as was asked, or, as libpcap does it, as large as there is memory for.
fn make_ring(socket: &OwnedFd, options: &TapOptions) -> io::Result<Geometry> {
    let asked = u32::try_from(options.ring_bytes).unwrap_or(u32::MAX).div_ceil(BLOCK_BYTES);
    let retire = u32::try_from(options.read_timeout.as_millis()).unwrap_or(u32::MAX).max(1);
    let mut geometry = Geometry { block_bytes: BLOCK_BYTES, blocks: asked.max(1) };
    loop {
        let request = libc::tpacket_req3 {
            tp_block_size: geometry.block_bytes,
            tp_block_nr: geometry.blocks,
            // Only has to fit: a block is filled with frames of any length.
            tp_frame_size: geometry.block_bytes,
            tp_frame_nr: geometry.blocks,
            tp_retire_blk_tov: retire,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        match set_option(socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &request) {
            Ok(()) => return Ok(geometry),
            Err(error) if error.raw_os_error() == Some(libc::ENOMEM) && geometry.blocks > 1 => {
                geometry.blocks -= (geometry.blocks / 20).max(1);
            }
            Err(error) => return Err(error),
        }
    }
}

/// As long as the socket is open; needs no privilege of its own.
fn be_promiscuous(socket: &OwnedFd, device: Device) -> io::Result<()> {
    let request = libc::packet_mreq {
        mr_ifindex: device.index.cast_signed(),
        mr_type: libc::PACKET_MR_PROMISC as libc::c_ushort,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    set_option(socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &request)
}

fn bind(socket: &OwnedFd, device: Device) -> io::Result<()> {
    // SAFETY: zero is valid for each of its fields.
    let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
    address.sll_family = libc::AF_PACKET as libc::sa_family_t;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = device.index.cast_signed();
    // SAFETY: the kernel reads as much as is said.
    checked(unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            size_of::<libc::sockaddr_ll>() as libc::socklen_t,
        )
    })?;
    // An interface that is down is told this way.
    let mut error: libc::c_int = 0;
    get_option(socket, libc::SOL_SOCKET, libc::SO_ERROR, &mut error)?;
    if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(error)) }
}
