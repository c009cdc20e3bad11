//! Who may ask for metrics, and how it is known who asks: nobody is let in from other hosts who is not known.

use super::Written;
use crate::cli::GuardArguments;
use anyhow::{Result, bail};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use weir_capture::collector::TlsFiles;
use weir_net::SecretPlace;

/// What stands before the pages that are served over TCP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Guard {
    pub tls: Option<TlsFiles>,
    /// Where the token lies that whoever asks must have.
    pub token: Option<SecretPlace>,
}

impl Guard {
    /// Joins flags and file. Where other hosts reach the address, there must be TLS, and a token or certificates of those who ask.
    pub(super) fn new(
        flags: &GuardArguments,
        file: &mut Written,
        listen: Option<SocketAddr>,
    ) -> Result<Self> {
        let pick = |flag: &Option<PathBuf>, key: &mut Option<PathBuf>| flag.clone().or_else(|| key.take());
        let tls = tls(
            pick(&flags.listen_tls_cert, &mut file.listen_tls_cert),
            pick(&flags.listen_tls_key, &mut file.listen_tls_key),
            pick(&flags.listen_tls_client_ca, &mut file.listen_tls_client_ca),
        )?;
        let token = token(
            pick(&flags.listen_token_file, &mut file.listen_token_file),
            flags.listen_token_env.clone().or_else(|| file.listen_token_env.take()),
        )?;
        let guard = Self { tls, token };
        match listen {
            Some(address) if !address.ip().to_canonical().is_loopback() => guard.is_enough_at(address)?,
            _ => {}
        }
        Ok(guard)
    }

    fn is_enough_at(&self, address: SocketAddr) -> Result<()> {
        let knows_who = self.token.is_some() || self.tls.iter().any(|tls| tls.client_authority.is_some());
        if self.tls.is_some() && knows_who {
            return Ok(());
        }
        let mut told =
            format!("listen: other hosts reach {address}, so it wants TLS and to know who asks. Write\n");
        if self.tls.is_none() {
            told.push_str("  listen_tls_cert = \"metrics.pem\"\n  listen_tls_key = \"metrics.key\"\n");
        }
        if !knows_who {
            told.push_str("  listen_token_file = \"metrics.token\"    # make one: openssl rand -hex 32 > metrics.token\n");
            told.push_str("  (or listen_tls_client_ca = \"FILE\": only whoever has a certificate from it is answered)\n");
        }
        let _ = write!(told, "or have it for this host alone: listen = \"127.0.0.1:{}\"", address.port());
        bail!("{told}")
    }
}

fn tls(
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    client_authority: Option<PathBuf>,
) -> Result<Option<TlsFiles>> {
    let given = if cert.is_some() {
        "listen_tls_cert"
    } else if key.is_some() {
        "listen_tls_key"
    } else {
        "listen_tls_client_ca"
    };
    match (cert, key) {
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key, client_authority })),
        (None, None) if client_authority.is_none() => Ok(None),
        _ => bail!(
            "{given}: TLS needs a certificate and its key: write listen_tls_cert and listen_tls_key together"
        ),
    }
}

fn token(file: Option<PathBuf>, env: Option<String>) -> Result<Option<SecretPlace>> {
    match (&file, &env) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => {
            bail!(
                "listen_token_env: there is one token: write listen_token_file or listen_token_env, not both"
            )
        }
        _ => Ok(Some(SecretPlace { file, env })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(flags: &GuardArguments, listen: &str) -> Result<Guard, String> {
        let listen = Some(listen.parse().unwrap());
        Guard::new(flags, &mut Written::default(), listen).map_err(|error| error.to_string())
    }

    fn with_tls() -> GuardArguments {
        GuardArguments {
            listen_tls_cert: Some("a.pem".into()),
            listen_tls_key: Some("a.key".into()),
            ..GuardArguments::default()
        }
    }

    #[test]
    fn this_host_needs_nothing_and_others_need_tls_and_a_token() {
        for own in ["127.0.0.1:9347", "[::1]:9347", "[::ffff:127.0.0.1]:9347"] {
            assert_eq!(guard(&GuardArguments::default(), own), Ok(Guard::default()));
        }
        for open in ["0.0.0.0:9347", "[::]:9347", "192.0.2.1:9347"] {
            let told = guard(&GuardArguments::default(), open).unwrap_err();
            for line in ["listen_tls_cert = ", "listen_token_file = ", "listen = \"127.0.0.1:9347\""] {
                assert!(told.contains(line), "{told}");
            }
            let told = guard(&with_tls(), open).unwrap_err();
            assert!(!told.contains("listen_tls_cert = ") && told.contains("listen_token_file = "), "{told}");
        }
        let token = GuardArguments { listen_token_env: Some("TOKEN".into()), ..GuardArguments::default() };
        let told = guard(&token, "0.0.0.0:9347").unwrap_err();
        assert!(told.contains("listen_tls_cert = ") && !told.contains("listen_token_file = "), "{told}");
        let both = GuardArguments { listen_token_env: Some("TOKEN".into()), ..with_tls() };
        assert!(guard(&both, "0.0.0.0:9347").unwrap().token.is_some());
        let certificates = GuardArguments { listen_tls_client_ca: Some("ca.pem".into()), ..with_tls() };
        assert!(guard(&certificates, "0.0.0.0:9347").is_ok());
    }

    #[test]
    fn halves_are_refused() {
        let half = GuardArguments { listen_tls_key: None, ..with_tls() };
        assert!(guard(&half, "127.0.0.1:1").unwrap_err().contains("listen_tls_key"));
        let ca = GuardArguments { listen_tls_client_ca: Some("ca".into()), ..GuardArguments::default() };
        assert!(guard(&ca, "127.0.0.1:1").unwrap_err().contains("listen_tls_cert"));
        let two = GuardArguments {
            listen_token_env: Some("TOKEN".into()),
            listen_token_file: Some("token".into()),
            ..GuardArguments::default()
        };
        assert!(guard(&two, "127.0.0.1:1").unwrap_err().contains("not both"));
    }
}
