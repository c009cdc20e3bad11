//! Backups: a copy of the state as one file, a zip archive that other programs read as well. Each file in it has a checksum (CRC-32); what is in
//! it, and which Weir can read it, is in its first, `manifest.json`.

use super::inventory::{ITEMS, Kind};
use super::version::Mark;
use super::{give_to_owner, make_folder, make_folder_once};
use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use weir_model::Timestamp;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

const MANIFEST: &str = "manifest.json";
const SCHEMA: &str = "weir-state/1";
/// Far more than a manifest has; a hostile file cannot fill the memory.
const MAX_MANIFEST_BYTES: u64 = 4 << 20;
/// Names hosts of ours and what they met.
const PRIVATE: u32 = 0o600;

/// What is in a backup.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Manifest {
    schema: String,
    #[serde(flatten)]
    mark: Mark,
    /// When it was made.
    pub(super) at: String,
    pub(super) files: Vec<Listed>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Listed {
    /// From the state directory on.
    name: String,
    pub(super) bytes: u64,
}

/// Packs a copy of the state into a file that is not there yet: whole or not at all.
pub(super) fn pack(folder: &Path, to: &Path, now: Timestamp) -> Result<Manifest> {
    if to.exists() {
        bail!("{} is there already; give another name", to.display());
    }
    let mut fresh = to.as_os_str().to_owned();
    fresh.push(".part");
    let manifest = manifest(folder, now)?;
    let write = || -> Result<()> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(PRIVATE).open(&fresh)?;
        let file = write_archive(folder, &manifest, BufWriter::new(file))?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        std::fs::rename(&fresh, to)?;
        let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(File::open(parent)?.sync_all()?)
    };
    let written = write().with_context(|| format!("cannot write {}", to.display()));
    if written.is_err() {
        drop(std::fs::remove_file(&fresh));
    }
    written.map(|()| manifest)
}

fn manifest(folder: &Path, now: Timestamp) -> Result<Manifest> {
    let mut files = Vec::new();
    for path in ITEMS.iter().flat_map(|item| item.files(folder)) {
        let name =
            path.strip_prefix(folder)?.to_str().context("a file's name is no Unicode text")?.to_owned();
        files.push(Listed { name, bytes: path.metadata()?.len() });
    }
    let mark = Mark::of_folder(folder)?.unwrap_or_else(Mark::ours);
    Ok(Manifest { schema: SCHEMA.to_owned(), mark, at: now.to_string(), files })
}

fn write_archive<W: Write + io::Seek>(folder: &Path, manifest: &Manifest, out: W) -> Result<W> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .large_file(true)
        .unix_permissions(PRIVATE);
    let mut archive = ZipWriter::new(out);
    archive.start_file(MANIFEST, options)?;
    archive.write_all(&serde_json::to_vec_pretty(manifest)?)?;
    for listed in &manifest.files {
        archive.start_file(listed.name.as_str(), options)?;
        let mut file = BufReader::with_capacity(1 << 20, File::open(folder.join(&listed.name))?);
        io::copy(&mut file, &mut archive)?;
    }
    Ok(archive.finish()?)
}

/// Unpacks a backup into a folder that is not there yet. One that is damaged, or that this Weir cannot read, is refused.
pub(super) fn unpack(from: &Path, into: &Path) -> Result<Manifest> {
    let file = File::open(from).with_context(|| format!("cannot open {}", from.display()))?;
    let unpacked = unpack_file(BufReader::new(file), into);
    unpacked.with_context(|| format!("{} cannot be restored, and nothing was changed", from.display()))
}

const DAMAGED: &str = "it is damaged, or no backup of Weir";

fn unpack_file(file: BufReader<File>, into: &Path) -> Result<Manifest> {
    let mut archive = ZipArchive::new(file).context(DAMAGED)?;
    let mut text = Vec::new();
    let manifest = archive.by_name(MANIFEST).context(DAMAGED)?;
    manifest.take(MAX_MANIFEST_BYTES).read_to_end(&mut text).context(DAMAGED)?;
    let manifest: Manifest = serde_json::from_slice(&text).context(DAMAGED)?;
    if manifest.schema != SCHEMA {
        bail!("it is of another kind ({})", weir_model::text::printable(&manifest.schema, 100));
    }
    manifest.mark.must_be_readable()?;
    if archive.len() != manifest.files.len() + 1 {
        bail!("{DAMAGED}: it has {} files, and lists {}", archive.len() - 1, manifest.files.len());
    }
    let directory = into.parent().unwrap_or(into);
    make_folder(directory, into)?;
    for listed in &manifest.files {
        let name = weir_model::text::printable(&listed.name, 100);
        let unpacked = unpack_one(&mut archive, listed, into);
        unpacked.with_context(|| format!("its file {name}"))?;
    }
    File::open(into)?.sync_all()?;
    Ok(manifest)
}

fn unpack_one(archive: &mut ZipArchive<BufReader<File>>, listed: &Listed, into: &Path) -> Result<()> {
    let Some(item) = ITEMS.iter().find(|item| item.kind != Kind::MadeAgain && item.owns(&listed.name)) else {
        bail!("this Weir knows no such file");
    };
    let path = into.join(&listed.name);
    if item.kind == Kind::Depots {
        make_folder_once(into, &into.join(item.name))?;
    }
    let packed = archive.by_name(&listed.name).context(DAMAGED)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(&path)?;
    give_to_owner(into, &path)?;
    // One more than there should be, so that the end is reached, where the checksum is compared.
    let bytes = io::copy(&mut packed.take(listed.bytes.saturating_add(1)), &mut file).context(DAMAGED)?;
    if bytes != listed.bytes {
        bail!(DAMAGED);
    }
    Ok(file.sync_all()?)
}
