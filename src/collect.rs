//! Records that routers export: datagrams in, flows, names and hits out.
//!
//! A [`Collector`] decodes datagrams, puts their records into flows, and matches these; what it learns has the same form as what is
//! learnt from packets ([`crate::pipeline::Learnt`]). `weir read` has one, which takes the datagrams that an [`Intake`] found in a
//! capture, or those of folders: [`FileCollector`] feeds it.

pub(crate) mod books;
mod collector;
mod datagrams;
mod files;
mod folder;
mod intake;
mod matching;

pub(crate) use collector::{Collector, CollectorConfig, CollectorReport};
pub(crate) use datagrams::Datagrams;
pub(crate) use files::{FileCollector, FileCollectorReport};
pub(crate) use intake::{Heard, Intake};
