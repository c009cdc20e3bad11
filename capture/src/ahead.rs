//! Reading ahead on a thread of its own, so that decompression and what follows it overlap.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Bytes that are read without a thread: of many inputs only the first frame is looked at before their turn comes.
const ALONE_BYTES: usize = 1 << 20;

/// Bytes of a chunk, and chunks that are ready at a time: 1 MiB for each compressed input that is open.
const CHUNK_BYTES: usize = 256 << 10;
const CHUNKS_READY: usize = 4;

/// A stream that is read ahead. What it gives is what the stream itself would give.
pub(crate) struct Ahead {
    origin: Origin,
    chunk: Vec<u8>,
    at: usize,
}

enum Origin {
    /// Read here, until so many bytes were read.
    Here(Box<dyn Read + Send>, usize),
    /// Read by a thread, which ends when this is gone.
    There(Receiver<io::Result<Vec<u8>>>),
    Ended,
}

impl Ahead {
    pub(crate) fn new(inner: Box<dyn Read + Send>) -> Self {
        Self { origin: Origin::Here(inner, ALONE_BYTES), chunk: Vec::new(), at: 0 }
    }

    /// Has the rest read by a thread, if it is not.
    fn send_ahead(&mut self) -> io::Result<()> {
        if !matches!(self.origin, Origin::Here(..)) {
            return Ok(());
        }
        if let Origin::Here(inner, _) = std::mem::replace(&mut self.origin, Origin::Ended) {
            let (filled, chunks) = sync_channel(CHUNKS_READY);
            std::thread::Builder::new().name("decompress".to_owned()).spawn(move || pump(inner, &filled))?;
            self.origin = Origin::There(chunks);
        }
        Ok(())
    }

    /// Waits for the next chunk; `false` when there is none.
    fn next_chunk(&mut self) -> io::Result<bool> {
        let Origin::There(chunks) = &self.origin else {
            return Ok(false);
        };
        if let Ok(chunk) = chunks.recv() {
            self.chunk = chunk?;
            self.at = 0;
            return Ok(true);
        }
        self.origin = Origin::Ended;
        Ok(false)
    }
}

impl Read for Ahead {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Origin::Here(inner, left @ 1..) = &mut self.origin {
            let read = inner.read(out)?;
            *left = left.saturating_sub(read);
            return Ok(read);
        }
        self.send_ahead()?;
        loop {
            let rest = self.chunk.get(self.at..).unwrap_or_default();
            if !rest.is_empty() || out.is_empty() {
                let read = (&mut &*rest).read(out)?;
                self.at += read;
                return Ok(read);
            }
            if !self.next_chunk()? {
                return Ok(0);
            }
        }
    }
}

/// Fills chunks until the stream ends or nobody wants them any more.
fn pump(mut inner: Box<dyn Read + Send>, filled: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        let result = inner.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut chunk);
        let is_over = result.is_err() || chunk.is_empty();
        let has_bytes = !chunk.is_empty();
        if has_bytes && filled.send(Ok(chunk)).is_err() {
            return;
        }
        if let Err(error) = result {
            drop(filled.send(Err(error)));
        }
        if is_over {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many bytes, then an error.
    struct Failing(usize);

    impl Read for Failing {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let read = out.len().min(self.0).min(1000);
            for (place, number) in out.iter_mut().zip((0..read).map(|index| self.0 - index)) {
                *place = (number % 251) as u8;
            }
            self.0 -= read;
            Ok(read)
        }
    }

    #[test]
    fn gives_what_the_stream_gives_and_its_failure_behind_it() {
        for len in [0, 1, ALONE_BYTES, ALONE_BYTES + 1, 3 * ALONE_BYTES + 77] {
            let mut expected = Vec::new();
            assert!(Failing(len).read_to_end(&mut expected).is_err());
            let mut found = Vec::new();
            let error = Ahead::new(Box::new(Failing(len))).read_to_end(&mut found).unwrap_err();
            assert_eq!((found == expected, error.kind()), (true, io::ErrorKind::InvalidData), "{len}");
        }
    }

    #[test]
    fn the_thread_ends_when_nobody_reads() {
        struct Endless {
            _alive: std::sync::Arc<()>,
        }
        impl Read for Endless {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                out.fill(1);
                Ok(out.len())
            }
        }
        let alive = std::sync::Arc::new(());
        let mut ahead = Ahead::new(Box::new(Endless { _alive: std::sync::Arc::clone(&alive) }));
        io::copy(&mut ahead.by_ref().take(4 << 20), &mut io::sink()).unwrap();
        drop(ahead);
        for _ in 0..1000 {
            if std::sync::Arc::strong_count(&alive) == 1 {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        panic!("still reading");
    }
}
