//! What `weir run` asks about routers: where they are heard, which of them, and what they do not say themselves.

use super::{Written, bytes, network};
use crate::cli::CollectorArguments;
use anyhow::{Result, bail};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use weir_capture::collector::{Listen, MAX_LISTEN, TlsFiles, Transport};

/// How exported records are received.
#[derive(Clone, Debug, Default)]
pub(crate) struct CollectorSettings {
    /// Where, and by what; each port takes all versions.
    pub listen: Vec<Listen>,
    /// The same addresses by the key that names them.
    pub listen_by_key: Vec<(&'static str, Vec<SocketAddr>)>,
    /// The only ones that are heard; empty: everybody is.
    pub exporters: Vec<IpNet>,
    pub sampling: Vec<ConfiguredSampling>,
    pub threads: usize,
    /// Per socket.
    pub receive_buffer_bytes: u32,
}

/// One packet in so many is looked at, and the exporter does not say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConfiguredSampling {
    pub exporter: IpAddr,
    /// SNMP index; `None` for all that have no rate of their own.
    pub interface: Option<u32>,
    pub one_in: u32,
}

/// Half a second of a gigabit, at what the kernel charges for a datagram.
const DEFAULT_RECEIVE_BUFFER_BYTES: u64 = 64 << 20;
const LEAST_RECEIVE_BUFFER_BYTES: u64 = 1 << 20;
/// The kernel takes a signed 32-bit size and doubles it.
const MOST_RECEIVE_BUFFER_BYTES: u32 = 1 << 29;
/// More than machines have cores to keep busy.
const MOST_THREADS: usize = 64;

impl CollectorSettings {
    /// Joins flags and file; what is taken from the file is a path or a list.
    pub(super) fn new(flags: &CollectorArguments, file: &mut Written) -> Result<Self> {
        let mut listen_by_key = Vec::new();
        for (key, flags, file) in [
            ("netflow", &flags.netflow, &file.netflow),
            ("ipfix", &flags.ipfix, &file.ipfix),
            ("sflow", &flags.sflow, &file.sflow),
            ("ipfix_tcp", &flags.ipfix_tcp, &file.ipfix_tcp),
            ("ipfix_tls", &flags.ipfix_tls, &file.ipfix_tls),
        ] {
            listen_by_key.push((key, addresses(&key.replace('_', "-"), either(flags, file))?));
        }
        let by_key = |wanted: &[&str]| {
            let chosen = listen_by_key.iter().filter(|(key, _)| wanted.contains(key));
            chosen.flat_map(|(_, addresses)| addresses.clone()).collect::<Vec<_>>()
        };
        let mut listen: Vec<_> =
            by_key(&["netflow", "ipfix", "sflow"]).into_iter().map(Listen::udp).collect();
        listen.extend(by_key(&["ipfix_tcp"]).into_iter().map(Listen::tcp));
        listen.extend(tls(by_key(&["ipfix_tls"]), flags, file)?);
        once(&listen)?;
        let exporters = either(&flags.exporter, &file.exporter);
        let rates = either(&flags.exporter_sampling, &file.exporter_sampling);
        Ok(Self {
            listen,
            listen_by_key,
            exporters: exporters.iter().map(|text| network("exporter", text)).collect::<Result<_>>()?,
            sampling: rates.iter().map(|text| sampling(text)).collect::<Result<_>>()?,
            threads: threads(flags.collectors.or(file.collectors).unwrap_or(1))?,
            receive_buffer_bytes: receive_buffer(
                flags.receive_buffer.as_deref().or(file.receive_buffer.as_deref()),
            )?,
        })
    }

    /// Whether nothing is received.
    pub(crate) fn is_empty(&self) -> bool {
        self.listen.is_empty()
    }

    /// Exporters that are named one by one, in order, each once.
    pub(crate) fn named_exporters(&self) -> Vec<IpAddr> {
        let single = self.exporters.iter().filter(|net| net.prefix_len() == net.max_prefix_len());
        let mut named: Vec<_> = single.map(IpNet::addr).collect();
        named.sort_unstable();
        named.dedup();
        named
    }
}

fn either<'a>(flags: &'a Vec<String>, file: &'a Vec<String>) -> &'a Vec<String> {
    if flags.is_empty() { file } else { flags }
}

fn addresses(name: &str, written: &[String]) -> Result<Vec<SocketAddr>> {
    written.iter().map(|text| address(name, text)).collect()
}

fn address(name: &str, text: &str) -> Result<SocketAddr> {
    match text.trim().parse::<SocketAddr>() {
        Ok(address) => Ok(address),
        Err(_) => bail!("{name}: `{text}` is not an address with a port such as 0.0.0.0:2055 or [::]:2055"),
    }
}

fn once(all: &[Listen]) -> Result<()> {
    if all.len() > MAX_LISTEN {
        bail!("{} addresses to listen at are too many; the most is {MAX_LISTEN}", all.len());
    }
    let is_same = |one: &Listen, other: &Listen| {
        let is_udp = |listen: &Listen| listen.transport == Transport::Udp;
        one.address == other.address && one.address.port() != 0 && is_udp(one) == is_udp(other)
    };
    for (index, listen) in all.iter().enumerate() {
        if all.iter().take(index).any(|other| is_same(listen, other)) {
            bail!("{listen} is given twice; every port takes all versions, so once is enough");
        }
    }
    Ok(())
}

fn tls(addresses: Vec<SocketAddr>, flags: &CollectorArguments, file: &mut Written) -> Result<Vec<Listen>> {
    let pick = |flag: &Option<PathBuf>, key: &mut Option<PathBuf>| flag.clone().or_else(|| key.take());
    let certificate = pick(&flags.ipfix_tls_cert, &mut file.ipfix_tls_cert);
    let key = pick(&flags.ipfix_tls_key, &mut file.ipfix_tls_key);
    let client_ca = pick(&flags.ipfix_tls_client_ca, &mut file.ipfix_tls_client_ca);
    match (addresses.is_empty(), certificate, key) {
        (true, None, None) if client_ca.is_none() => Ok(Vec::new()),
        (true, ..) => bail!("files for TLS are given, but no place to listen (--ipfix-tls 0.0.0.0:4740)"),
        (false, Some(certificate), Some(key)) => {
            let files = TlsFiles { certificate, key, client_authority: client_ca };
            Ok(addresses.into_iter().map(|address| Listen::tls(address, files.clone())).collect())
        }
        (false, ..) => {
            bail!("ipfix-tls needs a certificate and its key (--ipfix-tls-cert FILE --ipfix-tls-key FILE)")
        }
    }
}

/// `192.0.2.1=1000`, or with the SNMP index of an interface `192.0.2.1/12=1000`.
fn sampling(text: &str) -> Result<ConfiguredSampling> {
    let parsed = text.split_once('=').and_then(|(whose, one_in)| {
        let (address, interface) = match whose.split_once('/') {
            Some((address, interface)) => (address, Some(interface.trim().parse().ok()?)),
            None => (whose, None),
        };
        let one_in = one_in.trim().parse().ok().filter(|one_in| *one_in > 0)?;
        Some(ConfiguredSampling { exporter: address.trim().parse().ok()?, interface, one_in })
    });
    match parsed {
        Some(sampling) => Ok(sampling),
        None => bail!(
            "exporter-sampling: `{text}` is not an exporter and a rate such as 192.0.2.1=1000, or 192.0.2.1/12=1000 \
             for its interface 12"
        ),
    }
}

fn threads(written: usize) -> Result<usize> {
    match written {
        count @ 1..=MOST_THREADS => Ok(count),
        count => bail!("collectors: {count} is not between 1 and {MOST_THREADS}"),
    }
}

fn receive_buffer(written: Option<&str>) -> Result<u32> {
    let size = bytes("receive-buffer", written, DEFAULT_RECEIVE_BUFFER_BYTES, LEAST_RECEIVE_BUFFER_BYTES)?;
    match u32::try_from(size) {
        Ok(size) if size <= MOST_RECEIVE_BUFFER_BYTES => Ok(size),
        _ => bail!("receive-buffer: {size} bytes are too many; the most is 512MiB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(flags: &CollectorArguments) -> Result<CollectorSettings> {
        CollectorSettings::new(flags, &mut Written::default())
    }

    fn list(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn ports_exporters_and_rates_are_read() {
        let flags = CollectorArguments {
            netflow: list(&["0.0.0.0:2055", "[::]:2055"]),
            sflow: list(&["127.0.0.1:6343"]),
            exporter: list(&["192.0.2.1", "2001:db8::1", "198.51.100.0/24", "192.0.2.1/32"]),
            exporter_sampling: list(&["192.0.2.1=1000", "2001:db8::1/12=100"]),
            ..CollectorArguments::default()
        };
        let settings = settings(&flags).unwrap();
        assert_eq!(settings.listen.len(), 3);
        let named: Vec<_> = settings.named_exporters().iter().map(ToString::to_string).collect();
        assert_eq!(named, ["192.0.2.1", "2001:db8::1"]);
        let rates: Vec<_> = settings.sampling.iter().map(|rate| (rate.interface, rate.one_in)).collect();
        assert_eq!(rates, [(None, 1_000), (Some(12), 100)]);
        assert_eq!((settings.threads, settings.receive_buffer_bytes), (1, 64 << 20));
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_could() {
        let told = |flags: &CollectorArguments| settings(flags).unwrap_err().to_string();
        let netflow =
            |texts: &[&str]| CollectorArguments { netflow: list(texts), ..CollectorArguments::default() };
        assert!(told(&netflow(&["2055"])).contains("such as 0.0.0.0:2055"));
        assert!(told(&netflow(&["0.0.0.0:2055", "0.0.0.0:2055"])).contains("given twice"));
        let rate =
            |text| CollectorArguments { exporter_sampling: list(&[text]), ..CollectorArguments::default() };
        for wrong in ["192.0.2.1", "192.0.2.1=0", "192.0.2.1/x=5", "router=5", "192.0.2.1=-1"] {
            assert!(told(&rate(wrong)).contains("such as 192.0.2.1=1000"), "{wrong}");
        }
        let tls = CollectorArguments { ipfix_tls: list(&["0.0.0.0:4740"]), ..CollectorArguments::default() };
        assert!(told(&tls).contains("--ipfix-tls-cert"));
        let files = CollectorArguments { ipfix_tls_cert: Some("x".into()), ..CollectorArguments::default() };
        assert!(told(&files).contains("--ipfix-tls "));
        let buffer = |text: &str| CollectorArguments {
            receive_buffer: Some(text.into()),
            ..CollectorArguments::default()
        };
        assert!(told(&buffer("1GiB")).contains("512MiB"));
        assert!(
            told(&CollectorArguments { collectors: Some(0), ..CollectorArguments::default() })
                .contains("between")
        );
    }
}
