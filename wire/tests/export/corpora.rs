//! Where the shared corpora are.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// A folder of the corpora; `None`, and a line about it, when they are absent.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora");
    let folder = std::env::var_os("WEIR_CORPORA").map_or_else(beside, PathBuf::from).join(name);
    if !folder.is_dir() {
        println!("skipped: {} is absent", folder.display());
        return None;
    }
    Some(folder)
}

/// Files of a folder with that ending, by name.
pub(crate) fn files(folder: &std::path::Path, ending: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == ending))
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read(&path).expect("readable"))
        })
        .collect();
    files.sort_unstable();
    files
}

/// Templates and data of a device are in separate files.
pub(crate) fn templates_first(mut files: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    files.sort_by_key(|(name, _)| (!name.contains("tpl"), name.clone()));
    files
}

/// A file may hold several datagrams of v5 or IPFIX, one behind the other.
pub(crate) fn datagrams(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while bytes.len() >= 24 {
        let second = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
        let length = match bytes[1] {
            5 if (1..=30).contains(&second) => 24 + 48 * second,
            10 => second,
            _ => bytes.len(),
        };
        let (datagram, rest) = bytes.split_at(length.clamp(1, bytes.len()));
        all.push(datagram);
        bytes = rest;
    }
    all
}

/// The name of the device that a file is of.
pub(crate) fn device(file: &str) -> &str {
    let base = file.trim_end_matches(".dat");
    let marks = ["_tpl", "_data", "_opttpl", "_appid"];
    let end = marks.iter().filter_map(|mark| base.find(mark)).min().unwrap_or(base.len());
    base.get(..end).unwrap_or(base)
}

/// Files of one device after the other, templates first.
pub(crate) fn by_device(files: Vec<(String, Vec<u8>)>) -> Vec<Vec<(String, Vec<u8>)>> {
    let mut devices: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for file in templates_first(files) {
        devices.entry(device(&file.0).to_owned()).or_default().push(file);
    }
    devices.into_values().collect()
}
