//! A sequence of datagrams of several exporters, with time passing, restarts, and ends of streams between them.

use crate::events::{self, Event};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use weir_model::record::{ExportedRecord, Origin, SampledFrame, Sampling, SamplingSource};
use weir_model::{ExportVersion, Timestamp};
use weir_wire::decode::{DecodeConfig, Decoder};
use weir_wire::export::{ExportDecoder, ExportLimits, ExportSink, ExportStats, Precedence};

/// What a target's datagrams are: the version in their first bytes is set, so that the fuzzer does not leave its format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    NetFlow1,
    NetFlow5,
    NetFlow7,
    NetFlow9,
    Ipfix,
    IpfixStream,
    SFlow,
}

/// Events that are no datagrams; all others are.
pub mod kind {
    /// Time passes, and what is over is forgotten.
    pub const EXPIRE: u8 = 28;
    /// The program ends, and begins again with what it had kept.
    pub const RESTART: u8 = 29;
    /// The stream ends.
    pub const SESSION_ENDED: u8 = 30;
    /// A snapshot that was not written by us.
    pub const FOREIGN_SNAPSHOT: u8 = 31;
}

/// Small, so that every bound is reached within few datagrams.
fn limits() -> ExportLimits {
    ExportLimits {
        exporters: 5,
        domains: 3,
        templates: 4,
        fields: 48,
        state_bytes: 8_000,
        state_bytes_in_all: 24_000,
        waiting_bytes: 1_500,
        waiting_bytes_in_all: 4_000,
        options: 6,
        ..ExportLimits::default()
    }
}

/// One that has sampling configured for some exporters.
fn decoder() -> ExportDecoder {
    let mut decoder = ExportDecoder::new(limits());
    let rate = Sampling::new(1, 100, SamplingSource::Configured).expect("one of a hundred");
    decoder.set_configured_sampling(exporter(1), None, rate, Precedence::WhenSilent);
    decoder.set_configured_sampling(exporter(2), Some(3), rate, Precedence::Always);
    decoder
}

/// What a fuzz target does with its input.
pub fn run(format: Format, input: &[u8]) {
    let mut collector = Collector::new(format);
    for event in events::of(input) {
        collector.take(event);
        collector.check();
    }
    collector.end();
}

struct Collector {
    format: Format,
    decoder: ExportDecoder,
    /// Datagrams given to this decoder, and those that it refused.
    datagrams: u64,
    refused: u64,
    now: Timestamp,
    seen: Seen,
}

impl Collector {
    fn new(format: Format) -> Self {
        Self {
            format,
            decoder: decoder(),
            datagrams: 0,
            refused: 0,
            now: Timestamp::new(1_700_000_000, 0),
            seen: Seen::default(),
        }
    }

    fn take(&mut self, event: Event<'_>) {
        self.now = self.now + Duration::from_secs(event.seconds);
        self.seen.now = self.now;
        match event.kind {
            kind::EXPIRE => self.decoder.expire(self.now),
            kind::RESTART => self.restart(),
            kind::SESSION_ENDED => self.decoder.session_ended(exporter(event.who), u64::from(event.stream)),
            kind::FOREIGN_SNAPSHOT => drop(self.decoder.restore(&signed(event.body))),
            _ => self.datagram(event),
        }
    }

    fn datagram(&mut self, event: Event<'_>) {
        let bytes = self.format.datagram(event);
        let (address, sink) = (exporter(event.who), &mut self.seen);
        sink.exporter = Some(address);
        let result = if self.format == Format::IpfixStream {
            self.decoder.message(address, u64::from(event.stream), self.now, &bytes, sink)
        } else {
            self.decoder.datagram(address, self.now, &bytes, sink)
        };
        self.datagrams += 1;
        self.refused += u64::from(result.is_err());
    }

    /// What was known is known again, and is written as it was.
    fn restart(&mut self) {
        self.books();
        let snapshot = self.decoder.snapshot();
        let mut again = decoder();
        let templates = again.restore(&snapshot).expect("its own snapshot is read");
        let known: usize = again.exporters().iter().map(|status| status.templates).sum();
        assert_eq!(templates, known);
        assert_eq!(again.snapshot(), snapshot, "what was restored is what was kept");
        self.decoder = again;
        (self.datagrams, self.refused, self.seen.records, self.seen.frames) = (0, 0, 0, 0);
    }

    /// What must hold at any moment.
    fn check(&self) {
        let limits = limits();
        let exporters = self.decoder.exporters();
        assert!(exporters.len() <= limits.exporters);
        for status in &exporters {
            assert!(status.domains <= limits.domains);
            assert!(status.templates <= limits.domains * limits.templates);
            assert!(status.waiting_bytes <= limits.waiting_bytes);
            assert!(status.stats.balances(), "{status:?}");
            assert!(status.first_seen <= status.last_seen);
        }
        let held = self.decoder.memory_bytes();
        assert!(held <= limits.state_bytes_in_all + limits.waiting_bytes_in_all, "{held} bytes");
    }

    fn books(&self) -> ExportStats {
        let stats = self.decoder.stats();
        assert!(stats.balances(), "{stats:?}");
        assert_eq!(stats.datagrams, self.datagrams);
        assert_eq!(stats.refused.total(), self.refused);
        assert_eq!((stats.records, stats.frames), (self.seen.records, self.seen.frames));
        stats
    }

    /// When all is over nothing waits, and no stream has left anything.
    fn end(mut self) {
        self.books();
        for who in 0..8 {
            for session in 0..4 {
                self.decoder.session_ended(exporter(who), session);
            }
        }
        self.restart();
        self.decoder.expire(self.now + Duration::from_hours(48));
        assert_eq!(self.books().waiting_now(), 0);
        assert!(self.decoder.exporters().iter().all(|status| status.waiting_bytes == 0));
        self.seen.finish();
    }
}

impl Format {
    fn version(self) -> ExportVersion {
        match self {
            Self::NetFlow1 => ExportVersion::NetFlow1,
            Self::NetFlow5 => ExportVersion::NetFlow5,
            Self::NetFlow7 => ExportVersion::NetFlow7,
            Self::NetFlow9 => ExportVersion::NetFlow9,
            Self::Ipfix | Self::IpfixStream => ExportVersion::Ipfix,
            Self::SFlow => ExportVersion::SFlow5,
        }
    }

    /// The bytes with the format's version, and with the length that IPFIX wants.
    fn datagram(self, event: Event<'_>) -> Vec<u8> {
        let mut bytes = event.body.to_vec();
        let number = match self.version() {
            ExportVersion::NetFlow1 => 1,
            ExportVersion::NetFlow5 => 5,
            ExportVersion::NetFlow7 => 7,
            ExportVersion::NetFlow9 => 9,
            ExportVersion::Ipfix => 10,
            ExportVersion::SFlow5 => 0,
        };
        overwrite(&mut bytes, 0, &[0, number]);
        if self.version() == ExportVersion::SFlow5 {
            overwrite(&mut bytes, 2, &[0, 5]);
        }
        if self.version() == ExportVersion::Ipfix && !event.keeps_lengths {
            let length = bytes.len() as u16;
            overwrite(&mut bytes, 2, &length.to_be_bytes());
        }
        bytes
    }
}

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + with.len()) {
        place.copy_from_slice(with);
    }
}

/// Eight exporters, more than there is room for.
fn exporter(who: u8) -> IpAddr {
    match who {
        0..6 => IpAddr::V4(Ipv4Addr::new(192, 0, 2, who)),
        _ => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(who))),
    }
}

/// A snapshot of any content, with the mark and the checksum that make it be read.
fn signed(body: &[u8]) -> Vec<u8> {
    let mut whole = b"weirexp1".to_vec();
    whole.extend_from_slice(body);
    let sum = whole
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    whole.extend(sum.to_be_bytes());
    whole
}

/// Looks at what is handed on, and decodes sampled frames.
struct Seen {
    now: Timestamp,
    exporter: Option<IpAddr>,
    records: u64,
    frames: u64,
    packets: Decoder,
    packet_frames: u64,
}

impl Default for Seen {
    fn default() -> Self {
        let config = DecodeConfig { fragment_bytes_max: 4_000, ..DecodeConfig::default() };
        Self {
            now: Timestamp::default(),
            exporter: None,
            records: 0,
            frames: 0,
            packets: Decoder::new(config),
            packet_frames: 0,
        }
    }
}

impl Seen {
    fn origin(&self, origin: &Origin, sampling: Option<Sampling>) {
        assert_eq!(Some(origin.exporter), self.exporter);
        assert!(origin.received <= self.now);
        if let Some(sampling) = sampling {
            assert!(sampling.chosen >= 1 && sampling.of >= sampling.chosen, "{sampling:?}");
            assert!(sampling.one_in() >= 1 && sampling.scale(u64::MAX) > 0);
        }
    }

    fn finish(mut self) {
        let frames = &mut self.packet_frames;
        self.packets.finish(&mut |packet| *frames += u64::from(packet.frames));
        let stats = self.packets.stats();
        assert_eq!(stats.balance(), 0);
        assert_eq!(stats.frames, self.packet_frames + stats.not_ip_frames() + stats.undecodable_frames());
    }
}

impl ExportSink for Seen {
    fn record(&mut self, record: &ExportedRecord<'_>) {
        self.records += 1;
        self.origin(&record.origin, record.sampling);
        let names = [
            record.application,
            record.dns_query,
            record.http_host,
            record.http_target,
            record.tls_server_name,
        ];
        assert!(names.into_iter().flatten().all(|name| name.len() <= usize::from(u16::MAX)));
        for counters in [Some(record.forward), record.reverse].into_iter().flatten() {
            let scaled = counters.scaled(record.sampling);
            assert!(scaled.bytes >= counters.bytes && scaled.packets >= counters.packets);
        }
        // What people see of it must not fail either.
        let _ = format!("{record:?}");
    }

    fn sampled(&mut self, frame: &SampledFrame<'_>) {
        self.frames += 1;
        self.origin(&frame.origin, frame.sampling);
        let packet_frames = &mut self.packet_frames;
        self.packets.decode(&frame.frame(self.frames), &mut |packet| {
            *packet_frames += u64::from(packet.frames);
            assert!(packet.payload.len() <= packet.payload_len as usize);
        });
        assert_eq!(self.packets.stats().balance(), 0);
    }
}
