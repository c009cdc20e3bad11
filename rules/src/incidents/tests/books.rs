use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

#[test]
fn indicators_without_room_ring_by_themselves() {
    let count = MAX_ALSO_MATCHED + 3;
    let addresses: Vec<String> =
        (0..count).map(|number| format!("203.0.{}.{}", number / 250, number % 250)).collect();
    let mut indicators: Vec<&str> = addresses.iter().map(String::as_str).collect();
    indicators.push("d:evil.example");
    let mut world = World::new(&indicators);
    for address in &addresses {
        world.flow(HOST, &format!("{address}:443"), |it| {
            it.sni("evil.example");
        });
    }
    let alerts = world.close();
    let shown: BTreeSet<String> = alerts
        .iter()
        .flat_map(|alert| alert.also_matched.iter().chain([&alert.indicator]))
        .map(|indicator| indicator.value.to_string())
        .collect();
    assert_eq!(shown.len(), indicators.len(), "every indicator is told of");
    assert_eq!(alerts.len(), 4);
    assert_eq!(alerts[0].also_matched.len(), MAX_ALSO_MATCHED);
}

#[test]
fn incidents_are_bounded_and_the_rest_is_counted() {
    let config = IncidentConfig { max_incidents: 2, ..IncidentConfig::default() };
    let mut world = World::with_config(&["203.0.113.5"], Site::private_ranges(), config);
    for number in 1..=5 {
        world.flow(&format!("10.0.0.{number}:50000"), BAD, |_| ());
    }
    world.flow(HOST, BAD, |_| ());
    assert_eq!(world.close().len(), 2);
    let stats = world.incidents.stats();
    assert_eq!((stats.hits_matched, stats.hits_notified, stats.hits_overflowed), (6, 3, 3));
}

#[test]
fn touched_hosts_are_bounded_and_the_rest_is_counted() {
    let mut world = World::new(&["203.0.113.5"]);
    world.incidents.touches = MAX_TOUCHES - 1;
    for touched in ["10.0.0.1:22", "10.0.0.2:22", "10.0.0.1:22"] {
        world.flow("203.0.113.5:40000", touched, |_| ());
    }
    assert_eq!((world.incidents.touches, world.incidents.stats().touches_forgotten), (MAX_TOUCHES, 1));
    let alerts = world.incidents.close_all();
    assert_eq!((alerts[0].flows, alerts[0].touched.clone()), (3, ips(&["10.0.0.1"])));
    assert_eq!(world.incidents.touches, MAX_TOUCHES - 1);
}

#[test]
fn lookups_are_listed_up_to_a_cap_and_all_counted() {
    let mut world = World::new(&["d:evil.example"]);
    for second in (0..100).rev() {
        world.lookup(second, HOST, RESOLVER, &format!("{second}.evil.example"), &[]);
    }
    let alerts = world.close();
    assert_eq!((alerts[0].lookups.len(), alerts[0].lookup_count), (MAX_LISTED_LOOKUPS, 100));
    assert_eq!(alerts[0].lookups[0].name, name("0.evil.example"));
}

#[test]
fn the_books_name_every_place_once() {
    let stats =
        IncidentStats { hits_matched: 3, hits_notified: 2, hits_honeypot: 1, ..IncidentStats::default() };
    assert!(stats.is_balanced());
    assert!(!IncidentStats { hits_left_out: 1, ..stats }.is_balanced());
    assert!(!IncidentStats { incidents_opened: 1, ..stats }.is_balanced());
    let names: BTreeSet<&str> = stats.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), stats.iter().count());
    assert_eq!(names.len() * 8, size_of::<IncidentStats>());
}

/// Something that happens, small enough that meetings, outranking, roles and calling back all occur.
pub(super) fn anything() -> impl Strategy<Value = (u8, u8, u8, u64)> {
    (0u8..8, 0u8..4, 0u8..4, 0u64..400_000)
}

pub(super) fn happen(world: &mut World, (what, who, whom, second): (u8, u8, u8, u64)) -> Happening {
    let host = ["10.0.0.1:50000", "10.0.0.2:50000", "10.0.0.53:50000", "10.0.0.66:50000"][usize::from(who)];
    let bad = ["203.0.113.5:443", "203.0.113.6:443", "198.51.100.1:80", "10.0.0.99:80"][usize::from(whom)];
    let said = ["evil.example", "www.evil.example", "good.example", "worse.example"][usize::from(whom)];
    let (from, to) = match what {
        0 => (bad, host),
        1 | 2 => (host, RESOLVER),
        3 => (host, "198.51.100.53:53"),
        _ => (host, bad),
    };
    world.happening(from, to, |it| {
        it.at(second);
        match what {
            1..=3 => {
                it.udp();
                it.flow.dns_messages = (1, 1);
                it.facts.extend(dns(said, &["203.0.113.6"]));
            }
            4 => {
                it.sni(said);
            }
            5 => {
                it.http(RequestForm::Origin, said, "/drop");
            }
            6 => {
                it.passive(bad, said, &[]).refused();
            }
            _ => {}
        }
    })
}

pub(super) fn busy_world() -> World {
    let indicators = [
        "203.0.113.5",
        "n:203.0.113.0/24",
        "d:evil.example",
        "u:www.evil.example/drop",
        "10.0.0.99",
        "h:worse.example",
    ];
    World::with_roles(&indicators, &[(Role::Resolver, "10.0.0.53/32"), (Role::Honeypot, "10.0.0.66/32")])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_order_in_which_flows_end_does_not_matter(
        (happenings, order) in proptest::collection::vec(anything(), 1..25).prop_flat_map(|all| {
            let order = Just((0..all.len()).collect::<Vec<_>>()).prop_shuffle();
            (Just(all), order)
        }),
    ) {
        let config = IncidentConfig { quiet: Duration::from_secs(1_000_000), ..IncidentConfig::default() };
        let mut worlds = [busy_world(), busy_world()];
        for world in &mut worlds {
            world.incidents.config = config.clone();
        }
        let [straight, shuffled] = &mut worlds;
        let flows: Vec<Happening> = happenings.iter().map(|it| happen(straight, *it)).collect();
        for (flow, at) in flows.iter().zip(order) {
            straight.end(flow);
            shuffled.end(&flows[at]);
        }
        prop_assert_eq!(straight.close(), shuffled.close());
    }

    #[test]
    fn every_indicator_met_is_told_of_and_the_books_balance(
        happenings in proptest::collection::vec(anything(), 1..40),
    ) {
        let mut world = busy_world();
        let mut met = BTreeSet::new();
        for it in happenings {
            let flow = happen(&mut world, it);
            let mut alone = busy_world();
            alone.end(&flow);
            met.extend(told(&alone.close()));
            world.end(&flow);
        }
        prop_assert_eq!(told(&world.close()), met);
    }
}

/// The indicators that alerts ring for or list.
fn told(alerts: &[Alert]) -> BTreeSet<String> {
    let all = alerts.iter().flat_map(|alert| alert.also_matched.iter().chain([&alert.indicator]));
    all.map(|indicator| indicator.value.to_string()).collect()
}
