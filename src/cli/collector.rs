//! The flags of `weir run` about routers that export flow records.

use clap::Args;
use std::path::PathBuf;

/// What is heard of routers, and from whom.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct CollectorArguments {
    /// Receive NetFlow over UDP here (`0.0.0.0:2055`, `[::]:2055`; may be given several times). Every port takes all versions of
    /// NetFlow, IPFIX and sFlow
    #[arg(long, value_name = "ADDRESS:PORT", help_heading = "Routers' records")]
    pub netflow: Vec<String>,

    /// Receive IPFIX over UDP here (`0.0.0.0:4739`)
    #[arg(long, value_name = "ADDRESS:PORT", help_heading = "Routers' records")]
    pub ipfix: Vec<String>,

    /// Receive sFlow over UDP here (`0.0.0.0:6343`)
    #[arg(long, value_name = "ADDRESS:PORT", help_heading = "Routers' records")]
    pub sflow: Vec<String>,

    /// Receive IPFIX over TCP here (`0.0.0.0:4739`)
    #[arg(long, value_name = "ADDRESS:PORT", help_heading = "Routers' records")]
    pub ipfix_tcp: Vec<String>,

    /// Receive IPFIX over TLS here (`0.0.0.0:4740`); needs a certificate and its key
    #[arg(long, value_name = "ADDRESS:PORT", help_heading = "Routers' records")]
    pub ipfix_tls: Vec<String>,

    /// The certificate that exporters are shown over TLS, with those above it (PEM)
    #[arg(long, value_name = "FILE", help_heading = "Routers' records")]
    pub ipfix_tls_cert: Option<PathBuf>,

    /// The key of that certificate (PEM)
    #[arg(long, value_name = "FILE", help_heading = "Routers' records")]
    pub ipfix_tls_key: Option<PathBuf>,

    /// Over TLS, hear only exporters with a certificate that one of these has signed (PEM)
    #[arg(long, value_name = "FILE", help_heading = "Routers' records")]
    pub ipfix_tls_client_ca: Option<PathBuf>,

    /// Hear only these exporters (may be given several times, or separated by commas); single addresses have metrics of their own.
    /// Without, everybody is heard
    #[arg(long, value_name = "CIDR", value_delimiter = ',', help_heading = "Routers' records")]
    pub exporter: Vec<String>,

    /// An exporter that does not say so looks at one packet in N (`192.0.2.1=1000`; `192.0.2.1/12=1000` at its interface 12)
    #[arg(long, value_name = "ADDRESS[/INTERFACE]=N", help_heading = "Routers' records")]
    pub exporter_sampling: Vec<String>,

    /// Threads that receive and decode; an exporter always reaches the same one [default: 1]
    #[arg(long, value_name = "N", help_heading = "Routers' records")]
    pub collectors: Option<usize>,

    /// Memory of the kernel for datagrams that wait, per socket (each thread has one per port) [default: 64MiB]
    #[arg(long, value_name = "BYTES", help_heading = "Routers' records")]
    pub receive_buffer: Option<String>,
}

impl CollectorArguments {
    /// Whether it is said where to listen.
    pub(crate) fn is_listening(&self) -> bool {
        let all = [&self.netflow, &self.ipfix, &self.sflow, &self.ipfix_tcp, &self.ipfix_tls];
        all.iter().any(|addresses| !addresses.is_empty())
    }
}
