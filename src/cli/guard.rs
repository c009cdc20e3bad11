//! Who may ask for metrics.

use clap::Args;
use std::path::PathBuf;

/// What stands before `--listen`.
#[derive(Args, Clone, Debug, Default)]
#[expect(clippy::struct_field_names, reason = "each is the name of a flag")]
pub(crate) struct GuardArguments {
    /// The certificate that whoever asks for metrics is shown, with those above it (PEM): then it is HTTPS. Needed where `listen` is not the
    /// loopback. It is read again when it was renewed
    #[arg(long, value_name = "FILE", help_heading = "Control")]
    pub listen_tls_cert: Option<PathBuf>,

    /// The key of that certificate (PEM)
    #[arg(long, value_name = "FILE", help_heading = "Control")]
    pub listen_tls_key: Option<PathBuf>,

    /// Answer only those with a certificate that one of these has signed (PEM)
    #[arg(long, value_name = "FILE", help_heading = "Control")]
    pub listen_tls_client_ca: Option<PathBuf>,

    /// Answer only those who send the token in this file, of at least 16 characters (`Authorization: Bearer ...`)
    #[arg(long, value_name = "FILE", help_heading = "Control")]
    pub listen_token_file: Option<PathBuf>,

    /// The same, with the token in this variable of the environment
    #[arg(long, value_name = "NAME", help_heading = "Control")]
    pub listen_token_env: Option<String>,
}
