//! Who we are to a server. A configuration only says where a secret lies; the secret itself is read when a client is made, and
//! nothing shows it.

use crate::{NetError, NetErrorKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Most bytes of a file with a secret: tokens have some thousand.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// Who we are, and where the secret that proves it lies: in a file (its first line) or in a variable of the environment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Credentials {
    /// A name and a password (RFC 7617).
    Basic {
        /// The name.
        user: String,
        /// The file with the password.
        file: Option<PathBuf>,
        /// The variable with the password.
        env: Option<String>,
    },
    /// A token (RFC 6750).
    Bearer {
        /// The file with the token.
        file: Option<PathBuf>,
        /// The variable with the token.
        env: Option<String>,
    },
    /// A header of the server's own: MISP wants its key alone in `Authorization`.
    Header {
        /// The header.
        name: String,
        /// The file with its value.
        file: Option<PathBuf>,
        /// The variable with its value.
        env: Option<String>,
    },
}

/// A header that proves who we are; not shown.
pub(super) struct Proof {
    pub(super) name: String,
    pub(super) value: String,
    /// What must be in no text: the secret, and the header made of it.
    pub(super) secrets: Vec<String>,
    /// Where it comes from, for messages.
    pub(super) place: String,
}

impl Credentials {
    /// Reads the secret; relative paths begin at `base`.
    pub(super) fn read(&self, base: &Path) -> Result<Proof, NetError> {
        let (Self::Basic { file, env, .. } | Self::Bearer { file, env } | Self::Header { file, env, .. }) =
            self;
        let (secret, place) = match (file, env) {
            (Some(file), None) => (read_file(&base.join(file))?, base.join(file).display().to_string()),
            (None, Some(name)) => (read_variable(name)?, format!("${name}")),
            _ => {
                return Err(wrong(
                    "credentials need either `file` or `env`, which say where the secret lies",
                ));
            }
        };
        if secret.is_empty() {
            return Err(wrong(format!("{place} is empty; it should hold the secret for the server")));
        }
        if secret.contains(|c: char| c.is_control()) {
            return Err(wrong(format!(
                "{place} holds more than one line or binary data instead of a secret"
            )));
        }
        let mut secrets = vec![secret.clone()];
        let (name, value) = match self {
            Self::Basic { user, .. } => {
                let pair = STANDARD.encode(format!("{user}:{secret}"));
                secrets.push(pair.clone());
                ("Authorization".to_owned(), format!("Basic {pair}"))
            }
            Self::Bearer { .. } => ("Authorization".to_owned(), format!("Bearer {secret}")),
            Self::Header { name, .. } => (name.clone(), secret),
        };
        Ok(Proof { name, value, secrets, place })
    }
}

impl Proof {
    /// A text of the server's without our secrets, in case that it repeats them.
    pub(super) fn hide(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
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
