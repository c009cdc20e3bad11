//! Flows of which routers told.

use super::*;
use weir_model::alert::{Field, Severity, Traffic};
use weir_model::record::{ObservedAt, SamplingSource};
use weir_model::{ExportVersion, Sampling, exported::Observer};

fn one_in(number: u32) -> Option<Sampling> {
    Sampling::new(1, number, SamplingSource::Header)
}

/// Sampled, and what that stands for.
fn sampled(it: &mut Happening, number: u32) {
    let side = |side: &Counters| record::Counters { packets: side.packets, bytes: side.ip_bytes };
    let (forward, reverse) = (side(&it.flow.forward), side(&it.flow.reverse));
    let exported = it.told();
    exported.sampling = one_in(number);
    exported.estimated_forward = forward.scaled(exported.sampling);
    exported.estimated_reverse = reverse.scaled(exported.sampling);
}

/// A campus whose own addresses are public and private.
fn campus(indicators: &[&str], roles: &[(Role, &str)]) -> World {
    let home = [Site::private_ranges().home, vec!["198.51.100.0/24".parse().unwrap()]].concat();
    let roles = roles.iter().map(|(role, net)| (*role, net.parse().unwrap())).collect();
    World::with_config(indicators, Site { home, roles }, IncidentConfig::default())
}

#[test]
fn flows_of_routers_fall_into_the_same_incidents_as_those_of_taps() {
    let mut world = World::new(&["203.0.113.5", "10.0.0.99"]);
    let told = |it: &mut Happening| {
        it.told();
    };
    world.flow(HOST, BAD, |_| ());
    world.flow(HOST, BAD, told);
    world.flow("203.0.113.5:40000", "10.0.0.10:22", told);
    world.flow(HOST, "10.0.0.99:80", told);
    world.flow("198.51.100.1:50000", BAD, told);
    let alerts = world.close();
    assert_eq!(
        shown(&alerts),
        [
            "outbound exchanged 10.0.0.1 203.0.113.5",
            "inbound exchanged - 203.0.113.5",
            "lateral exchanged 10.0.0.1 10.0.0.99",
            "transit exchanged 198.51.100.1 203.0.113.5",
        ]
    );
    assert_eq!(alerts.iter().map(|alert| alert.flows).collect::<Vec<_>>(), [2, 1, 1, 1]);
    assert!(alerts.iter().all(|alert| !alert.at_least && alert.sampling.is_none()));
    let (sent, estimated) = (alerts[0].sent, alerts[0].estimated_sent);
    assert_eq!((estimated.packets, estimated.bytes), (sent.packets, sent.ip_bytes), "nothing was left out");
}

#[test]
fn a_national_network_sees_both_ends_outside() {
    let site = Site { home: Vec::new(), roles: Vec::new() };
    let mut world = World::with_config(&["203.0.113.5"], site, IncidentConfig::default());
    world.flow("192.0.2.1:50000", BAD, |it| sampled(it, 100));
    world.flow("203.0.113.5:40000", "192.0.2.1:22", |it| sampled(it, 100));
    let alerts = world.close();
    assert_eq!(shown(&alerts), ["transit exchanged 192.0.2.1 203.0.113.5"]);
    assert_eq!((alerts[0].flows, alerts[0].severity), (2, Severity::Informational));
    // Sent by the end that is not listed: 300 bytes as initiator, 1,200 as responder.
    assert_eq!((alerts[0].sent.ip_bytes, alerts[0].estimated_sent.bytes), (1500, 150_000));
}

#[test]
fn totals_are_told_as_counted_and_as_estimated() {
    let mut world = World::new(&["203.0.113.5"]);
    world.flow(HOST, BAD, |it| sampled(it, 10));
    world.flow(HOST, BAD, |it| sampled(it, 1000));
    world.flow(HOST, BAD, |it| sampled(it, 1));
    world.flow(HOST, BAD, |_| ());
    let alerts = world.close();
    let alert = &alerts[0];
    assert_eq!(alert.sampling, one_in(1000), "the coarsest");
    assert_eq!(alert.sent, Traffic { packets: 16, ip_bytes: 1200, payload_bytes: 400 });
    assert_eq!(alert.estimated_sent, record::Counters { packets: 4048, bytes: 303_600 });
    assert_eq!(alert.estimated_received, record::Counters { packets: 4048, bytes: 1_214_400 });
}

#[test]
fn what_is_missing_among_sampled_packets_is_not_taken_for_missing() {
    let only_reverse = |it: &mut Happening| {
        it.flow.forward = Counters::default();
        it.flow.orientation = Orientation::Ports;
    };
    let seen = |change: &dyn Fn(&mut Happening)| {
        let mut world = World::new(&["203.0.113.5"]);
        world.flow(HOST, BAD, change);
        let alerts = world.close();
        format!("{} {} {}", alerts[0].direction, alerts[0].grade, alerts[0].at_least)
    };
    let reset = |it: &mut Happening| {
        it.refused();
        it.told();
    };
    assert_eq!(seen(&reset), "outbound attempted false");
    let all = |it: &mut Happening| {
        it.udp();
        only_reverse(it);
        it.told();
    };
    assert_eq!(seen(&all), "unknown attempted true", "answers alone");
    let some = |it: &mut Happening| {
        it.udp();
        only_reverse(it);
        sampled(it, 100);
    };
    assert_eq!(seen(&some), "outbound attempted true", "others may have been left out");
    let download = |it: &mut Happening| {
        only_reverse(it);
        sampled(it, 100);
    };
    assert_eq!(seen(&download), "outbound connected true");
    let syn_ack = |it: &mut Happening| {
        only_reverse(it);
        it.flow.reverse = Counters { packets: 1, ip_bytes: 44, tcp_flags: 0x12, ..Counters::default() };
        sampled(it, 100);
    };
    assert_eq!(seen(&syn_ack), "unknown attempted true", "a SYN-ACK may be backscatter");
    let refused = |it: &mut Happening| {
        it.refused();
        sampled(it, 100);
    };
    assert_eq!(seen(&refused), "outbound attempted true");
    let first_seen = |it: &mut Happening| {
        it.udp();
        it.flow.orientation = Orientation::FirstPacket;
        sampled(it, 100);
    };
    assert_eq!(seen(&first_seen), "unknown exchanged false", "the first of all may be another");
    let first = |it: &mut Happening| {
        it.udp();
        it.flow.orientation = Orientation::FirstPacket;
        it.told();
    };
    assert_eq!(seen(&first), "outbound exchanged false");
}

#[test]
fn what_one_router_saw_of_each_way_is_one_flow() {
    let observer = |exporter: &str, forward: Counters, reverse: Counters| Observer {
        exporter: exporter.parse().unwrap(),
        version: ExportVersion::NetFlow9,
        domain: 0,
        observed_at: Some(ObservedAt::Ingress),
        input: Some(1),
        output: Some(2),
        next_hop: None,
        records: 1,
        forward: record::Counters { packets: forward.packets, bytes: forward.ip_bytes },
        reverse: record::Counters { packets: reverse.packets, bytes: reverse.ip_bytes },
        sampling: None,
    };
    let mut world = World::new(&["203.0.113.5"]);
    world.flow(HOST, BAD, |it| {
        let (forward, reverse) = (it.flow.forward, it.flow.reverse);
        let none = Counters::default();
        it.told().observers = [observer("192.0.2.1", forward, none), observer("192.0.2.2", none, reverse)]
            .into_iter()
            .collect();
    });
    let alerts = world.close();
    assert_eq!(shown(&alerts), ["outbound exchanged 10.0.0.1 203.0.113.5"]);
    assert_eq!((alerts[0].flows, alerts[0].sent.packets, alerts[0].received.packets), (1, 4, 4));
    assert_eq!(alerts[0].example.exported.as_ref().unwrap().observers.len(), 2);
}

#[test]
fn records_that_go_on_count_their_conversation_once() {
    let mut world = World::new(&["203.0.113.5"]);
    let first = world.happening(HOST, BAD, |it| {
        it.flow.end = EndReason::Active;
        sampled(it, 10);
    });
    world.end(&first);
    let second = world.happening(HOST, BAD, |it| {
        it.at(200).flow.continues = Some(first.flow.id);
        sampled(it, 10);
    });
    world.incidents.fold(&Arc::new(second.flow), &FlowHits::default());
    let alerts = world.close();
    assert_eq!(shown(&alerts), ["outbound exchanged 10.0.0.1 203.0.113.5"]);
    let alert = &alerts[0];
    assert_eq!((alert.flows, alert.sent.packets, alert.estimated_sent.packets), (1, 8, 80));
    assert_eq!((alert.last, alert.example.id), (Timestamp::new(201, 0), first.flow.id));
}

#[test]
fn the_host_behind_a_translator_is_the_host() {
    // The translator's own records: the address inside is the flow's, the one outside is told.
    let mut world = campus(&["203.0.113.5"], &[(Role::Nat, "198.51.100.1/32")]);
    world.flow(HOST, BAD, |it| it.told().initiator_translated = Some(end("198.51.100.1:1024")));
    // Its record of what came back, for which the address inside is what is made of the destination.
    world.flow("198.51.100.1:1024", BAD, |it| it.told().initiator_translated = Some(end(HOST)));
    let alerts = world.close();
    assert_eq!(shown(&alerts), ["outbound exchanged 10.0.0.1 203.0.113.5"]);
    assert_eq!((alerts[0].flows, alerts[0].sent.payload_bytes), (2, 200));
    assert!(alerts[0].translated.is_empty(), "no log is to be asked");
    assert!(alerts[0].host_began());
    // From outside to a server's public address.
    let mut world = World::new(&["203.0.113.5"]);
    world.flow("203.0.113.5:40000", "198.51.100.1:443", |it| {
        it.told().responder_translated = Some(end("10.0.0.20:8443"));
    });
    let alerts = world.close();
    assert_eq!(shown(&alerts), ["inbound exchanged - 203.0.113.5"]);
    assert_eq!(alerts[0].touched, ips(&["10.0.0.20"]));
    assert_eq!(alerts[0].sent.payload_bytes, 1000, "by the inside");
}

#[test]
fn bad_addresses_behind_a_translator_are_the_end_that_they_stand_for() {
    let met = |indicator: &str, initiator: &str, responder: &str, change: &dyn Fn(&mut Exported)| {
        let mut world = campus(&[indicator], &[]);
        world.flow(initiator, responder, |it| change(it.told()));
        let alerts = world.close();
        assert_eq!(alerts[0].matched[0].field, Field::TranslatedAddress);
        let touched = alerts[0].touched.iter().map(|ip| format!(" touched {ip}"));
        format!("{}{}", shown(&alerts).concat(), touched.collect::<String>())
    };
    // NAT64: the address outside is only known after translation.
    let nat64 = met("203.0.113.5", "[fd00::1]:50000", "[64:ff9b::cb00:7105]:443", &|it| {
        it.initiator_translated = Some(end("198.51.100.1:1024"));
        it.responder_translated = Some(end(BAD));
    });
    assert_eq!(nat64, "outbound exchanged fd00::1 203.0.113.5");
    // A bad source that a translator hides from the inside.
    let hidden = met("203.0.113.5", "100.64.0.7:40000", "10.0.0.2:22", &|it| {
        it.initiator_translated = Some(end("203.0.113.5:40000"));
    });
    assert_eq!(hidden, "lateral exchanged 10.0.0.2 203.0.113.5");
    let inbound = met("203.0.113.5", "192.0.2.7:40000", "10.0.0.2:22", &|it| {
        it.initiator_translated = Some(end("203.0.113.5:40000"));
    });
    assert_eq!(inbound, "inbound exchanged - 203.0.113.5 touched 10.0.0.2");
    // Our own address is listed.
    let listed = met("198.51.100.1", HOST, "192.0.2.9:443", &|it| {
        it.initiator_translated = Some(end("198.51.100.1:1024"));
    });
    assert_eq!(listed, "outbound exchanged 10.0.0.1 198.51.100.1");
}

#[test]
fn honeypots_are_known_by_either_address() {
    for role in ["198.51.100.1/32", "10.0.0.20/32"] {
        let mut world = campus(&["203.0.113.5"], &[(Role::Honeypot, role)]);
        world.flow("203.0.113.5:40000", "198.51.100.1:443", |it| {
            it.told().responder_translated = Some(end("10.0.0.20:8443"));
        });
        assert_eq!(shown(&world.close()), [""; 0], "{role}");
    }
}

#[test]
fn a_question_that_a_router_tells_of_is_a_look_up() {
    let mut world = World::new(&["d:evil.example"]);
    world.flow(HOST, RESOLVER, |it| {
        it.udp().facts.push(Fact::Told(Arc::new(ToldNames {
            dns_question: Some(name("www.evil.example")),
            ..ToldNames::default()
        })));
        sampled(it, 100);
    });
    let alerts = world.close();
    assert_eq!(shown(&alerts), ["outbound looked_up 10.0.0.1 evil.example"]);
    assert_eq!((alerts[0].lookup_count, alerts[0].sampling), (1, one_in(100)));
}

#[test]
fn names_told_contradict_what_passive_dns_knows() {
    let mut world = World::new(&["d:evil.example"]);
    world.flow(HOST, BAD, |it| {
        it.passive(BAD, "evil.example", &[]).named("good.example", NameSource::TlsSni);
        it.told();
    });
    assert_eq!(shown(&world.close()), [""; 0]);
    world.flow(HOST, BAD, |it| sampled(it.passive(BAD, "evil.example", &[]), 100));
    assert_eq!(shown(&world.close()), ["outbound exchanged 10.0.0.1 evil.example"]);
}
