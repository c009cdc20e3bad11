//! Indicators to make sets of: made up, always the same, each from its number alone, so that nobody has to hold them.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use weir_intel::Taken;
use weir_model::{IndicatorValue, Name};

/// Top-level domains, the common ones more often.
const TOP_LEVELS: [&str; 8] = ["com", "com", "com", "net", "org", "xyz", "top", "example"];
/// Two-label names below which many indicators are, as dynamic DNS has them.
const SHARED: [&str; 4] = ["dyn.example", "pages.example", "blog.example", "cdn.example"];

/// What a set is made of.
pub enum Values {
    /// So many, half of them names, of which one in ten lies below a shared one; another kind for each seed.
    MadeUp { count: usize, seed: u64 },
    /// So many prefixes of 16 to 31 bits, most of them 24.
    Networks(usize),
    /// What files hold.
    Loaded(Vec<IndicatorValue>),
}

impl Values {
    pub fn load(files: &[PathBuf]) -> Self {
        let mut values = Vec::new();
        weir_intel::load_paths_into(files, &mut |value, _| {
            values.push(value);
            Taken::New
        });
        Self::Loaded(values)
    }

    pub fn len(&self) -> usize {
        match self {
            Self::MadeUp { count, .. } | Self::Networks(count) => *count,
            Self::Loaded(values) => values.len(),
        }
    }

    pub fn get(&self, number: usize) -> Option<IndicatorValue> {
        match self {
            Self::MadeUp { seed, .. } => {
                let mut random = Random(seed << 48 ^ number as u64);
                match number % 20 {
                    0..10 => Some(IndicatorValue::Address(random.address())),
                    10 => {
                        let shared = SHARED.get(random.below(SHARED.len()))?;
                        name(&format!("{}.{shared}", random.label())).map(IndicatorValue::Domain)
                    }
                    _ => Some(IndicatorValue::Domain(random.name(true))),
                }
            }
            Self::Networks(_) => {
                let mut random = Random(number as u64);
                let len = if random.below(2) == 0 { 24 } else { 20 + random.below(12) as u8 };
                ipnet::IpNet::new(random.address(), len).ok().map(|net| IndicatorValue::Network(net.trunc()))
            }
            Self::Loaded(values) => values.get(number).cloned(),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = IndicatorValue> {
        (0..self.len()).filter_map(|number| self.get(number))
    }
}

pub fn name(text: &str) -> Option<Name> {
    Name::from_ascii(text.as_bytes())
}

/// The same numbers in every run (splitmix64).
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    pub fn address(&mut self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(self.next() as u32))
    }

    pub fn label(&mut self) -> String {
        (0..5 + self.below(12)).map(|_| char::from(b'a' + self.below(26) as u8)).collect()
    }

    /// Two labels, and what a client asks for often three.
    pub fn name(&mut self, listed: bool) -> Name {
        let top = TOP_LEVELS.get(self.below(TOP_LEVELS.len())).unwrap_or(&"com");
        let www = if listed || self.below(2) == 0 { "" } else { "www." };
        let text = format!("{www}{}.{top}", self.label());
        name(&text).unwrap_or_else(|| Name::from_text_form("bench.example"))
    }
}
