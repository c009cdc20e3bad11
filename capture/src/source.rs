//! One input: recognised by its first bytes, decompressed if need be, read record by record.

use std::fs::File;
use std::io::Read;

use flate2::bufread::MultiGzDecoder;

use crate::ahead::Ahead;
use crate::input::PlainFile;
use crate::pcap_file::{self, PcapFile};
use crate::pcapng::{self, PcapngFile};
use crate::plain::PlainReader;
use crate::problem::{Fault, InputProblem, ProblemKind};
use crate::progress::{Counted, FileProgress, Progress};
use crate::reader::Report;
use crate::record::{Record, RecordReader, Step};
use crate::run::Run;
use crate::stream::{ByteStream, Data};

/// Largest window of a zstd frame, as a power of two: 128 MiB, what the `zstd` tool accepts unasked. The window is
/// memory that a file decides on, up to [`crate::MAX_OPEN_INPUTS`] times where that many such files overlap; a frame
/// that wants more is malformed.
pub const MAX_ZSTD_WINDOW_LOG: u32 = 27;

const MAGIC_GZIP: [u8; 3] = [0x1f, 0x8b, 0x08];
const MAGIC_ZSTD: u32 = 0xfd2f_b528;
/// Sixteen values: RFC 8878, section 3.1.2.
const MAGIC_ZSTD_SKIPPABLE: u32 = 0x184d_2a50;

/// Why an input has no records to give.
pub(crate) enum Refusal {
    Empty,
    NotACapture(String),
    Fault(Fault),
}

/// An input being read, and the record it stands on.
pub(crate) struct Source {
    name: String,
    records: Box<dyn RecordReader>,
    head: Option<Record>,
    frames: u64,
    unusable: Option<InputProblem>,
    fatal: Option<InputProblem>,
}

impl Source {
    /// Opens a plain file; what is read of it counts as progress if that is given.
    pub(crate) fn open_file(
        name: String,
        file: &PlainFile,
        progress: Option<&Progress>,
    ) -> Result<Self, Refusal> {
        let progress = progress.map(|progress| FileProgress::new(progress.clone(), file.size));
        let opened = File::open(&file.path).and_then(|opened| PlainReader::new(opened, progress));
        let opened = opened.map_err(|error| Refusal::Fault(Fault::from_io(&error)))?;
        Self::open(name, ByteStream::new(Box::new(opened)))
    }

    /// Opens anything else.
    pub(crate) fn open_stream(
        name: String,
        stream: Box<dyn Read + Send>,
        progress: &Progress,
    ) -> Result<Self, Refusal> {
        Self::open(name, ByteStream::new(Box::new(Counted::new(stream, progress.clone()))))
    }

    fn open(name: String, stream: ByteStream) -> Result<Self, Refusal> {
        let records = recognise(stream)?;
        Ok(Self { name, records, head: None, frames: 0, unusable: None, fatal: None })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// To the next record that can be used; `None` at the end, for good.
    #[inline]
    pub(crate) fn advance(&mut self) -> Option<Record> {
        if let Some(record) = self.records.step_at_hand() {
            self.frames += 1;
            self.head = Some(record);
            return self.head;
        }
        self.advance_slowly()
    }

    /// To the records that follow, as far as `run` takes them; gives the last of these.
    pub(crate) fn run(&mut self, run: &mut Run<'_>) -> Option<Record> {
        let last = self.records.run_at_hand(run)?;
        self.frames += run.counts().frames;
        self.head = Some(last);
        self.head
    }

    #[cold]
    fn advance_slowly(&mut self) -> Option<Record> {
        self.head = None;
        while self.fatal.is_none() {
            match self.records.step() {
                Ok(Step::Record(record)) => {
                    self.frames += 1;
                    self.head = Some(record);
                    break;
                }
                Ok(Step::Unusable(fault)) => self.note_unusable(fault),
                Ok(Step::End) => break,
                Err(fault) => self.fatal = Some(self.problem(fault)),
            }
        }
        self.head
    }

    /// The record that it stands on and its bytes.
    pub(crate) fn head(&self) -> Option<(Record, Data<'_>)> {
        self.head.map(|record| (record, self.records.data()))
    }

    /// Hands over what was wrong with it.
    pub(crate) fn finish(self, report: &mut Report) {
        report.stats.records_unusable += self.unusable.as_ref().map_or(0, |first| 1 + first.more);
        report.problems_of_input(self.unusable.into_iter().chain(self.fatal));
    }

    fn note_unusable(&mut self, fault: Fault) {
        match &mut self.unusable {
            Some(first) => first.more += 1,
            None => self.unusable = Some(self.problem(fault)),
        }
    }

    fn problem(&self, fault: Fault) -> InputProblem {
        InputProblem {
            input: self.name.clone(),
            offset: Some(self.records.stream().offset()),
            frames_before: self.frames,
            kind: fault.kind,
            message: fault.message,
            more: 0,
        }
    }
}

/// What the first bytes say.
enum Format {
    Pcap,
    Pcapng,
    Gzip,
    Zstd,
    Unknown([u8; 4]),
}

impl Format {
    fn of(magic: [u8; 4]) -> Self {
        let little_endian = u32::from_le_bytes(magic);
        if pcap_file::is_pcap(magic) {
            Self::Pcap
        } else if magic == pcapng::MAGIC {
            Self::Pcapng
        } else if magic.starts_with(&MAGIC_GZIP) {
            Self::Gzip
        } else if little_endian == MAGIC_ZSTD || little_endian & !0xf == MAGIC_ZSTD_SKIPPABLE {
            Self::Zstd
        } else {
            Self::Unknown(magic)
        }
    }
}

fn recognise(mut stream: ByteStream) -> Result<Box<dyn RecordReader>, Refusal> {
    match first_format(&mut stream)? {
        Format::Gzip => recognise_inside(Box::new(MultiGzDecoder::new(stream))),
        Format::Zstd => {
            let decoder = zstd::Decoder::with_buffer(stream).and_then(|mut decoder| {
                decoder.window_log_max(MAX_ZSTD_WINDOW_LOG)?;
                Ok(decoder)
            });
            recognise_inside(Box::new(decoder.map_err(|error| Refusal::Fault(Fault::from_io(&error)))?))
        }
        format => open_records(&format, stream),
    }
}

/// What was compressed. Compressed twice is refused: every layer multiplies what a small file can cost.
fn recognise_inside(decoder: Box<dyn Read + Send>) -> Result<Box<dyn RecordReader>, Refusal> {
    let mut stream = ByteStream::new(Box::new(Ahead::new(decoder)));
    let format = first_format(&mut stream)?;
    open_records(&format, stream)
}

fn open_records(format: &Format, stream: ByteStream) -> Result<Box<dyn RecordReader>, Refusal> {
    match format {
        Format::Pcap => Ok(Box::new(PcapFile::open(stream).map_err(Refusal::Fault)?)),
        Format::Pcapng => Ok(Box::new(PcapngFile::open(stream))),
        Format::Gzip | Format::Zstd => Err(Refusal::NotACapture("compressed twice".to_owned())),
        Format::Unknown(magic) => Err(unknown(*magic)),
    }
}

fn first_format(stream: &mut ByteStream) -> Result<Format, Refusal> {
    let window = stream.fill(4);
    let (first, count) = (window.first_chunk().copied(), window.len());
    match (first, count) {
        (Some(magic), _) => Ok(Format::of(magic)),
        (None, 0) => Err(stream.take_failure().map_or(Refusal::Empty, Refusal::Fault)),
        (None, _) => Err(stream
            .take_failure()
            .map_or_else(|| Refusal::NotACapture(format!("only {count} bytes")), Refusal::Fault)),
    }
}

fn unknown([a, b, c, d]: [u8; 4]) -> Refusal {
    Refusal::NotACapture(format!("no known capture format begins with {a:02x} {b:02x} {c:02x} {d:02x}"))
}

impl Refusal {
    /// As a problem, for an input that was named and so was meant to be a capture.
    pub(crate) fn into_fault(self) -> Fault {
        match self {
            Self::Empty => Fault::new(ProblemKind::Truncated, "it is empty"),
            Self::NotACapture(message) => Fault::new(ProblemKind::NotACapture, message),
            Self::Fault(fault) => fault,
        }
    }
}
