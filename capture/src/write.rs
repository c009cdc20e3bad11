//! Writing captures: evidence for people, and inputs for tests.

use std::io::{self, Write};

use weir_model::frame::LinkType;
use weir_model::{Frame, Timestamp};

use crate::record::MAX_CAPTURED_BYTES;

/// Writes a pcap file with nanoseconds, in little-endian order. A pcap file has one link type.
#[derive(Debug)]
pub struct PcapWriter<W> {
    out: W,
    link: LinkType,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the file header.
    pub fn new(mut out: W, link: LinkType) -> io::Result<Self> {
        let mut header = Vec::with_capacity(24);
        header.extend(0xa1b2_3c4d_u32.to_le_bytes());
        header.extend(2_u16.to_le_bytes());
        header.extend(4_u16.to_le_bytes());
        header.extend([0; 8]);
        header.extend((MAX_CAPTURED_BYTES as u32).to_le_bytes());
        header.extend(u32::from(link.0).to_le_bytes());
        out.write_all(&header)?;
        Ok(Self { out, link })
    }

    /// Writes a frame; refuses one of another link type than the file's.
    pub fn write_frame(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        if frame.link != self.link {
            let message = format!("a frame of link type {} in a file of {}", frame.link.0, self.link.0);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        self.write(frame.time, frame.original_len, frame.data)
    }

    /// Writes a frame from its parts; refuses a time after the year 2106 and more than [`MAX_CAPTURED_BYTES`].
    pub fn write(&mut self, time: Timestamp, original_len: u32, data: &[u8]) -> io::Result<()> {
        let refused = |what| io::Error::new(io::ErrorKind::InvalidInput, what);
        let seconds =
            u32::try_from(time.as_nanos() / 1_000_000_000).map_err(|_| refused("time after 2106"))?;
        if data.len() > MAX_CAPTURED_BYTES {
            return Err(refused("more bytes than a frame may have"));
        }
        let nanos = (time.as_nanos() % 1_000_000_000) as u32;
        for field in [seconds, nanos, data.len() as u32, original_len] {
            self.out.write_all(&field.to_le_bytes())?;
        }
        self.out.write_all(data)
    }

    /// Flushes and gives back where it wrote to.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}
