//! Whom to trust, and our own certificate.

use super::settings::HttpSettings;
use crate::{NetError, NetErrorKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

/// The settings of TLS; relative paths begin at `base`.
pub(super) fn config(settings: &HttpSettings, base: &Path) -> Result<TlsConfig, NetError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(TlsConfig::builder()
        .unversioned_rustls_crypto_provider(provider)
        .root_certs(RootCerts::Specific(Arc::new(roots(settings, base)?)))
        .client_cert(own(settings, base)?)
        .disable_verification(!settings.verify)
        .build())
}

/// The authorities. What the system has is what its administrator trusts; none are built in. An empty list is an error only where a
/// server with TLS is asked, which then says so.
fn roots(settings: &HttpSettings, base: &Path) -> Result<Vec<Certificate<'static>>, NetError> {
    let mut roots = Vec::new();
    if settings.system_ca && settings.verify {
        roots.extend(rustls_native_certs::load_native_certs().certs);
    }
    if let Some(file) = &settings.ca_file {
        roots.extend(certificates(&base.join(file))?);
    }
    if !settings.system_ca && settings.ca_file.is_none() {
        return Err(wrong("`system_ca = false` needs a `ca_file`: otherwise no server is trusted"));
    }
    Ok(roots.iter().map(|root| Certificate::from_der(root).to_owned()).collect())
}

/// Our own certificate with its key, tried out here, where it can be said what is wrong with them.
fn own(settings: &HttpSettings, base: &Path) -> Result<Option<ClientCert>, NetError> {
    let (certificate, key) = match (&settings.client_certificate, &settings.client_key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (base.join(certificate), base.join(key)),
        _ => return Err(wrong("`client_certificate` and `client_key` only work together")),
    };
    let chain = certificates(&certificate)?;
    let unusable = |error: &dyn std::fmt::Display| {
        wrong(format!("{}: no key could be read from it: {error}", key.display()))
    };
    let pem = fs::read(&key).map_err(|error| unusable(&error))?;
    let secret = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| unusable(&error))?;
    try_out(&chain, &secret).map_err(|error| {
        wrong(format!("{} and {} do not go together: {error}", certificate.display(), key.display()))
    })?;
    let chain: Vec<_> = chain.iter().map(|link| Certificate::from_der(link).to_owned()).collect();
    let key = PrivateKey::from_pem(&pem).map_err(|error| unusable(&error))?;
    Ok(Some(ClientCert::new_with_certs(&chain, key)))
}

fn try_out(chain: &[CertificateDer<'static>], key: &PrivateKeyDer<'static>) -> Result<(), rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
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
