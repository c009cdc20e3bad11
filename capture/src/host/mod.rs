//! What the host says of itself that decides whether captures are true: how its cards change packets before they are seen, what its
//! kernel can do, and how right its clock is.

mod card;
mod clock;
mod kernel;
mod rss;

pub use card::{Card, RingSizes};
pub use clock::clock_quality;
pub use kernel::{CaptureFeatures, Kernel};
pub use rss::{Asymmetry, QueueDealing};
