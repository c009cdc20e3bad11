//! A frame to the packet in it.

use crate::Packet;
use weir_model::Frame;

/// Limits of the decoder.
#[derive(Clone, Debug, Default)]
pub struct DecodeConfig {}

/// What became of every frame.
#[derive(Clone, Debug, Default)]
pub struct DecodeStats {}

/// Decodes frames, and holds fragments until their datagram is whole.
#[derive(Debug, Default)]
pub struct Decoder {}

impl Decoder {
    /// An empty decoder.
    pub fn new(_config: DecodeConfig) -> Self {
        Self {}
    }

    /// Decodes one frame; `each` is called for every packet that this makes available: none, one, or (when
    /// fragments are given up) several.
    pub fn decode(&mut self, _frame: &Frame<'_>, _each: &mut dyn FnMut(&Packet<'_>)) {}

    /// Hands on what is still held, at the end of the input.
    pub fn finish(&mut self, _each: &mut dyn FnMut(&Packet<'_>)) {}

    /// The books.
    pub fn stats(&self) -> DecodeStats {
        DecodeStats::default()
    }
}
