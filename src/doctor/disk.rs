//! Room for the state, the spool and the outputs.

use super::finding::Finding;
use crate::config::RunSettings;
use crate::process::Disk;
use crate::summary::bytes;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Besides the spool: indicators, incidents, journals.
const STATE_BYTES: u64 = 512 << 20;
/// A disk with less than this share free, one in so many, is nearly full.
const NEARLY_FULL_ONE_IN: u64 = 20;

/// Looks at each folder that is written to.
pub(super) fn look(settings: &RunSettings) -> Vec<Finding> {
    let common = &settings.common;
    let mut folders: BTreeMap<PathBuf, u64> = BTreeMap::new();
    if let Some(state) = &common.state {
        folders.insert(state.clone(), STATE_BYTES + common.spool.max_bytes);
    }
    let outputs =
        [Some(&common.alerts), common.flows.as_ref(), common.names.as_ref(), common.metrics.as_ref()];
    let files = outputs.into_iter().flatten().filter(|path| path.as_os_str() != "-");
    for folder in files.filter_map(|path| path.parent()) {
        folders.entry(folder.to_owned()).or_default();
    }
    folders.into_iter().map(|(folder, wanted)| room(&folder, wanted)).collect()
}

fn room(folder: &Path, wanted: u64) -> Finding {
    let about =
        format!("disk of {}", if folder.as_os_str().is_empty() { Path::new(".") } else { folder }.display());
    let place = folder.ancestors().find(|place| place.exists()).unwrap_or(Path::new("."));
    let Some(disk) = Disk::of(place) else {
        return Finding::note(about, "it cannot be asked", "is it there, and may this user look?");
    };
    let found = format!(
        "{} free of {}; {} may be wanted",
        bytes(disk.free_bytes),
        bytes(disk.size_bytes),
        bytes(wanted)
    );
    if disk.free_bytes < wanted {
        return Finding::wrong(
            about,
            found,
            "make room, a smaller [spool] size, or another directory: what finds no room is told late or not kept",
        );
    }
    if disk.free_bytes < disk.size_bytes / NEARLY_FULL_ONE_IN {
        return Finding::note(about, found, "make room: it is nearly full");
    }
    Finding::fine(about, found)
}
