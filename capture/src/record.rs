//! What every format of capture files comes down to.

use weir_model::Timestamp;
use weir_model::frame::LinkType;

use crate::problem::Fault;
use crate::run::Run;
use crate::stream::{ByteStream, Data};

/// Captured bytes of one frame, as libpcap's `MAXIMUM_SNAPLEN`. Larger records are malformed: a hostile length field
/// would otherwise decide how much memory is used. A pcap file is not read beyond one (it has no means to find the
/// next record), a pcapng block is passed over.
pub const MAX_CAPTURED_BYTES: usize = 256 * 1024;

/// One record of a capture file; its bytes stay with the reader that gave it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) time: Timestamp,
    pub(crate) link: LinkType,
    /// Never less than what was captured.
    pub(crate) original_len: u32,
}

/// What one step through a file met.
#[derive(Debug)]
pub(crate) enum Step {
    Record(Record),
    /// A record that cannot be used; the next one may be.
    Unusable(Fault),
    End,
}

/// A capture file being read. Every step consumes bytes of it, ends or fails, so that no file makes a loop endless.
pub(crate) trait RecordReader: Send {
    /// To the next record. After an error or the end it is not called again.
    fn step(&mut self) -> Result<Step, Fault>;

    /// To the next record, if it lies whole and plain in what is at hand; `None`, and nothing done, where it takes
    /// [`RecordReader::step`] to say.
    fn step_at_hand(&mut self) -> Option<Record> {
        None
    }

    /// As many steps of [`RecordReader::step_at_hand`] as `run` takes the records of; gives the last of these.
    fn run_at_hand(&mut self, _run: &mut Run<'_>) -> Option<Record> {
        None
    }

    /// The captured bytes of the record that the last step gave.
    fn data(&self) -> Data<'_>;

    /// The (decompressed) bytes, which stand where the present record begins.
    fn stream(&self) -> &ByteStream;
}
