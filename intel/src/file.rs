//! Files and folders: found, opened, unpacked, and handed to the format that their content has.

use crate::archive::Bounded;
use crate::collect::{Collector, Origin};
use crate::format::Format;
use crate::lines::{self, Lines};
use crate::shape::{self, Shape};
use crate::source::{Layout, Reading, Source};
use crate::{
    Place, RefusalReason, adblock, archive, dnsmasq, format, freetext, linewise, misp, pdnssoc, plain,
    records, rpz, stix, suricata, table, zeek,
};
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek as _};
use std::path::{Path, PathBuf};

/// How deep folders are followed: enough for any collection of lists. A deeper one is refused as `unreadable_file`.
pub const MAX_FOLDER_DEPTH: usize = 16;
/// How much of a file is looked at to tell its format.
const HEAD_BYTES: u64 = 64 * 1024;
/// Size of read buffers: a few large reads instead of many small ones.
const BUFFER_BYTES: usize = 256 * 1024;

/// Loads a file or a folder; what cannot be read is refused.
pub(crate) fn load(source: &Source, collector: &mut Collector<'_>) {
    let Some(configuration) = pdnssoc::open(source) else {
        return load_files(source, collector);
    };
    let path = source.path();
    collector.file();
    configuration.refuse_instances(&origin_of(path, path.parent().unwrap_or(path)), collector);
    for list in configuration.sources() {
        load_files(&list, collector);
    }
}

/// The files that [`load`] would read.
pub(crate) fn files_of(source: &Source) -> Vec<PathBuf> {
    let mut files = Vec::new();
    match pdnssoc::open(source) {
        Some(configuration) => {
            files.push(source.path().to_owned());
            configuration.sources().for_each(|list| find(list.path(), 0, &mut files));
        }
        None => find(source.path(), 0, &mut files),
    }
    files
}

fn load_files(source: &Source, collector: &mut Collector<'_>) {
    let path = source.path();
    let mut files = Vec::new();
    find(path, 0, &mut files);
    let root = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    for file in files {
        let origin = origin_of(&file, root);
        if let Err(error) = load_file(&file, &source.reading, &origin, collector) {
            collector.refuse(&origin, Place::File, &error.to_string(), reason_of(&error));
        }
    }
}

/// Why a file was not read to its end.
pub(crate) fn reason_of(error: &io::Error) -> RefusalReason {
    match error.kind() {
        io::ErrorKind::FileTooLarge => RefusalReason::TooLarge,
        _ => RefusalReason::UnreadableFile,
    }
}

/// A file, named in alerts as it is found below `root`.
fn origin_of(file: &Path, root: &Path) -> Origin {
    let source = file.strip_prefix(root).unwrap_or(file).display().to_string().into();
    Origin { path: file.display().to_string().into(), source }
}

/// Loads bytes in memory as if they were a file.
pub(crate) fn load_bytes(bytes: &[u8], reading: &Reading, collector: &mut Collector<'_>) {
    let origin = Origin { path: "memory".into(), source: "memory".into() };
    collector.file();
    if let Err(error) = load_text(bytes, Path::new(""), reading, &origin, collector) {
        collector.refuse(&origin, Place::File, &error.to_string(), RefusalReason::UnreadableFile);
    }
}

/// The files at and below `path`, sorted. What cannot be listed counts as a file, so that opening it says why; pipes, sockets and
/// devices inside a folder are passed over, because opening them may wait for ever.
fn find(path: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    if path.file_name().is_some_and(|name| name == "manifest.json")
        && let Some(events) = path.parent().and_then(misp::feed::event_files)
    {
        return files.extend(events);
    }
    let entries = match fs::read_dir(path) {
        Ok(entries) if depth < MAX_FOLDER_DEPTH => entries,
        _ => return files.push(path.to_owned()),
    };
    if let Some(events) = misp::feed::event_files(path) {
        return files.extend(events);
    }
    let mut inside: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    inside.sort();
    for path in inside.iter().filter(|path| !is_hidden(path) && !is_special(path)) {
        find(path, depth + 1, files);
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Neither a file nor a folder; nor a link to a folder, of which a few that lead in circles would never end.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && (!metadata.is_dir() || path.is_symlink()))
}

fn load_file(
    path: &Path,
    reading: &Reading,
    origin: &Origin,
    collector: &mut Collector<'_>,
) -> io::Result<()> {
    let mut file = File::open(path)?;
    let head = read_head(&mut file, archive::MAGIC.len() as u64)?;
    if head == archive::MAGIC {
        file.rewind()?;
        collector.file();
        return archive::load(file, reading, origin, archive::MAX_UNPACKED_BYTES, collector);
    }
    load_stream(Cursor::new(head).chain(file), path, reading, origin, u64::MAX, collector)
}

/// Loads a file as it comes, packed or not; `path` is what it is called. More than so many bytes of it, unpacked, are an error.
pub(crate) fn load_stream(
    mut input: impl Read,
    path: &Path,
    reading: &Reading,
    origin: &Origin,
    mut max_unpacked_bytes: u64,
    collector: &mut Collector<'_>,
) -> io::Result<()> {
    collector.file();
    let magic = read_head(&mut input, 4)?;
    let packed = Cursor::new(magic.clone()).chain(input);
    let left = &mut max_unpacked_bytes;
    match magic.as_slice() {
        [0x1f, 0x8b, ..] => {
            let inner = flate2::read::MultiGzDecoder::new(packed);
            load_text(Bounded { inner, left }, path, reading, origin, collector)
        }
        [0x28, 0xb5, 0x2f, 0xfd] => {
            let inner = zstd::stream::read::Decoder::new(packed)?;
            load_text(Bounded { inner, left }, path, reading, origin, collector)
        }
        _ => load_text(packed, path, reading, origin, collector),
    }
}

fn load_text(
    mut input: impl Read,
    path: &Path,
    reading: &Reading,
    origin: &Origin,
    collector: &mut Collector<'_>,
) -> io::Result<()> {
    let head = read_head(&mut input, HEAD_BYTES)?;
    let sample = lines::sample(&head, (head.len() as u64) < HEAD_BYTES);
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let first_lines = || sample.iter().map(|line| &**line).collect::<Vec<_>>();
    let format = reading.format.map_or_else(|| format::recognise(&head, &first_lines(), &name), Ok);
    let format = match format {
        Ok(format) => format,
        Err(reason) => {
            collector.refuse(origin, Place::File, "", reason);
            return Ok(());
        }
    };
    let Some(shape) = shape_of(format, &reading.layout, &sample, path) else {
        collector.refuse(origin, Place::File, "no such column", RefusalReason::BadRow);
        return Ok(());
    };
    let reader = BufReader::with_capacity(BUFFER_BYTES, Cursor::new(&head).chain(input));
    read_as(format, reader, &shape, &reading.layout, origin, collector)
}

/// How lines are to be read; `None` when the layout names a column that is not there.
fn shape_of(format: Format, layout: &Layout, sample: &[Cow<'_, str>], path: &Path) -> Option<Shape> {
    match format {
        Format::Text => Some(shape::detect(sample, extension(path).as_deref())),
        Format::Table if *layout == Layout::default() => Some(shape::detect(sample, Some("csv"))),
        Format::Table => shape::laid_out(sample, layout).map(|table| Shape::Table(Box::new(table))),
        _ => Some(Shape::Plain { has_header: false }),
    }
}

fn read_as(
    format: Format,
    reader: impl BufRead,
    shape: &Shape,
    layout: &Layout,
    origin: &Origin,
    collector: &mut Collector<'_>,
) -> io::Result<()> {
    match format {
        Format::Text | Format::Plain | Format::Table => {
            read_lines(Lines::new(reader), shape, origin, collector)
        }
        Format::Hosts => linewise::read(reader, origin, collector, plain::hosts_line),
        Format::Freetext => linewise::read(reader, origin, collector, freetext::line),
        Format::Adblock => linewise::read(reader, origin, collector, adblock::line),
        Format::Dnsmasq => linewise::read(reader, origin, collector, dnsmasq::line),
        Format::Rpz => {
            let mut zone = rpz::Zone::default();
            linewise::read(reader, origin, collector, |line, out| zone.line(line, out))
        }
        Format::Zeek => {
            let mut intel = zeek::Intel::default();
            linewise::read(reader, origin, collector, |line, out| intel.line(line, out))
        }
        Format::Dataset => linewise::read(reader, origin, collector, suricata::dataset_line),
        Format::Iprep => linewise::read(reader, origin, collector, suricata::reputation_line),
        Format::Json => records::read(reader, layout, origin, collector),
        Format::Pdnssoc => {
            collector.refuse(origin, Place::File, "a configuration", RefusalReason::UnsupportedFormat);
            Ok(())
        }
        Format::Misp => misp::read(reader, origin, collector),
        Format::Stix => stix::read(reader, origin, collector),
    }
}

fn read_lines<R: BufRead>(
    mut lines: Lines<R>,
    shape: &Shape,
    origin: &Origin,
    collector: &mut Collector<'_>,
) -> io::Result<()> {
    match shape {
        Shape::Plain { has_header } => plain::read(&mut lines, *has_header, origin, collector),
        Shape::Table(table) => table::read(&mut lines, table, origin, collector),
    }
}

pub(crate) fn read_head(input: &mut impl Read, bytes: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    input.by_ref().take(bytes).read_to_end(&mut head)?;
    Ok(head)
}

/// The extension in lower case, below that of a compression.
fn extension(path: &Path) -> Option<String> {
    let lower = |path: &Path| path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
    match lower(path)?.as_str() {
        "gz" | "zst" => lower(Path::new(path.file_stem()?)),
        other => Some(other.to_owned()),
    }
}
