//! What Beats makes of the same datagrams (its golden files): every field that both define. `golden.tsv` has the element of each
//! field, or why it is not compared.

use crate::corpora;
use crate::oracle::{Slot, Theirs, slot};
use crate::sink::Kept;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::Path;
use weir_model::Timestamp;
use weir_model::record::ExportedRecord;
use weir_wire::export::ExportDecoder;

/// The datagrams that a golden file is of, in their order.
const FILES: &[(&str, &[&str])] = &[
    (
        "IPFIX-Barracuda-extended-uniflow-template-256",
        &["ipfix_test_barracuda_extended_uniflow_tpl256", "ipfix_test_barracuda_extended_uniflow_data256"],
    ),
    ("IPFIX-Barracuda-firewall", &["ipfix_test_barracuda_tpl", "ipfix_test_barracuda_data256"]),
    (
        "IPFIX-Mikrotik-RouterOS-6.39.2",
        &["ipfix_test_mikrotik_tpl", "ipfix_test_mikrotik_data258", "ipfix_test_mikrotik_data259"],
    ),
    ("IPFIX-Netscaler-with-variable-length-fields-missing-templates", &["ipfix_test_netscaler_data"]),
    (
        "IPFIX-Netscaler-with-variable-length-fields",
        &["ipfix_test_netscaler_tpl", "ipfix_test_netscaler_data"],
    ),
    ("IPFIX-Nokia-BRAS", &["ipfix_test_nokia_bras_tpl", "ipfix_test_nokia_bras_data256"]),
    ("IPFIX-OpenBSD-pflow", &["ipfix_test_openbsd_pflow_tpl", "ipfix_test_openbsd_pflow_data"]),
    ("IPFIX-Procera", &["ipfix_test_procera_tpl52935", "ipfix_test_procera_data52935"]),
    (
        "IPFIX-VMware-virtual-distributed-switch",
        &[
            "ipfix_test_vmware_vds_tpl",
            "ipfix_test_vmware_vds_data264",
            "ipfix_test_vmware_vds_data266",
            "ipfix_test_vmware_vds_data266_267",
        ],
    ),
    (
        "IPFIX-YAF-basic-with-applabel",
        &[
            "ipfix_test_yaf_tpls_option_tpl",
            "ipfix_test_yaf_tpl45841",
            "ipfix_test_yaf_data45841",
            "ipfix_test_yaf_data45873",
            "ipfix_test_yaf_data53248",
        ],
    ),
    (
        "IPFIX-options-template-from-Juniper-MX240-JunOS-15.1-R6-S3",
        &["ipfix_test_juniper_mx240_junos151r6s3_opttpl512", "ipfix_test_juniper_mx240_junos151r6s3_data512"],
    ),
    ("IPFIX-vIPtela-with-VPN-id", &["ipfix_test_viptela_tpl257", "ipfix_test_viptela_data257"]),
    ("IPFIX", &["ipfix"]),
    ("Netflow-9-Cisco-1941-K9-release-15.1", &["netflow9_test_cisco_1941K9"]),
    (
        "Netflow-9-Cisco-ASA-2",
        &[
            "netflow9_test_cisco_asa_2_tpl_26x",
            "netflow9_test_cisco_asa_2_tpl_27x",
            "netflow9_test_cisco_asa_2_data",
        ],
    ),
    ("Netflow-9-Cisco-ASA", &["netflow9_test_cisco_asa_1_tpl", "netflow9_test_cisco_asa_1_data"]),
    (
        "Netflow-9-Cisco-ASR-9000-series-options-template-256",
        &["netflow9_test_cisco_asr9k_opttpl256", "netflow9_test_cisco_asr9k_data256"],
    ),
    (
        "Netflow-9-Cisco-ASR-9000-series-template-260",
        &["netflow9_test_cisco_asr9k_tpl260", "netflow9_test_cisco_asr9k_data260"],
    ),
    ("Netflow-9-Cisco-ASR1001--X", &["netflow9_cisco_asr1001x_tpl259"]),
    (
        "Netflow-9-Cisco-NBAR-flowset-262",
        &["netflow9_test_cisco_nbar_tpl262", "netflow9_test_cisco_nbar_data262"],
    ),
    ("Netflow-9-Cisco-NBAR-options-template-260", &["netflow9_test_cisco_nbar_opttpl260"]),
    ("Netflow-9-Cisco-WLC-8500-release-8.2", &["netflow9_test_cisco_wlc_8510_tpl_262"]),
    ("Netflow-9-Cisco-WLC", &["netflow9_test_cisco_wlc_tpl", "netflow9_test_cisco_wlc_data261"]),
    (
        "Netflow-9-Fortigate-FortiOS-5.2.1",
        &[
            "netflow9_test_fortigate_fortios_521_tpl",
            "netflow9_test_fortigate_fortios_521_data256",
            "netflow9_test_fortigate_fortios_521_data257",
        ],
    ),
    (
        "Netflow-9-Fortigate-FortiOS-54x-appid",
        &[
            "netflow9_test_fortigate_fortios_542_appid_tpl258-269",
            "netflow9_test_fortigate_fortios_542_appid_data258_262",
        ],
    ),
    (
        "Netflow-9-H3C-Netstream-with-varstring",
        &["netflow9_test_h3c_netstream_varstring_tpl3281", "netflow9_test_h3c_netstream_varstring_data3281"],
    ),
    ("Netflow-9-H3C", &["netflow9_test_h3c_tpl3281", "netflow9_test_h3c_data3281"]),
    (
        "Netflow-9-Huawei-Netstream",
        &["netflow9_test_huawei_netstream_tpl", "netflow9_test_huawei_netstream_data"],
    ),
    ("Netflow-9-IE150-IE151", &["netflow9_test_unknown_tpl266_292_data"]),
    (
        "Netflow-9-Palo-Alto-1-flowset-in-large-zero-filled-packet",
        &[
            "netflow9_test_paloalto_81_tpl256-263",
            "netflow9_test_paloalto_81_data257_1flowset_in_large_zerofilled_packet",
        ],
    ),
    (
        "Netflow-9-Palo-Alto-PAN--OS-with-app--id",
        &["netflow9_test_paloalto_panos_tpl", "netflow9_test_paloalto_panos_data"],
    ),
    (
        "Netflow-9-Streamcore",
        &["netflow9_test_streamcore_tpl_data256", "netflow9_test_streamcore_tpl_data260"],
    ),
    (
        "Netflow-9-Ubiquiti-Edgerouter-with-MPLS-labels",
        &[
            "netflow9_test_ubnt_edgerouter_tpl",
            "netflow9_test_ubnt_edgerouter_data1024",
            "netflow9_test_ubnt_edgerouter_data1025",
        ],
    ),
    (
        "Netflow-9-field-layer2segmentid",
        &["netflow9_test_field_layer2segmentid_tpl", "netflow9_test_field_layer2segmentid_data"],
    ),
    (
        "Netflow-9-ipt_netflow-reduced-size-encoding",
        &["netflow9_test_iptnetflow_reduced_size_encoding_tpldata260"],
    ),
    (
        "Netflow-9-multiple-netflow-exporters",
        &["netflow9_test_nprobe_tpl", "netflow9_test_softflowd_tpl_data", "netflow9_test_nprobe_data"],
    ),
    ("Netflow-9-options-template-with-scope-fields", &["netflow9_test_nprobe_tpl"]),
    ("IPFIX-configured-with-include_flowset_id", &["ipfix_test_netscaler_tpl", "ipfix_test_netscaler_data"]),
    ("ipfix_cisco.pcap", &["pcap"]),
    ("netflow9_ubiquiti_edgerouter.pcap", &["pcap"]),
    ("Netflow-9-macaddress", &["netflow9_test_macaddr_tpl", "netflow9_test_macaddr_data"]),
    ("Netflow-9-nprobe-DPI-L7", &["netflow9_test_nprobe_dpi"]),
    ("Netflow-9-template-with-0-length-fields", &["netflow9_test_0length_fields_tpl_data"]),
    ("Netflow-9-valid-01", &["netflow9_test_valid01"]),
    (
        "Netflow9-Juniper-SRX-options-template-with-0-scope-field-length",
        &["netflow9_test_juniper_srx_tplopt"],
    ),
];

/// Golden files that are not compared, and why.
const NOT_COMPARED: &[(&str, &str)] = &[
    (
        "Netflow-9-invalid-01",
        "its header says 2 records and it holds 6: Beats stops after two sets, both templates",
    ),
    ("ssl_local_example.pcap", "its capture is not in the corpora"),
];

#[test]
fn every_field_that_both_define_is_the_same() {
    let Some(folder) = corpora::folder("netflow/beats") else { return };
    let elements = elements();
    let mut compared = 0;
    for (name, files) in FILES {
        let golden =
            std::fs::read(folder.join("golden").join(format!("{name}.golden.json"))).expect("a golden file");
        let golden: Value = serde_json::from_slice(&golden).expect("JSON");
        let none = Vec::new();
        let events = golden["events"].as_array().unwrap_or(&none);
        let (flows, options): (Vec<_>, Vec<_>) = events
            .iter()
            .map(|event| &event["Fields"]["netflow"])
            .partition(|event| event["options"].is_null());
        let datagrams = if *files == ["pcap"] { captured(&folder, name) } else { datagrams(&folder, files) };
        let (records, option_records) = decode(&datagrams);
        assert_eq!((records.len(), option_records), (flows.len(), options.len() as u64), "{name}");
        for (record, flow) in records.iter().zip(flows) {
            compared += compare(name, record, flow, &elements);
        }
    }
    println!("{compared} values compared");
    assert!(compared > 4_000, "{compared}");
}

#[test]
fn every_golden_file_is_compared_or_said_why_not() {
    let Some(folder) = corpora::folder("netflow/beats/golden") else { return };
    for (file, _) in corpora::files(&folder, "json") {
        let name = file.trim_end_matches(".golden.json");
        let compared = FILES.iter().any(|(compared, _)| *compared == name);
        let explained = NOT_COMPARED.iter().any(|(explained, _)| *explained == name);
        assert!(compared != explained, "{name}: compared {compared}, explained {explained}");
    }
}

fn decode(datagrams: &[Vec<u8>]) -> (Vec<ExportedRecord<'static>>, u64) {
    let mut decoder = ExportDecoder::default();
    let mut sink = Kept::default();
    for datagram in datagrams {
        let _ = decoder.datagram(IpAddr::from([192, 0, 2, 1]), Timestamp::EPOCH, datagram, &mut sink);
    }
    (sink.records, decoder.stats().option_records)
}

fn datagrams(folder: &Path, files: &[&str]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for file in files {
        let bytes = std::fs::read(folder.join("dat").join(format!("{file}.dat"))).expect("datagrams");
        all.extend(corpora::datagrams(&bytes).into_iter().map(<[u8]>::to_vec));
    }
    all
}

/// What UDP carries in a capture of Ethernet and IPv4.
fn captured(folder: &Path, name: &str) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(folder.join("pcap").join(name)).expect("a capture");
    let mut rest = &bytes[24..];
    let mut all = Vec::new();
    while let Some((header, behind)) = rest.split_first_chunk::<16>() {
        let length = u32::from_le_bytes(header[8..12].try_into().expect("four bytes")) as usize;
        let (frame, behind) = behind.split_at(length);
        let ip = &frame[14..];
        let header_bytes = usize::from(ip[0] & 0xf) * 4;
        let total = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
        all.push(ip[header_bytes + 8..total].to_vec());
        rest = behind;
    }
    all
}

/// The element of each field; `None` for one that is not compared.
fn elements() -> HashMap<&'static str, Option<(u32, u16)>> {
    let lines = include_str!("golden.tsv").lines().skip(1);
    lines
        .map(|line| {
            let columns: Vec<_> = line.split('\t').collect();
            let element = columns[1].split_once('/').map(|(enterprise, number)| {
                (enterprise.parse().expect("a number"), number.parse().expect("a number"))
            });
            assert_eq!(element.is_none(), !columns[2].is_empty(), "{line}: an element or a reason");
            (columns[0], element)
        })
        .collect()
}

/// Compares what has a place in the record; gives the number of values.
fn compare(
    name: &str,
    record: &ExportedRecord<'_>,
    flow: &Value,
    elements: &HashMap<&str, Option<(u32, u16)>>,
) -> usize {
    let exporter = &flow["exporter"];
    let theirs = Theirs {
        uptime: (exporter["version"] == 9)
            .then(|| exporter["uptime_millis"].as_u64().expect("uptime") as u32),
        exported: nanos(exporter["timestamp"].as_str().expect("a time")),
        values: BTreeMap::new(),
    };
    assert_eq!(record.origin.exported.as_nanos(), theirs.exported, "{name}");
    assert_eq!(Some(u64::from(record.origin.domain)), exporter["source_id"].as_u64(), "{name}");
    let mut compared = 0;
    for (field, value) in flow.as_object().expect("fields") {
        let element =
            elements.get(field.as_str()).unwrap_or_else(|| panic!("{name}: {field} is not in golden.tsv"));
        let Some((enterprise, number)) = element else { continue };
        let slot = slot(record, *enterprise, *number).unwrap_or_else(|| panic!("{field} has no slot"));
        assert!(holds(&slot, value, &theirs), "{name}: {field} is {value}, we have {slot:?} in {record:?}");
        compared += 1;
    }
    compared
}

fn holds(slot: &Slot, value: &Value, theirs: &Theirs) -> bool {
    if let Some(number) = value.as_u64() {
        return slot.holds(&number.to_be_bytes(), theirs);
    }
    let text = value.as_str().expect("a number or text");
    if let Ok(address) = text.parse::<IpAddr>() {
        return match address {
            IpAddr::V4(address) => slot.holds(&address.octets(), theirs),
            IpAddr::V6(address) => slot.holds(&address.octets(), theirs),
        };
    }
    match slot {
        Slot::Time(ours, _) | Slot::Ntp(ours) => {
            ours.map_or(0, Timestamp::as_nanos).abs_diff(nanos(text)) <= 1
        }
        Slot::Text(_) => slot.holds(text.as_bytes(), theirs),
        // application_id: bytes in base64.
        Slot::Number(_) => slot.holds(&base64::decode(text), theirs),
        _ => false,
    }
}

/// Nanoseconds since 1970 of an RFC 3339 time in UTC.
fn nanos(time: &str) -> u64 {
    let number = |range: std::ops::Range<usize>| -> u64 { time[range].parse().expect("digits") };
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    // Days since 0000-03-01 (Hinnant, "chrono-compatible low-level date algorithms").
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468;
    let seconds = days * 86_400 + number(11..13) * 3_600 + number(14..16) * 60 + number(17..19);
    let fraction = time[19..].trim_start_matches('.').trim_end_matches('Z');
    seconds * 1_000_000_000 + format!("{fraction:0<9}").parse::<u64>().expect("a fraction")
}

mod base64 {
    use ::base64::Engine as _;
    use ::base64::engine::general_purpose::STANDARD;

    pub(super) fn decode(text: &str) -> Vec<u8> {
        STANDARD.decode(text).expect("base64")
    }
}
