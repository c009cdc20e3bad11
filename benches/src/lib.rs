//! What Weir is measured with; nothing of it is in the program.
//!
//! - [`traffic`]: traffic made to order, the same bytes for the same seed (`weir-traffic` writes it as a capture).

pub mod traffic;
