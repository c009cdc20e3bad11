//! Asking servers over HTTP: one client with its settings, used by all that ask or tell.
//!
//! Servers are strangers: what they send is bounded in size and time, redirects are few and never take credentials elsewhere, and
//! secrets are in no error, log or `Debug`. A [`Client`] asks once; when to ask again is decided by whoever asks.

mod body;
mod client;
mod credentials;
mod failure;
mod settings;
mod tls;

pub use body::Body;
pub use client::{Client, MAX_REDIRECTS, Request, Response};
pub use credentials::Credentials;
pub use settings::{HttpSettings, Proxy};

#[cfg(any(test, feature = "stand-in"))]
pub mod stand_in;
#[cfg(test)]
mod tests;
