//! Frames (RFC 9113 section 4.1): a header, and a content of which no more is held than what precedes it.
//!
//! ```text
//! Length (24) | Type (8) | Flags (8) | Reserved (1) Stream Identifier (31)
//! Pad Length (8), if padded | Priority (40) or Promised Stream (32), if there | content | padding
//! ```

use crate::cursor::{Cursor, Short};
use crate::http::Fit;
use arrayvec::ArrayVec;

const HEADER_LEN: usize = 9;

/// What may precede the content: the length of the padding, and a priority.
const MAX_PREFIX_LEN: usize = 1 + PRIORITY_LEN;
const PRIORITY_LEN: usize = 5;
const PROMISED_STREAM_LEN: usize = 4;

/// What a frame is for, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Headers,
    PushPromise,
    Continuation,
    ResetStream,
    Other,
}

/// A frame's header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) stream: u32,
    length: usize,
    flags: u8,
}

impl Frame {
    /// Of DATA and HEADERS: whether the sender says nothing more on this stream.
    pub(super) const fn ends_stream(self) -> bool {
        self.flags & 0x01 != 0
    }

    /// Of HEADERS, PUSH_PROMISE and CONTINUATION: whether the block of fields ends with it.
    pub(super) const fn ends_headers(self) -> bool {
        self.flags & 0x04 != 0
    }

    /// `None` for what no program sends: a length or a stream that the type does not have (sections 6.1 to 6.10).
    fn read([l0, l1, l2, kind, flags, s0, s1, s2, s3]: [u8; HEADER_LEN]) -> Option<Self> {
        let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
        let stream = u32::from_be_bytes([s0, s1, s2, s3]) & 0x7fff_ffff;
        let (kind, fits) = match kind {
            0x00 => (Kind::Data, stream != 0),
            0x01 => (Kind::Headers, stream != 0),
            0x02 => (Kind::Other, stream != 0 && length == PRIORITY_LEN),
            0x03 => (Kind::ResetStream, stream != 0 && length == 4),
            0x04 => (Kind::Other, stream == 0 && length.is_multiple_of(SETTING_LEN)),
            0x05 => (Kind::PushPromise, stream != 0),
            0x06 => (Kind::Other, stream == 0 && length == 8),
            0x07 => (Kind::Other, stream == 0),
            0x08 => (Kind::Other, length == 4),
            0x09 => (Kind::Continuation, stream != 0),
            _ => (Kind::Other, true),
        };
        fits.then_some(Self { kind, stream, length, flags })
    }

    const fn is_padded(self) -> bool {
        self.flags & 0x08 != 0 && matches!(self.kind, Kind::Data | Kind::Headers | Kind::PushPromise)
    }

    const fn prefix_len(self) -> usize {
        let rest = match self.kind {
            Kind::Headers if self.flags & 0x20 != 0 => PRIORITY_LEN,
            Kind::PushPromise => PROMISED_STREAM_LEN,
            _ => 0,
        };
        self.is_padded() as usize + rest
    }

    /// Length of the content and of the padding behind it; `None` when they do not fit into the frame.
    fn lengths(self, prefix: &[u8]) -> Option<(usize, usize)> {
        let padding = if self.is_padded() { usize::from(*prefix.first()?) } else { 0 };
        Some((self.length.checked_sub(self.prefix_len())?.checked_sub(padding)?, padding))
    }
}

/// What comes next in a stream of frames.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event<'a> {
    /// A frame, before its content.
    Began(Frame),
    /// A part of its content, never empty.
    Content(Frame, &'a [u8]),
    /// Its content is whole.
    Ended(Frame),
    /// These are no frames, or not any more.
    Broken,
}

/// Cuts a stream into frames.
#[derive(Debug)]
pub(super) struct FrameReader {
    state: State,
}

#[derive(Debug)]
enum State {
    /// So many bytes do not matter.
    Skip(usize),
    Header(ArrayVec<u8, HEADER_LEN>),
    Prefix(Frame, ArrayVec<u8, MAX_PREFIX_LEN>),
    /// How much is left of the content, and the padding behind it.
    Content(Frame, usize, usize),
    Broken,
}

impl FrameReader {
    /// Frames begin behind so many bytes.
    pub(super) const fn behind(skipped: usize) -> Self {
        Self { state: State::Skip(skipped) }
    }

    /// What the next of `bytes` are, which are taken from them. `None`: they are all used.
    pub(super) fn next<'a>(&mut self, bytes: &mut Cursor<'a>) -> Option<Event<'a>> {
        loop {
            match &mut self.state {
                State::Skip(left) => {
                    *left -= take_up_to(bytes, *left).len();
                    if *left > 0 {
                        return None;
                    }
                    self.state = State::Header(ArrayVec::new());
                }
                State::Header(held) => {
                    let header =
                        fill(held, HEADER_LEN, bytes).and_then(|()| held.as_slice().first_chunk())?;
                    self.state = match Frame::read(*header) {
                        Some(frame) => State::Prefix(frame, ArrayVec::new()),
                        None => State::Broken,
                    };
                }
                State::Prefix(frame, held) => {
                    let frame = *frame;
                    fill(held, frame.prefix_len().min(frame.length), bytes)?;
                    let Some((length, padding)) = frame.lengths(held) else {
                        self.state = State::Broken;
                        continue;
                    };
                    self.state = State::Content(frame, length, padding);
                    return Some(Event::Began(frame));
                }
                State::Content(frame, 0, padding) => {
                    let ended = Event::Ended(*frame);
                    self.state = State::Skip(*padding);
                    return Some(ended);
                }
                State::Content(frame, left, _) => {
                    let part = take_up_to(bytes, *left);
                    *left -= part.len();
                    return (!part.is_empty()).then_some(Event::Content(*frame, part));
                }
                State::Broken => return Some(Event::Broken),
            }
        }
    }
}

/// `None` while `held` has fewer than `length` bytes.
fn fill<const N: usize>(held: &mut ArrayVec<u8, N>, length: usize, bytes: &mut Cursor<'_>) -> Option<()> {
    let lacking = length.saturating_sub(held.len());
    held.extend(take_up_to(bytes, lacking.min(held.remaining_capacity())).iter().copied());
    (held.len() >= length).then_some(())
}

fn take_up_to<'a>(bytes: &mut Cursor<'a>, count: usize) -> &'a [u8] {
    bytes.take(count.min(bytes.len())).unwrap_or_default()
}

const SETTING_LEN: usize = 6;

/// Most settings with which a server begins: there are ten, and some private ones.
const MAX_SETTINGS: usize = 16;

/// Whether a direction without the client's preface begins with the SETTINGS of a server (section 3.4). `heard`: the
/// client's preface was. Without it, every setting must have a value that it may have, and at least one must be there,
/// or the next frame be one that follows.
pub(crate) fn fits_server_settings(bytes: &[u8], heard: bool) -> Fit {
    match server_settings(Cursor::new(bytes), heard) {
        Ok(true) => Fit::Yes,
        Ok(false) => Fit::No,
        Err(_) => Fit::Perhaps,
    }
}

fn server_settings(mut bytes: Cursor<'_>, heard: bool) -> Result<bool, Short> {
    if bytes.u8()? != 0 || bytes.u8()? != 0 {
        return Ok(false);
    }
    let length = usize::from(bytes.u8()?);
    if !length.is_multiple_of(SETTING_LEN) || length > MAX_SETTINGS * SETTING_LEN {
        return Ok(false);
    }
    // SETTINGS, not an acknowledgement, for the connection.
    for expected in [0x04, 0, 0, 0, 0, 0] {
        if bytes.u8()? != expected {
            return Ok(false);
        }
    }
    if heard {
        return Ok(true);
    }
    if length == 0 {
        return follows_settings(bytes);
    }
    for _ in 0..length / SETTING_LEN {
        if !may_be_set(bytes.u16()?, bytes.u32()?) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a setting exists and may have this value (section 6.5.2; RFC 8441, RFC 9218; gRPC has private ones).
const fn may_be_set(setting: u16, value: u32) -> bool {
    match setting {
        0x01 | 0x03 | 0x06 | 0xf000..=0xffff => true,
        0x02 | 0x08 | 0x09 | 0x10 => value <= 1,
        0x04 => value <= 0x7fff_ffff,
        0x05 => 0x4000 <= value && value <= 0x00ff_ffff,
        _ => false,
    }
}

/// An acknowledgement of the client's SETTINGS, or a larger window.
fn follows_settings(mut bytes: Cursor<'_>) -> Result<bool, Short> {
    const ACKNOWLEDGEMENT: [u8; HEADER_LEN] = [0, 0, 0, 4, 1, 0, 0, 0, 0];
    const WINDOW_UPDATE: [u8; HEADER_LEN] = [0, 0, 4, 8, 0, 0, 0, 0, 0];
    let mut fits = [true; 2];
    for pair in ACKNOWLEDGEMENT.into_iter().zip(WINDOW_UPDATE) {
        let byte = bytes.u8()?;
        fits = [fits[0] && byte == pair.0, fits[1] && byte == pair.1];
        if fits == [false; 2] {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_begins_with_settings_that_it_may_send() {
        let settings = |pairs: &[(u16, u32)]| {
            let mut bytes = vec![0, 0, pairs.len() as u8 * 6, 4, 0, 0, 0, 0, 0];
            for (setting, value) in pairs {
                bytes.extend(setting.to_be_bytes());
                bytes.extend(value.to_be_bytes());
            }
            bytes
        };
        let usual = settings(&[(3, 100), (4, 1_048_576), (6, 65_536)]);
        assert_eq!(fits_server_settings(&usual, false), Fit::Yes);
        for cut in 0..usual.len() {
            assert_eq!(fits_server_settings(&usual[..cut], false), Fit::Perhaps, "{cut}");
        }
        assert_eq!(fits_server_settings(&settings(&[(2, 2)]), false), Fit::No, "push is on or off");
        assert_eq!(fits_server_settings(&settings(&[(5, 100)]), false), Fit::No, "frames are larger");
        assert_eq!(fits_server_settings(&settings(&[(0x50, 0)]), false), Fit::No, "no such setting");
        assert_eq!(fits_server_settings(&settings(&[(0x50, 0)]), true), Fit::Yes, "the client was heard");
        for other in [b"S".as_slice(), b"\0\0\0\x08", b"\0\x5a", b"\0\0\x07", b"\0\0\x06\x04\x01"] {
            assert_eq!(fits_server_settings(other, false), Fit::No, "{other:?}");
        }
    }

    #[test]
    fn settings_without_any_need_a_second_frame() {
        let empty = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        assert_eq!(fits_server_settings(&empty, true), Fit::Yes);
        assert_eq!(fits_server_settings(&empty, false), Fit::Perhaps);
        let followed = |by: &[u8]| fits_server_settings(&[&empty, by].concat(), false);
        assert_eq!(followed(&[0, 0, 0, 4, 1, 0, 0, 0, 0]), Fit::Yes);
        assert_eq!(followed(&[0, 0, 4, 8, 0, 0, 0, 0, 0]), Fit::Yes);
        assert_eq!(followed(&[0, 0, 4]), Fit::Perhaps);
        assert_eq!(followed(&[0, 0, 0, 4, 0, 0, 0, 0, 0]), Fit::No, "a number over and over");
    }
}
