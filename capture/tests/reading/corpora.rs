//! Every real capture at hand: libpcap must read the same frames. Skipped where the corpora are absent.

use std::io;
use std::path::{Path, PathBuf};

use pcap::{Capture, Precision};
use weir_capture::{FrameBatch, Input, ProblemKind, ReadOptions, Reader};

/// Folders of the corpora that hold captures.
const FOLDERS: [&str; 4] = ["arkime", "community-id", "ja4", "netflow/beats/pcap"];

/// Captures in them. Everything else there (expectations, licences) is refused by both.
const CAPTURES: u64 = 246;

/// Larger captures are not corrupted here: a hundred readings of each would take minutes, and say no more.
const MAX_CORRUPTED_BYTES: usize = 100_000;

/// Frames as numbers that depend on every field of every frame.
#[derive(Debug, Default, PartialEq, Eq)]
struct Digest {
    frames: u64,
    bytes: u64,
    original_bytes: u64,
    checksum: u64,
}

impl Digest {
    fn add(&mut self, nanos: u64, original_len: u32, data: &[u8]) {
        self.frames += 1;
        self.bytes += data.len() as u64;
        self.original_bytes += u64::from(original_len);
        let fields = nanos.to_le_bytes();
        // FNV-1a.
        self.checksum =
            fields.iter().chain(data).fold(self.checksum ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
            });
    }
}

fn corpora() -> Option<PathBuf> {
    let root = std::env::var_os("WEIR_CORPORA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora"), PathBuf::from);
    if root.is_dir() {
        return Some(root);
    }
    println!("skipped: no corpora at {}", root.display());
    None
}

fn open(path: &Path) -> Reader {
    Reader::open(vec![Input::Path(path.to_owned())], &ReadOptions::default()).unwrap()
}

fn digest(reader: &mut Reader) -> Digest {
    let mut digest = Digest::default();
    let mut batch = FrameBatch::new();
    while reader.next_batch(&mut batch) {
        batch.iter().for_each(|frame| digest.add(frame.time.as_nanos(), frame.original_len, frame.data));
    }
    digest
}

/// What libpcap reads, and the message with which it stopped if not at the end.
fn digest_of_libpcap(path: &Path) -> Result<(Digest, Option<String>), pcap::Error> {
    let mut capture = Capture::from_file_with_precision(path, Precision::Nano)?;
    let mut digest = Digest::default();
    let stop = loop {
        match capture.next_packet() {
            Ok(packet) => {
                // libpcap takes the file's 32 bits of seconds for a signed number.
                let seconds = packet.header.ts.tv_sec.cast_unsigned() as u32;
                let nanos = u64::from(seconds) * 1_000_000_000 + packet.header.ts.tv_usec.cast_unsigned();
                digest.add(nanos, packet.header.len.max(packet.header.caplen), packet.data);
            }
            Err(pcap::Error::NoMorePackets) => break None,
            Err(error) => break Some(error.to_string()),
        }
    };
    Ok((digest, stop))
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// libpcap reads no compressed files: a plain copy for it.
fn unpacked(path: &Path) -> tempfile::NamedTempFile {
    let file = std::fs::File::open(path).unwrap();
    let mut plain: Box<dyn io::Read> = match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(file)),
        Some("zst") => Box::new(zstd::Decoder::new(file).unwrap()),
        _ => Box::new(file),
    };
    let mut copy = tempfile::NamedTempFile::new().unwrap();
    io::copy(&mut plain, &mut copy).unwrap();
    copy
}

#[test]
fn every_capture_is_read_as_libpcap_reads_it() {
    let Some(root) = corpora() else { return };
    let mut files = Vec::new();
    for folder in FOLDERS {
        files_below(&root.join(folder), &mut files);
    }
    let mut compared = 0;
    for path in files {
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        let mut reader = open(&path);
        let ours = digest(&mut reader);
        let Ok((theirs, stop)) = digest_of_libpcap(unpacked(&path).path()) else {
            assert_eq!(reader.problems()[0].kind, ProblemKind::NotACapture, "{name}");
            continue;
        };
        assert_eq!((stop, ours), (None, theirs), "{name}");
        assert_eq!(reader.problems(), [], "{name}");
        compared += 1;
    }
    assert_eq!(compared, CAPTURES);
}

#[test]
fn folders_of_captures_are_merged_and_the_rest_of_them_skipped() {
    let Some(root) = corpora() else { return };
    let mut reader = Reader::open(
        FOLDERS.iter().map(|folder| Input::Path(root.join(folder))).collect(),
        &ReadOptions::default(),
    )
    .unwrap();
    let merged = digest(&mut reader);
    assert_eq!(reader.stats().inputs_opened, CAPTURES);
    assert_eq!(reader.problems(), []);
    let mut files = Vec::new();
    for folder in FOLDERS {
        files_below(&root.join(folder), &mut files);
    }
    let (mut frames, mut bytes, mut steps) = (0, 0, 0);
    for path in files {
        let mut alone = open(&path);
        let digest = digest(&mut alone);
        frames += digest.frames;
        bytes += digest.bytes;
        steps += alone.stats().steps_backwards;
    }
    assert_eq!((merged.frames, merged.bytes, reader.stats().steps_backwards), (frames, bytes, steps));
}

#[test]
fn the_large_capture_has_its_known_numbers() {
    let Some(root) = corpora() else { return };
    let path = root.join("bench/base.pcap.zst");
    let mut reader = open(&path);
    let ours = digest(&mut reader);
    assert_eq!((ours.frames, reader.stats().steps_backwards), (187_165, 406));
    assert_eq!(reader.problems(), []);
    let (theirs, stop) = digest_of_libpcap(unpacked(&path).path()).unwrap();
    assert_eq!((stop, ours), (None, theirs));
    let progress = reader.progress();
    assert_eq!(progress.total_bytes(), Some(progress.consumed_bytes()));
}

#[test]
fn captures_cut_and_corrupted_anywhere_are_survived() {
    let Some(root) = corpora() else { return };
    let mut files = Vec::new();
    for folder in FOLDERS {
        files_below(&root.join(folder), &mut files);
    }
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = |limit: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % limit as u64) as usize
    };
    for path in files {
        let bytes = std::fs::read(&path).unwrap();
        let whole = digest(&mut reader_of(bytes.clone()));
        if whole.frames == 0 || bytes.len() > MAX_CORRUPTED_BYTES {
            continue;
        }
        for _ in 0..50 {
            let cut = digest(&mut reader_of(bytes.get(..below(bytes.len())).unwrap().to_vec()));
            assert!(cut.frames <= whole.frames && cut.bytes <= whole.bytes, "{}", path.display());
            let mut changed = bytes.clone();
            *changed.get_mut(below(bytes.len())).unwrap() ^= 1 + below(255) as u8;
            let mut reader = reader_of(changed);
            digest(&mut reader);
            assert!(reader.problems().len() <= 2, "{}", path.display());
        }
    }
}

fn reader_of(bytes: Vec<u8>) -> Reader {
    let input = Input::Stream { name: "bytes".to_owned(), reader: Box::new(io::Cursor::new(bytes)) };
    Reader::open(vec![input], &ReadOptions::default()).unwrap()
}
