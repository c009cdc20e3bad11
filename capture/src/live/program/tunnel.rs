//! Tunnels: what leads from one layer to the next. When something is not as it must be, the packet found so far is
//! the one.

use super::{DESTINATION_PORT, FLAGS, Layer, NEXT, Program, SOURCE_PORT};
use crate::bpf::assembler::{Label, Test};
use weir_model::Protocol;

/// The ports of tunnels are between these two.
pub(super) const LOWEST_PORT: u32 = GTP_U;
pub(super) const HIGHEST_PORT: u32 = VXLAN_LINUX;

const GTP_U: u32 = 2152;
const VXLAN: u32 = 4789;
const VXLAN_GPE: u32 = 4790;
const GENEVE: u32 = 6081;
/// VXLAN as Linux numbered it before IANA did.
const VXLAN_LINUX: u32 = 8472;

/// Extension headers of GTP-U that are looked through.
const GTP_EXTENSIONS: usize = 3;

impl Program {
    /// A is the protocol.
    pub(super) fn tunnels_over_ip(&mut self, inner: &Layer, portless: Label) {
        let [gre, ipv4, ipv6] = [(); 3].map(|()| self.code.label());
        for (protocol, label) in [(u32::from(Protocol::GRE.0), gre), (4, ipv4), (41, ipv6)] {
            self.code.jump_if(Test::Is(protocol), label);
        }
        self.code.goto(portless);
        for (label, to) in [(ipv4, inner.ipv4), (ipv6, inner.ipv6)] {
            self.code.here(label);
            self.no_ports();
            self.code.goto(to);
        }
        self.code.here(gre);
        self.no_ports();
        self.gre(inner);
    }

    /// RFC 2784, RFC 2890, RFC 2637, draft-foschiano-erspan-03.
    fn gre(&mut self, inner: &Layer) {
        let found = self.found;
        let [erspan, erspan_2, erspan_3, enhanced, wccp] = [(); 5].map(|()| self.code.label());
        self.need(4, found);
        self.code.half(0);
        self.code.store(FLAGS);
        self.code.half(2);
        self.code.store(NEXT);
        self.pass(4);
        self.code.load(FLAGS);
        self.code.jump_if(Test::Has(0x0001), enhanced);
        self.code.jump_if(Test::Has(0x4006), found);
        for flag in [0x8000, 0x2000, 0x1000] {
            self.optional_word(flag);
        }
        self.code.load(NEXT);
        for (kind, label) in [(0x88be, erspan), (0x22eb, erspan_3), (0x883e, wccp)] {
            self.code.jump_if(Test::Is(kind), label);
        }
        self.code.jump_if(Test::Is(0x880b), inner.ppp);
        self.code.jump_if(Test::Is(0x6558), inner.ethernet);
        self.code.goto(inner.ether_type);

        self.code.here(enhanced);
        self.enhanced_gre(inner);
        self.code.here(wccp);
        self.wccp(inner);
        self.code.here(erspan);
        self.code.load(FLAGS);
        self.code.jump_if(Test::Has(0x1000), erspan_2);
        self.code.goto(inner.ethernet);
        self.code.here(erspan_2);
        self.need(8, found);
        self.code.byte(0);
        self.code.shift_right(4);
        self.code.jump_unless(Test::Is(1), found);
        self.pass(8);
        self.code.goto(inner.ethernet);
        self.code.here(erspan_3);
        self.erspan_3(inner);
    }

    /// Passes four bytes if a flag is set.
    fn optional_word(&mut self, flag: u32) {
        let (found, absent) = (self.found, self.code.label());
        self.code.load(FLAGS);
        self.code.jump_unless(Test::Has(flag), absent);
        self.need(4, found);
        self.pass(4);
        self.code.here(absent);
    }

    /// PPTP: version 1, a key that is length and call, sequence and acknowledgement.
    fn enhanced_gre(&mut self, inner: &Layer) {
        let found = self.found;
        self.code.and(0x2007);
        self.code.jump_unless(Test::Is(0x2001), found);
        self.code.load(NEXT);
        self.code.jump_unless(Test::Is(0x880b), found);
        self.need(4, found);
        self.pass(4);
        self.optional_word(0x1000);
        self.optional_word(0x0080);
        self.code.goto(inner.ppp);
    }

    /// A redirect header, in version 2.
    fn wccp(&mut self, inner: &Layer) {
        let found = self.found;
        self.need(8, found);
        self.code.byte(0);
        self.code.shift_right(4);
        self.code.jump_if(Test::Is(4), inner.ipv4);
        self.pass(4);
        self.code.goto(inner.ip);
    }

    /// 12 bytes, and 8 more if the last bit says so; the frame type is in bits 1 to 5 of the word's half before.
    fn erspan_3(&mut self, inner: &Layer) {
        let (found, plain) = (self.found, self.code.label());
        self.need(12, found);
        self.code.byte(0);
        self.code.shift_right(4);
        self.code.jump_unless(Test::Is(2), found);
        self.code.half(10);
        self.code.store(FLAGS);
        self.pass(12);
        self.code.load(FLAGS);
        self.code.jump_unless(Test::Has(1), plain);
        self.need(8, found);
        self.pass(8);
        self.code.here(plain);
        self.code.load(FLAGS);
        self.code.shift_right(10);
        self.code.and(0x1f);
        self.code.jump_if(Test::Is(2), inner.ip);
        self.code.goto(inner.ethernet);
    }

    /// By the destination port, else the source port, as they were stored; goes on behind this if it is none.
    pub(super) fn tunnels_over_udp(&mut self, inner: &Layer) {
        let [vxlan, gpe, gtp, geneve, none] = [(); 5].map(|()| self.code.label());
        for port in [DESTINATION_PORT, SOURCE_PORT] {
            let other = self.code.label();
            self.code.load(port);
            // Most ports are none of these.
            self.code.jump_if(Test::Above(HIGHEST_PORT), other);
            self.code.jump_unless(Test::AtLeast(LOWEST_PORT), other);
            for (number, label) in
                [(VXLAN, vxlan), (VXLAN_LINUX, vxlan), (GTP_U, gtp), (GENEVE, geneve), (VXLAN_GPE, gpe)]
            {
                self.code.jump_if(Test::Is(number), label);
            }
            self.code.here(other);
        }
        self.code.goto(none);
        for (label, read) in [
            (vxlan, Self::vxlan as fn(&mut Self, &Layer)),
            (gpe, Self::vxlan_gpe),
            (geneve, Self::geneve),
            (gtp, Self::gtp_u),
        ] {
            self.code.here(label);
            self.udp_payload();
            read(self, inner);
        }
        self.code.here(none);
    }

    /// A length too small for the header was not filled in.
    fn udp_payload(&mut self) {
        let (found, unknown) = (self.found, self.code.label());
        self.need(8, found);
        self.code.half(4);
        self.code.jump_unless(Test::AtLeast(8), unknown);
        self.end_after_a();
        self.code.here(unknown);
        self.pass(8);
    }

    /// RFC 7348 section 5, with the group policy extension's bits.
    fn vxlan(&mut self, inner: &Layer) {
        let (found, valid) = (self.found, self.code.label());
        self.need(8, found);
        self.code.word(0);
        self.code.jump_if(Test::Is(0x0800_0000), valid);
        self.code.shift_right(24);
        self.code.jump_unless(Test::Is(0x88), found);
        self.code.here(valid);
        self.code.byte(7);
        self.code.jump_unless(Test::Is(0), found);
        self.pass(8);
        self.code.goto(inner.ethernet);
    }

    /// draft-ietf-nvo3-vxlan-gpe-13 section 3.1.
    fn vxlan_gpe(&mut self, inner: &Layer) {
        let found = self.found;
        self.need(8, found);
        self.code.byte(0);
        self.code.and(0x39);
        self.code.jump_unless(Test::Is(0x08), found);
        self.code.byte(7);
        self.code.jump_unless(Test::Is(0), found);
        self.code.byte(3);
        self.code.jump_if(Test::Above(3), found);
        self.code.store(NEXT);
        self.pass(8);
        self.code.load(NEXT);
        self.code.jump_if(Test::Is(1), inner.ipv4);
        self.code.jump_if(Test::Is(2), inner.ipv6);
        self.code.goto(inner.ethernet);
    }

    /// RFC 8926 section 3.4.
    fn geneve(&mut self, inner: &Layer) {
        let found = self.found;
        self.need(8, found);
        self.code.half(0);
        self.code.jump_if(Test::Has(0xc03f), found);
        self.code.byte(7);
        self.code.jump_unless(Test::Is(0), found);
        self.code.half(2);
        self.code.store(NEXT);
        self.code.byte(0);
        self.code.shift_left(2);
        self.code.add(8);
        self.pass_a(found);
        self.code.load(NEXT);
        self.code.jump_if(Test::Is(0x6558), inner.ethernet);
        self.code.goto(inner.ether_type);
    }

    /// 3GPP TS 29.281 section 5.1: user data, with its optional fields.
    fn gtp_u(&mut self, inner: &Layer) {
        let [payload, extension] = [(); 2].map(|()| self.code.label());
        let found = self.found;
        self.need(8, found);
        self.code.half(0);
        self.code.store(FLAGS);
        self.code.and(0xf8ff);
        self.code.jump_unless(Test::Is(0x30ff), found);
        self.whole(2, 8);
        self.pass(8);
        self.code.load(FLAGS);
        self.code.jump_unless(Test::Has(0x0700), payload);
        self.need(4, found);
        self.code.byte(3);
        self.code.store(NEXT);
        self.pass(4);
        self.code.load(FLAGS);
        self.code.jump_if(Test::Has(0x0400), extension);
        self.code.goto(payload);
        self.code.here(extension);
        for _ in 0..GTP_EXTENSIONS {
            self.gtp_extension(payload);
        }
        self.code.load(NEXT);
        self.code.jump_unless(Test::Is(0), found);
        self.code.here(payload);
        self.code.goto(inner.ip);
    }

    /// Its length in units of four bytes first, the next one's type last.
    fn gtp_extension(&mut self, payload: Label) {
        let found = self.found;
        self.code.load(NEXT);
        self.code.jump_if(Test::Is(0), payload);
        self.need(4, found);
        self.code.byte(0);
        self.code.jump_if(Test::Is(0), found);
        self.code.shift_left(2);
        self.code.add(1_u32.wrapping_neg());
        self.pass_a(found);
        self.need(1, found);
        self.code.byte(0);
        self.code.store(NEXT);
        self.pass(1);
    }

    /// The 16 bits at X + `at` say how many bytes follow a header of `header` bytes: there must be as many, and
    /// nothing behind them counts.
    fn whole(&mut self, at: u32, header: u32) {
        let found = self.found;
        let code = &mut self.code;
        code.half(at);
        code.add(header);
        code.store(NEXT);
        code.load(super::END);
        code.subtract_x();
        code.load_x(NEXT);
        code.jump_unless(Test::AtLeastX, found);
        code.load_x(super::OFFSET);
        code.load(NEXT);
        self.end_after_a();
    }
}
