//! TLS as the HTTP client wants it.

use super::settings::HttpSettings;
use crate::tls::provider;
use crate::{NetError, NetErrorKind};
use std::path::Path;
use std::sync::Arc;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

/// The settings of TLS; relative paths begin at `base`.
pub(super) fn config(settings: &HttpSettings, base: &Path) -> Result<TlsConfig, NetError> {
    let tls = settings.tls();
    let roots = tls.authorities(base)?.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
    let own = match tls.own(base)? {
        None => None,
        Some(own) => {
            let chain: Vec<_> = own.chain.iter().map(|link| Certificate::from_der(link).to_owned()).collect();
            let key = PrivateKey::from_pem(&own.key_pem).map_err(|error| {
                NetError::new(NetErrorKind::Settings, format!("`client_key`: no key could be read: {error}"))
            })?;
            Some(ClientCert::new_with_certs(&chain, key))
        }
    };
    Ok(TlsConfig::builder()
        .unversioned_rustls_crypto_provider(provider())
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .client_cert(own)
        .disable_verification(!settings.verify)
        .build())
}
