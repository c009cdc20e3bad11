//! A folder with an authority, a certificate for the loopback, and a token.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::path::{Path, PathBuf};

pub(crate) struct Papers {
    folder: tempfile::TempDir,
}

impl Papers {
    pub(crate) fn new() -> Self {
        let papers = Self { folder: tempfile::tempdir().unwrap() };
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        papers.write("ca.pem", &params.self_signed(&key).unwrap().pem());
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        papers.write("server.pem", &params.signed_by(&key, &issuer).unwrap().pem());
        papers.write("server.key", &key.serialize_pem());
        papers.write("token", "0123456789abcdef0123456789abcdef\n");
        papers
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.root().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}
