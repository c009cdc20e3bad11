//! Ethernet, tags, PPPoE, PPP, MPLS.

use super::{Layer, Program};
use crate::bpf::assembler::{Label, Test};

/// Tags of an Ethernet frame in MPLS.
const PSEUDOWIRE_TAGS: usize = 2;

const IPV4: u32 = 0x0800;
const IPV6: u32 = 0x86dd;
const TAG_TYPES: [u32; 5] = [0x8100, 0x88a8, 0x9100, 0x9200, 0x9300];

impl Program {
    /// Everything of a layer before IP.
    pub(super) fn links(&mut self, layer: &Layer, otherwise: Label) {
        let (pppoe, mpls) = (self.code.label(), self.code.label());
        self.code.here(layer.ip);
        self.ip_version(layer, otherwise);
        self.code.here(layer.ethernet);
        self.ethernet_type(otherwise);
        self.code.here(layer.ether_type);
        self.tags(layer.limits.tags, layer, otherwise, Some((pppoe, mpls)));
        self.pppoe(pppoe, layer, otherwise);
        self.ppp(layer, otherwise);
        self.mpls(mpls, layer, otherwise);
    }

    /// A = the EtherType of the Ethernet frame at X; goes on behind it.
    fn ethernet_type(&mut self, otherwise: Label) {
        self.need(14, otherwise);
        self.code.half(12);
        self.pass_keeping_a(14);
    }

    /// Tags, as many as `count`, and what follows. A is the EtherType.
    fn tags(&mut self, count: usize, layer: &Layer, otherwise: Label, others: Option<(Label, Label)>) {
        for round in 0..=count {
            let tag = self.code.label();
            let code = &mut self.code;
            code.jump_if(Test::Is(IPV4), layer.ipv4);
            code.jump_if(Test::Is(IPV6), layer.ipv6);
            if round < count {
                for kind in TAG_TYPES {
                    code.jump_if(Test::Is(kind), tag);
                }
            }
            if let Some((pppoe, mpls)) = others {
                code.jump_if(Test::Is(0x8847), mpls);
                code.jump_if(Test::Is(0x8848), mpls);
                code.jump_if(Test::Is(0x8864), pppoe);
            }
            code.goto(otherwise);
            if round < count {
                code.here(tag);
                self.need(4, otherwise);
                self.code.half(2);
                self.pass_keeping_a(4);
            }
        }
    }

    /// IP of the version that the first four bits say.
    fn ip_version(&mut self, layer: &Layer, otherwise: Label) {
        self.need(1, otherwise);
        self.code.byte(0);
        self.code.shift_right(4);
        self.code.jump_if(Test::Is(4), layer.ipv4);
        self.code.jump_if(Test::Is(6), layer.ipv6);
        self.code.goto(otherwise);
    }

    /// RFC 2516: version and type, code 0, session, length.
    fn pppoe(&mut self, label: Label, layer: &Layer, otherwise: Label) {
        self.code.here(label);
        self.need(6, otherwise);
        self.code.half(0);
        self.code.jump_unless(Test::Is(0x1100), otherwise);
        self.code.half(4);
        self.code.add(6);
        self.end_after_a();
        self.pass(6);
        self.code.goto(layer.ppp);
    }

    /// RFC 1661: address and control or not, a protocol of one byte or two.
    fn ppp(&mut self, layer: &Layer, otherwise: Label) {
        self.code.here(layer.ppp);
        let (short, protocol) = (self.code.label(), self.code.label());
        self.need(2, otherwise);
        self.code.half(0);
        self.code.jump_unless(Test::Is(0xff03), protocol);
        self.pass(2);
        self.need(2, otherwise);
        self.code.here(protocol);
        self.code.byte(0);
        self.code.jump_if(Test::Has(1), short);
        for (bytes, label) in [(2, None), (1, Some(short))] {
            if let Some(label) = label {
                self.code.here(label);
            }
            for (number, ip) in [(0x21, layer.ipv4), (0x57, layer.ipv6)] {
                let other = self.code.label();
                if bytes == 2 {
                    self.code.half(0);
                } else {
                    self.code.byte(0);
                }
                self.code.jump_unless(Test::Is(number), other);
                self.pass(bytes);
                self.code.goto(ip);
                self.code.here(other);
            }
            self.code.goto(otherwise);
        }
    }

    /// RFC 3032; below the last label is IP, or Ethernet behind a control word (RFC 4385) or not.
    fn mpls(&mut self, label: Label, layer: &Layer, otherwise: Label) {
        let (below, ethernet, control) = (self.code.label(), self.code.label(), self.code.label());
        self.code.here(label);
        for _ in 0..layer.limits.labels {
            self.need(4, otherwise);
            self.code.byte(2);
            self.pass_keeping_a(4);
            self.code.jump_if(Test::Has(1), below);
        }
        self.code.goto(otherwise);
        self.code.here(below);
        self.need(18, otherwise);
        self.code.byte(0);
        self.code.shift_right(4);
        self.code.jump_if(Test::Is(4), layer.ipv4);
        self.code.jump_if(Test::Is(6), layer.ipv6);
        self.code.jump_unless(Test::Is(0), ethernet);
        // Also the first byte of many an address: there must be an EtherType where the control word would put it.
        self.code.half(16);
        for kind in [IPV4, IPV6, 0x8100, 0x88a8] {
            self.code.jump_if(Test::Is(kind), control);
        }
        self.code.goto(ethernet);
        self.code.here(control);
        self.pass(4);
        self.code.here(ethernet);
        self.ethernet_type(otherwise);
        self.tags(PSEUDOWIRE_TAGS, layer, otherwise, None);
    }
}
