//! The packets that nearly all traffic is made of, when they arrive with at most one VLAN tag: IPv4 without options
//! or IPv6 without extension headers, no fragment, TCP, or UDP of which no port may be a tunnel's. Only a way around,
//! and a third of the cost: what lies at a fixed place is read without calling a helper.

use super::{DESTINATION, DESTINATION_PORT, Layer, PROTOCOL, Program, SOURCE, SOURCE_PORT, tunnel};
use crate::bpf::assembler::{Label, Test};
use weir_model::{Protocol, dealing};

impl Program {
    /// A is the EtherType. Goes on, with A unchanged, if it is neither IPv4 nor IPv6.
    pub(super) fn plain(&mut self, layer: &Layer) {
        let [ipv6, neither] = [(); 2].map(|()| self.code.label());
        self.code.jump_if(Test::Is(0x86dd), ipv6);
        self.code.jump_unless(Test::Is(0x0800), neither);
        self.plain_ipv4(layer.ipv4);
        self.code.here(ipv6);
        self.plain_ipv6(layer.ipv6);
        self.code.here(neither);
    }

    fn plain_ipv4(&mut self, otherwise: Label) {
        self.long_enough(24, otherwise);
        let code = &mut self.code;
        code.byte_at(0);
        code.jump_unless(Test::Is(0x45), otherwise);
        code.half_at(2);
        code.jump_unless(Test::AtLeast(24), otherwise);
        code.half_at(6);
        code.jump_if(Test::Has(0x3fff), otherwise);
        self.plain_transport(9, 20, otherwise);
        for (at, end) in [(12, SOURCE), (16, DESTINATION)] {
            self.code.word_at(at);
            self.code.store(end);
        }
        let found = self.found;
        self.code.goto(found);
    }

    fn plain_ipv6(&mut self, otherwise: Label) {
        self.long_enough(44, otherwise);
        let code = &mut self.code;
        code.byte_at(0);
        code.shift_right(4);
        code.jump_unless(Test::Is(6), otherwise);
        code.half_at(4);
        code.jump_unless(Test::AtLeast(4), otherwise);
        self.plain_transport(6, 40, otherwise);
        for (at, end) in [(8, SOURCE), (24, DESTINATION)] {
            let code = &mut self.code;
            code.word_at(at);
            for word in 1..4 {
                code.multiply(dealing::FOLD);
                code.a_to_x();
                code.word_at(at + 4 * word);
                code.add_x();
            }
            code.store(end);
        }
        let found = self.found;
        self.code.goto(found);
    }

    fn long_enough(&mut self, bytes: u32, otherwise: Label) {
        self.code.len();
        self.code.jump_unless(Test::AtLeast(bytes), otherwise);
    }

    /// Keeps the protocol, which is at `protocol`, and the ports at `ports`.
    fn plain_transport(&mut self, protocol: u32, ports: u32, otherwise: Label) {
        let tcp = self.code.label();
        self.code.byte_at(protocol);
        self.code.store(PROTOCOL);
        self.code.jump_if(Test::Is(u32::from(Protocol::TCP.0)), tcp);
        self.code.jump_unless(Test::Is(u32::from(Protocol::UDP.0)), otherwise);
        for at in [ports, ports + 2] {
            let none = self.code.label();
            self.code.half_at(at);
            self.code.jump_if(Test::Above(tunnel::HIGHEST_PORT), none);
            self.code.jump_if(Test::AtLeast(tunnel::LOWEST_PORT), otherwise);
            self.code.here(none);
        }
        self.code.here(tcp);
        for (at, port) in [(ports, SOURCE_PORT), (ports + 2, DESTINATION_PORT)] {
            self.code.half_at(at);
            self.code.store(port);
        }
    }
}
