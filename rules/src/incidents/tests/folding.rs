use super::*;
use weir_model::alert::{Field, Severity};
use weir_model::flow::TunnelKind;

#[test]
fn flows_are_gathered_by_direction() {
    let mut world = World::new(&["203.0.113.5", "10.0.0.99"]);
    for host in [HOST, OTHER_HOST, HOST] {
        world.flow(host, BAD, |_| ());
    }
    for touched in 10..13 {
        world.flow("203.0.113.5:40000", &format!("10.0.0.{touched}:22"), |_| ());
    }
    world.flow(HOST, "10.0.0.99:80", |_| ());
    world.flow("10.0.0.99:50000", OTHER_HOST, |_| ());
    world.flow("198.51.100.1:50000", BAD, |_| ());
    world.flow(BAD, "198.51.100.1:50000", |_| ());
    let alerts = world.close();
    assert_eq!(
        shown(&alerts),
        [
            "outbound exchanged 10.0.0.1 203.0.113.5",
            "outbound exchanged 10.0.0.2 203.0.113.5",
            "inbound exchanged - 203.0.113.5",
            "lateral exchanged 10.0.0.1 10.0.0.99",
            "lateral exchanged 10.0.0.2 10.0.0.99",
            "transit exchanged 198.51.100.1 203.0.113.5",
        ]
    );
    assert_eq!(alerts.iter().map(|alert| alert.flows).collect::<Vec<_>>(), [2, 1, 3, 1, 1, 2]);
    assert_eq!(alerts[2].touched, ips(&["10.0.0.10", "10.0.0.11", "10.0.0.12"]));
    assert_eq!(alerts[2].touched_count, 3);
}

#[test]
fn bytes_are_counted_as_the_host_sees_them() {
    let mut world = World::new(&["203.0.113.5", "10.0.0.99"]);
    world.flow(HOST, BAD, |_| ());
    world.flow("203.0.113.5:40000", "10.0.0.3:22", |_| ());
    world.flow("10.0.0.99:50000", OTHER_HOST, |_| ());
    let alerts = world.close();
    let bytes = |alert: &Alert| (alert.sent.payload_bytes, alert.received.payload_bytes);
    assert_eq!(bytes(&alerts[0]), (100, 1000), "outbound: the host began");
    assert_eq!(bytes(&alerts[1]), (1000, 100), "inbound: the inside answered");
    assert_eq!(bytes(&alerts[2]), (1000, 100), "lateral: the other end answered");
    assert_eq!((alerts[0].sent.packets, alerts[0].sent.ip_bytes), (4, 300));
}

#[test]
fn a_flow_without_start_is_unknown_until_another_tells() {
    let midway = |it: &mut Happening| it.flow.orientation = Orientation::FirstPacket;
    let mut world = World::new(&["203.0.113.5"]);
    world.flow(BAD, HOST, midway);
    assert_eq!(shown(&world.close()), ["unknown exchanged 10.0.0.1 203.0.113.5"]);
    world.flow(BAD, HOST, midway);
    world.flow(HOST, BAD, |_| ());
    world.flow(BAD, HOST, midway);
    let alerts = world.close();
    assert_eq!(shown(&alerts), ["outbound exchanged 10.0.0.1 203.0.113.5"]);
    assert_eq!(alerts[0].flows, 3);
}

/// SYN-ACKs or RSTs of the responder, and of the initiator what is given.
fn answered_only(it: &mut Happening, flags: u8, initiator: Counters) {
    it.flow.forward = initiator;
    it.flow.reverse = Counters { packets: 3, ip_bytes: 132, tcp_flags: flags, ..Counters::default() };
    it.flow.tcp = Some(TcpSummary { syn_ack: flags & 0x02 != 0, ..TcpSummary::default() });
}

#[test]
fn answers_from_outside_alone_tell_of_no_start() {
    let one = |tcp_flags| Counters { packets: 1, ip_bytes: 40, tcp_flags, ..Counters::default() };
    for (what, flags, initiator, expected) in [
        ("SYN-ACK", 0x12, Counters::default(), "unknown attempted"),
        ("RST", 0x14, Counters::default(), "unknown attempted"),
        ("SYN-ACK and our RST", 0x12, one(0x04), "unknown attempted"),
        ("SYN and SYN-ACK", 0x12, one(0x02), "outbound connected"),
        ("ACK and RST", 0x14, one(0x10), "outbound attempted"),
        (
            "SYN-ACK and our RST after data",
            0x12,
            Counters { payload_bytes: 9, ..one(0x14) },
            "outbound attempted",
        ),
    ] {
        let mut world = World::new(&["203.0.113.5"]);
        world.flow(HOST, BAD, |it| answered_only(it, flags, initiator));
        assert_eq!(shown(&world.close()), [format!("{expected} 10.0.0.1 203.0.113.5")], "{what}");
    }
    let mut world = World::new(&["203.0.113.5"]);
    world.flow(HOST, BAD, |it| {
        it.udp().flow.forward = Counters::default();
    });
    world.flow(OTHER_HOST, BAD, |it| {
        it.udp().flow.reverse = Counters::default();
    });
    assert_eq!(
        shown(&world.close()),
        ["unknown attempted 10.0.0.1 203.0.113.5", "outbound attempted 10.0.0.2 203.0.113.5"]
    );
    // What our own hosts answer, somebody asked for.
    let mut world = World::new(&["203.0.113.5"]);
    world.flow(BAD, HOST, |it| answered_only(it, 0x12, Counters::default()));
    assert_eq!(shown(&world.close()), ["inbound attempted - 203.0.113.5"]);
}

#[test]
fn icmp_errors_begin_nothing() {
    let mut world = World::new(&["203.0.113.5"]);
    world.flow("203.0.113.5:3", "10.0.0.1:1", |it| {
        (it.flow.protocol, it.flow.tcp, it.flow.icmp) = (Protocol::ICMP, None, Some((3, 1)));
    });
    assert_eq!(shown(&world.close()), ["unknown attempted 10.0.0.1 203.0.113.5"]);
}

#[test]
fn the_most_specific_indicator_rings_and_lists_the_others() {
    let ja4 = "j:t13d1516h2_8daaf6152771_e5627efa2ab1";
    let mut world = World::new(&[
        "203.0.113.5",
        "n:203.0.113.0/24",
        "p:203.0.113.5:443",
        "d:evil.example",
        "d:example",
        ja4,
    ]);
    world.flow(HOST, BAD, |it| {
        it.sni("www.evil.example");
    });
    let expected = "outbound exchanged 10.0.0.1 evil.example +example +203.0.113.5:443 +203.0.113.5 \
                    +203.0.113.0/24 +t13d1516h2_8daaf6152771_e5627efa2ab1";
    let alerts = world.close();
    assert_eq!(shown(&alerts), [expected]);
    assert_eq!(alerts[0].matched.len(), 1, "only what the ringing indicator met: {:?}", alerts[0].matched);
    assert_eq!(alerts[0].matched[0].field, Field::TlsSni);
}

#[test]
fn an_indicator_rings_where_it_is_the_most_specific() {
    let mut world = World::new(&["203.0.113.5", "d:evil.example", "n:203.0.113.0/24"]);
    world.flow(HOST, BAD, |it| {
        it.sni("evil.example");
    });
    world.flow(HOST, BAD, |it| {
        it.sni("good.example");
    });
    world.flow(OTHER_HOST, BAD, |it| {
        it.sni("evil.example");
    });
    assert_eq!(
        shown(&world.close()),
        [
            "outbound exchanged 10.0.0.1 evil.example +203.0.113.5 +203.0.113.0/24",
            "outbound exchanged 10.0.0.1 203.0.113.5 +203.0.113.0/24",
            "outbound exchanged 10.0.0.2 evil.example +203.0.113.5 +203.0.113.0/24",
        ]
    );
}

#[test]
fn a_lookup_and_the_contact_after_it_are_one_incident() {
    let mut world = World::new(&["203.0.113.5", "d:evil.example"]);
    world.lookup(100, HOST, RESOLVER, "www.evil.example", &["203.0.113.5"]);
    world.flow(HOST, BAD, |it| {
        it.at(101).sni("www.evil.example");
    });
    world.flow(HOST, BAD, |it| {
        it.at(102).passive(BAD, "www.evil.example", &[]);
    });
    let alerts = world.close();
    assert_eq!(shown(&alerts), ["outbound exchanged 10.0.0.1 evil.example +203.0.113.5"]);
    let alert = &alerts[0];
    let fields: Vec<Field> = alert.matched.iter().map(|met| met.field).collect();
    assert_eq!(fields, [Field::DnsQuestion, Field::TlsSni, Field::PassiveDns]);
    assert_eq!((alert.flows, alert.lookup_count), (3, 1));
    assert_eq!(alert.lookups[0].addresses, ips(&["203.0.113.5"]));
    assert_eq!((alert.first, alert.last), (Timestamp::new(100, 0), Timestamp::new(103, 0)));
    assert_eq!(alert.example.id, FlowId(2), "the first flow of the highest grade");
}

#[test]
fn lookups_become_part_of_a_more_specific_contact() {
    let mut world = World::new(&["d:evil.example", "u:www.evil.example/drop"]);
    world.lookup(100, HOST, RESOLVER, "www.evil.example", &[]);
    world.lookup(100, OTHER_HOST, RESOLVER, "www.evil.example", &[]);
    world.flow(HOST, BAD, |it| {
        it.at(101).http(RequestForm::Origin, "www.evil.example", "/drop");
    });
    let alerts = world.close();
    assert_eq!(
        shown(&alerts),
        [
            "outbound looked_up 10.0.0.2 evil.example",
            "outbound exchanged 10.0.0.1 www.evil.example/drop +evil.example",
        ]
    );
    assert_eq!((alerts[1].flows, alerts[1].lookup_count), (2, 1));
    assert_eq!(alerts[1].first, Timestamp::new(100, 0));
    assert_eq!(world.incidents.stats().incidents_absorbed, 1);
}

#[test]
fn lookups_of_another_day_stay_an_incident() {
    let mut world = World::new(&["d:evil.example", "u:www.evil.example/drop"]);
    world.lookup(100, HOST, RESOLVER, "www.evil.example", &[]);
    let two_days = 2 * 24 * 3600;
    world.flow(HOST, BAD, |it| {
        it.at(two_days).http(RequestForm::Origin, "www.evil.example", "/drop");
    });
    assert_eq!(world.close().len(), 2);
}

#[test]
fn unrelated_lookups_in_one_flow_are_incidents_of_their_own() {
    let mut world = World::new(&["d:evil.example", "d:worse.example", "10.0.0.53"]);
    world.flow(HOST, RESOLVER, |it| {
        it.facts.extend(dns("evil.example", &[]));
        it.facts.extend(dns("worse.example", &[]));
    });
    assert_eq!(
        shown(&world.close()),
        [
            "outbound looked_up 10.0.0.1 evil.example",
            "lateral exchanged 10.0.0.1 10.0.0.53",
            "outbound looked_up 10.0.0.1 worse.example",
        ]
    );
}

#[test]
fn several_hosts_said_in_one_flow_each_ring() {
    let mut world = World::new(&["d:evil.example", "d:worse.example", "203.0.113.5"]);
    world.flow(HOST, BAD, |it| {
        it.http(RequestForm::Origin, "evil.example", "/").http(RequestForm::Origin, "www.worse.example", "/");
    });
    let alerts = world.close();
    assert_eq!(
        shown(&alerts),
        [
            "outbound exchanged 10.0.0.1 evil.example +203.0.113.5",
            "outbound exchanged 10.0.0.1 worse.example"
        ]
    );
}

#[test]
fn two_clients_behind_one_address_are_told_apart() {
    let mut world = World::new(&["d:evil.example"]);
    world.lookup(100, HOST, RESOLVER, "evil.example", &["203.0.113.5"]);
    world.flow(HOST, BAD, |it| {
        it.passive(BAD, "evil.example", &[]);
    });
    world.flow(OTHER_HOST, BAD, |_| ());
    assert_eq!(shown(&world.close()), ["outbound exchanged 10.0.0.1 evil.example"]);
}

#[test]
fn passive_dns_gives_way_to_what_the_client_says() {
    for (said, asked, aliases, rings) in [
        (None, "evil.example", &[][..], true),
        (Some("evil.example"), "evil.example", &[], true),
        (Some("a.www.evil.example"), "www.evil.example", &[], true),
        (Some("edge.cdn.example"), "www.evil.example", &["edge.cdn.example"], true),
        (Some("good.example"), "evil.example", &["edge.cdn.example"], false),
        (Some("notevil.example"), "evil.example", &[], false),
        (Some("cdn.example"), "evil.example", &["edge.cdn.example"], false),
    ] {
        let mut world = World::new(&["d:www.evil.example", "h:evil.example"]);
        world.flow(HOST, BAD, |it| {
            it.passive(BAD, asked, aliases);
            // The name only, as if it were no indicator: what counts is whether the passive hit survives.
            if let Some(said) = said {
                it.named(said, NameSource::TlsSni);
            }
        });
        assert_eq!(world.close().len(), usize::from(rings), "{said:?} {asked}");
        assert_eq!(world.incidents.stats().hits_contradicted, u64::from(!rings), "{said:?} {asked}");
    }
}

#[test]
fn names_that_were_not_said_contradict_nothing() {
    let mut world = World::new(&["d:evil.example"]);
    world.flow(HOST, BAD, |it| {
        it.passive(BAD, "evil.example", &[]);
        it.named("good.example", NameSource::Certificate).named("other.example", NameSource::PassiveDnsOther);
    });
    assert_eq!(world.close().len(), 1);
}

#[test]
fn passive_dns_is_about_the_end_spoken_to() {
    let mut world = World::new(&["d:evil.example"]);
    world.flow("203.0.113.5:40000", "10.0.0.1:22", |it| {
        it.passive(BAD, "evil.example", &[]);
    });
    assert!(world.close().is_empty());
    assert_eq!(world.incidents.stats().hits_not_responder, 1);
}

#[test]
fn a_scanner_that_meets_resets_stays_attempted() {
    let mut world = World::new(&["203.0.113.5"]);
    for number in 0..200 {
        world.flow("203.0.113.5:40000", &format!("10.0.1.{number}:22"), |it| {
            it.refused();
        });
    }
    let alerts = world.close();
    assert_eq!(shown(&alerts), ["inbound attempted - 203.0.113.5"]);
    let alert = &alerts[0];
    assert_eq!((alert.flows, alert.touched_count, alert.touched.len()), (200, 200, MAX_LISTED_HOSTS));
    assert_eq!(alert.severity, Severity::Informational);
}

#[test]
fn grades_only_rise() {
    let mut world = World::new(&["203.0.113.5"]);
    world.flow(HOST, BAD, |it| {
        it.refused();
    });
    world.flow(HOST, BAD, |_| ());
    world.flow(HOST, BAD, |it| {
        it.refused();
    });
    let alerts = world.close();
    assert_eq!(shown(&alerts), ["outbound exchanged 10.0.0.1 203.0.113.5"]);
    assert_eq!(alerts[0].example.id, FlowId(2));
}

#[test]
fn one_sided_traffic_says_at_least() {
    let one_sided = |it: &mut Happening| {
        it.flow.reverse = Counters::default();
        it.flow.forward.acknowledged_bytes = 0;
    };
    let mut world = World::new(&["203.0.113.5"]);
    world.flow(HOST, BAD, one_sided);
    let alerts = world.close();
    assert_eq!((alerts[0].grade, alerts[0].at_least), (Grade::Connected, true));
    world.flow(HOST, BAD, one_sided);
    world.flow(HOST, BAD, |_| ());
    let alerts = world.close();
    assert_eq!((alerts[0].grade, alerts[0].at_least), (Grade::Exchanged, false));
}

#[test]
fn who_asks_decides_the_direction_of_a_lookup() {
    let mut world = World::new(&["d:evil.example"]);
    world.lookup(100, HOST, RESOLVER, "evil.example", &[]);
    world.lookup(101, OTHER_HOST, "198.51.100.53:53", "evil.example", &[]);
    world.lookup(102, "198.51.100.1:50000", RESOLVER, "evil.example", &[]);
    world.lookup(103, "198.51.100.1:50000", "198.51.100.53:53", "evil.example", &[]);
    let alerts = world.close();
    assert_eq!(
        shown(&alerts),
        [
            "outbound looked_up 10.0.0.1 evil.example",
            "outbound looked_up 10.0.0.2 evil.example",
            "inbound looked_up - evil.example",
            "transit looked_up 198.51.100.1 evil.example",
        ]
    );
    assert_eq!(alerts[2].touched, ips(&["10.0.0.53"]));
}

#[test]
fn an_answer_alone_is_dated_by_its_question() {
    let mut world = World::new(&["203.0.113.9"]);
    world.flow(HOST, RESOLVER, |it| {
        it.udp();
        it.flow.dns_messages = (1, 1);
        it.facts.extend(dns("good.example", &["203.0.113.9"]));
        it.flow.first = Timestamp::new(99, 0);
    });
    let alerts = world.close();
    assert_eq!(alerts[0].lookups[0].time, Timestamp::new(99, 0));
    assert_eq!(alerts[0].matched[0].field, Field::DnsAnswer);
}

#[test]
fn a_tunnel_lies_between_its_own_hosts() {
    let mut world = World::new(&["198.51.100.9", "203.0.113.5"]);
    let tunnel = |source: &str, destination: &str| Tunnel {
        kind: TunnelKind::Gre,
        source: ips(&[source])[0],
        destination: ips(&[destination])[0],
        id: None,
    };
    for host in [HOST, OTHER_HOST] {
        world.flow(host, BAD, |it| {
            it.flow.tunnels.push(tunnel("10.9.9.9", "198.51.100.9"));
        });
    }
    let alerts = world.close();
    assert_eq!(
        shown(&alerts),
        [
            "outbound exchanged 10.0.0.1 203.0.113.5",
            "outbound exchanged 10.9.9.9 198.51.100.9",
            "outbound exchanged 10.0.0.2 203.0.113.5",
        ]
    );
    let tunnels: Vec<_> = alerts.iter().map(|alert| alert.tunnel).collect();
    assert_eq!(tunnels, [None, Some(tunnel("10.9.9.9", "198.51.100.9")), None]);
    world.flow("198.18.0.1:1", "198.18.0.2:1", |it| {
        it.flow.tunnels.push(tunnel("198.51.100.9", "10.9.9.9"));
    });
    let alerts = world.close();
    assert_eq!(shown(&alerts), ["inbound exchanged - 198.51.100.9"]);
    assert_eq!(alerts[0].touched, ips(&["10.9.9.9"]));
}

#[test]
fn a_long_conversation_is_one_flow() {
    let mut world = World::new(&["d:evil.example"]);
    world.flow(HOST, BAD, |it| {
        it.sni("evil.example");
        it.flow.end = EndReason::Active;
    });
    for second in [200, 300] {
        world.flow(HOST, BAD, |it| {
            it.at(second);
            it.flow.continues = Some(FlowId(it.flow.id.0 - 1));
            it.flow.end = if second == 200 { EndReason::Active } else { EndReason::Fin };
        });
    }
    world.flow(HOST, BAD, |it| {
        it.at(400);
    });
    let alerts = world.close();
    assert_eq!(shown(&alerts), ["outbound exchanged 10.0.0.1 evil.example"]);
    assert_eq!((alerts[0].flows, alerts[0].sent.payload_bytes), (1, 300));
    assert_eq!(alerts[0].last, Timestamp::new(301, 0));
}

#[test]
fn a_name_asked_for_during_a_conversation_does_not_ring_for_its_next_record() {
    let mut world = World::new(&["d:evil.example"]);
    world.flow(HOST, BAD, |it| {
        it.sni("good.example");
        it.flow.end = EndReason::Active;
    });
    world.flow(HOST, BAD, |it| {
        it.at(200).passive(BAD, "evil.example", &[]);
        it.flow.continues = Some(FlowId(1));
    });
    assert!(world.close().is_empty());
    assert_eq!(world.incidents.stats().hits_continued, 1);
}

#[test]
fn names_of_the_flows_are_listed_first_ones_first() {
    let mut world = World::new(&["203.0.113.5"]);
    for number in (0..40).rev() {
        let text = format!("{number}.good.example");
        world.flow(HOST, BAD, |it| {
            it.at(100 + number).named(&text, NameSource::TlsSni);
        });
    }
    let alerts = world.close();
    assert_eq!(alerts[0].names.len(), MAX_NAMES);
    assert_eq!(alerts[0].names[0].0, name("0.good.example"));
    assert_eq!(alerts[0].names[MAX_NAMES - 1].0, name("31.good.example"));
}

#[test]
fn both_ends_in_one_network_are_about_the_one_that_began() {
    let mut world = World::new(&["n:198.51.100.0/24", "n:192.0.2.0/24"]);
    world.flow("198.51.100.1:50000", "198.51.100.2:80", |_| ());
    world.flow("192.0.2.1:50000", "198.18.0.1:80", |_| ());
    assert_eq!(
        shown(&world.close()),
        ["transit exchanged 198.51.100.1 198.51.100.0/24", "transit exchanged 198.18.0.1 192.0.2.0/24"]
    );
}

#[test]
fn an_address_said_to_a_proxy_goes_with_the_name_said_through_it() {
    let mut world = World::new(&["203.0.113.5", "d:evil.example"]);
    world.flow(HOST, "10.0.0.8:3128", |it| {
        let request = HttpRequest {
            method: "CONNECT".into(),
            host: Some(HttpHost::Address(ips(&["203.0.113.5"])[0])),
            port: Some(443),
            path: "".into(),
            user_agent: None,
            form: RequestForm::Connect,
        };
        it.facts.push(Fact::HttpRequest(Arc::new(request)));
        it.sni("evil.example");
    });
    assert_eq!(shown(&world.close()), ["outbound exchanged 10.0.0.1 evil.example +203.0.113.5"]);
}

#[test]
fn several_meetings_of_one_flow_count_it_once() {
    let mut world = World::new(&["d:evil.example"]);
    world.flow(HOST, RESOLVER, |it| {
        it.facts.extend(dns("a.evil.example", &[]));
        it.facts.extend(dns("b.evil.example", &[]));
    });
    let alerts = world.close();
    assert_eq!((alerts[0].flows, alerts[0].sent.payload_bytes, alerts[0].lookup_count), (1, 100, 2));
}

#[test]
fn a_flow_taken_for_the_other_way_round_is_still_counted_from_the_host() {
    let mut world = World::new(&["d:evil.example"]);
    world.flow(RESOLVER, HOST, |it| {
        it.facts.extend(dns("evil.example", &[]));
        it.is_turned = true;
    });
    let alerts = world.close();
    assert_eq!(shown(&alerts), ["outbound looked_up 10.0.0.1 evil.example"]);
    assert_eq!((alerts[0].sent.payload_bytes, alerts[0].received.payload_bytes), (1000, 100));
}

#[test]
fn a_tunnel_is_turned_with_its_flow() {
    let mut world = World::new(&["198.51.100.9"]);
    world.flow(HOST, "10.0.0.8:80", |it| {
        it.is_turned = true;
        let (source, destination) = (ips(&["198.51.100.9"])[0], ips(&["192.0.2.9"])[0]);
        it.flow.tunnels.push(Tunnel { kind: TunnelKind::Gre, source, destination, id: None });
    });
    // The outer destination began, because the first packet inside was the answer.
    let alerts = world.close();
    assert_eq!(shown(&alerts), ["transit exchanged 192.0.2.9 198.51.100.9"]);
    let tunnel = alerts[0].tunnel.unwrap();
    assert_eq!([tunnel.source, tunnel.destination], ips(&["192.0.2.9", "198.51.100.9"])[..]);
}

#[test]
fn a_later_record_of_a_forgotten_flow_counts_as_a_flow() {
    let mut world = World::new(&["203.0.113.5"]);
    world.flow(HOST, BAD, |it| it.flow.continues = Some(FlowId(99)));
    assert_eq!(world.close()[0].flows, 1);
}

#[test]
fn one_flow_seen_one_sided_is_enough_to_say_at_least() {
    let mut world = World::new(&["203.0.113.5"]);
    world.flow(HOST, BAD, |it| {
        it.flow.reverse = Counters::default();
        it.flow.forward.acknowledged_bytes = 0;
    });
    world.flow(HOST, BAD, |it| {
        it.refused();
    });
    let alerts = world.close();
    assert_eq!((alerts[0].grade, alerts[0].at_least), (Grade::Connected, true));
}

#[test]
fn lookups_are_no_contact_to_be_part_of() {
    let mut world = World::new(&["d:evil.example", "h:www.evil.example"]);
    world.lookup(100, HOST, RESOLVER, "www.evil.example", &[]);
    world.lookup(101, HOST, RESOLVER, "b.evil.example", &[]);
    assert_eq!(world.close().len(), 2);
}

#[test]
fn lookups_are_not_part_of_open_lookups_either() {
    let mut world = World::new(&["d:evil.example", "h:www.evil.example"]);
    world.lookup(100, HOST, RESOLVER, "b.evil.example", &[]);
    world.lookup(5000, HOST, RESOLVER, "www.evil.example", &[]);
    let alerts = world.incidents.close_quiet(Timestamp::new(102 + 24 * 3600, 0));
    assert_eq!(shown(&alerts), ["outbound looked_up 10.0.0.1 evil.example"]);
}

#[test]
fn look_ups_are_no_connections_and_count_only_where_there_is_nothing_else() {
    let mut world = World::new(&["d:evil.example"]);
    let ask = |world: &mut World| world.lookup(100, HOST, RESOLVER, "evil.example", &["203.0.113.5"]);
    ask(&mut world);
    let alone = world.close().remove(0);
    assert_eq!((alone.flows, alone.connections, alone.sent.payload_bytes), (1, 0, 100));
    ask(&mut world);
    for _ in 0..2 {
        world.flow(HOST, BAD, |it| {
            it.at(101).sni("evil.example");
        });
    }
    let both = world.close().remove(0);
    assert_eq!((both.flows, both.connections, both.lookup_count), (3, 2, 1));
    assert_eq!((both.sent.payload_bytes, both.received.payload_bytes), (200, 2000));
}
