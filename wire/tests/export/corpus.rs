//! Datagrams of 46 kinds of devices (logstash's codec): each is decoded, or refused for the right reason.

use crate::corpora;
use crate::sink::Kept;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use weir_model::Timestamp;
use weir_wire::export::{ExportDecoder, Refused};

/// What is not simply decoded, and why that is right.
const REFUSED: &[(&str, Refused, &str)] = &[
    ("netflow5_test_invalid01.dat", Refused::RecordCount, "55,582 records, which no datagram of v5 holds"),
    ("netflow5_test_invalid02.dat", Refused::RecordCount, "163 records, which no datagram of v5 holds"),
];

/// Sets that wait because the corpus has no template for them.
const WAITING: &[(&str, u64, &str)] = &[
    ("ipfix_test_netscaler_data.dat", 1, "template 280 is in no file of the device"),
    (
        "netflow9_test_iptnetflow_reduced_size_encoding_tpldata260.dat",
        6,
        "templates 259 and 262 are in no file",
    ),
];

#[test]
fn every_datagram_is_decoded_or_refused_for_the_right_reason() {
    let Some(folder) = corpora::folder("netflow/logstash") else { return };
    let mut decoder = ExportDecoder::default();
    let mut devices = Devices::default();
    let mut records = 0;
    for (name, bytes) in corpora::templates_first(corpora::files(&folder, "dat")) {
        let address = devices.address(&name);
        for datagram in corpora::datagrams(&bytes) {
            let before = decoder.stats();
            let mut sink = Kept::default();
            let result = decoder.datagram(address, Timestamp::new(1_500_000_000, 0), datagram, &mut sink);
            let after = decoder.stats();
            let refused = REFUSED.iter().find(|(refused, ..)| *refused == name);
            assert_eq!(result.err(), refused.map(|(_, reason, _)| *reason), "{name}");
            assert_eq!(after.faults, before.faults, "{name}");
            let waiting =
                WAITING.iter().find(|(waiting, ..)| *waiting == name).map_or(0, |(_, sets, _)| *sets);
            assert_eq!(after.data_sets_waited - before.data_sets_waited, waiting, "{name}");
            assert_eq!(sink.records.len() as u64, after.records - before.records, "{name}");
            records += sink.records.len();
        }
    }
    let stats = decoder.stats();
    assert!(stats.balances(), "{stats:?}");
    assert_eq!(records, 478, "flow records in all files");
    assert_eq!(stats.option_records, 42);
}

/// An address for each device, by the name of its files.
#[derive(Default)]
struct Devices(BTreeMap<String, u8>);

impl Devices {
    fn address(&mut self, file: &str) -> IpAddr {
        let next = self.0.len() as u8;
        let number = *self.0.entry(corpora::device(file).to_owned()).or_insert(next);
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, number))
    }
}
