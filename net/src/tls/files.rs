//! The same as text and files, for libraries with a TLS of their own.

use super::TlsSettings;
use crate::NetError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::path::{Path, PathBuf};

/// Whom to trust and our own certificate, as OpenSSL takes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authorities (PEM, RFC 7468); none where those of the system are all.
    pub authorities: Option<String>,
    /// The files with our own certificate and with its key.
    pub own: Option<(PathBuf, PathBuf)>,
}

impl TlsSettings {
    /// Reads and tries out what the settings name; relative paths begin at `base`.
    pub fn files(&self, base: &Path) -> Result<TlsFiles, NetError> {
        let authorities = self.authorities(base)?;
        let has_own_list = self.verify && self.ca_file.is_some();
        self.own(base)?;
        let own = self.client_certificate.as_ref().zip(self.client_key.as_ref());
        Ok(TlsFiles {
            authorities: has_own_list.then(|| authorities.iter().map(|authority| pem(authority)).collect()),
            own: own.map(|(certificate, key)| (base.join(certificate), base.join(key))),
        })
    }
}

fn pem(certificate: &[u8]) -> String {
    let text = STANDARD.encode(certificate);
    let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for (place, letter) in text.chars().enumerate() {
        if place > 0 && place % 64 == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem.push_str("\n-----END CERTIFICATE-----\n");
    pem
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_openssl_takes() {
        let folder = tempfile::tempdir().unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(["kafka.example".to_owned()]).unwrap().self_signed(&key).unwrap();
        fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        fs::write(folder.path().join("own.pem"), certificate.pem() + &key.serialize_pem()).unwrap();
        let read = |text: &str| toml::from_str::<TlsSettings>(text).unwrap().files(folder.path());

        assert_eq!(read("").unwrap(), TlsFiles::default());
        let ours = read("ca_file = \"ca.pem\"\nsystem_ca = false").unwrap();
        assert_eq!(ours.authorities.unwrap(), certificate.pem().replace("\r\n", "\n"));
        assert!(
            read("ca_file = \"ca.pem\"")
                .unwrap()
                .authorities
                .unwrap()
                .ends_with(&certificate.pem().replace("\r\n", "\n"))
        );

        let own = read("client_certificate = \"own.pem\"\nclient_key = \"own.pem\"").unwrap().own.unwrap();
        assert_eq!(own, (folder.path().join("own.pem"), folder.path().join("own.pem")));
        assert!(
            read("client_certificate = \"ca.pem\"\nclient_key = \"ca.pem\"")
                .unwrap_err()
                .text
                .contains("no key")
        );
    }
}
