mod messages;
mod rsyslog;
mod streams;

use super::SyslogSettings;
use crate::sinks::{Opening, Outlet, Settings, Sink};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::fs;
use std::path::Path;
use weir_net::NetError;

fn settings(toml: &str) -> SyslogSettings {
    toml::from_str(toml).unwrap()
}

fn open(toml: &str, base: &Path) -> Result<Box<dyn Sink>, NetError> {
    let outlets = settings(toml).open(&Opening { name: "siem", base })?;
    Ok(outlets.into_iter().map(|Outlet { sink, .. }| sink).next().unwrap())
}

/// An authority, a server's certificate for `localhost` and a client's, as PEM files in a folder.
fn certificates(folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "an authority for tests");
    fs::write(folder.join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    let authority = Issuer::new(params, key);
    for (name, host) in [("server", "localhost"), ("client", "weir.example")] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, host);
        let certificate = params.signed_by(&key, &authority).unwrap();
        fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}
