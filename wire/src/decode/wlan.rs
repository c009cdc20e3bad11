//! IEEE 802.11 data frames, and the headers that capturing stations put before them.

use super::span::Span;
use super::stats::{Layer, NotIp, Reason, Undecodable};
use super::trail::{Stop, Trail};
use super::{Found, llc};

/// Whether the capturing driver padded the header to a multiple of four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Padding {
    /// It did not.
    None,
    /// It did (Atheros; radiotap says so).
    ToFour,
}

/// A frame from its frame control field on (IEEE 802.11-2020 section 9.2).
///
/// Of an aggregate (A-MSDU) only the first part is read.
pub(super) fn frame<'a>(trail: &mut Trail, span: Span<'a>, padding: Padding) -> Found<'a> {
    const TO_AND_FROM_DS: u8 = 0x03;
    const PROTECTED: u8 = 0x40;
    const ORDER: u8 = 0x80;
    const NO_DATA: u8 = 0x4;
    const QOS: u8 = 0x8;
    trail.pass(Layer::Wlan)?;
    let ([control, flags], _) = span.head::<2>(Layer::Wlan)?;
    let subtype = control >> 4;
    match (control & 0x03, control >> 2 & 0x03) {
        (0, 0) => return Err(Stop::NotIp(NotIp::WlanManagement)),
        (0, 2) if subtype & NO_DATA != 0 => return Err(Stop::NotIp(NotIp::WlanNoData)),
        (0, 2) if flags & PROTECTED != 0 => return Err(Stop::NotIp(NotIp::Encrypted)),
        (0, 2) => {}
        _ => return Err(Stop::NotIp(NotIp::WlanControl)),
    }
    let before_qos = if flags & TO_AND_FROM_DS == TO_AND_FROM_DS { 30 } else { 24 };
    let has_qos = subtype & QOS != 0;
    let high_throughput_control = if has_qos && flags & ORDER != 0 { 4 } else { 0 };
    let header_len = before_qos + if has_qos { 2 + high_throughput_control } else { 0 };
    let padded_len = match padding {
        Padding::None => header_len,
        Padding::ToFour => usize::next_multiple_of(header_len, 4),
    };
    let body = span.skip(padded_len, Layer::Wlan)?;
    let aggregate = has_qos && span.bytes().get(before_qos).is_some_and(|qos| qos & 0x80 != 0);
    llc::llc(trail, if aggregate { first_of_aggregate(body)? } else { body })
}

/// Each part has destination, source and length before its LLC header.
fn first_of_aggregate(body: Span<'_>) -> Result<Span<'_>, Undecodable> {
    let (header, rest) = body.head::<14>(Layer::Wlan)?;
    let [.., len0, len1] = header;
    Ok(rest.limit(usize::from(u16::from_be_bytes([len0, len1]))))
}

/// Radiotap (<https://www.radiotap.org>): version, length, presence words, then fields in order of their bits.
pub(super) fn radiotap<'a>(trail: &mut Trail, span: Span<'a>) -> Found<'a> {
    let ([version, _, len0, len1], fields) = span.head::<4>(Layer::WlanCapture)?;
    if version != 0 {
        return Err(Undecodable::new(Layer::WlanCapture, Reason::Version).into());
    }
    let len = usize::from(u16::from_le_bytes([len0, len1]));
    if len < 8 {
        return Err(Undecodable::new(Layer::WlanCapture, Reason::Length).into());
    }
    let frame_bytes = span.skip(len, Layer::WlanCapture)?;
    frame(trail, frame_bytes, radiotap_padding(fields.limit(len - 4)))
}

/// Reads as far as the "flags" field: it is first, or second after the 8-byte timer, which is aligned to 8.
fn radiotap_padding(fields: Span<'_>) -> Padding {
    const TIMER: u32 = 0x01;
    const FLAGS: u32 = 0x02;
    const ANOTHER_WORD: u32 = 0x8000_0000;
    const DATA_PADDED: u8 = 0x20;
    let words = fields.bytes().as_chunks::<4>().0;
    let present = words.first().map_or(0, |word| u32::from_le_bytes(*word));
    let word_count =
        words.iter().take_while(|word| u32::from_le_bytes(**word) & ANOTHER_WORD != 0).count() + 1;
    let after_words = word_count * 4;
    // Alignment is relative to the header's start, 4 bytes before `fields`.
    let flags_at =
        if present & TIMER != 0 { (after_words + 4).next_multiple_of(8) + 8 - 4 } else { after_words };
    match fields.bytes().get(flags_at) {
        Some(flags) if present & FLAGS != 0 && flags & DATA_PADDED != 0 => Padding::ToFour,
        _ => Padding::None,
    }
}

/// A Prism monitor header (its length in the capturing host's byte order), or the AVS header that shares its link type.
pub(super) fn prism<'a>(trail: &mut Trail, span: Span<'a>) -> Found<'a> {
    const AVS_COOKIE: [u8; 3] = [0x80, 0x21, 0x10];
    let ([c0, c1, c2, _, l0, l1, l2, l3], _) = span.head::<8>(Layer::WlanCapture)?;
    let big = u32::from_be_bytes([l0, l1, l2, l3]);
    let len = if [c0, c1, c2] == AVS_COOKIE { big } else { big.min(big.swap_bytes()) };
    if len < 8 {
        return Err(Undecodable::new(Layer::WlanCapture, Reason::Length).into());
    }
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    frame(trail, span.skip(len, Layer::WlanCapture)?, Padding::None)
}
