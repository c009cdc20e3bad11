use super::books::{anything, busy_world, happen};
use super::*;
use proptest::prelude::*;
use weir_model::alert::{Notice, Severity};

const DAY: u64 = 24 * 3600;

fn live(indicators: &[&str], roles: &[(Role, &str)]) -> World {
    let roles = roles.iter().map(|(role, net)| (*role, net.parse().unwrap())).collect();
    World::with_config(indicators, Site { roles, ..Site::private_ranges() }, IncidentConfig::live())
}

fn at(second: u64) -> Timestamp {
    Timestamp::new(second, 0)
}

impl World {
    /// The notices at a second, as `opened 1 outbound exchanged 10.0.0.1 203.0.113.5`.
    fn notices(&mut self, second: u64) -> Vec<String> {
        let alerts = self.incidents.notices(at(second));
        numbered(&alerts)
    }
}

fn numbered(alerts: &[Alert]) -> Vec<String> {
    let line = |(alert, line): (&Alert, String)| format!("{} {} {line}", alert.notice, alert.number);
    alerts.iter().zip(shown(alerts)).map(line).collect()
}

/// A SYN that nobody answered yet.
fn only_syn(it: &mut Happening) -> &mut Happening {
    it.refused().flow.reverse = Counters::default();
    it.flow.last = it.flow.first;
    it
}

#[test]
fn an_open_flow_rings_at_once_and_once() {
    let mut world = live(&["203.0.113.5"], &[]);
    let mut flow = world.happening(HOST, BAD, |it| {
        only_syn(it.at(100));
    });
    world.stand(&flow);
    let opened = world.incidents.notices(at(100));
    assert_eq!(numbered(&opened), ["opened 1 outbound attempted 10.0.0.1 203.0.113.5"]);
    assert_eq!((opened[0].flows, opened[0].sent.packets), (1, 1));
    world.stand(&flow);
    assert!(world.notices(101).is_empty(), "nothing more happened");
    flow.flow = Flow { id: flow.flow.id, ..crate::testing::flow(HOST, BAD) };
    world.stand(&flow);
    world.stand(&flow);
    let raised = world.incidents.notices(at(102));
    assert_eq!(numbered(&raised), ["raised 2 outbound exchanged 10.0.0.1 203.0.113.5"]);
    assert_eq!((raised[0].flows, raised[0].sent.packets), (1, 4), "the latest snapshot, once");
    assert_eq!((raised[0].incident, raised[0].severity), (opened[0].incident, Severity::High));
    assert_ne!(raised[0].id, opened[0].id);
    world.end(&flow);
    assert!(world.notices(103).is_empty());
    let closed = world.incidents.notices(at(102 + DAY));
    assert_eq!(numbered(&closed), ["closed 3 outbound exchanged 10.0.0.1 203.0.113.5"]);
    assert_eq!((closed[0].flows, closed[0].sent.packets), (1, 4));
    assert_eq!(closed[0].incident, opened[0].incident);
    assert!(world.notices(103 + 3 * DAY).is_empty());
    let stats = world.incidents.stats();
    assert_eq!((stats.notices_opened, stats.notices_raised, stats.notices_closed), (1, 1, 1));
}

/// Killed after each notice, the next run goes on with the same identifiers and numbers, by nothing but what was noted with notices; and
/// later notices say how many of the earlier ones nobody was sent.
#[test]
fn what_is_noted_with_each_notice_is_enough_to_go_on() {
    let mut flow = live(&["203.0.113.5"], &[]).happening(HOST, BAD, |it| {
        only_syn(it.at(100));
    });
    let (mut notes, mut given) = (Vec::<Remembered>::new(), Vec::new());
    for second in [100, 110, 120 + 2 * 3600, 130 + 2 * DAY] {
        let mut world = live(&["203.0.113.5"], &[]);
        notes.iter().cloned().for_each(|note| world.incidents.remember(note));
        if second == 110 {
            flow.flow = Flow { id: flow.flow.id, ..crate::testing::flow(HOST, BAD) };
        }
        flow.flow.last = flow.flow.last.max(at(second.min(130 + 2 * 3600)));
        if second < DAY {
            world.stand(&flow);
        } else {
            world.end(&flow);
        }
        let alerts = world.incidents.notices(at(second));
        assert_eq!(alerts.len(), 1, "at {second}");
        if second == 110 {
            world.incidents.was_not_sent(&alerts[0]);
        }
        notes.push(world.incidents.remembered_of(&alerts[0]).unwrap());
        given.extend(alerts);
    }
    assert!(given.iter().all(|alert| alert.incident == given[0].incident));
    let told: Vec<_> = given.iter().map(|alert| (alert.notice, alert.number, alert.unsent)).collect();
    let expected = [Notice::Opened, Notice::Raised, Notice::Repeated, Notice::Closed];
    assert_eq!(told, [(expected[0], 1, 0), (expected[1], 2, 0), (expected[2], 3, 1), (expected[3], 4, 1)]);
    assert_eq!(notes[3].told, None, "it is over");
    let mut world = live(&["203.0.113.5"], &[]);
    notes.iter().rev().cloned().for_each(|note| world.incidents.remember(note));
    assert_eq!(world.incidents.remembered(), notes[3..], "whatever is read first");
}

/// A flood of incidents is told, and closed, in parts that fit into memory; none is left out and none comes twice.
#[test]
fn a_flood_is_told_and_closed_in_parts() {
    const HOSTS: u64 = 10_000;
    let mut world = live(&["203.0.113.5"], &[]);
    for host in 0..HOSTS {
        let host = format!("10.1.{}.{}:40000", host / 250, 1 + host % 250);
        world.flow(&host, BAD, |it| {
            it.at(100);
        });
    }
    let mut told = |second: u64, notice| {
        let mut incidents = std::collections::BTreeSet::new();
        loop {
            let alerts = world.incidents.notices(at(second));
            assert!(alerts.len() <= 4_200 && alerts.iter().all(|alert| alert.notice == notice));
            if alerts.is_empty() {
                return incidents.len() as u64;
            }
            assert!(alerts.iter().all(|alert| incidents.insert(alert.incident)), "each once");
        }
    };
    assert_eq!(told(102, Notice::Opened), HOSTS);
    assert_eq!(told(200 + DAY, Notice::Closed), HOSTS);
    assert_eq!(world.incidents.stats().incidents_open, 0);
    assert!(world.incidents.stats().is_balanced());
}

#[test]
fn the_steps_of_a_handshake_are_one_raise() {
    let mut world = live(&["203.0.113.5"], &[]);
    let mut flow = world.happening(HOST, BAD, |it| {
        only_syn(it.at(100));
    });
    world.stand(&flow);
    assert_eq!(world.notices(100).len(), 1);
    flow.flow.reverse = Counters { packets: 1, ip_bytes: 40, tcp_flags: 0x12, ..Counters::default() };
    flow.flow.last = at(101);
    world.stand(&flow);
    assert!(world.notices(101).is_empty(), "connected is as urgent as attempted: it waits");
    assert_eq!(world.notices(105), ["raised 2 outbound connected 10.0.0.1 203.0.113.5"]);
}

#[test]
fn what_goes_on_is_repeated_at_growing_intervals() {
    let mut world = live(&["203.0.113.5"], &[]);
    let mut told = Vec::new();
    for minute in 0..(60 * 24) {
        world.flow(HOST, BAD, |it| {
            it.at(1000 + 60 * minute);
        });
        for alert in world.incidents.notices(at(1002 + 60 * minute)) {
            told.push((alert.notice, alert.number, minute / 60, alert.flows));
        }
    }
    assert_eq!(
        told,
        [
            (Notice::Opened, 1, 0, 1),
            (Notice::Repeated, 2, 1, 61),
            (Notice::Repeated, 3, 3, 181),
            (Notice::Repeated, 4, 7, 421),
            (Notice::Repeated, 5, 15, 901),
        ]
    );
    assert_eq!(world.notices(1002 + 3600 * 31), ["repeated 6 outbound exchanged 10.0.0.1 203.0.113.5"]);
    assert!(world.notices(1002 + 3600 * 47).is_empty(), "nothing came since");
}

#[test]
fn only_wanted_directions_ring() {
    let mut world = live(&["203.0.113.5", "10.0.0.99"], &[]);
    world.flow("203.0.113.5:40000", HOST, |_| ());
    world.flow("198.51.100.1:50000", BAD, |_| ());
    world.flow(OTHER_HOST, BAD, |it| it.flow.orientation = Orientation::FirstPacket);
    world.flow(HOST, "10.0.0.99:80", |_| ());
    assert_eq!(
        world.notices(102),
        ["opened 1 unknown exchanged 10.0.0.2 203.0.113.5", "opened 1 lateral exchanged 10.0.0.1 10.0.0.99"]
    );
    assert_eq!(world.notices(102 + DAY).len(), 2, "and are closed");
    let stats = world.incidents.stats();
    assert_eq!((stats.incidents_not_wanted, stats.hits_not_wanted, stats.incidents_notified), (2, 2, 2));
}

#[test]
fn a_touched_host_that_calls_back_rings_louder() {
    for scan_ends_first in [true, false] {
        let mut world = live(&["203.0.113.5"], &[]);
        let scan = world.happening("203.0.113.5:40000", "10.0.0.1:22", |it| {
            it.at(100).refused();
        });
        world.stand(&scan);
        if scan_ends_first {
            world.end(&scan);
        }
        assert!(world.notices(101).is_empty());
        let call = world.happening(HOST, BAD, |it| {
            only_syn(it.at(200));
        });
        world.stand(&call);
        let opened = world.incidents.notices(at(200));
        assert_eq!(numbered(&opened), ["opened 1 outbound attempted 10.0.0.1 203.0.113.5"]);
        assert_eq!((opened[0].severity, opened[0].touched_before), (Severity::High, Some(at(100))));
    }
    // The scan is learnt of when the call has been told of already.
    let mut world = live(&["203.0.113.5"], &[]);
    world.flow(HOST, BAD, |it| {
        only_syn(it.at(200));
    });
    assert_eq!(world.notices(201), ["opened 1 outbound attempted 10.0.0.1 203.0.113.5"]);
    world.flow("203.0.113.5:40000", "10.0.0.1:22", |it| {
        it.at(100).refused();
    });
    let raised = world.incidents.notices(at(202));
    assert_eq!(numbered(&raised), ["raised 2 outbound attempted 10.0.0.1 203.0.113.5"]);
    assert_eq!(raised[0].severity, Severity::High);
}

#[test]
fn a_lookup_rings_at_once_and_the_contact_raises_it() {
    let mut world = live(&["203.0.113.5", "d:evil.example"], &[]);
    world.lookup(100, HOST, RESOLVER, "www.evil.example", &["203.0.113.5"]);
    assert_eq!(world.notices(100), ["opened 1 outbound looked_up 10.0.0.1 evil.example +203.0.113.5"]);
    let contact = world.happening(HOST, BAD, |it| {
        it.at(101).sni("www.evil.example");
    });
    world.stand(&contact);
    let raised = world.incidents.notices(at(101));
    assert_eq!(numbered(&raised), ["raised 2 outbound exchanged 10.0.0.1 evil.example +203.0.113.5"]);
    assert_eq!((raised[0].lookup_count, raised[0].flows), (1, 2));
}

#[test]
fn a_more_specific_contact_lists_the_lookup_which_is_closed_by_itself() {
    let lookup = |world: &mut World| world.lookup(100, HOST, RESOLVER, "www.evil.example", &[]);
    let contact = |it: &mut Happening| {
        it.at(101).http(RequestForm::Origin, "www.evil.example", "/drop");
    };
    let mut world = live(&["d:evil.example", "u:www.evil.example/drop"], &[]);
    lookup(&mut world);
    assert_eq!(world.notices(100), ["opened 1 outbound looked_up 10.0.0.1 evil.example"]);
    world.flow(HOST, BAD, contact);
    let opened = world.incidents.notices(at(102));
    assert_eq!(
        numbered(&opened),
        ["opened 1 outbound exchanged 10.0.0.1 www.evil.example/drop +evil.example"]
    );
    assert_eq!((opened[0].lookup_count, opened[0].flows), (1, 2));
    assert_eq!(
        world.notices(103 + DAY),
        [
            "closed 2 outbound exchanged 10.0.0.1 www.evil.example/drop +evil.example",
            "closed 2 outbound looked_up 10.0.0.1 evil.example"
        ]
    );
    // Where both are learnt of together, one rings; and further look-ups belong to it.
    let mut world = live(&["d:evil.example", "u:www.evil.example/drop"], &[]);
    lookup(&mut world);
    world.flow(HOST, BAD, contact);
    assert_eq!(
        world.notices(102),
        ["opened 1 outbound exchanged 10.0.0.1 www.evil.example/drop +evil.example"]
    );
    world.lookup(110, HOST, RESOLVER, "www.evil.example", &[]);
    assert!(world.notices(111).is_empty());
    assert_eq!(world.notices(112 + DAY).len(), 1);
}

#[test]
fn a_resolvers_question_waits_for_its_client() {
    let roles = [(Role::Resolver, "10.0.0.53/32")];
    let upstream = "198.51.100.53:53";
    let ask = |world: &mut World, client: &str, server: &str| {
        world.happening(client, server, |it| {
            it.at(100).udp();
            it.flow.dns_messages = (1, 0);
            it.facts.extend(dns("evil.example", &[]));
        })
    };
    let mut world = live(&["d:evil.example"], &roles);
    let resolvers = ask(&mut world, "10.0.0.53:41234", upstream);
    world.stand(&resolvers);
    assert!(world.notices(101).is_empty());
    let clients = ask(&mut world, HOST, RESOLVER);
    world.stand(&clients);
    assert_eq!(world.notices(102), ["opened 1 outbound looked_up 10.0.0.1 evil.example"]);
    assert!(world.notices(110).is_empty());
    world.end(&resolvers);
    assert!(world.notices(120).is_empty());
    world.end(&clients);
    assert!(world.notices(1000).is_empty());
    let closed = world.incidents.notices(at(2000 + DAY));
    assert_eq!(closed[0].resolvers, ips(&["10.0.0.53"]));
    assert_eq!(closed.len(), 1);

    for ends_at_once in [true, false] {
        let mut world = live(&["d:evil.example"], &roles);
        let resolvers = ask(&mut world, "10.0.0.53:41234", upstream);
        world.stand(&resolvers);
        if ends_at_once {
            world.end(&resolvers);
        }
        assert!(world.notices(102).is_empty());
        let opened = world.incidents.notices(at(103));
        assert_eq!(numbered(&opened), ["opened 1 outbound looked_up 10.0.0.53 evil.example"]);
        assert!(opened[0].unknown_client);
        if !ends_at_once {
            world.end(&resolvers);
        }
        assert!(world.notices(2000).is_empty());
        assert_eq!(world.notices(2000 + DAY), ["closed 2 outbound looked_up 10.0.0.53 evil.example"]);
    }
}

#[test]
fn passive_dns_waits_for_another_name_to_be_said() {
    let mut world = live(&["d:evil.example"], &[]);
    let mut flow = world.happening(HOST, BAD, |it| {
        only_syn(it.at(100)).passive(BAD, "evil.example", &[]);
    });
    world.stand(&flow);
    assert!(world.notices(101).is_empty());
    let silent = flow.clone();
    flow.named("good.example", NameSource::TlsSni);
    world.stand(&flow);
    assert!(world.notices(103).is_empty(), "contradicted");
    world.stand(&silent);
    assert_eq!(world.notices(104).len(), 1, "nothing else was said for long enough");
    world.end(&flow);
    assert_eq!(
        world.notices(200 + DAY),
        ["closed 2 outbound attempted 10.0.0.1 evil.example"],
        "what was told of is closed, also where the record does not bear it out"
    );
    assert_eq!(world.incidents.stats().incidents_opened, 0);
}

#[test]
fn mail_servers_and_honeypots_do_not_ring() {
    let mut world = live(
        &["203.0.113.5", "d:evil.example"],
        &[(Role::Mail, "10.0.0.1/32"), (Role::Honeypot, "10.0.0.2/32")],
    );
    world.lookup(100, HOST, RESOLVER, "evil.example", &[]);
    world.flow(OTHER_HOST, BAD, |_| ());
    let standing = world.happening(OTHER_HOST, BAD, |_| ());
    world.stand(&standing);
    assert!(world.notices(103).is_empty());
    assert!(world.notices(103 + DAY).is_empty());
}

#[test]
fn an_open_incident_goes_on_after_a_restart() {
    let mut world = live(&["203.0.113.5"], &[]);
    world.flow(HOST, BAD, |it| {
        it.at(100).refused();
    });
    let opened = world.incidents.notices(at(100));
    world.flow("203.0.113.5:40000", OTHER_HOST, |_| ());
    assert!(world.notices(102).is_empty());
    let remembered = world.incidents.remembered();
    assert_eq!(remembered.len(), 1, "only what was told of");
    assert_eq!(remembered[0].told.map(|told| told.notices), Some(1));

    let mut after = live(&["203.0.113.5"], &[]);
    remembered.iter().cloned().for_each(|told| after.incidents.remember(told));
    assert_eq!(after.incidents.remembered(), remembered, "nothing happened yet");
    after.flow(HOST, BAD, |it| {
        it.at(300).refused();
    });
    assert!(after.notices(301).is_empty(), "not again");
    after.flow(HOST, BAD, |it| {
        it.at(400);
    });
    let raised = after.incidents.notices(at(401));
    assert_eq!(numbered(&raised), ["raised 2 outbound exchanged 10.0.0.1 203.0.113.5"]);
    assert_eq!(raised[0].incident, opened[0].incident);
    let closed = after.incidents.notices(at(500 + DAY));
    assert_eq!((closed[0].incident, closed[0].number), (opened[0].incident, 3));
    assert_eq!(after.incidents.remembered()[0].told, None);

    let mut late = live(&["203.0.113.5"], &[]);
    for told in remembered {
        late.incidents.remember(told);
    }
    late.flow(HOST, BAD, |it| {
        it.at(200 + DAY);
    });
    let alerts = late.incidents.notices(at(201 + DAY));
    assert_eq!((alerts[0].notice, alerts[0].number), (Notice::Opened, 1));
    assert_eq!(alerts[0].previous, Some(opened[0].incident));
}

#[test]
fn snapshots_of_lost_flows_are_forgotten() {
    let mut world = live(&["203.0.113.5"], &[]);
    let lost = world.happening(HOST, BAD, |it| {
        it.at(100);
    });
    world.stand(&lost);
    assert_eq!(world.notices(102).len(), 1);
    assert!(world.notices(102 + 3 * 3600).is_empty());
    assert_eq!(world.incidents.live.flows(), []);
    assert_eq!(world.notices(102 + DAY), ["closed 2 outbound exchanged 10.0.0.1 203.0.113.5"]);
    assert_eq!(world.incidents.live.len(), 0);
}

#[test]
fn without_room_for_a_case_it_is_counted() {
    let config = IncidentConfig { max_incidents: 1, ..IncidentConfig::live() };
    let mut world = World::with_config(&["203.0.113.5"], Site::private_ranges(), config);
    for host in [HOST, OTHER_HOST] {
        let flow = world.happening(host, BAD, |_| ());
        world.stand(&flow);
    }
    assert_eq!(world.notices(102).len(), 1);
    assert_eq!(world.incidents.stats().snapshots_forgotten, 1);
}

#[test]
fn reading_knows_no_snapshots() {
    let mut world = World::new(&["203.0.113.5"]);
    let flow = world.happening(HOST, BAD, |_| ());
    world.stand(&flow);
    assert!(world.notices(102).is_empty());
    assert!(world.close().is_empty());
}

/// A flow as it was before some of what happened in it.
fn earlier(whole: &Happening, part: u64) -> Happening {
    let mut before = whole.clone();
    before.facts.truncate(part as usize % 2);
    before.flow.last = before.flow.first;
    if part < 3 {
        (before.flow.reverse, before.flow.name) = (Counters::default(), None);
        before.flow.other_names.clear();
    }
    before
}

/// What an incident gathered, without what tells of its notices and of other incidents.
fn gathered(alert: &Alert) -> Alert {
    Alert {
        id: uuid::Uuid::nil(),
        incident: uuid::Uuid::nil(),
        number: 0,
        severity: Severity::Informational,
        other_hosts: Vec::new(),
        other_host_count: 0,
        called_back: Vec::new(),
        touched_before: None,
        ..alert.clone()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn snapshots_change_nothing_of_what_incidents_gather(
        happenings in proptest::collection::vec((anything(), proptest::collection::vec(0u64..6, 0..4)), 1..25),
        folds in any::<u64>(),
        forgets in any::<bool>(),
    ) {
        let quiet = Duration::from_secs(10_000_000);
        let mut worlds = [busy_world(), busy_world()];
        worlds[0].incidents.config.quiet = quiet;
        worlds[1].incidents.config =
            IncidentConfig { quiet, directions: Direction::ALL.to_vec(), ..IncidentConfig::live() };
        let [folded, told] = &mut worlds;
        let mut open: Vec<Happening> = Vec::new();
        let mut numbers: HashMap<uuid::Uuid, u32> = HashMap::new();
        let mut now = 0;
        for (number, (it, parts)) in happenings.iter().enumerate() {
            let flow = happen(folded, *it);
            now = now.max(it.3 + 20);
            for part in parts {
                told.stand(&earlier(&flow, *part));
                // Whatever is told of one incident is numbered without gaps, opened first.
                for alert in told.incidents.notices(at(now)) {
                    let last = numbers.insert(alert.incident, alert.number).unwrap_or(0);
                    prop_assert_eq!(alert.number, last + 1);
                    prop_assert_eq!(alert.notice == Notice::Opened, last == 0);
                }
            }
            open.push(flow);
            if folds >> (number % 64) & 1 == 1 {
                for flow in open.drain(..) {
                    folded.end(&flow);
                    told.end(&flow);
                }
            }
        }
        for flow in open {
            folded.end(&flow);
            told.end(&flow);
        }
        let whole = folded.close();
        if forgets {
            told.incidents.live = Live::default();
            prop_assert_eq!(told.close(), whole);
        } else {
            // What flows that ended did not bear out is closed as well.
            let closed: Vec<Alert> = told.close().iter().map(gathered).collect();
            for alert in &whole {
                prop_assert!(closed.contains(&gathered(alert)), "{:?} is not among {:?}", shown(&whole), shown(&closed));
            }
            prop_assert_eq!(told.incidents.stats().hits_notified, folded.incidents.stats().hits_notified);
        }
    }
}
