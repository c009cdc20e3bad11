//! IPv4 (RFC 791), IPv6 (RFC 8200), ports.

use super::{
    DESTINATION, DESTINATION_PORT, FLAGS, Layer, NEXT, OFFSET, PROTOCOL, Program, SCRATCH, SOURCE,
    SOURCE_PORT,
};
use crate::bpf::assembler::{Label, Test, Word};
use weir_model::{Protocol, dealing};

impl Program {
    /// Everything of a layer from IP on; `inner` is what a tunnel leads to. `otherwise` when there is no packet.
    pub(super) fn packets(&mut self, layer: &Layer, inner: Option<&Layer>, otherwise: Label) {
        let (transport, portless) = (self.code.label(), self.code.label());
        self.ipv4(layer, transport, portless, otherwise);
        self.ipv6(layer, transport, portless, otherwise);
        self.code.here(transport);
        self.transport(inner, portless);
        self.code.here(portless);
        self.no_ports();
        let found = self.found;
        self.code.goto(found);
    }

    fn ipv4(&mut self, layer: &Layer, transport: Label, portless: Label, otherwise: Label) {
        self.code.here(layer.ipv4);
        self.need(20, otherwise);
        let code = &mut self.code;
        code.byte(0);
        code.jump_unless(Test::AtLeast(0x45), otherwise);
        code.jump_if(Test::Above(0x4f), otherwise);
        for (at, end) in [(12, SOURCE), (16, DESTINATION)] {
            code.word(at);
            code.store(end);
        }
        code.byte(9);
        code.store(PROTOCOL);
        code.half(6);
        code.jump_if(Test::Has(0x3fff), portless);
        // A length that does not even hold the header was never filled in.
        let unknown = self.code.label();
        self.header_len();
        self.code.store(NEXT);
        self.code.half(2);
        self.code.load_x(NEXT);
        self.code.jump_unless(Test::AtLeastX, unknown);
        self.code.load_x(OFFSET);
        self.end_after_a();
        self.code.here(unknown);
        self.code.load_x(OFFSET);
        self.code.load(NEXT);
        self.pass_a(portless);
        self.code.load(PROTOCOL);
        self.code.jump_unless(Test::Is(u32::from(Protocol::AH.0)), transport);
        self.need(12, portless);
        self.code.byte(1);
        self.code.jump_if(Test::Is(0), portless);
        self.code.add(2);
        self.code.shift_left(2);
        self.pass_to_next(portless);
        self.code.goto(transport);
    }

    /// A = the length of the IPv4 header at X.
    fn header_len(&mut self) {
        self.code.byte(0);
        self.code.and(0x0f);
        self.code.shift_left(2);
    }

    fn ipv6(&mut self, layer: &Layer, transport: Label, portless: Label, otherwise: Label) {
        self.code.here(layer.ipv6);
        self.need(40, otherwise);
        self.code.byte(0);
        self.code.jump_unless(Test::AtLeast(0x60), otherwise);
        self.code.jump_if(Test::Above(0x6f), otherwise);
        self.fold(8, SOURCE);
        self.fold(24, DESTINATION);
        self.code.byte(6);
        self.code.store(PROTOCOL);
        // None, or that of a jumbogram.
        let unknown = self.code.label();
        self.code.half(4);
        self.code.jump_if(Test::Is(0), unknown);
        self.code.add(40);
        self.end_after_a();
        self.code.here(unknown);
        self.pass(40);
        for _ in 0..layer.limits.extensions {
            self.extension(transport, portless);
        }
    }

    /// What [`dealing::fold`] does with the IPv6 address at X + `at`.
    fn fold(&mut self, at: u32, into: Word) {
        let code = &mut self.code;
        code.word(at);
        for word in 1..4 {
            code.multiply(dealing::FOLD);
            code.store(SCRATCH);
            code.word(at + 4 * word);
            code.load_x(SCRATCH);
            code.add_x();
            code.load_x(OFFSET);
        }
        code.store(into);
    }

    /// Passes one extension header, or jumps to what is no such. Hop-by-hop, routing and destination options have
    /// their length in units of 8 bytes after the first, authentication in units of 4 after the first two.
    fn extension(&mut self, transport: Label, portless: Label) {
        let [options, authentication, extension, fragment, next] = [(); 5].map(|()| self.code.label());
        self.code.load(PROTOCOL);
        for protocol in [0, 43, 60] {
            self.code.jump_if(Test::Is(protocol), options);
        }
        self.code.jump_if(Test::Is(u32::from(Protocol::AH.0)), authentication);
        self.code.jump_if(Test::Is(44), fragment);
        self.code.goto(transport);

        self.code.here(options);
        self.need(8, portless);
        self.code.byte(1);
        self.code.add(1);
        self.code.shift_left(3);
        self.code.goto(extension);

        self.code.here(authentication);
        self.need(12, portless);
        self.code.byte(1);
        self.code.jump_if(Test::Is(0), portless);
        self.code.add(2);
        self.code.shift_left(2);

        self.code.here(extension);
        self.pass_to_next(portless);
        self.code.goto(next);

        self.code.here(fragment);
        self.need(8, portless);
        self.code.byte(0);
        self.code.store(PROTOCOL);
        self.code.half(2);
        self.code.jump_if(Test::Has(0xfff9), portless);
        self.pass(8);
        self.code.here(next);
    }

    /// Passes a header of A bytes, of which the first is the next protocol.
    fn pass_to_next(&mut self, portless: Label) {
        self.code.store(NEXT);
        self.code.byte(0);
        self.code.store(FLAGS);
        self.code.load(NEXT);
        self.pass_a(portless);
        self.code.load(FLAGS);
        self.code.store(PROTOCOL);
    }

    fn transport(&mut self, inner: Option<&Layer>, portless: Label) {
        let [ports, udp] = [(); 2].map(|()| self.code.label());
        self.code.load(PROTOCOL);
        self.code.jump_if(Test::Is(u32::from(Protocol::TCP.0)), ports);
        self.code.jump_if(Test::Is(u32::from(Protocol::UDP.0)), udp);
        self.code.jump_if(Test::Is(u32::from(Protocol::SCTP.0)), ports);
        match inner {
            Some(inner) => self.tunnels_over_ip(inner, portless),
            None => self.code.goto(portless),
        }
        let found = self.found;
        if let Some(inner) = inner {
            self.code.here(udp);
            self.ports(portless);
            self.tunnels_over_udp(inner);
            self.code.goto(found);
        } else {
            self.code.here(udp);
        }
        self.code.here(ports);
        self.ports(portless);
        self.code.goto(found);
    }

    fn ports(&mut self, portless: Label) {
        self.need(4, portless);
        self.code.half(0);
        self.code.store(SOURCE_PORT);
        self.code.half(2);
        self.code.store(DESTINATION_PORT);
    }

    pub(super) fn no_ports(&mut self) {
        self.code.constant(0);
        self.code.store(SOURCE_PORT);
        self.code.store(DESTINATION_PORT);
    }
}
