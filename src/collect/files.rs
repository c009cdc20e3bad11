//! What feeds the collector of `weir read`: datagrams that came in packets, then those of folders.

use super::collector::{Collector, CollectorReport};
use super::datagrams::{self, Datagrams};
use super::folder;
use crate::config::DatagramFolder;
use crate::pipeline::Learnt;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;
use weir_model::Timestamp;
use weir_wire::export::export_time;

/// How often, by the clock of the datagrams, flows are looked at that may be over.
const EXPIRE_EVERY: Duration = Duration::from_secs(1);

/// Datagrams of folders that are taken before what was learnt is told of.
const DATAGRAMS_AT_ONCE: usize = 4_096;

/// The collector of `weir read`. It runs on one thread and takes datagrams in the order of the input, so that what it learns depends
/// on that alone.
pub(crate) struct FileCollector {
    collector: Collector,
    folders: Vec<Folder>,
    /// When flows are looked at next.
    expires_at: Timestamp,
    stage: Stage,
    books: Books,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Packets,
    Folders,
    Over,
}

/// What is left of a folder.
#[derive(Debug)]
struct Folder {
    exporter: IpAddr,
    files: VecDeque<PathBuf>,
    /// The file that was read last.
    open: Option<OpenFile>,
}

#[derive(Debug)]
struct OpenFile {
    bytes: Vec<u8>,
    /// What its header says, else when it was written.
    time: Timestamp,
}

#[derive(Clone, Debug, Default)]
struct Books {
    from_packets: u64,
    from_files: u64,
    /// Files and folders that could not be read.
    problems: Vec<String>,
}

/// What there was of exports.
#[derive(Clone, Debug)]
pub(crate) struct FileCollectorReport {
    pub collector: CollectorReport,
    /// Datagrams that came in packets, and in files.
    pub from_packets: u64,
    pub from_files: u64,
    pub problems: Vec<String>,
}

impl FileCollector {
    /// Nothing taken; what cannot be listed of the folders is a problem, and the rest is read.
    pub(crate) fn new(collector: Collector, folders: &[DatagramFolder]) -> Self {
        let mut books = Books::default();
        let mut list = |folder: &DatagramFolder| {
            let files = folder::files(folder);
            let files = files.map_err(|error| books.problems.push(format!("{error:#}"))).unwrap_or_default();
            Folder { exporter: folder.exporter, files: files.into(), open: None }
        };
        let folders = folders.iter().map(&mut list).collect();
        Self { collector, folders, expires_at: Timestamp::EPOCH, stage: Stage::Packets, books }
    }

    /// Takes what came in the packets of a round; gives what was learnt.
    pub(crate) fn datagrams<'a>(&mut self, parts: impl Iterator<Item = &'a Datagrams>) -> Learnt {
        for datagram in datagrams::in_order(parts) {
            self.books.from_packets += 1;
            self.take(datagram.exporter, datagram.time, datagram.bytes);
        }
        self.collector.take_learnt()
    }

    /// Once all packets were taken: takes what is in the folders, a part at a time, and then ends all flows. `None` when that was
    /// all.
    pub(crate) fn next_of_rest(&mut self) -> Option<Learnt> {
        match self.stage {
            Stage::Packets => {
                // Files of a folder may be of any time.
                self.collector.finish();
                self.expires_at = Timestamp::EPOCH;
                self.stage = Stage::Folders;
            }
            Stage::Folders => {
                if !self.take_of_folders() {
                    self.collector.finish();
                    self.stage = Stage::Over;
                }
            }
            Stage::Over => return None,
        }
        Some(self.collector.take_learnt())
    }

    /// What there was.
    pub(crate) fn report(&self) -> FileCollectorReport {
        let Books { from_packets, from_files, problems } = self.books.clone();
        FileCollectorReport { collector: self.collector.report(), from_packets, from_files, problems }
    }

    /// Takes some of the datagrams in the folders, those of all of them by their times; `false` when there are no more.
    fn take_of_folders(&mut self) -> bool {
        for _ in 0..DATAGRAMS_AT_ONCE {
            let Self { folders, books, .. } = self;
            let next = |folder: &mut Folder| Some((folder.peek(&mut books.problems)?, folder.exporter));
            let next: Vec<_> = folders.iter_mut().map(next).collect();
            let first = next
                .iter()
                .enumerate()
                .filter_map(|(at, next)| next.map(|(time, exporter)| (time, at, exporter)));
            let Some((time, at, exporter)) = first.min() else { return false };
            let Some(file) = self.folders.get_mut(at).and_then(|folder| folder.open.take()) else {
                return false;
            };
            for datagram in folder::datagrams(&file.bytes) {
                self.books.from_files += 1;
                self.take(exporter, export_time(datagram).unwrap_or(time), datagram);
            }
        }
        true
    }

    fn take(&mut self, exporter: IpAddr, time: Timestamp, bytes: &[u8]) {
        if time >= self.expires_at {
            while self.collector.expire(time) {}
            self.expires_at = time + EXPIRE_EVERY;
        }
        // Why one was refused is counted.
        let _ = self.collector.datagram(exporter, time, bytes);
    }
}

impl Folder {
    /// The time of the next file that can be read.
    fn peek(&mut self, problems: &mut Vec<String>) -> Option<Timestamp> {
        while self.open.is_none() {
            match folder::read(&self.files.pop_front()?) {
                Ok((bytes, written)) => {
                    let time = export_time(&bytes).unwrap_or(written);
                    self.open = Some(OpenFile { bytes, time });
                }
                Err(error) => problems.push(format!("{error:#}")),
            }
        }
        self.open.as_ref().map(|file| file.time)
    }
}
