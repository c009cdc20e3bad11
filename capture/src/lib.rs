//! Bytes in: capture files and taps ([`live`]), as frames in the order of their time; and what routers export ([`collector`]).
//!
//! [`Reader`] opens files, folders and streams, recognises what they are by their first bytes, merges them by
//! packet time, numbers the frames and fills a reusable [`FrameBatch`]. Nothing about a frame's content is known
//! here. A broken input never stops the others: it becomes an [`InputProblem`], and what could be read of it is
//! delivered.
//!
//! ```text
//!   inputs (folders listed) ──> source (sniff, decompress) ──> pcap_file │ pcapng
//!                                                                        │ records
//!                              reader (number, filter, count) <── merge ─┘ by (time, input order)
//!                                 │
//!                                 └──> FrameBatch
//! ```
//!
//! libpcap compiles and runs the filter. It does not read files here: version 1.10 opens no format that this crate does
//! not open as well (pcap in micro- and nanoseconds and with the "modified" magic, pcapng), it stops at the first
//! broken block, and it refuses a pcapng file whose interfaces differ in link type.
//!
//! pcap and pcapng are read by small readers of our own and not by `pcap-parser`: of a record only a header of 16
//! to 28 bytes is wanted, both formats need the same few checked reads in two byte orders, blocks that nobody asks
//! for must be passed over without being buffered, and no allocation per packet may happen (`pcap-parser` collects
//! the options of every block in a `Vec`).
//!
//! Bytes are read in blocks that are used again and again, and frames borrow from them. A plain file that shrinks meanwhile ends
//! with a problem. What is compressed is decompressed ahead by a thread of its own.

mod ahead;
mod batch;
mod block;
mod bpf;
pub mod collector;
mod field;
mod filter;
pub mod host;
mod input;
pub mod live;
mod merge;
mod pcap_file;
mod pcapng;
mod plain;
mod problem;
mod progress;
mod reader;
mod record;
mod run;
mod source;
mod stats;
mod stream;
mod system;
pub mod write;

pub use batch::{FrameBatch, MAX_BATCH_BYTES, MAX_BATCH_FRAMES};
pub use filter::{MAX_FILTER_LINKS, check_filter};
pub use input::{Input, MAX_FOLDER_DEPTH, MAX_SKIPPED_LISTED, SkipReason, Skipped};
pub use merge::MAX_OPEN_INPUTS;
pub use pcapng::{MAX_BLOCK_BYTES, MAX_BUFFERED_BLOCK_BYTES, MAX_INTERFACES};
pub use problem::{InputProblem, OpenError, ProblemKind};
pub use progress::Progress;
pub use reader::{MAX_FRAMES_PER_CALL, ReadOptions, Reader};
pub use record::MAX_CAPTURED_BYTES;
pub use source::MAX_ZSTD_WINDOW_LOG;
pub use stats::ReadStats;
