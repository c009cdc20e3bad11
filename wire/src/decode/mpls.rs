//! MPLS label stacks (RFC 3032) and what is guessed to be below them.

use super::ether_type::ethernet;
use super::span::Span;
use super::stats::{Layer, NotIp};
use super::trail::{Stop, Trail};
use super::{Found, ip};

/// The labels, then IP, or Ethernet in a pseudowire (RFC 4448). A label does not say what it carries: the first nibble
/// does for IP (RFC 4928), and what then reads as IP is believed.
pub(super) fn mpls<'a>(trail: &mut Trail, mut span: Span<'a>) -> Found<'a> {
    loop {
        trail.pass(Layer::Mpls)?;
        let (entry, rest) = span.head::<4>(Layer::Mpls)?;
        let entry = u32::from_be_bytes(entry);
        trail.label(entry >> 12);
        span = rest;
        if entry & 0x100 != 0 {
            return below_labels(trail, span);
        }
    }
}

fn below_labels<'a>(trail: &mut Trail, span: Span<'a>) -> Found<'a> {
    let as_ip = match span.first_nibble() {
        Some(4 | 6) => trail.attempt(|trail| ip::ip(trail, span)),
        // A control word (RFC 4385 section 3) is a zero nibble, flags and a sequence number.
        Some(0) => trail.attempt(|trail| pseudowire(trail, span.skip(4, Layer::Mpls)?)),
        _ => Err(Stop::NotIp(NotIp::Mpls)),
    };
    // A pseudowire without control word starts with whatever the destination address starts with.
    as_ip.or_else(|_| trail.attempt(|trail| pseudowire(trail, span))).map_err(|_| Stop::NotIp(NotIp::Mpls))
}

fn pseudowire<'a>(trail: &mut Trail, span: Span<'a>) -> Found<'a> {
    trail.pass(Layer::Mpls)?;
    ethernet(trail, span)
}
