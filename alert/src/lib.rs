//! Alerts, flows and names out: as ECS 9 JSON, one object a line.
//!
//! [`ecs`] writes the objects with their fields, [`sentence`] says in English what happened and what to do next, [`JsonLines`]
//! writes whole lines, [`ceiling`] leaves out what may not go there. The fields are listed in docs/EVENTS.md, and a test keeps that table true. Where the lines go
//! (files, pipes, later a bus) is for the program to say; nothing is looked up or decided here.

pub mod ceiling;
pub mod ecs;
mod json;
pub mod sentence;
mod text;
mod writer;

pub use writer::{JsonLines, Lines, WriteStats};

#[cfg(test)]
mod documentation;
#[cfg(test)]
mod samples;
