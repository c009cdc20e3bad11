use super::*;
use weir_model::alert::Severity;

const TOUCHED: &str = "10.0.0.1:22";
const SCANNER: &str = "203.0.113.5:40000";

#[test]
fn a_touched_host_that_calls_back_is_urgent() {
    let mut world = World::new(&["203.0.113.5"]);
    world.flow(SCANNER, TOUCHED, |it| {
        it.at(100).refused();
    });
    world.flow(SCANNER, "10.0.0.3:22", |it| {
        it.at(100).refused();
    });
    world.flow(HOST, BAD, |it| {
        it.at(200).refused();
    });
    world.flow(OTHER_HOST, BAD, |it| {
        it.at(200).refused();
    });
    let alerts = world.close();
    assert_eq!(
        shown(&alerts),
        [
            "inbound attempted - 203.0.113.5",
            "outbound attempted 10.0.0.1 203.0.113.5",
            "outbound attempted 10.0.0.2 203.0.113.5",
        ]
    );
    assert_eq!(alerts[0].called_back, ips(&["10.0.0.1"]));
    assert_eq!(alerts[0].touched, ips(&["10.0.0.1", "10.0.0.3"]));
    assert_eq!(
        (alerts[0].other_host_count, &alerts[0].other_hosts),
        (1, &ips(&["10.0.0.2"])),
        "not those touched"
    );
    assert_eq!(alerts[1].touched_before, Some(Timestamp::new(100, 0)));
    assert_eq!(alerts[2].touched_before, None);
    let severities: Vec<Severity> = alerts.iter().map(|alert| alert.severity).collect();
    assert_eq!(severities, [Severity::Low, Severity::High, Severity::Medium]);
}

#[test]
fn a_host_that_called_before_it_was_touched_did_not_call_back() {
    let mut world = World::new(&["203.0.113.5"]);
    world.flow(HOST, BAD, |it| {
        it.at(100);
    });
    world.flow(SCANNER, TOUCHED, |it| {
        it.at(200);
    });
    let alerts = world.close();
    assert!(alerts.iter().all(|alert| alert.called_back.is_empty() && alert.touched_before.is_none()));
    world.flow(HOST, BAD, |it| {
        it.at(100);
    });
    world.flow(SCANNER, TOUCHED, |it| {
        it.at(200);
    });
    world.flow(HOST, BAD, |it| {
        it.at(300);
    });
    let alerts = world.close();
    assert_eq!(alerts[0].touched_before, Some(Timestamp::new(200, 0)));
}

#[test]
fn a_lookup_is_not_calling_back() {
    let mut world = World::new(&["203.0.113.5"]);
    world.flow(SCANNER, TOUCHED, |it| {
        it.at(100);
    });
    world.lookup(200, HOST, RESOLVER, "good.example", &["203.0.113.5"]);
    let alerts = world.close();
    assert_eq!(alerts.len(), 2);
    assert!(alerts.iter().all(|alert| alert.called_back.is_empty() && alert.touched_before.is_none()));
}

#[test]
fn calling_back_counts_also_where_another_indicator_rings() {
    let mut world = World::new(&["203.0.113.5", "d:evil.example"]);
    world.flow(SCANNER, TOUCHED, |it| {
        it.at(100);
    });
    world.flow(HOST, BAD, |it| {
        it.at(200).sni("evil.example");
    });
    let alerts = world.close();
    assert_eq!(alerts[0].called_back, ips(&["10.0.0.1"]));
    assert_eq!(alerts[1].indicator.value, value("d:evil.example"));
    assert_eq!(alerts[1].touched_before, Some(Timestamp::new(100, 0)));
}

#[test]
fn other_hosts_with_the_same_indicator_are_listed() {
    let mut world = World::new(&["203.0.113.5", "d:evil.example"]);
    for number in 1..=70_u64 {
        world.flow(&format!("10.0.1.{number}:50000"), BAD, |it| {
            it.at(1000 - number);
        });
    }
    world.flow(HOST, BAD, |it| {
        it.at(5000).sni("evil.example");
    });
    world.flow(SCANNER, "10.0.0.9:22", |it| {
        it.at(6000);
    });
    world.flow(OTHER_HOST, "203.0.113.6:80", |it| {
        it.sni("good.example");
    });
    let alerts = world.close();
    let of = |host: Option<&str>| {
        let host = host.map(|text| ips(&[text])[0]);
        alerts.iter().find(|alert| alert.host == host).unwrap()
    };
    let last = of(Some("10.0.1.70"));
    assert_eq!((last.other_host_count, last.other_hosts.len()), (70, MAX_LISTED_HOSTS));
    assert_eq!(last.other_hosts[0], ips(&["10.0.1.69"])[0], "first met first, without the host itself");
    assert!(!last.other_hosts.contains(&ips(&["10.0.1.70"])[0]));
    let inbound = of(None);
    assert_eq!(inbound.other_host_count, 71, "also the host for which the domain rang");
    assert_eq!(of(Some("10.0.0.1")).other_host_count, 0, "nobody else met the domain");
}

#[test]
fn after_the_quiet_period_a_linked_incident_opens() {
    let day = 24 * 3600;
    let mut world = World::new(&["203.0.113.5"]);
    for second in [100, 100 + day, 300 + 2 * day, 302 + 2 * day] {
        world.flow(HOST, BAD, |it| {
            it.at(second);
        });
    }
    let alerts = world.close();
    assert_eq!(alerts.iter().map(|alert| alert.flows).collect::<Vec<_>>(), [2, 2]);
    assert_eq!((alerts[0].previous, alerts[1].previous), (None, Some(alerts[0].incident)));
}

#[test]
fn quiet_incidents_are_told_of_while_others_stay_open() {
    let day = 24 * 3600;
    let mut world = World::new(&["203.0.113.5"]);
    world.flow(HOST, BAD, |it| {
        it.at(100);
    });
    world.flow(OTHER_HOST, BAD, |it| {
        it.at(5000);
    });
    assert!(world.incidents.close_quiet(Timestamp::new(101 + day, 0)).is_empty());
    let first = world.incidents.close_quiet(Timestamp::new(102 + day, 0));
    assert_eq!(shown(&first), ["outbound exchanged 10.0.0.1 203.0.113.5"]);
    assert_eq!(first[0].other_hosts, ips(&["10.0.0.2"]));
    world.flow(HOST, BAD, |it| {
        it.at(200 + day);
    });
    let rest = world.close();
    assert_eq!(
        shown(&rest),
        ["outbound exchanged 10.0.0.2 203.0.113.5", "outbound exchanged 10.0.0.1 203.0.113.5"]
    );
    assert_eq!(rest[1].previous, Some(first[0].incident));
    assert!(world.incidents.stats().is_balanced());
}

#[test]
fn identifiers_are_the_same_for_the_same_incident_only() {
    let alerts = |second| {
        let mut world = World::new(&["203.0.113.5"]);
        world.flow(HOST, BAD, |it| {
            it.at(second);
        });
        world.flow(OTHER_HOST, BAD, |it| {
            it.at(second);
        });
        world.close()
    };
    let (once, again, later) = (alerts(100), alerts(100), alerts(101));
    assert_eq!((once[0].id, once[0].incident), (again[0].id, again[0].incident));
    assert_ne!(once[0].id, once[0].incident);
    assert_ne!(once[0].id, once[1].id);
    assert_ne!(once[0].incident, later[0].incident);
    assert_eq!((once[0].notice, once[0].number), (weir_model::alert::Notice::Closed, 1));
    // What identifiers are made of must never change: consumers have stored them.
    assert_eq!(once[0].incident.to_string(), "5f7f43cd-4de1-57c6-bf68-430cdc9e0118");
}

#[test]
fn calling_back_is_strictly_later_and_the_latest_contact_counts() {
    let mut world = World::new(&["203.0.113.5", "d:evil.example"]);
    world.flow(SCANNER, TOUCHED, |it| {
        it.at(100);
    });
    world.flow(HOST, BAD, |it| {
        it.at(100);
    });
    let alerts = world.close();
    assert!(alerts.iter().all(|alert| alert.called_back.is_empty() && alert.touched_before.is_none()));

    for (second, said) in [(50, "evil.example"), (60, "good.example"), (300, "evil.example")] {
        world.flow(HOST, BAD, |it| {
            it.at(second).sni(said);
        });
    }
    world.flow(SCANNER, TOUCHED, |it| {
        it.at(200);
    });
    let alerts = world.close();
    let inbound = alerts.iter().find(|alert| alert.host.is_none()).unwrap();
    assert_eq!(inbound.called_back, ips(&["10.0.0.1"]));
}

#[test]
fn what_ended_later_but_was_earlier_is_an_incident_before() {
    let mut world = World::new(&["203.0.113.5"]);
    for second in [5 * 24 * 3600, 100] {
        world.flow(HOST, BAD, |it| {
            it.at(second);
        });
    }
    let alerts = world.close();
    assert_eq!(alerts.iter().map(|alert| alert.flows).collect::<Vec<_>>(), [1, 1]);
    assert_eq!((alerts[0].first, alerts[1].previous), (Timestamp::new(100, 0), Some(alerts[0].incident)));
}

#[test]
fn incidents_of_an_earlier_run_are_remembered() {
    let run = |second, memory: &[Remembered]| {
        let mut world = World::new(&["203.0.113.5"]);
        for told in memory {
            world.incidents.remember(told.clone());
        }
        world.flow(HOST, BAD, |it| {
            it.at(second);
        });
        let [alert] = world.close().try_into().unwrap();
        (alert, world.incidents.remembered())
    };
    let (first, memory) = run(100, &[]);
    assert_eq!(memory.len(), 1);
    assert_eq!(
        (memory[0].key.as_str(), memory[0].incident),
        ("host 10.0.0.1 address 203.0.113.5", first.incident)
    );
    assert_eq!(run(100, &memory), (first.clone(), memory.clone()), "the same capture again");
    let (second, both) = run(500, &memory);
    assert_eq!((second.previous, both.len()), (Some(first.incident), 1));
    assert_eq!(run(500, &both).0.previous, Some(first.incident));
    assert_eq!(run(100, &both), (first, both), "an earlier capture changes nothing");
    let (late, only) = run(40 * 24 * 3600, &memory);
    assert_eq!((late.previous, only.len()), (None, 1), "a month later");
}

#[test]
fn a_month_later_an_incident_is_forgotten() {
    let mut world = World::new(&["203.0.113.5"]);
    world.flow(HOST, BAD, |it| {
        it.at(100);
    });
    world.flow(OTHER_HOST, "198.51.100.1:80", |it| {
        it.at(33 * 24 * 3600);
    });
    assert_eq!(world.close().len(), 1);
    assert!(world.incidents.remembered().is_empty());
}
