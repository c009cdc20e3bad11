//! `weir run` listening to routers on the loopback, where 127.0.0.x are exporters: what it alerts, counts, says, and remembers.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "helpers of tests: what goes wrong here shall fail, patience is measured by the clock, what is skipped is said"
)]

#[path = "../common/mod.rs"]
mod common;

mod both;
mod build;
mod full_disk;
mod pseudonyms;
mod restart;
mod run;
mod sinks;
mod state;
mod strangers;
mod streams;

use build::{Part, Told};
use run::{BAD, Exporter, Run};
use std::collections::BTreeSet;

/// Alerts by the inside host that they are about.
fn hosts_alerted(run: &Run) -> BTreeSet<String> {
    let host = |alert: &serde_json::Value| alert["source"]["ip"].as_str().map(str::to_owned);
    run.lines("alerts").iter().filter_map(host).collect()
}

#[test]
fn every_version_at_one_port_raises_alerts_and_every_datagram_is_in_the_books() {
    let mut run = Run::start(&["--collectors", "2", "--exporter", "127.0.0.0/29,127.0.0.2"]);
    let exporters = [2, 3, 4, 5].map(|last| Exporter::new([127, 0, 0, last], &run));
    let hosts = [5, 9, 10, 60].map(|last| Told::new([10, 0, 0, last], BAD));
    exporters[0].send(&build::v5(0, &[hosts[0], hosts[0].back()]));
    let (both_ways, one_way) = ([hosts[1], hosts[1].back()], [hosts[2]]);
    exporters[1].send(&build::v9(0, &[Part::Template, Part::Data(&both_ways)]));
    exporters[2].send(&build::ipfix(0, &[Part::Template, Part::Data(&one_way)]));
    exporters[3].send(&build::sflow(1, hosts[3]));
    exporters[3].send(b"not an export");
    let expected: BTreeSet<_> = hosts.iter().map(|told| told.source.to_string()).collect();
    run.wait_for("all are alerted", || hosts_alerted(&run) == expected);
    run.wait_for("all is counted", || run.taken() == 5);
    let v9 = run.exporter("127.0.0.3");
    assert_eq!((v9["records"].as_u64(), v9["templates"].as_u64()), (Some(2), Some(1)), "{v9}");
    let sflow = run.exporter("127.0.0.5");
    assert_eq!(
        (sflow["samples"].as_u64(), sflow["sampled_one_in"].as_u64()),
        (Some(1), Some(100)),
        "{sflow}"
    );
    assert_eq!(sflow["refused"][0]["count"], 1, "{sflow}");
    // From the datagram, not from packets that routers saw half a minute before.
    let latency = run.status()["latency"].clone();
    assert!(latency["count"] == 4 && latency["max_us"].as_u64() < Some(15_000_000), "{latency}");
    let (code, said) = run.end("-TERM");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the ledger balances") && !said.contains("DOES NOT"), "{said}");
    assert_eq!(run.lines("flows").len(), 4, "both directions of a conversation are one flow");
}

#[test]
fn what_is_sent_before_the_signal_is_decoded_after_it() {
    let mut run = Run::start(&[]);
    let exporter = Exporter::new([127, 0, 0, 2], &run);
    for number in 0..200_u8 {
        exporter.send(&build::v5(u32::from(number), &[Told::new([10, 1, 0, number], [192, 0, 2, number])]));
    }
    let (code, said) = run.end("-INT");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("200 handed on = 200 taken by collectors"), "{said}");
    assert_eq!(run.lines("flows").len(), 200);
}

#[test]
fn sampling_that_a_router_does_not_tell_is_taken_from_the_settings() {
    let run = Run::start(&["--exporter-sampling", "127.0.0.2=1000"]);
    let exporter = Exporter::new([127, 0, 0, 2], &run);
    exporter.send(&build::v9(0, &[Part::Template, Part::Data(&[Told::new([10, 0, 0, 7], BAD)])]));
    run.wait_for("it is alerted", || !run.lines("alerts").is_empty());
    run.wait_for("it is counted", || run.exporter("127.0.0.2")["sampled_one_in"] == 1_000);
    let alert = run.lines("alerts")[0].to_string();
    assert!(
        alert.contains(r#""sampled_one_in":1000"#) && alert.contains(r#""source":"configured""#),
        "{alert}"
    );
}

#[test]
fn two_threads_divide_exporters_and_share_the_flows_of_both() {
    let mut run = Run::start(&["--collectors", "2"]);
    // Two routers see the same conversation; a hundred others see one each.
    let seen_twice = Told::new([10, 0, 0, 5], BAD);
    for last in 2..102 {
        let exporter = Exporter::new([127, 0, 1, last], &run);
        let own = Told::new([10, 0, 2, last], [192, 0, 2, last]);
        exporter.send(&build::v9(0, &[Part::Template, Part::Data(&[own, seen_twice])]));
    }
    run.wait_for("all is counted", || run.taken() == 100);
    let threads = run.status()["collector"]["threads"].clone();
    let of = |thread: usize| threads[thread]["datagrams"].as_u64().unwrap_or_default();
    assert!(of(0) > 20 && of(1) > 20, "{threads}");
    let (_, said) = run.end("-TERM");
    assert!(said.contains("the ledger balances"), "{said}");
    let flows = run.lines("flows");
    assert_eq!(flows.len(), 101, "what a hundred routers saw is one flow");
}

#[test]
fn the_table_tells_a_person_who_sends_what() {
    let run = Run::start(&["--exporter", "127.0.0.2,127.0.0.9"]);
    Exporter::new([127, 0, 0, 2], &run).send(&build::v5(0, &[Told::new([10, 0, 0, 5], BAD)]));
    run.wait_for("it is counted", || run.taken() == 1);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_weir"))
        .args(["status", "--control"])
        .arg(run.file("control"))
        .output()
        .expect("weir runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    for told in [
        "all is well",
        "udp 127.0.0.1:",
        "127.0.0.2                     now",
        "127.0.0.9                   never",
    ] {
        assert!(text.contains(told), "{told} is not in\n{text}");
    }
    assert!(!text.contains("interface"), "{text}");
}

#[test]
fn what_cannot_be_heard_is_said_with_advice() {
    let told = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_weir"))
            .arg("run")
            .args(arguments)
            .output()
            .expect("weir runs");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let said = told(&["--netflow", &address]);
    assert!(said.contains("in use") && said.contains("ss -lpn"), "{said}");
    let said = told(&["--sflow", "192.0.2.200:6343"]);
    assert!(said.contains("ip -br address"), "{said}");
    let said = told(&["--ipfix-tls", "127.0.0.1:0", "--ipfix-tls-cert", "/none", "--ipfix-tls-key", "/none"]);
    assert!(said.contains("/none"), "{said}");
    let said = told(&[]);
    assert!(said.contains("--interface") && said.contains("--netflow"), "{said}");
}
