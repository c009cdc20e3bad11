//! Who we are to a server. A configuration only says where a secret lies; the secret itself is read when a client is made, and
//! nothing shows it.

use crate::{NetError, SecretPlace};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Who we are, and where the secret that proves it lies: in a file (its first line) or in a variable of the environment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
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
        let read = SecretPlace { file: file.clone(), env: env.clone() }.read(base)?;
        let (secret, place) = (read.reveal().to_owned(), read.place().to_owned());
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
