//! A sink that keeps everything.

use std::net::IpAddr;
use weir_model::record::{ExportedRecord, SampledFrame};
use weir_wire::export::{ExportSink, Notice};

/// What was handed on; names are leaked, so that records can be kept.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) records: Vec<ExportedRecord<'static>>,
    pub(crate) frames: Vec<SampledFrame<'static>>,
    pub(crate) notices: Vec<(IpAddr, Notice)>,
}

fn leak(name: Option<&[u8]>) -> Option<&'static [u8]> {
    name.map(|name| &*name.to_vec().leak())
}

impl ExportSink for Kept {
    fn record(&mut self, record: &ExportedRecord<'_>) {
        self.records.push(ExportedRecord {
            application: leak(record.application),
            dns_query: leak(record.dns_query),
            http_host: leak(record.http_host),
            http_target: leak(record.http_target),
            tls_server_name: leak(record.tls_server_name),
            ..*record
        });
    }

    fn sampled(&mut self, frame: &SampledFrame<'_>) {
        self.frames.push(SampledFrame { data: frame.data.to_vec().leak(), ..*frame });
    }

    fn notice(&mut self, exporter: IpAddr, notice: Notice) {
        self.notices.push((exporter, notice));
    }
}
