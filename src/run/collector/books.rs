//! The books of what routers sent, from the sockets to the records.

use super::exporters::Rows;
use super::watchman::Trouble;
use crate::collect::CollectorReport;
use crate::ledger::Entry;
use crate::run::board::CollectorView;
use crate::run::books::micros;
use crate::run::clock;
use crate::status::{CollectorStatus, CollectorThreadStatus, ExporterRow, SocketStatus};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use weir_capture::collector::{CollectorStats, Ending, SocketStats, StreamStats};
use weir_flow::ExportedFlowStats;
use weir_wire::export::ExportStats;

/// Everything about the collector at one moment.
pub(in crate::run) struct SeenCollector {
    pub sockets: CollectorStats,
    /// Flows, which all threads share.
    pub flows: ExportedFlowStats,
    /// How many of them may be open.
    pub flows_most: u64,
    /// Addresses at which it listens, as they are shown.
    pub listen: Vec<String>,
    pub threads: Vec<CollectorView>,
    /// Exporters that are named in the settings, sorted.
    pub named: Arc<[IpAddr]>,
    pub running: Duration,
}

/// A boundary of the ledger: unit, what entered, and where it went.
pub(in crate::run) type Boundary = (String, Entry, Vec<Entry>);

impl SeenCollector {
    /// What all threads have to say together.
    pub(in crate::run) fn report(&self) -> CollectorReport {
        let mut all = CollectorReport { flows: self.flows, ..CollectorReport::default() };
        self.threads.iter().for_each(|thread| all.add(&thread.report));
        all
    }

    fn decode(&self) -> ExportStats {
        let mut all = ExportStats::default();
        self.threads.iter().for_each(|thread| all.add(&thread.report.decode));
        all
    }

    /// From the sockets to the decoders.
    pub(in crate::run) fn boundaries(&self) -> Vec<Boundary> {
        let mut boundaries = Vec::new();
        for (place, name) in self.listen.iter().enumerate() {
            let of = || self.sockets.sockets.iter().filter(|socket| socket.listen == place);
            let sum = |count: fn(&SocketStats) -> u64| of().map(count).sum::<u64>();
            if of().next().is_none() {
                continue;
            }
            let left = vec![
                Entry::new("dropped by the kernel", sum(|socket| socket.dropped)),
                Entry::new("of exporters not in the list", sum(|socket| socket.refused)),
                Entry::new("too long", sum(|socket| socket.truncated)),
                Entry::new("handed on", sum(|socket| socket.datagrams)),
            ];
            let arrived = left.iter().map(|entry| entry.count).sum();
            boundaries.push((format!("datagrams at {name}"), Entry::new("arrived", arrived), left));
        }
        boundaries.extend(self.sockets.streams.iter().map(|stream| self.sessions(stream)));
        boundaries.push((
            "datagrams and messages".to_owned(),
            Entry::new("handed on", self.handed_on()),
            vec![Entry::new("taken by collectors", self.decode().datagrams)],
        ));
        boundaries
    }

    /// What became of the connections to an address.
    fn sessions(&self, stream: &StreamStats) -> Boundary {
        let name = self.listen.get(stream.listen).map(String::as_str).unwrap_or_default();
        let turned_away = [
            Entry::new("of exporters not in the list", stream.strangers),
            Entry::new("too many", stream.refused),
            Entry::new("too many of one exporter", stream.refused_of_exporter),
            Entry::held("open", stream.open),
        ];
        let ended = stream.ended.iter().map(|(why, count)| Entry::new(why.name(), *count));
        let left = turned_away.into_iter().chain(ended).collect();
        (format!("connections to {name}"), Entry::new("came", stream.connections), left)
    }

    /// Datagrams, and messages of streams.
    fn handed_on(&self) -> u64 {
        let messages: u64 = self.sockets.streams.iter().map(|stream| stream.messages).sum();
        self.sockets.sockets.iter().map(|socket| socket.datagrams).sum::<u64>() + messages
    }

    /// Datagrams that the kernel had no room for.
    pub(in crate::run) fn kernel_drops(&self) -> u64 {
        self.sockets.sockets.iter().map(|socket| socket.dropped).sum()
    }

    fn rows(&self) -> Rows {
        let decode: Vec<_> =
            self.threads.iter().map(|thread| (&thread.exporters, &thread.report.decode)).collect();
        Rows::of(&decode, &self.named, self.running, clock::now())
    }

    /// Exporters that are shown, each with what is wrong there.
    pub(super) fn troubles(&self) -> Vec<(ExporterRow, Option<Trouble>)> {
        let rows = self.rows();
        rows.named.into_iter().chain(rows.others).collect()
    }

    /// Datagrams that were decoded or refused.
    pub(in crate::run) fn datagrams(&self) -> u64 {
        self.decode().datagrams
    }

    /// What `weir status` shows.
    pub(in crate::run) fn status(&self) -> CollectorStatus {
        let rows = self.rows();
        let only_rows = |rows: Vec<(ExporterRow, _)>| rows.into_iter().map(|(row, _)| row).collect();
        CollectorStatus {
            sockets: self.listen.iter().enumerate().map(|(place, name)| self.socket(place, name)).collect(),
            threads: self.threads.iter().map(|thread| self.thread(thread)).collect(),
            exporters: only_rows(rows.named),
            others: only_rows(rows.others),
            others_known: rows.others_known,
            other: rows.other,
            not_in_list: self.sockets.sockets.iter().map(|socket| socket.refused).sum::<u64>()
                + self.sockets.streams.iter().map(|stream| stream.strangers).sum::<u64>(),
        }
    }

    fn socket(&self, place: usize, name: &str) -> SocketStatus {
        if let Some(stream) = self.sockets.streams.iter().find(|stream| stream.listen == place) {
            return streams(stream, name);
        }
        let of: Vec<_> = self.sockets.sockets.iter().filter(|socket| socket.listen == place).collect();
        let sum = |count: fn(&SocketStats) -> u64| of.iter().map(|socket| count(socket)).sum();
        SocketStatus {
            name: name.to_owned(),
            datagrams: sum(|socket| socket.datagrams),
            bytes: sum(|socket| socket.bytes),
            kernel_drops: sum(|socket| socket.dropped),
            buffer_bytes: of.iter().map(|socket| socket.buffer as u64).min(),
            sessions: None,
            cut_off: 0,
        }
    }

    fn thread(&self, thread: &CollectorView) -> CollectorThreadStatus {
        let busy = thread.times.total().as_millis() * 1_000 / self.running.as_millis().max(1);
        CollectorThreadStatus {
            datagrams: thread.report.decode.datagrams,
            records: thread.report.decode.records + thread.report.decode.frames,
            busy_permille: u64::try_from(busy).unwrap_or(1_000).min(1_000),
            busy_us: micros(thread.times.total()),
        }
    }
}

/// An address at which streams come in.
fn streams(stream: &StreamStats, name: &str) -> SocketStatus {
    let orderly = [Ending::Closed, Ending::Stopped];
    let ended = stream.ended.iter().filter(|(why, _)| !orderly.contains(why)).map(|(_, count)| count);
    SocketStatus {
        name: name.to_owned(),
        datagrams: stream.messages,
        bytes: stream.bytes,
        sessions: Some(stream.open),
        cut_off: ended.sum::<u64>() + stream.refused + stream.refused_of_exporter,
        ..SocketStatus::default()
    }
}
