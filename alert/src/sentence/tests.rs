use super::*;
use crate::samples::{alert, end, indicator, ip, lookup, name, plain_flow};
use std::sync::Arc;
use weir_model::alert::{Match, Rewritten};
use weir_model::flow::Flow;
use weir_model::{Indicator, IndicatorValue, Protocol};

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

fn assert_says(alert: &Alert, parts: &[&str]) {
    let sentence = sentence(alert);
    for part in parts {
        assert!(sentence.contains(part), "no “{part}” in: {sentence}");
    }
}

#[test]
fn roles_change_what_is_to_be_done() {
    let mut asked = alert(Direction::Outbound, Grade::LookedUp);
    asked.unknown_client = true;
    asked.roles = vec![Role::Resolver];
    assert_says(
        &asked,
        &[
            "10.1.2.3 (resolver) asked 10.1.0.53 for evil.example on behalf of an unknown client at 2025-11-22T08:26:40.25Z from port 40000",
            ": find the client in the resolver's query log.",
        ],
    );
    let mut translated = alert(Direction::Outbound, Grade::Exchanged);
    translated.roles = vec![Role::Nat];
    assert_says(
        &translated,
        &[
            ": look up in the translation log which host had port 51000 of 10.1.2.3 at 2025-11-22T08:26:40.25Z.",
        ],
    );
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
    assert_says(&inbound, &[": 10.1.2.4 opened connections to it afterwards, so treat as compromised"]);
    let mut outbound = alert(Direction::Outbound, Grade::Exchanged);
    outbound.touched_before = Some(crate::samples::FIRST);
    outbound.other_host_count = 2;
    outbound.at_least = true;
    assert_says(
        &outbound,
        &["at least 12 kB", "had come to this host from outside at 2025", "2 other inside hosts met it too"],
    );
    let mut attempted = alert(Direction::Outbound, Grade::Attempted);
    attempted.example =
        Arc::new(Flow { protocol: Protocol::ICMP, responder: end("203.0.113.9", 0), ..plain_flow() });
    assert_says(&attempted, &["tried to reach 203.0.113.9 ("]);
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
            Field::FlowAddress => assert!(said.contains("known here as known.example"), "{said}"),
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
