//! Alerts, flows and names out: formats, and the sinks that they go to.
//!
//! [`formats`] write [`Message`]s, flows and names as lines, [`sentence`] says in English what happened and what to do next, [`marking`] leaves
//! out what may not go there, [`spool`] keeps it until every sink has it, [`sinks`] take it to whoever wants it, and [`JsonLines`] writes whole lines into anything. The fields are
//! listed in docs/EVENTS.md, and a test keeps that table true.

pub mod courier;
mod defang;
pub mod formats;
mod json;
pub mod marking;
mod message;
pub mod pseudonyms;
pub mod sentence;
pub mod sinks;
pub mod spool;
pub mod stored;
mod text;
mod writer;

pub use formats::{Format, ecs};
pub use message::{Lane, Message};
pub use pseudonyms::Pseudonyms;
pub use writer::{JsonLines, Lines, WriteStats};

#[cfg(test)]
mod documentation;
#[cfg(test)]
mod python;
#[cfg(test)]
mod samples;
