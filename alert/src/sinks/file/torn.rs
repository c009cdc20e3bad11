//! A last line without its end: what a crash leaves of lines that were never acknowledged.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// Longest line that is taken for ours, in bytes: an alert has some kilobytes, and its caps keep it below one megabyte. What is longer was
/// written by somebody else, and is left alone but for a line end.
const MAX_LINE_BYTES: u64 = 16 << 20;

/// Bytes read at a time, from the end.
const BLOCK: u64 = 64 << 10;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mended {
    /// The part of a line was cut off.
    Cut {
        /// How long it was.
        bytes: u64,
    },
    /// What does not look like a line of ours got a line end.
    Ended,
}

/// Has a file, opened for reading and appending, end in a line end.
pub(super) fn mend(file: &mut File) -> io::Result<Option<Mended>> {
    let length = file.metadata()?.len();
    if length == 0 || byte_at(file, length - 1)? == b'\n' {
        return Ok(None);
    }
    let begin = last_line(file, length)?;
    // Every format is objects, a line each. Zeros are what some file systems leave of what a power cut took.
    let is_ours = begin.is_some_and(|begin| byte_at(file, begin).is_ok_and(|byte| byte == b'{' || byte == 0));
    let mended = match begin {
        Some(begin) if is_ours => {
            file.set_len(begin)?;
            Mended::Cut { bytes: length - begin }
        }
        _ => {
            file.write_all(b"\n")?;
            Mended::Ended
        }
    };
    file.sync_all()?;
    Ok(Some(mended))
}

/// Where the last line begins; `None` if that is too far away.
fn last_line(file: &mut File, length: u64) -> io::Result<Option<u64>> {
    let mut end = length;
    let mut block = Vec::new();
    while end > 0 && length - end < MAX_LINE_BYTES {
        let begin = end.saturating_sub(BLOCK);
        file.seek(SeekFrom::Start(begin))?;
        block.clear();
        (&*file).take(end - begin).read_to_end(&mut block)?;
        if let Some(at) = block.iter().rposition(|byte| *byte == b'\n') {
            return Ok(Some(begin + at as u64 + 1));
        }
        end = begin;
    }
    Ok((end == 0).then_some(0))
}

fn byte_at(file: &mut File, at: u64) -> io::Result<u8> {
    let mut byte = [0];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut byte)?;
    Ok(byte[0])
}
