//! What several tests of the program share: where captures lie, and a source of repeatable chance.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(
    clippy::allow_attributes,
    reason = "an expectation of dead code would fail in the files that use everything"
)]
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "helpers of tests; that something is skipped is said"
)]

use std::path::{Path, PathBuf};

/// The folder of this package.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of captures and intelligence that nobody on this project wrote (`WEIR_CORPORA`, else beside the checkout);
/// says so where there is none.
pub(crate) fn corpora() -> Option<PathBuf> {
    let folder =
        std::env::var_os("WEIR_CORPORA").map_or_else(|| root().join("../shared/corpora"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no corpora at {} (set WEIR_CORPORA)", folder.display());
    None
}

/// All capture files below a folder, by their endings, sorted.
pub(crate) fn captures_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if is_capture(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn is_capture(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    [".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcap.zst"].iter().any(|ending| name.ends_with(ending))
}

/// Repeatable chance (xorshift64*).
pub(crate) struct Chance(u64);

impl Chance {
    /// From a text, so that each file has its own.
    pub(crate) fn new(seed: &str) -> Self {
        let mixed = seed.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(mixed | 1)
    }

    /// A number below `end` (which is not 0).
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        usize::try_from(high).expect("32 bits fit") % end
    }
}
