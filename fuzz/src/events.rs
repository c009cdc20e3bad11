//! The input of the fuzzer, cut into events.
//!
//! ```text
//! byte 0   what happens (upper 5 bits), who does it (lower 3 bits)
//! byte 1   how much time passes before (lower 3 bits), in which stream (bits 3 and 4), whether lengths are left as they are (bit 7)
//! byte 2-3 length of what follows
//! ```

/// Most events of one input: a fuzzer that finds a slow input should find slow code, not a long loop.
pub const MAX_EVENTS: usize = 64;

/// Bytes in front of each event.
pub const HEADER: usize = 4;

/// Seconds that pass, by the lower bits of the second byte: none, a moment, the time to prove oneself, until waiting data and
/// templates expire.
const SECONDS: [u64; 8] = [0, 0, 1, 10, 60, 300, 1_800, 90_000];

/// One event.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// What happens: 0 to 31.
    pub kind: u8,
    /// Who does it: 0 to 7.
    pub who: u8,
    /// Seconds that pass before.
    pub seconds: u64,
    /// In which stream: 0 to 3.
    pub stream: u8,
    /// Whether the lengths in `body` stay as they are.
    pub keeps_lengths: bool,
    /// What was sent.
    pub body: &'a [u8],
}

/// The events of an input.
pub fn of(mut input: &[u8]) -> impl Iterator<Item = Event<'_>> {
    std::iter::from_fn(move || {
        let (header, rest) = input.split_first_chunk::<HEADER>()?;
        let [what, time, high, low] = *header;
        let length = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        let (body, rest) = rest.split_at(length);
        input = rest;
        Some(Event {
            kind: what >> 3,
            who: what & 7,
            seconds: SECONDS[usize::from(time & 7)],
            stream: time >> 3 & 3,
            keeps_lengths: time & 0x80 != 0,
            body,
        })
    })
    .take(MAX_EVENTS)
}

/// An event as bytes, for the first inputs.
pub fn written(kind: u8, who: u8, time: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap_or(u16::MAX);
    let mut bytes = vec![kind << 3 | who & 7, time];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&body[..usize::from(length)]);
    bytes
}
