//! A small reader of capture files: only what the files at hand need, so that these tests depend on no other stage.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use weir_model::frame::LinkType;
use weir_model::{Frame, Timestamp};

/// A frame that owns its bytes.
pub(crate) struct Captured {
    pub(crate) number: u64,
    pub(crate) link: LinkType,
    pub(crate) original_len: u32,
    pub(crate) time: Timestamp,
    pub(crate) data: Vec<u8>,
}

impl Captured {
    pub(crate) fn frame(&self) -> Frame<'_> {
        let Self { number, link, original_len, time, ref data } = *self;
        Frame { number, time, link, original_len, data }
    }
}

/// The folder of captures from elsewhere; `None`, with a word, where it is absent.
pub(crate) fn corpora() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora");
    let folder = std::env::var_os("WEIR_CORPORA").map_or(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no corpora at {}", folder.display());
    None
}

/// Every capture file below the corpora, where there are any, and the project's own.
pub(crate) fn every_capture() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../capture/traces");
    for folder in corpora().into_iter().chain([own]) {
        walk(&folder, &mut found);
    }
    found.sort();
    found
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.to_string_lossy();
        if path.is_dir() {
            walk(&path, found);
        } else if [".pcap", ".pcapng", ".pcap.gz", ".cap"].iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
}

/// The frames of a pcap or pcapng file, up to where it breaks off.
pub(crate) fn read(path: &Path) -> Vec<Captured> {
    let mut bytes = std::fs::read(path).unwrap();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let compressed = std::mem::take(&mut bytes);
        flate2::read::GzDecoder::new(compressed.as_slice()).read_to_end(&mut bytes).unwrap();
    }
    let mut frames = Vec::new();
    match bytes.first_chunk::<4>() {
        Some([0x0a, 0x0d, 0x0d, 0x0a]) => read_pcapng(&bytes, &mut frames),
        Some(_) => read_pcap(&bytes, &mut frames),
        None => None,
    };
    frames
}

/// Gives `None` where the file ends, as does everything that reads past its end.
fn read_pcap(bytes: &[u8], frames: &mut Vec<Captured>) -> Option<()> {
    let little = matches!(bytes.get(..4)?, [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1]);
    let unit = if bytes.get(..4)?.contains(&0x4d) { 1 } else { 1000 };
    let link = LinkType(number(bytes, 20, little)? as u16);
    let mut at = 24;
    loop {
        let [seconds, fraction, len, original_len] =
            [0, 4, 8, 12].map(|field| number(bytes, at + field, little));
        let len = len? as usize;
        let data = bytes.get(at + 16..at + 16 + len)?.to_vec();
        let time = Timestamp::new(u64::from(seconds?), fraction?.wrapping_mul(unit));
        frames.push(Captured {
            number: frames.len() as u64 + 1,
            link,
            original_len: original_len?,
            time,
            data,
        });
        at += 16 + len;
    }
}

/// Times are read as microseconds, which is near enough here.
fn read_pcapng(bytes: &[u8], frames: &mut Vec<Captured>) -> Option<()> {
    let mut little = true;
    let mut links = Vec::new();
    let mut at = 0;
    loop {
        if bytes.get(at..at + 4)? == [0x0a, 0x0d, 0x0d, 0x0a] {
            little = bytes.get(at + 8..at + 12)? == [0x4d, 0x3c, 0x2b, 0x1a];
            links.clear();
        }
        let field = |offset: usize| number(bytes, at + offset, little);
        let len = field(4)? as usize;
        match field(0)? {
            1 => links.push(LinkType(if little { field(8)? } else { field(8)? >> 16 } as u16)),
            6 => {
                let micros = u64::from(field(12)?) << 32 | u64::from(field(16)?);
                let data = bytes.get(at + 28..at + 28 + field(20)? as usize)?.to_vec();
                frames.push(Captured {
                    number: frames.len() as u64 + 1,
                    link: *links.get(field(8)? as usize)?,
                    original_len: field(24)?,
                    time: Timestamp::from_nanos(micros.wrapping_mul(1000)),
                    data,
                });
            }
            _ => {}
        }
        at += len.max(12);
    }
}

fn number(bytes: &[u8], at: usize, little: bool) -> Option<u32> {
    let field = *bytes.get(at..)?.first_chunk::<4>()?;
    Some(if little { u32::from_le_bytes(field) } else { u32::from_be_bytes(field) })
}
