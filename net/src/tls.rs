//! TLS: whom to trust, and our own certificate; for sockets here, and for what speaks HTTP.

mod anyone;
mod files;

pub use files::TlsFiles;

use crate::{NetError, NetErrorKind};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a server must prove who it is, and how we do. Everything has a default that is right for a server with a public certificate.
///
/// ```toml
/// tls.ca_file = "/etc/weir/our-ca.pem"
/// tls.client_certificate = "/etc/weir/weir.pem"
/// tls.client_key = "/etc/weir/weir.key"
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsSettings {
    /// PEM file with certificates of authorities to be trusted besides those of the system.
    pub ca_file: Option<PathBuf>,
    /// Whether the authorities that the system trusts are trusted; `false` leaves only those of `ca_file`.
    pub system_ca: bool,
    /// Whether the server must prove who it is. `false` lets anybody on the way read and change everything.
    pub verify: bool,
    /// PEM file with our own certificate (and those up to its authority), where the server asks for one.
    pub client_certificate: Option<PathBuf>,
    /// PEM file with the key of `client_certificate`; it may be the same file.
    pub client_key: Option<PathBuf>,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self { ca_file: None, system_ca: true, verify: true, client_certificate: None, client_key: None }
    }
}

impl TlsSettings {
    /// What a connection with TLS begins with; relative paths begin at `base`.
    pub fn client(&self, base: &Path) -> Result<Arc<ClientConfig>, NetError> {
        let provider = provider();
        let versions = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(format!("TLS: {error}")))?;
        let authorities = self.authorities(base)?;
        let trusting = if self.verify {
            let mut roots = RootCertStore::empty();
            // What the system has may hold what rustls cannot read; what else it has is trusted all the same.
            roots.add_parsable_certificates(authorities);
            versions.with_root_certificates(roots)
        } else {
            versions.dangerous().with_custom_certificate_verifier(Arc::new(anyone::Anyone::new(provider)))
        };
        let Some(own) = self.own(base)? else { return Ok(Arc::new(trusting.with_no_client_auth())) };
        let config = trusting.with_client_auth_cert(own.chain, own.key);
        config.map(Arc::new).map_err(|error| wrong(format!("our own certificate: {error}")))
    }

    /// The authorities. What the system has is what its administrator trusts; none are built in. An empty list is an error only where a
    /// server with TLS is asked, which then says so.
    pub(crate) fn authorities(&self, base: &Path) -> Result<Vec<CertificateDer<'static>>, NetError> {
        let mut authorities = Vec::new();
        if self.system_ca && self.verify {
            authorities.extend(rustls_native_certs::load_native_certs().certs);
        }
        if let Some(file) = &self.ca_file {
            authorities.extend(certificates(&base.join(file))?);
        }
        if !self.system_ca && self.ca_file.is_none() {
            return Err(wrong("`system_ca = false` needs a `ca_file`: otherwise no server is trusted"));
        }
        Ok(authorities)
    }

    /// Our own certificate with its key, tried out here, where it can be said what is wrong with them.
    pub(crate) fn own(&self, base: &Path) -> Result<Option<Own>, NetError> {
        let (certificate, key) = match (&self.client_certificate, &self.client_key) {
            (None, None) => return Ok(None),
            (Some(certificate), Some(key)) => (base.join(certificate), base.join(key)),
            _ => return Err(wrong("`client_certificate` and `client_key` only work together")),
        };
        let chain = certificates(&certificate)?;
        let unusable = |error: &dyn std::fmt::Display| {
            wrong(format!("{}: no key could be read from it: {error}", key.display()))
        };
        let key_pem = fs::read(&key).map_err(|error| unusable(&error))?;
        let secret = PrivateKeyDer::from_pem_slice(&key_pem).map_err(|error| unusable(&error))?;
        try_out(&chain, &secret).map_err(|error| {
            wrong(format!("{} and {} do not go together: {error}", certificate.display(), key.display()))
        })?;
        Ok(Some(Own { chain, key: secret, key_pem }))
    }
}

/// Our own certificate, and those up to its authority, with its key.
pub(crate) struct Own {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
    /// The key as the file has it.
    pub(crate) key_pem: Vec<u8>,
}

/// Who computes.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn try_out(chain: &[CertificateDer<'static>], key: &PrivateKeyDer<'static>) -> Result<(), rustls::Error> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_client_auth_cert(chain.to_vec(), key.clone_key())
        .map(|_| ())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, NetError> {
    let failed = |error: &dyn std::fmt::Display| {
        wrong(format!("{}: no certificate could be read from it: {error}", path.display()))
    };
    let found = CertificateDer::pem_file_iter(path).map_err(|error| failed(&error))?;
    let found = found.collect::<Result<Vec<_>, _>>().map_err(|error| failed(&error))?;
    if found.is_empty() { Err(failed(&"there is none in it")) } else { Ok(found) }
}

fn wrong(text: impl Into<String>) -> NetError {
    NetError::new(NetErrorKind::Settings, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_work_say_why() {
        let folder = tempfile::tempdir().unwrap();
        let said = |text: &str| {
            let settings: TlsSettings = toml::from_str(text).unwrap();
            settings.client(folder.path()).map(|_| ()).unwrap_err().text
        };
        assert!(said("system_ca = false").contains("needs a `ca_file`"));
        assert!(said("client_key = \"key.pem\"").contains("only work together"));
        assert!(said("ca_file = \"none.pem\"").contains("none.pem: no certificate could be read"));
        fs::write(folder.path().join("empty.pem"), "").unwrap();
        assert!(said("ca_file = \"empty.pem\"").contains("there is none in it"));
        assert!(toml::from_str::<TlsSettings>("cafile = \"x\"").is_err());
        TlsSettings::default().client(folder.path()).unwrap();
        TlsSettings { verify: false, ..TlsSettings::default() }.client(folder.path()).unwrap();
    }
}
