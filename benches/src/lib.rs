//! What Weir is measured with; nothing of it is in the program.
//!
//! - [`traffic`]: traffic made to order, the same bytes for the same seed (`weir-traffic` writes it as a capture);
//! - [`structures`]: one bench per hot structure, and [`harness`], which runs them (`weir-bench`).
//!
//! `make bench` times, `make bench-instructions` counts instructions and compares them with `baseline.tsv`,
//! `make bench-compare` runs the program beside its peers; `docs/PERFORMANCE.md` has the results.

pub mod harness;
pub mod structures;
pub mod traffic;
