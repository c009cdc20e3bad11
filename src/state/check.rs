//! Whether what is stored can be read: each file is read whole.

use super::inventory::{ITEMS, Item, Kind};
use super::version::Mark;
use crate::{memory, mute};
use anyhow::{Context as _, Result};
use serde::Serialize;
use std::path::Path;
use weir_alert::spool::{Depot, Spool};
use weir_intel::library::Reader;

/// What was found of a file.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// From the state directory on.
    pub(super) name: String,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<String>,
}

/// Reads all files of a folder that no program has.
pub(super) fn check(folder: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    for item in ITEMS {
        for path in item.files(folder) {
            let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
            let problem = check_file(item, folder, &path).err().map(|error| format!("{error:#}"));
            findings.push(Finding { name, problem });
        }
    }
    findings
}

/// The first thing that is wrong is an error.
pub(super) fn must_be_sound(folder: &Path) -> Result<()> {
    let wrong = check(folder).into_iter().find_map(|finding| Some((finding.name, finding.problem?)));
    wrong.map_or(Ok(()), |(name, problem)| Err(anyhow::anyhow!("{name}: {problem}")))
}

fn check_file(item: &Item, folder: &Path, path: &Path) -> Result<()> {
    match (item.kind, item.name) {
        (Kind::Spool, _) => Ok(Spool::check(path)?),
        (Kind::Depots, _) => Ok(Depot::check(path)?),
        (Kind::Library, _) => Ok(Reader::open(path)?.check()?),
        (_, super::version::FILE) => Mark::of_folder(folder)?.unwrap_or_default().must_be_readable(),
        (_, name) => {
            let bytes = std::fs::read(path).context("cannot be read")?;
            match name {
                super::inventory::INCIDENTS => memory::check(&bytes),
                "mutes.json" => mute::check(&bytes),
                _ => Ok(()),
            }
        }
    }
}
