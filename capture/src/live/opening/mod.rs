//! How the rings of an interface come to be: packet sockets with a ring each, bound to the interface.
//!
//! Only this needs privileges (CAP_NET_RAW, to make the sockets). So it can be done [in this process](InProcess), or
//! [asked](super::Asked) of another one that keeps the privilege and passes the descriptors on; whoever has a
//! descriptor maps the ring, joins groups, sets filters and reads the counters without any.

mod packet;
mod probe;

use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::Mutex;

use weir_model::frame::LinkType;

use super::handle::EARLY_BYTES;
use super::interface::locked;
use super::{TapError, TapOptions};
use crate::bpf::{Instruction, NOTHING, RETURN};
use probe::{Compiled, Probed};

/// Opens interfaces to capture from.
pub trait Opener: fmt::Debug + Send + Sync {
    /// All that is needed to capture from the interface with this place in [`TapOptions::interfaces`], which is there
    /// and up.
    fn open(&self, place: usize) -> Result<Opened, TapError>;
}

/// An interface that was opened.
///
/// With one worker, its ring gets all frames that pass the filter, from the first moment. With several, the first gets
/// only so much of each that it can be counted, and the others nothing, until they are a group (`super::group`).
#[derive(Debug)]
pub struct Opened {
    /// What frames begin with.
    pub(super) link: LinkType,
    /// The kernel takes the link header off, and the reader puts the pseudo-header of [`LinkType::LINUX_SLL`] in its
    /// place.
    pub(super) is_cooked: bool,
    /// What the kernel shall run for each socket once they are joined.
    pub(super) filter: Option<Vec<Instruction>>,
    /// One for each worker, in order.
    pub(super) rings: Vec<OpenRing>,
}

/// A packet socket that has a ring.
#[derive(Debug)]
pub struct OpenRing {
    pub(super) socket: OwnedFd,
    pub(super) geometry: Geometry,
}

/// How a ring lies in memory: so many blocks of one size. The kernel refuses to map any other size than the ring has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    pub(super) block_bytes: u32,
    pub(super) blocks: u32,
}

/// Opens in this process, which needs CAP_NET_RAW whenever an interface is taken up.
#[derive(Debug)]
pub struct InProcess {
    options: TapOptions,
    /// The filter as it was compiled, for each kind of interface that occurred.
    compiled: Mutex<Vec<Compiled>>,
}

impl InProcess {
    /// For the interfaces of these options.
    pub fn new(options: TapOptions) -> Self {
        Self { options, compiled: Mutex::default() }
    }

    /// Compiles the filter for the interfaces that are up, and for Ethernet. Names of hosts and services in it are
    /// looked up with this, while files can still be read, and mean the same from then on. What fails is told when the
    /// interface is opened.
    pub fn prepare(&self) {
        // The loopback is of the kind of nearly all that may be down now.
        for interface in self.options.interfaces.iter().map(String::as_str).chain(["lo"]) {
            let _told_later = self.probe(interface);
        }
    }

    fn probe(&self, interface: &str) -> Result<Probed, TapError> {
        probe::probe(interface, &self.options, &mut locked(&self.compiled))
    }
}

impl Opener for InProcess {
    fn open(&self, place: usize) -> Result<Opened, TapError> {
        let Some(interface) = self.options.interfaces.get(place) else {
            return Err(TapError::Options(format!("there is no interface with the number {place}")));
        };
        let probed = self.probe(interface)?;
        let mut rings = Vec::with_capacity(self.options.workers);
        for worker in 0..self.options.workers {
            let filter = match (worker, self.options.workers) {
                (_, 1) => probed.filter.clone(),
                (0, _) => Some(kept_early(probed.filter.as_deref().unwrap_or(&EVERYTHING))),
                _ => Some(NOTHING.to_vec()),
            };
            let ring = packet::open(interface, probed.is_cooked, filter.as_deref(), &self.options);
            let refused = |error: std::io::Error| TapError::Interface {
                interface: interface.clone(),
                message: error.to_string(),
            };
            rings.push(ring.map_err(refused)?);
        }
        Ok(Opened { link: probed.link, is_cooked: probed.is_cooked, filter: probed.filter, rings })
    }
}

/// The filter that keeps every frame, as far as the snap length allows.
const EVERYTHING: [Instruction; 1] = [Instruction { code: RETURN, jump_true: 0, jump_false: 0, k: u32::MAX }];

/// The same frames as `filter`, but only so much of them that they can be counted.
fn kept_early(filter: &[Instruction]) -> Vec<Instruction> {
    let cut = |one: &Instruction| {
        let k = if one.code == RETURN { one.k.min(EARLY_BYTES as u32) } else { one.k };
        Instruction { k, ..*one }
    };
    filter.iter().map(cut).collect()
}
