//! What servers are called.

use super::address::outside;
use super::chance::{Chance, mix};
use std::net::IpAddr;

/// Names that exist. Their popularity follows Zipf's law, as that of names does.
const NAMES: u64 = 50_000;

const HOSTS: [&str; 8] =
    ["www", "api", "cdn-3.static", "img", "login", "eu-west-1.edge", "mail", "telemetry"];
const WORDS: [&str; 8] =
    ["library", "weather", "football", "cluster", "travel", "bakery", "measurement", "observatory"];

/// A server that has a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site(u64);

impl Site {
    /// One of them, a popular one rather.
    pub(super) fn pick(chance: &mut Chance) -> Self {
        Self(chance.zipf(NAMES))
    }

    /// Its name.
    pub(super) fn name(self) -> String {
        let mixed = mix(self.0);
        let pick = |words: &[&'static str], bits: u64| {
            words.get(bits as usize % words.len().max(1)).copied().unwrap_or_default()
        };
        format!("{}.{}-{}.example", pick(&HOSTS, mixed), pick(&WORDS, mixed >> 8), self.0)
    }

    /// Its address.
    pub(super) fn address(self, is_v6: bool) -> IpAddr {
        outside(mix(self.0 ^ 0x5173), is_v6)
    }
}
