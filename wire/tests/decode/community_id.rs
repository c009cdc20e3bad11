//! Community IDs of decoded packets against the specification's own captures and baselines.

use crate::captures;
use std::fmt::Write as _;
use weir_model::Endpoint;
use weir_model::community_id::{community_id, digest};
use weir_wire::{Decoder, Packet};

/// How an identifier is written.
type Identify = fn(&Packet<'_>) -> String;

#[test]
fn all_three_baselines_are_met() {
    let Some(corpora) = captures::corpora() else {
        return;
    };
    let folder = corpora.join("community-id");
    let capture = folder.join("pcaps/combined.pcap.gz");
    if !capture.is_file() {
        println!("skipped: no {}", capture.display());
        return;
    }
    let frames = captures::read(&capture);
    let baselines: [(&str, Identify); 3] = [
        ("deflt", |packet| community_id(0, packet.protocol, packet.source, packet.destination)),
        ("seed1", |packet| community_id(1, packet.protocol, packet.source, packet.destination)),
        ("nob64", in_hexadecimal),
    ];
    for (name, identify) in baselines {
        let text = std::fs::read(folder.join(format!("baseline/baseline_{name}.json"))).unwrap();
        let expected: Vec<serde_json::Value> = serde_json::from_slice(&text).unwrap();
        let mut decoder = Decoder::default();
        let mut got = Vec::new();
        for frame in &frames {
            decoder.decode(&frame.frame(), &mut |packet| {
                let description = described(packet, identify(packet));
                // The baselines have each direction of each flow once.
                if !got.contains(&description) {
                    got.push(description);
                }
            });
        }
        assert!(expected.len() > 20);
        assert_eq!(got, expected.iter().map(flattened).collect::<Vec<_>>(), "{name}");
    }
}

fn in_hexadecimal(packet: &Packet<'_>) -> String {
    let mut text = String::from("1:");
    for byte in digest(0, packet.protocol, packet.source, packet.destination) {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

/// Protocol, source, destination, identifier.
type Description = (u64, Endpoint, Endpoint, String);

fn described(packet: &Packet<'_>, identifier: String) -> Description {
    (u64::from(packet.protocol.0), packet.source, packet.destination, identifier)
}

fn flattened(entry: &serde_json::Value) -> Description {
    let end = |address: &str, port: &str| {
        let ip = entry[address].as_str().unwrap().parse().unwrap();
        Endpoint::new(ip, entry[port].as_u64().unwrap_or_default() as u16)
    };
    (
        entry["proto"].as_u64().unwrap(),
        end("saddr", "sport"),
        end("daddr", "dport"),
        entry["communityid"].as_str().unwrap().to_owned(),
    )
}
