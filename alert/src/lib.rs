//! Alerts, flows and names out: as ECS 9 JSON, one object a line.
//!
//! [`ecs`] gives the objects their fields, [`sentence`] says in English what happened and what to do next, [`JsonLines`]
//! writes whole lines. The fields are listed in docs/EVENTS.md, and a test keeps that table true. Where the lines go
//! (files, pipes, later a bus) is for the program to say; nothing is looked up or decided here.

pub mod ecs;
mod event;
pub mod sentence;
mod text;
mod writer;

pub use event::Event;
pub use writer::{JsonLines, WriteStats};

#[cfg(test)]
mod documentation;
#[cfg(test)]
mod samples;
