//! Who we are to exporters, and who they must be.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, ServerConnection};

use crate::collector::options::{CollectorError, TlsFiles};

/// Makes the server's side of sessions: TLS 1.2 or 1.3 (RFC 7011 section 11.1 asks for 1.1 at least, which RFC 8996 took back).
pub(super) struct Acceptor(Arc<ServerConfig>);

impl Acceptor {
    /// Reads the files once.
    pub(super) fn new(files: &TlsFiles) -> Result<Self, CollectorError> {
        server_config(files).map(Self)
    }

    pub(super) fn accept(&self) -> Result<ServerConnection, rustls::Error> {
        ServerConnection::new(Arc::clone(&self.0))
    }
}

/// The server's side of sessions of TLS 1.2 or 1.3, which are not resumed: reads the files.
pub fn server_config(files: &TlsFiles) -> Result<Arc<ServerConfig>, CollectorError> {
    let provider = Arc::new(ring::default_provider());
    let chain = certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| wrong(&files.key, &format!("no private key in PEM can be read: {error}")))?;
    let verifier: Arc<dyn ClientCertVerifier> = match &files.client_authority {
        None => Arc::new(NoClientAuth),
        Some(path) => WebPkiClientVerifier::builder_with_provider(authorities(path)?, Arc::clone(&provider))
            .build()
            .map_err(|error| wrong(path, &error))?,
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| CollectorError::System(error.to_string()))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|error| {
            let certificate = files.certificate.display();
            wrong(&files.key, &format!("not a key for the certificate in {certificate}: {error}"))
        })?;
    // A session lasts for days, or for one page; nothing is gained by remembering it for the next.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

fn authorities(path: &Path) -> Result<Arc<RootCertStore>, CollectorError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(path)? {
        store.add(certificate).map_err(|error| wrong(path, &error))?;
    }
    Ok(Arc::new(store))
}

/// At least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CollectorError> {
    let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let all = all.map_err(|error| wrong(path, &format!("no certificates in PEM can be read: {error}")))?;
    if all.is_empty() {
        return Err(wrong(path, &"no certificate in PEM is in it"));
    }
    Ok(all)
}

fn wrong(path: &Path, message: &impl ToString) -> CollectorError {
    CollectorError::File { path: path.to_owned(), message: message.to_string() }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acceptor")
    }
}
