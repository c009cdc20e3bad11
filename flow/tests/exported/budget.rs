//! Floods: memory stays within the budget, and flows that are established stay.

use super::kit::{Twin, With, record, seconds};
use std::net::{IpAddr, Ipv4Addr};
use weir_flow::ExportedFlowsConfig;
use weir_model::record::Translated;
use weir_model::{Endpoint, ExportedRecord, Protocol};

const BUDGET: usize = 4 << 20;
const ESTABLISHED: u8 = 100;

fn twin(table_bytes: usize) -> Twin {
    Twin::with(ExportedFlowsConfig { table_bytes, ..ExportedFlowsConfig::default() })
}

/// One packet from a source that nobody has.
fn spoofed(number: u32) -> ExportedRecord<'static> {
    let source = IpAddr::V4(Ipv4Addr::from_bits(0x2000_0000 + number));
    ExportedRecord { source: Some(source), ..record("10.0.0.1:7 > 192.0.2.1:80") }
}

/// Conversations both ways; each is heard of again now and then.
fn tell_of_established(twin: &mut Twin, after: u64) {
    for number in 0..ESTABLISHED {
        twin.push(&record(&format!("10.0.1.{number}:50000 > 192.0.2.1:443")).received(after));
        twin.push(&record(&format!("192.0.2.1:443 > 10.0.1.{number}:50000")).received(after));
    }
    twin.take();
}

fn flood(twin: &mut Twin, count: u32) {
    tell_of_established(twin, 0);
    for number in 0..count {
        twin.push(&spoofed(number));
        if twin.batch.is_full() {
            twin.take();
            let stats = twin.flows.stats();
            assert!(stats.bytes <= stats.budget, "{stats:?}");
            // What ended is kept by nobody here: a flood must fit the memory of a test.
            twin.told.clear();
            twin.ended.clear();
        }
    }
    twin.take();
    let stats = twin.flows.stats();
    assert!(stats.ended.evicted > 0 && stats.balances(), "{stats:?}");
    for number in 0..ESTABLISHED {
        let end = |text: String, port| Endpoint::new(text.parse().unwrap(), port);
        let (client, server) = (end(format!("10.0.1.{number}"), 50_000), end("192.0.2.1".into(), 443));
        assert!(
            twin.flows.find_open(Protocol::TCP, client, server).is_some(),
            "flow {number} was pushed out"
        );
    }
}

#[test]
fn spoofed_sources_push_out_only_each_other() {
    let mut twin = twin(BUDGET);
    flood(&mut twin, 100_000);
    let flows = twin.flows.stats().open as usize;
    let room = ExportedFlowsConfig { table_bytes: BUDGET, ..ExportedFlowsConfig::default() }.max_flows();
    assert!(flows <= room && flows > room * 9 / 10, "{flows} of {room}");
}

#[test]
fn what_few_flows_have_is_in_the_budget() {
    let mut twin = twin(BUDGET);
    tell_of_established(&mut twin, 0);
    for number in 0..30_000 {
        let name: &'static [u8] = format!("a-rather-long-name-{number}.example").leak().as_bytes();
        let translated = Translated { source: Some([198, 51, 100, 1].into()), ..Translated::default() };
        let told = ExportedRecord { tls_server_name: Some(name), translated, ..spoofed(number) };
        twin.push(&told.from((number % 200) as u8));
        twin.push(&spoofed(number).from((number % 199) as u8).sampled(10));
        if twin.batch.is_full() {
            twin.take();
            let stats = twin.flows.stats();
            assert!(stats.bytes <= stats.budget, "{stats:?}");
        }
    }
    let flows = twin.finish();
    let evicted = flows
        .iter()
        .filter(|flow| flow.responder.port == 443 && flow.end != weir_model::flow::EndReason::EndOfInput);
    assert_eq!(evicted.count(), 0);
    let stats = twin.flows.stats();
    assert!(stats.balances() && stats.bytes == 0, "{stats:?}");
}

#[test]
fn evicted_flows_are_told() {
    let mut twin = twin(100_000);
    for number in 0..5_000 {
        twin.push(&spoofed(number));
    }
    let flows = twin.finish();
    assert_eq!(flows.len(), 5_000);
    let evicted = flows.iter().filter(|flow| flow.end == weir_model::flow::EndReason::Evicted).count() as u64;
    assert_eq!((evicted, twin.flows.stats().ended.evicted), (evicted, evicted));
    assert!(evicted > 4_000);
}

#[test]
fn a_budget_for_next_to_nothing_loses_no_record() {
    let mut twin = twin(1);
    for number in 0..1_000 {
        twin.push(&spoofed(number).received(u64::from(number)));
    }
    twin.expire(seconds(10));
    assert_eq!(twin.finish().len(), 1_000);
    assert!(twin.flows.stats().balances());
}

/// By hand: `cargo test --release -p weir-flow --test exported -- --ignored --nocapture`.
#[test]
#[ignore = "five million records"]
fn five_million_spoofed_flows_fit_the_budget() {
    let resident = || {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
    };
    let before = resident();
    let mut twin = twin(128 << 20);
    flood(&mut twin, 5_000_000);
    let grown = resident().saturating_sub(before);
    println!("{} flows open, {} MB more than before", twin.flows.stats().open, grown >> 20);
    assert!(grown < 144 << 20, "{grown}");
}
