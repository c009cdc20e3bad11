use super::*;
use crate::samples::{self, alert, end, exported_alert, indicator, ip, lookup, name, plain_flow, translated};
use std::sync::Arc;
use weir_model::alert::{Match, Rewritten, Traffic};
use weir_model::flow::{Counters, Flow, Tunnel};
use weir_model::{ClockQuality, Indicator, IndicatorValue, Protocol};

/// The sentences that people read, one for every direction and grade: sentences.txt.
#[test]
fn every_direction_and_grade_has_its_sentence() {
    let mut all = String::new();
    for direction in Direction::ALL {
        for grade in Grade::ALL {
            let _ = writeln!(all, "[{direction}, {grade}]\n{}\n", sentence(&alert(*direction, *grade)));
        }
    }
    assert_eq!(all, include_str!("sentences.txt"), "\n{all}");
}

/// The same of flows that a router told of, sampled: sentences_exported.txt.
#[test]
fn every_direction_and_grade_has_its_sentence_where_routers_tell() {
    let mut all = String::new();
    for direction in Direction::ALL {
        for grade in Grade::ALL {
            let alert = exported_alert(*direction, *grade);
            let _ = writeln!(all, "[{direction}, {grade}]\n{}\n", sentence(&alert));
        }
    }
    assert_eq!(all, include_str!("sentences_exported.txt"), "\n{all}");
}

/// An alert about a flow that a router told of, changed.
fn told(direction: Direction, grade: Grade, change: impl FnOnce(&mut Alert, &mut Flow)) -> Alert {
    let mut alert = exported_alert(direction, grade);
    let mut example = Flow::clone(&alert.example);
    change(&mut alert, &mut example);
    alert.example = Arc::new(example);
    alert
}

fn unsampled(alert: &mut Alert, example: &mut Flow) {
    alert.sampling = None;
    example.exported.as_mut().unwrap().sampling = None;
}

#[test]
fn what_routers_do_not_tell_is_not_denied() {
    let one_sided = told(Direction::Outbound, Grade::Connected, |alert, example| {
        unsampled(alert, example);
        example.forward = Counters::default();
        (alert.sent, alert.connections) = (Traffic::default(), 1);
    });
    assert_says(
        &one_sided,
        &["“C2 of X”), as router 192.0.2.1 tells (NetFlow v9): at least connected, 12 kB received. Find"],
    );
    let unknown = told(Direction::Unknown, Grade::Attempted, |_, example| {
        example.forward = Counters::default();
        example.reverse = Counters { packets: 1, ip_bytes: 44, tcp_flags: 0x12, ..Counters::default() };
    });
    assert_says(
        &unknown,
        &["were in contact in 3", "(who began was not seen), as router", "only if more follows"],
    );
    let seen = told(Direction::Outbound, Grade::Attempted, |alert, example| {
        unsampled(alert, example);
        alert.at_least = false;
    });
    assert_says(&seen, &["tried to reach 203.0.113.9:443 (", ", without answer, as router 192.0.2.1 tells"]);
    let denied = told(Direction::Inbound, Grade::Attempted, |alert, example| {
        unsampled(alert, example);
        (alert.at_least, alert.touched_count) = (false, 1);
        let exported = example.exported.as_mut().unwrap();
        exported.firewall_event = Some(3);
        exported.responder_translated = Some(end("10.1.2.3", 8022));
        example.responder = end("198.51.100.1", 22);
    });
    let expected = "tried the inside host 10.1.2.3:8022 in 3 connections over 60 min, which the firewall denied, \
                    as firewall 192.0.2.1 tells (NetFlow v9). Nothing got through";
    assert_says(&denied, &[expected]);
    let connected = |direction| {
        told(direction, Grade::Connected, |alert, example| {
            unsampled(alert, example);
            alert.at_least = false;
        })
    };
    let [outbound, inbound, unseen] =
        [Direction::Outbound, Direction::Inbound, Direction::Unknown].map(connected);
    assert_says(
        &outbound,
        &["10.1.2.3 connected to 203.0.113.9:443 (", "min, 2.0 kB sent, 12 kB received, as router"],
    );
    assert_says(&inbound, &["reached 40 inside hosts (", "min, 12 kB came in, 2.0 kB went out, as router"]);
    assert_says(&unseen, &["answered each other in 3", "min, 2.0 kB sent, 12 kB received (who began"]);
    for alert in [&one_sided, &unknown, &outbound, &inbound, &unseen] {
        let said = sentence(alert);
        for word in ["without", "only answers", "nothing", "Nothing", "not captured"] {
            assert!(!said.contains(word), "{word}: {said}");
        }
    }
}

#[test]
fn routers_and_sampling_are_named() {
    let two = told(Direction::Outbound, Grade::Exchanged, |_, example| {
        example.exported = samples::exported_flow().exported;
        example.exported.as_mut().unwrap().firewall_event = None;
    });
    assert_says(&two, &["as routers 192.0.2.1, 192.0.2.2 tell (NetFlow v9), sampled 1 in 1000. Isolate"]);
    let in_part = told(Direction::Outbound, Grade::Exchanged, |_, example| example.exported = None);
    assert_says(&in_part, &["received, part of it as routers tell, sampled 1 in 1000. Isolate"]);
    let asked = told(Direction::Outbound, Grade::LookedUp, |alert, _| {
        (alert.lookups[0].addresses, alert.lookups[0].cut) = (Vec::new(), true);
    });
    assert_says(&asked, &["at 2025-11-22T08:26:40.25Z, as router 192.0.2.1 tells"]);
}

fn assert_says(alert: &Alert, parts: &[&str]) {
    let sentence = sentence(alert);
    for part in parts {
        assert!(sentence.contains(part), "no “{part}” in: {sentence}");
    }
}

#[test]
fn a_clock_that_nothing_keeps_is_said() {
    let mut alert = alert(Direction::Outbound, Grade::Exchanged);
    let before = sentence(&alert);
    alert.clock = Some(samples::kept_clock());
    assert_eq!(sentence(&alert), before, "a clock that is kept is nothing to tell");
    alert.clock = Some(ClockQuality::Unsynchronised);
    assert_says(&alert, &[". Nothing keeps the clock of Weir's machine: times may be wrong. Isolate"]);
    let told = told(Direction::Outbound, Grade::Connected, |told, _| told.clock = alert.clock);
    assert_says(&told, &["its own times may be wrong, those of routers are theirs."]);
}

#[test]
fn roles_change_what_is_to_be_done() {
    let mut asked = alert(Direction::Outbound, Grade::LookedUp);
    asked.unknown_client = true;
    asked.roles = vec![Role::Resolver];
    assert_says(
        &asked,
        &[
            "10.1.2.3 (resolver) asked 10.1.0.53 for evil.example (listed by bad.txt as “C2 of X”) at 2025-11-22T08:26:40.25Z \
             from port 40000, for a client that is not in view. Find the client in the resolver's query log.",
        ],
    );
    let mut of_nat = alert(Direction::Outbound, Grade::Exchanged);
    of_nat.roles = vec![Role::Nat];
    of_nat.translated = vec![translated(51_000)];
    let asked = "Look up in the translation log who had port 51000 of 10.1.2.3 at 2025-11-22T08:26:40.25Z";
    assert_says(&of_nat, &[&format!(" {asked}.")]);
    of_nat.translated.push(translated(51_001));
    assert_says(&of_nat, &[&format!(" {asked} (1 more in weir.nat).")]);
    for (role, part) in [
        (Role::Proxy, "log of the proxy"),
        (Role::Mail, "find the message"),
        (Role::Tor, "by its task"),
        (Role::Scanner, "by its task"),
        (Role::Honeypot, "by its task"),
    ] {
        let mut with_role = alert(Direction::Outbound, Grade::LookedUp);
        with_role.roles = vec![role];
        assert_says(&with_role, &[role_text(role), part]);
    }
}

#[test]
fn answers_are_told() {
    let told = |change: fn(&mut Lookup)| {
        let mut asked = alert(Direction::Outbound, Grade::LookedUp);
        change(&mut asked.lookups[0]);
        sentence(&asked)
    };
    assert!(told(|lookup| lookup.rcode = Some(3)).contains("and was told NXDOMAIN"));
    assert!(told(|lookup| lookup.addresses.clear()).contains("told of no address"));
    assert!(
        told(|lookup| lookup.rewritten = Some(Rewritten::PolicyAlias)).contains("seems to have rewritten")
    );
    assert!(!told(|lookup| lookup.rcode = None).contains("told"));
    let mut often = alert(Direction::Outbound, Grade::LookedUp);
    often.lookup_count = 12;
    assert_says(&often, &["12 times, first at"]);
    let mut asked = alert(Direction::Transit, Grade::LookedUp);
    asked.lookups = vec![Lookup { client: end("198.51.100.77", 5353), ..lookup() }];
    assert_says(&asked, &["Outside your networks, 198.51.100.77 asked"]);
}

#[test]
fn what_else_weighs_is_said() {
    let mut inbound = alert(Direction::Inbound, Grade::Exchanged);
    inbound.called_back = vec![ip("10.1.2.4")];
    assert_says(&inbound, &["Afterwards 10.1.2.4 opened connections to it: isolate and examine."]);
    let mut outbound = alert(Direction::Outbound, Grade::Exchanged);
    outbound.touched_before = Some(samples::FIRST);
    outbound.other_host_count = 2;
    outbound.at_least = true;
    assert_says(
        &outbound,
        &["at least 12 kB", "It had contacted this host before, at 2025", "2 other inside hosts met it too"],
    );
    for (unseen, part) in [
        (
            0,
            "10.1.2.3 sent 203.0.113.9:443 (TLS server name evil.example, listed by bad.txt as “C2 of X”) 1.4 kB in 3",
        ),
        (1, "10.1.2.3 received 11 kB from 203.0.113.9:443 ("),
    ] {
        let mut one_sided = alert(Direction::Outbound, Grade::Exchanged);
        *[&mut one_sided.received, &mut one_sided.sent][unseen] = Traffic::default();
        assert_says(&one_sided, &[part, "was not captured. Isolate"]);
    }
    let mut named = alert(Direction::Outbound, Grade::Exchanged);
    named.matched.insert(0, Match { field: Field::PassiveDns, value: "evil.example".into() });
    assert_says(&named, &["(TLS server name evil.example, "]);
    let mut pinged = alert(Direction::Outbound, Grade::Connected);
    pinged.example = Arc::new(Flow { protocol: Protocol::ICMP, ..plain_flow() });
    assert_says(&pinged, &["answered each other in 3 flows over 60 min. Find"]);
    let mut attempted = alert(Direction::Outbound, Grade::Attempted);
    attempted.example =
        Arc::new(Flow { protocol: Protocol::ICMP, responder: end("203.0.113.9", 0), ..plain_flow() });
    assert_says(&attempted, &["tried to reach 203.0.113.9 (", "in 3 flows over 60 min"]);
    attempted.connections = 1;
    assert!(!sentence(&attempted).contains("flow"));
}

#[test]
fn the_side_on_which_it_is_known_is_said() {
    use weir_model::indicator::Side;
    let mut outbound = alert(Direction::Outbound, Grade::Exchanged);
    outbound.known_as = Some(Side::Source);
    assert_says(
        &outbound,
        &["received. Its sources know it as an attacker that begins, not as a server: less urgent. Isolate"],
    );
    outbound.known_as = Some(Side::Destination);
    assert_says(&outbound, &["Its sources know it as a server, not as one that begins: less urgent."]);
}

#[test]
fn what_warninglists_did_is_said() {
    use weir_model::{Effect, Indicator, Warning};
    let mut outbound = alert(Direction::Outbound, Grade::Exchanged);
    let warning = |list: &str, effect| Warning { list: list.into(), effect };
    let warnings = [
        warning("Amazon", Effect::Lower),
        warning("CDN\u{202e}", Effect::Shared),
        warning("sinkholes", Effect::Raise),
    ];
    let value = IndicatorValue::Address(ip("203.0.113.9"));
    outbound.indicator = Arc::new(Indicator { warnings: warnings.into(), ..(*indicator(value)).clone() });
    assert!(!sentence(&outbound).contains("warninglist"), "it moved nothing");
    outbound.warned = Some(Effect::Lower);
    assert_says(
        &outbound,
        &["The warninglists “Amazon”, “CDN\\u{202e}” hold it; much that is harmless meets it: less urgent."],
    );
    outbound.warned = Some(Effect::Raise);
    assert_says(
        &outbound,
        &["The warninglist “sinkholes” holds it; only what is infected speaks to it: more urgent."],
    );
}

#[test]
fn a_tunnel_is_told_with_its_own_ends() {
    let mut tunnelled = alert(Direction::Outbound, Grade::Exchanged);
    let bad = ip("198.51.100.9");
    tunnelled.indicator = indicator(IndicatorValue::Address(bad));
    tunnelled.matched = vec![Match { field: Field::TunnelAddress, value: "198.51.100.9".into() }];
    tunnelled.tunnel = Some(Tunnel { source: ip("10.1.2.3"), destination: bad, ..samples::tunnel() });
    tunnelled.example = Arc::new(Flow { initiator: end("172.16.0.1", 51_000), ..plain_flow() });
    assert_says(
        &tunnelled,
        &["10.1.2.3 carries a VXLAN tunnel with 198.51.100.9 (listed by bad.txt as “C2 of X”), \
             inside which 172.16.0.1 exchanged 12 kB with 203.0.113.9:443 in 3 connections over 60 min. \
             Find out whether 10.1.2.3 should have this tunnel, and close it if not."],
    );
    let event = samples::parsed(|lines| crate::ecs::alert(&tunnelled, lines));
    assert_eq!(event["weir"]["incident"]["began"], "10.1.2.3");
    assert_eq!(event["weir"]["incident"]["tunnel"]["ip"], serde_json::json!(["10.1.2.3", "198.51.100.9"]));
    assert_eq!(event["source"]["ip"], "172.16.0.1");
    // The other way round: the outside end began, and what it sent is the source's.
    let (sent, received) = (tunnelled.sent.ip_bytes, tunnelled.received.ip_bytes);
    assert_eq!(event["source"]["bytes"], sent);
    tunnelled.tunnel = Some(Tunnel { source: bad, destination: ip("10.1.2.3"), ..samples::tunnel() });
    let event = samples::parsed(|lines| crate::ecs::alert(&tunnelled, lines));
    assert_eq!(event["source"]["bytes"], received);
    assert_says(&tunnelled, &["10.1.2.3 carries a VXLAN tunnel with 198.51.100.9 ("]);
}

#[test]
fn the_indicator_is_said_once_and_what_is_known_of_it_beside() {
    let remark = |value: IndicatorValue, field, matched: &str, contexts: usize| {
        let mut met = alert(Direction::Outbound, Grade::Exchanged);
        let mut listed = Indicator::clone(&indicator(value));
        listed.contexts.truncate(contexts);
        met.indicator = Arc::new(listed);
        met.matched = vec![Match { field, value: matched.into() }];
        met.names.clear();
        let said = sentence(&met);
        let (_, from) = said.split_once("203.0.113.9:443 (").unwrap();
        from.split_once(')').unwrap().0.to_owned()
    };
    let address = || IndicatorValue::Address(ip("203.0.113.9"));
    let field = Field::FlowAddress;
    assert_eq!(remark(address(), field, "203.0.113.9", 1), "listed by bad.txt as “C2 of X”");
    assert_eq!(remark(address(), field, "203.0.113.9", 0), "listed");
    let with_port = IndicatorValue::AddressPort(ip("203.0.113.9"), 443);
    assert_eq!(remark(with_port, field, "203.0.113.9:443", 0), "listed");
    let network = IndicatorValue::Network("203.0.113.0/24".parse().unwrap());
    assert_eq!(remark(network, field, "203.0.113.9", 0), "in 203.0.113.0/24, listed");
    let domain = || IndicatorValue::Domain(name("evil.example"));
    assert_eq!(remark(domain(), Field::TlsSni, "evil.example", 0), "TLS server name evil.example, listed");
    assert_eq!(
        remark(domain(), Field::TlsSni, "www.evil.example", 0),
        "TLS server name www.evil.example; evil.example is listed"
    );
}

#[test]
fn answers_that_nobody_asked_for_are_told_as_such() {
    let mut backscatter = alert(Direction::Unknown, Grade::Attempted);
    let mut flow = plain_flow();
    flow.forward = Counters::default();
    flow.reverse = Counters { packets: 3, ip_bytes: 132, tcp_flags: 0x12, ..Counters::default() };
    backscatter.example = Arc::new(flow.clone());
    assert_says(
        &backscatter,
        &["203.0.113.9:443 (", "sent 10.1.2.3 only SYN-ACK or RST in 3", "backscatter"],
    );
    flow.protocol = Protocol::UDP;
    backscatter.example = Arc::new(flow.clone());
    assert_says(&backscatter, &["sent 10.1.2.3 only answers in 3 flows", "forged senders"]);
    flow.protocol = Protocol::TCP;
    let mut inbound = alert(Direction::Inbound, Grade::Attempted);
    (flow.initiator, flow.responder) = (flow.responder, flow.initiator);
    inbound.example = Arc::new(flow);
    assert_says(&inbound, &["was answered by 40 inside hosts (", "no more was captured. Block it"]);
}

#[test]
fn every_field_has_its_words() {
    for field in Field::ALL {
        let mut met = alert(Direction::Outbound, Grade::Exchanged);
        met.matched = vec![Match { field: *field, value: "VALUE".into() }];
        met.names = vec![(name("known.example"), weir_model::flow::NameSource::PassiveDnsClient)];
        let said = sentence(&met);
        match field {
            Field::DnsQuestion | Field::DnsCname | Field::DnsAnswer => {
                assert!(!said.contains("VALUE"), "{said}");
            }
            Field::FlowAddress | Field::TunnelAddress => {
                assert!(said.contains("known here as known.example"), "{said}");
            }
            _ => assert!(said.contains("VALUE"), "{said}"),
        }
    }
}

#[test]
fn strangers_cannot_write_the_sentence() {
    let mut hostile = alert(Direction::Outbound, Grade::Exchanged);
    let mut listed = Indicator::clone(&indicator(IndicatorValue::Domain(name("evil.example"))));
    listed.contexts[0].description = Some(format!("\x1b[2J\u{202e}{}", "x".repeat(5000)).into());
    hostile.indicator = Arc::new(listed);
    hostile.matched[0].value = "y\n".repeat(5000).into();
    let sentence = sentence(&hostile);
    assert!(
        !sentence.contains(|character: char| character.is_control() || character == '\u{202e}'),
        "{sentence}"
    );
    assert!(sentence.len() < 800, "{}", sentence.len());
}
