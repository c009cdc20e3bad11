//! What the host says of itself that decides whether captures are true: how its cards change packets before they are seen, and
//! how right its clock is.

mod card;
mod clock;

pub use card::{Card, RingSizes};
pub use clock::clock_quality;
