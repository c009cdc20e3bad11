//! Community IDs in flow records against the specification's default baseline. (The baselines of seed 1 and of
//! identifiers in hexadecimal are met by the function itself, in the tests of `wire`.)

use crate::{common, program};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Protocol, both addresses (lower first), identifier.
type Flow = (u8, IpAddr, IpAddr, String);

#[test]
fn flow_records_have_the_identifiers_of_the_baseline() {
    let Some(folder) = common::corpora().map(|folder| folder.join("community-id")) else {
        return;
    };
    let text = std::fs::read(folder.join("baseline/baseline_deflt.json")).unwrap();
    let baseline: Vec<Value> = serde_json::from_slice(&text).unwrap();
    let expected: BTreeSet<Flow> = baseline.iter().map(of_baseline).collect();
    assert!(expected.len() >= 10);

    let combined = program::read(&folder.join("pcaps/combined.pcap.gz"));
    assert_eq!(combined.flows.iter().map(of_flow).collect::<BTreeSet<_>>(), expected, "combined");

    let single = common::captures_below(&folder.join("pcaps"));
    let parts = single.iter().filter(|path| path.extension().is_some_and(|ending| ending == "pcap"));
    let together: BTreeSet<Flow> =
        parts.flat_map(|part| program::read(part).flows).map(|flow| of_flow(&flow)).collect();
    assert_eq!(together, expected, "the captures one by one");
}

fn of_flow(flow: &Value) -> Flow {
    let identifier = flow["network"]["community_id"].as_str().expect("each of these flows has one");
    described(
        program::protocol(flow),
        program::end(flow, "source").0,
        program::end(flow, "destination").0,
        identifier,
    )
}

fn of_baseline(entry: &Value) -> Flow {
    let address = |key: &str| entry[key].as_str().unwrap().parse().unwrap();
    let protocol = entry["proto"].as_u64().unwrap() as u8;
    described(protocol, address("saddr"), address("daddr"), entry["communityid"].as_str().unwrap())
}

fn described(protocol: u8, one: IpAddr, other: IpAddr, identifier: &str) -> Flow {
    (protocol, one.min(other), one.max(other), identifier.to_owned())
}
