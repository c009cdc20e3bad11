//! Where `weir read` finds records that routers exported.

use super::Written;
use crate::cli::ExportedArguments;
use anyhow::{Context as _, Result, bail};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

/// What is decoded as exported records.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExportedSettings {
    /// UDP ports, sorted; any version may come to each.
    pub ports: Vec<u16>,
    /// Folders of datagrams.
    pub folders: Vec<DatagramFolder>,
}

/// A folder in which each file is a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DatagramFolder {
    pub path: PathBuf,
    /// The folder's name where that is an address, else the unspecified address, which is nobody's: files do not tell who sent them.
    pub exporter: IpAddr,
}

impl ExportedSettings {
    pub(super) fn new(flags: &ExportedArguments, file: &mut Written) -> Result<Self> {
        let pick = |flags: &Vec<u16>, key: &mut Vec<u16>| {
            if flags.is_empty() { std::mem::take(key) } else { flags.clone() }
        };
        let mut ports = pick(&flags.netflow_port, &mut file.netflow_port);
        ports.append(&mut pick(&flags.ipfix_port, &mut file.ipfix_port));
        ports.append(&mut pick(&flags.sflow_port, &mut file.sflow_port));
        if ports.contains(&0) {
            bail!("netflow-port, ipfix-port, sflow-port: 0 is no port that anything is sent to");
        }
        ports.sort_unstable();
        ports.dedup();
        let folders = if flags.datagrams.is_empty() {
            std::mem::take(&mut file.datagrams)
        } else {
            flags.datagrams.clone()
        };
        let folders = folders.iter().map(|path| DatagramFolder::new(path)).collect::<Result<_>>()?;
        Ok(Self { ports, folders })
    }

    /// Whether anything is to be decoded.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.ports.is_empty() || !self.folders.is_empty()
    }
}

impl DatagramFolder {
    fn new(path: &Path) -> Result<Self> {
        let whole =
            path.canonicalize().with_context(|| format!("datagrams: cannot read {}", path.display()))?;
        if !whole.is_dir() {
            bail!("datagrams: {} is no folder; give one in which each file is a datagram", path.display());
        }
        let name = whole.file_name().unwrap_or_default().to_string_lossy();
        let exporter = name.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Ok(Self { path: path.to_owned(), exporter })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_joined_and_a_folder_names_its_exporter() {
        let scratch = tempfile::tempdir().unwrap();
        let [named, other] = ["192.0.2.7", "datagrams"].map(|name| scratch.path().join(name));
        std::fs::create_dir(&named).unwrap();
        std::fs::create_dir(&other).unwrap();
        let flags = ExportedArguments {
            netflow_port: vec![9995, 2055],
            sflow_port: vec![6343, 2055],
            datagrams: vec![named, other],
            ..ExportedArguments::default()
        };
        let mut file = Written { netflow_port: vec![1], ipfix_port: vec![4739], ..Written::default() };
        let settings = ExportedSettings::new(&flags, &mut file).unwrap();
        assert_eq!(settings.ports, [2055, 4739, 6343, 9995], "flags replace the list of the file");
        let exporters: Vec<_> = settings.folders.iter().map(|folder| folder.exporter.to_string()).collect();
        assert_eq!(exporters, ["192.0.2.7", "0.0.0.0"]);
        let absent =
            ExportedArguments { datagrams: vec!["/does/not/exist".into()], ..ExportedArguments::default() };
        assert!(ExportedSettings::new(&absent, &mut Written::default()).is_err());
    }
}
