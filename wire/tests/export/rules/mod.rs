//! Each rule of the decoder on datagrams made by hand.

mod bounds;
mod configured;
mod fields;
mod fixed;
mod losses;
mod neighbours;
mod options;
mod sflow;
mod state;
mod templates;

use crate::build::NOW;
use crate::sink::Kept;
use std::net::IpAddr;
use std::time::Duration;
use weir_model::Timestamp;
use weir_wire::export::{ExportDecoder, ExportLimits, Refused};

/// A decoder with its sink and a clock.
struct Collector {
    decoder: ExportDecoder,
    sink: Kept,
    now: Timestamp,
}

impl Collector {
    fn new() -> Self {
        Self::with(ExportLimits::default())
    }

    fn with(limits: ExportLimits) -> Self {
        let now = Timestamp::new(u64::from(NOW), 0);
        Self { decoder: ExportDecoder::new(limits), sink: Kept::default(), now }
    }

    fn take(&mut self, exporter: IpAddr, bytes: &[u8]) -> Result<(), Refused> {
        let taken = self.decoder.datagram(exporter, self.now, bytes, &mut self.sink);
        assert!(self.decoder.stats().balances(), "{:?}", self.decoder.stats());
        taken
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
    }

    fn destinations(&self) -> Vec<u8> {
        let last = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => ip.octets()[3],
            IpAddr::V6(ip) => ip.octets()[15],
        };
        self.sink.records.iter().map(|record| record.destination.map_or(0, last)).collect()
    }
}
