//! Datagrams in the files of a folder.

use crate::config::DatagramFolder;
use anyhow::{Context as _, Result, ensure};
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use weir_model::Timestamp;

/// Larger files are refused. A datagram has 64 KiB at most; a file of IPFIX messages, one behind the other (RFC 5655), may have more.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// The files of a folder, by name; folders in it are left alone.
pub(crate) fn files(folder: &DatagramFolder) -> Result<Vec<PathBuf>> {
    let cannot = || format!("cannot read the folder {}", folder.path.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder.path).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// The bytes of a file, and when it was written.
pub(crate) fn read(path: &Path) -> Result<(Vec<u8>, Timestamp)> {
    let cannot = || format!("cannot read the datagram {}", path.display());
    let file = File::open(path).with_context(cannot)?;
    let modified = file.metadata().and_then(|metadata| metadata.modified()).with_context(cannot)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).with_context(cannot)?;
    ensure!(bytes.len() as u64 <= MAX_FILE_BYTES, "{} is too large for a datagram", path.display());
    let modified = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok((bytes, Timestamp::from_nanos(u64::try_from(modified.as_nanos()).unwrap_or(u64::MAX))))
}

/// The datagrams in the bytes of a file: one, or the messages of an IPFIX file (RFC 5655) or datagrams of v5, where their lengths
/// divide it without a rest.
pub(crate) fn datagrams(bytes: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let parts =
            length(rest).filter(|length| *length > 0).and_then(|length| rest.split_at_checked(length));
        let Some((datagram, behind)) = parts else { return vec![bytes] };
        all.push(datagram);
        rest = behind;
    }
    if all.is_empty() { vec![bytes] } else { all }
}

/// The length that a header of v5 or IPFIX gives.
fn length(bytes: &[u8]) -> Option<usize> {
    const V5_HEADER: usize = 24;
    const V5_RECORD: usize = 48;
    let [high, low, second @ ..] = bytes.first_chunk::<4>()?;
    let second = usize::from(u16::from_be_bytes(*second));
    match u16::from_be_bytes([*high, *low]) {
        5 => Some(V5_HEADER + second * V5_RECORD),
        10 => Some(second),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_datagram_or_several_whose_lengths_divide_it() {
        let message = |length: u16| {
            let mut bytes = vec![0; usize::from(length)];
            bytes[..2].copy_from_slice(&[0, 10]);
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
            bytes
        };
        let two = [message(20), message(40)].concat();
        assert_eq!(datagrams(&two).iter().map(|datagram| datagram.len()).collect::<Vec<_>>(), [20, 40]);
        assert_eq!(
            datagrams(&two[..59]),
            [&two[..59]],
            "a rest: it is left to the decoder to say what is wrong"
        );
        assert_eq!(datagrams(b""), [b""], "an empty file is a datagram that is too short");
        let mut endless = message(20);
        endless[2..4].copy_from_slice(&[0, 0]);
        assert_eq!(datagrams(&endless), [&endless[..]]);
        assert_eq!(datagrams(b"\0\x09rest"), [b"\0\x09rest"]);
    }
}
