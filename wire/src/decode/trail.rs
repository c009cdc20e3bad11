//! What was passed on the way from the outside of a frame to the packet in it.

use super::stats::{Layer, NotIp, Reason, Undecodable};
use crate::packet::MAX_LAYERS;
use arrayvec::ArrayVec;
use weir_model::flow::{Tunnel, TunnelKind};

/// Most tunnels looked through in one packet. Real networks nest two or three (GTP-U in MPLS in VXLAN); a sender who
/// nests more wants to exhaust us or to hide: the packet then counts as what was reached.
pub(super) const MAX_TUNNELS: usize = 8;

/// Most headers below and between IP headers (tags, label stacks, tunnels, and attempts at guessing what is under a
/// label) in one frame: bounds recursion. A frame with more is undecodable ([`Reason::Depth`]), or counts as the tunnel
/// reached.
const MAX_HEADERS: u8 = 32;

/// The way so far, from the outside in.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    pub(super) vlans: ArrayVec<u16, MAX_LAYERS>,
    pub(super) mpls: ArrayVec<u32, MAX_LAYERS>,
    pub(super) tunnels: ArrayVec<Tunnel, MAX_LAYERS>,
    /// Also those tunnels that were not kept in `tunnels`.
    pub(super) tunnel_kinds: ArrayVec<TunnelKind, MAX_TUNNELS>,
    headers: u8,
}

/// Why a frame gives no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// It holds something else.
    NotIp(NotIp),
    /// It cannot be read.
    Undecodable(Undecodable),
}

impl From<Undecodable> for Stop {
    fn from(error: Undecodable) -> Self {
        Self::Undecodable(error)
    }
}

impl Trail {
    /// Counts one more header of `layer` against the bound on all.
    pub(super) fn pass(&mut self, layer: Layer) -> Result<(), Undecodable> {
        if self.headers >= MAX_HEADERS {
            return Err(Undecodable::new(layer, Reason::Depth));
        }
        self.headers += 1;
        Ok(())
    }

    /// Keeps a VLAN identifier.
    pub(super) fn vlan(&mut self, identifier: u16) {
        keep_vlan(&mut self.vlans, identifier);
    }

    /// Keeps an MPLS label.
    pub(super) fn label(&mut self, label: u32) {
        let _full = self.mpls.try_push(label);
    }

    /// Tries one reading of what comes next; when it leads nowhere, the trail is as before.
    pub(super) fn attempt<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Stop>) -> Result<T, Stop> {
        let before = (self.vlans.len(), self.mpls.len(), self.tunnels.len(), self.tunnel_kinds.len());
        let result = read(self);
        if result.is_err() {
            self.vlans.truncate(before.0);
            self.mpls.truncate(before.1);
            self.tunnels.truncate(before.2);
            self.tunnel_kinds.truncate(before.3);
        }
        result
    }

    /// Looks through `tunnel`; `None` when nothing is found in it (or it is one too many): then the packet is the
    /// outer one.
    pub(super) fn inside<T>(
        &mut self,
        tunnel: Tunnel,
        read: impl FnOnce(&mut Self) -> Result<T, Stop>,
    ) -> Option<T> {
        if self.tunnel_kinds.is_full() || self.pass(Layer::Tunnel).is_err() {
            return None;
        }
        self.attempt(|trail| {
            trail.tunnel_kinds.push(tunnel.kind);
            let _full = trail.tunnels.try_push(tunnel);
            read(trail)
        })
        .ok()
    }
}

/// Keeps a VLAN identifier. A priority tag (identifier 0) names no VLAN.
pub(super) fn keep_vlan(vlans: &mut ArrayVec<u16, MAX_LAYERS>, identifier: u16) {
    if identifier != 0 {
        let _full = vlans.try_push(identifier);
    }
}
