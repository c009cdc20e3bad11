//! Where a secret lies, and the secret, which nothing shows.

use crate::{NetError, NetErrorKind};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Most bytes of a file with a secret: tokens have some thousand.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// Where a secret lies: in a file (one line) or in a variable of the environment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SecretPlace {
    /// The file.
    pub file: Option<PathBuf>,
    /// The variable.
    pub env: Option<String>,
}

/// A secret as it was read. `Debug` does not show it.
#[derive(Clone)]
pub struct Secret {
    text: String,
    place: String,
}

impl SecretPlace {
    /// Reads it; relative paths begin at `base`.
    pub fn read(&self, base: &Path) -> Result<Secret, NetError> {
        let (text, place) = match (&self.file, &self.env) {
            (Some(file), None) => (read_file(&base.join(file))?, base.join(file).display().to_string()),
            (None, Some(name)) => (read_variable(name)?, format!("${name}")),
            _ => return Err(wrong("a secret needs either `file` or `env`, which say where it lies")),
        };
        if text.is_empty() {
            return Err(wrong(format!("{place} is empty; it should hold the secret for the server")));
        }
        if text.contains(|c: char| c.is_control()) {
            return Err(wrong(format!(
                "{place} holds more than one line or binary data instead of a secret"
            )));
        }
        Ok(Secret { text, place })
    }
}

impl Secret {
    /// The secret itself: for the server, and for nobody else.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// Where it comes from, for messages.
    pub fn place(&self) -> &str {
        &self.place
    }
}

/// What is shown in place of a secret.
pub const SHOWN: &str = "(secret)";

/// Stands for a secret where it must be seen that it changed: [`SHOWN`] and a number that is the same for the same bytes while this
/// process lives, under a key that nobody knows. For memory only; people are shown [`SHOWN`].
pub fn fingerprint(secret: &[u8]) -> String {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    format!("{SHOWN} {:016x}", KEY.hash_one(secret))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.place)
    }
}

fn read_file(path: &Path) -> Result<String, NetError> {
    let failed =
        |error| wrong(format!("{}: {error}; it should hold the secret for the server", path.display()));
    let mut text = String::new();
    File::open(path).map_err(failed)?.take(MAX_SECRET_BYTES).read_to_string(&mut text).map_err(failed)?;
    Ok(text.trim().to_owned())
}

fn read_variable(name: &str) -> Result<String, NetError> {
    let value = std::env::var(name)
        .map_err(|_| wrong(format!("${name} is not set; it should hold the secret for the server")))?;
    Ok(value.trim().to_owned())
}

fn wrong(text: impl Into<String>) -> NetError {
    NetError::new(NetErrorKind::Settings, text)
}
