//! What the fuzz targets share: input of the fuzzer becomes a *sequence* of events, because what is hostile is seldom one
//! datagram alone, and after each sequence the books must balance.
//!
//! [`events`] says how the input is cut, [`export`] drives the decoder of exported records, [`frames`] that of packets, and
//! [`conversation`] the readers of what packets say. Files of indicators are read whole ([`intelligence`]).

pub mod conversation;
pub mod events;
pub mod export;
pub mod frames;
pub mod intelligence;
