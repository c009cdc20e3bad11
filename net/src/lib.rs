//! Speaking to servers that are strangers: an HTTP client with its settings, TLS, where secrets lie, and how people write times and sizes.
//!
//! Both ends of the program need this, intelligence coming in and alerts going out; what is asked and said is theirs.

mod error;
pub mod http;
pub mod secret;
pub mod tls;
pub mod units;

pub use error::{NetError, NetErrorKind};
pub use secret::{Secret, SecretPlace};
