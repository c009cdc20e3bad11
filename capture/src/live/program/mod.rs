//! The program by which the kernel deals frames to workers: it finds the innermost packet of a frame and computes
//! [`weir_model::dealing::hash`] of it.
//!
//! It is classic BPF. That has no loops and no failed access that can be caught, so every header is written out as
//! often as it is looked through, and asked for only when it is there; in return each kernel with PACKET_FANOUT_CBPF
//! (Linux 4.3) takes it, without the privilege to load eBPF, and a translator makes machine code of it. eBPF could
//! loop, but reads through the same helper functions, and 4,096 instructions are enough for [`IP_LAYERS`] packets
//! within each other. What is beyond a limit here is dealt by the packet reached: the frames of a flow still meet, as
//! far as that packet is the same for them.
//!
//! The way of one layer, repeated:
//!
//! ```text
//!   EtherType ─> tags ─> PPPoE, MPLS ─> Ethernet again ─> IPv4 │ IPv6, extension headers ─> ports ─> hash
//!                                                              │ fragment ──────────────────────────> hash
//!                                                              └ GRE, IP in IP, VXLAN, Geneve, GTP-U ─> next layer
//! ```
//!
//! A packet is taken for a tunnel under the conditions under which `weir-wire` takes it for one. Not looked through
//! are Teredo, L2TP, IEEE 802.2, MACsec and 802.1ah, whose outer packets or (not IP) the first worker get them.

mod ip;
mod link;
mod plain;
mod tunnel;

#[cfg(test)]
mod machine;
#[cfg(test)]
mod tests;

use weir_model::dealing;
use weir_model::frame::LinkType;

use crate::bpf::assembler::{Assembler, Label, Test, Word};
use crate::bpf::{Instruction, finish};

/// Packets within each other that are looked at: what is transported, in a tunnel over a tunnel over a tunnel.
const IP_LAYERS: usize = 4;

/// Where the header at hand begins; X is the same whenever a header has been passed.
const OFFSET: Word = Word(0);
/// Where what the innermost length allows ends.
const END: Word = Word(1);
/// The folded source address of the innermost packet so far, and so on.
const SOURCE: Word = Word(2);
const DESTINATION: Word = Word(3);
const PROTOCOL: Word = Word(4);
const SOURCE_PORT: Word = Word(5);
const DESTINATION_PORT: Word = Word(6);
/// For a moment.
const SCRATCH: Word = Word(7);
/// Flags of a tunnel header.
const FLAGS: Word = Word(8);
/// The next header of an IPv6 extension header while it is found out whether it is whole.
const NEXT: Word = Word(9);

/// `PACKET_OUTGOING` (Linux' `if_packet.h`).
const OUTGOING: u32 = 4;

/// The program for interfaces of a link type.
///
/// The kernel runs it before it knows how much of the headers the socket wants: of a frame that arrives, the link
/// header has been taken off, together with the first VLAN tag (by the network card, or by the kernel before any
/// socket), and what is left begins with what the EtherType says. A frame that the host sends still has all of its
/// link header.
pub(super) fn dealing(link: LinkType) -> Vec<Instruction> {
    let mut code = Assembler::default();
    let (found, nothing) = (code.label(), code.label());
    let mut program = Program { code, found };
    let limits = |depth: usize| if depth == 0 { OUTERMOST } else { INNER };
    let layers: Vec<_> = (0..IP_LAYERS).map(|depth| program.layer(limits(depth))).collect();
    program.start(link, &layers);
    for (depth, layer) in layers.iter().enumerate() {
        let otherwise = if depth == 0 { nothing } else { program.found };
        program.links(layer, otherwise);
        program.packets(layer, layers.get(depth + 1), otherwise);
    }
    program.hash();
    program.code.here(nothing);
    program.code.give(0);
    program.code.assemble()
}

/// A program in the making.
struct Program {
    code: Assembler,
    /// Where the hash of what was found is computed.
    found: Label,
}

/// Where the parts of a layer begin. In each of them X and [`OFFSET`] are where the header begins, or, for
/// `ether_type`, where what the EtherType in A says begins.
#[derive(Clone, Copy, Debug)]
struct Layer {
    ethernet: Label,
    ether_type: Label,
    ppp: Label,
    ip: Label,
    ipv4: Label,
    ipv6: Label,
    limits: Limits,
}

/// How many headers of a kind are looked through in a layer.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// VLAN tags; outermost, after the one that the kernel takes off.
    tags: usize,
    /// MPLS labels.
    labels: usize,
    /// IPv6 extension headers.
    extensions: usize,
}

const OUTERMOST: Limits = Limits { tags: 3, labels: 6, extensions: 5 };
const INNER: Limits = Limits { tags: 2, labels: 4, extensions: 3 };

impl Program {
    fn layer(&mut self, limits: Limits) -> Layer {
        let code = &mut self.code;
        Layer {
            limits,
            ip: code.label(),
            ethernet: code.label(),
            ether_type: code.label(),
            ppp: code.label(),
            ipv4: code.label(),
            ipv6: code.label(),
        }
    }

    fn start(&mut self, link: LinkType, layers: &[Layer]) {
        let Some(first) = layers.first() else {
            return;
        };
        let code = &mut self.code;
        code.len();
        code.store(END);
        code.constant(0);
        code.store(OFFSET);
        code.a_to_x();
        if link == LinkType::ETHERNET {
            code.ancillary(libc::SKF_AD_PKTTYPE);
            code.jump_if(Test::Is(OUTGOING), first.ethernet);
        }
        code.ancillary(libc::SKF_AD_PROTOCOL);
        self.plain(first);
        self.code.goto(first.ether_type);
    }

    /// Jumps unless `bytes` follow.
    fn need(&mut self, bytes: u32, otherwise: Label) {
        self.code.load(END);
        self.code.subtract_x();
        self.code.jump_unless(Test::AtLeast(bytes), otherwise);
    }

    /// Goes on by a number of bytes that were asked for.
    fn pass(&mut self, bytes: u32) {
        let code = &mut self.code;
        code.x_to_a();
        code.add(bytes);
        code.store(OFFSET);
        code.a_to_x();
    }

    /// The same, and A stays.
    fn pass_keeping_a(&mut self, bytes: u32) {
        self.code.store(SCRATCH);
        self.pass(bytes);
        self.code.load(SCRATCH);
    }

    /// Goes on by A, or jumps if there is less.
    fn pass_a(&mut self, otherwise: Label) {
        let code = &mut self.code;
        code.store(SCRATCH);
        code.load(END);
        code.subtract_x();
        code.load_x(SCRATCH);
        code.jump_unless(Test::AtLeastX, otherwise);
        code.load(OFFSET);
        code.add_x();
        code.store(OFFSET);
        code.a_to_x();
    }

    /// Nothing is behind X + A.
    fn end_after_a(&mut self) {
        let code = &mut self.code;
        let within = code.label();
        code.add_x();
        code.a_to_x();
        code.load(END);
        code.jump_unless(Test::AtLeastX, within);
        code.x_to_a();
        code.store(END);
        code.here(within);
        code.load_x(OFFSET);
    }

    /// What [`dealing::hash`] does, and the end.
    fn hash(&mut self) {
        let found = self.found;
        self.code.here(found);
        for (address, port) in [(SOURCE, SOURCE_PORT), (DESTINATION, DESTINATION_PORT)] {
            let code = &mut self.code;
            code.load_x(port);
            code.load(address);
            code.multiply(dealing::ADDRESS);
            code.add_x();
            code.multiply(dealing::END);
            code.xor_shifted(15);
            code.multiply(dealing::FINISH_2);
            code.store(address);
        }
        let code = &mut self.code;
        code.load_x(SOURCE);
        code.add_x();
        code.load_x(PROTOCOL);
        code.add_x();
        finish(code);
        code.give_a();
    }
}
