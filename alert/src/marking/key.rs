//! The secret of an installation, by which identifiers and pseudonyms are made that say nothing.

use ring::digest::SHA256_OUTPUT_LEN;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use uuid::{Builder, Uuid};

/// Makes identifiers of stripped messages.
///
/// The identifiers of incidents are UUIDv5 over the indicator's value: whoever has a list of candidates finds out by trying which one it
/// was. HMAC-SHA256 (RFC 2104) over them with a secret cannot be tried, and is still the same whenever the same is told again.
#[derive(Clone)]
pub struct StripKey(hmac::Key);

impl StripKey {
    /// Bytes of the secret.
    pub const BYTES: usize = SHA256_OUTPUT_LEN;

    /// From a secret.
    pub fn new(secret: &[u8; Self::BYTES]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The one that is kept in this file, which is made if it is not there: readable by its owner alone.
    pub fn kept_at(path: &Path) -> io::Result<Self> {
        match File::open(path) {
            Ok(file) => Self::read(file),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let secret = random()?;
                // Written under another name first: a file cut short by a crash would be refused for ever.
                let fresh = path.with_extension("new");
                let mut file =
                    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
                file.write_all(&secret)?;
                file.sync_all()?;
                std::fs::rename(&fresh, path)?;
                if let Some(folder) = path.parent() {
                    File::open(folder)?.sync_all()?;
                }
                Ok(Self::new(&secret))
            }
            Err(error) => Err(error),
        }
    }

    /// One for this run: after a restart the same incident has another identifier.
    pub fn for_this_run() -> io::Result<Self> {
        random().map(|secret| Self::new(&secret))
    }

    /// The identifier that stands for another one; `what` tells uses apart.
    pub(super) fn identifier(&self, what: &str, id: Uuid) -> Uuid {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(what.as_bytes());
        context.update(&[0]);
        context.update(id.as_bytes());
        let tag = context.sign();
        // A version 8 UUID (RFC 9562 section 5.8): its bytes mean what its maker likes.
        let bytes = tag.as_ref().first_chunk().copied().unwrap_or_default();
        Builder::from_custom_bytes(bytes).into_uuid()
    }

    /// A key for something else, from which this one cannot be had.
    pub(crate) fn derived(&self, what: &str, name: &str) -> hmac::Key {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(what.as_bytes());
        context.update(&[0]);
        context.update(name.as_bytes());
        hmac::Key::new(hmac::HMAC_SHA256, context.sign().as_ref())
    }

    fn read(file: File) -> io::Result<Self> {
        let mut secret = Vec::with_capacity(Self::BYTES);
        file.take(Self::BYTES as u64 + 1).read_to_end(&mut secret)?;
        let secret: [u8; Self::BYTES] = secret.try_into().map_err(|_| {
            let text = format!("it should have {} bytes; remove it, and another one is made", Self::BYTES);
            io::Error::new(ErrorKind::InvalidData, text)
        })?;
        // What a disk leaves behind that broke while it was written.
        if secret.iter().all(|byte| Some(byte) == secret.first()) {
            let text = "it is no secret: all its bytes are the same; remove it, and another one is made";
            return Err(io::Error::new(ErrorKind::InvalidData, text));
        }
        Ok(Self::new(&secret))
    }
}

impl fmt::Debug for StripKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StripKey")
    }
}

fn random() -> io::Result<[u8; StripKey::BYTES]> {
    let mut secret = [0; StripKey::BYTES];
    let filled = SystemRandom::new().fill(&mut secret);
    filled.map(|()| secret).map_err(|_| io::Error::other("the system has no random numbers"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_kept_key_stays_the_same_and_is_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("strip.key");
        let id = Uuid::from_u128(7);
        let first = StripKey::kept_at(&path).unwrap().identifier("alert", id);
        assert_eq!(StripKey::kept_at(&path).unwrap().identifier("alert", id), first);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_ne!(StripKey::for_this_run().unwrap().identifier("alert", id), first);
        std::fs::write(&path, "short").unwrap();
        assert!(StripKey::kept_at(&path).unwrap_err().to_string().contains("32 bytes"));
        std::fs::write(&path, [0; StripKey::BYTES]).unwrap();
        assert!(StripKey::kept_at(&path).unwrap_err().to_string().contains("no secret"));
    }

    #[test]
    fn identifiers_are_uuids_that_depend_on_use_and_input() {
        let key = StripKey::new(&[7; StripKey::BYTES]);
        let id = key.identifier("alert", Uuid::from_u128(7));
        assert_eq!((id.get_version_num(), id.get_variant()), (8, uuid::Variant::RFC4122));
        assert_ne!(id, key.identifier("incident", Uuid::from_u128(7)));
        assert_ne!(id, key.identifier("alert", Uuid::from_u128(8)));
        assert_eq!(format!("{key:?}"), "StripKey");
    }
}
