use super::*;
use weir_model::alert::Severity;
use weir_model::flow::TunnelKind;

const RESOLVER_ROLE: (Role, &str) = (Role::Resolver, "10.0.0.53/32");
const UPSTREAM: &str = "198.51.100.53:53";

#[test]
fn a_resolver_without_client_in_view_asks_for_an_unknown_one() {
    let mut world = World::with_roles(&["d:evil.example"], &[RESOLVER_ROLE]);
    world.lookup(100, "10.0.0.53:41234", UPSTREAM, "evil.example", &[]);
    let alerts = world.close();
    assert_eq!(shown(&alerts), ["outbound looked_up 10.0.0.53 evil.example"]);
    assert!(alerts[0].unknown_client);
    assert_eq!(
        (alerts[0].lookups[0].client.port, alerts[0].lookups[0].time),
        (41234, Timestamp::new(100, 0))
    );
    assert_eq!(alerts[0].roles, [Role::Resolver]);
}

#[test]
fn a_resolver_that_contacts_something_does_so_itself() {
    let mut world = World::with_roles(&["203.0.113.5"], &[RESOLVER_ROLE]);
    world.flow("10.0.0.53:41234", BAD, |_| ());
    let alerts = world.close();
    assert_eq!(shown(&alerts), ["outbound exchanged 10.0.0.53 203.0.113.5"]);
    assert!(!alerts[0].unknown_client);
}

#[test]
fn a_resolver_folds_into_its_clients_incident() {
    let mut world = World::with_roles(&["d:evil.example", "203.0.113.5"], &[RESOLVER_ROLE]);
    // The resolver's flows end first.
    world.lookup(100, "10.0.0.53:41234", UPSTREAM, "www.evil.example", &["203.0.113.5"]);
    world.lookup(102, "10.0.0.53:41235", UPSTREAM, "evil.example", &[]);
    world.lookup(100, HOST, RESOLVER, "www.evil.example", &[]);
    let alerts = world.close();
    assert_eq!(shown(&alerts), ["outbound looked_up 10.0.0.1 evil.example +203.0.113.5"]);
    assert_eq!(alerts[0].resolvers, ips(&["10.0.0.53"]));
    assert!(!alerts[0].unknown_client);
    assert_eq!((alerts[0].lookup_count, alerts[0].flows), (1, 1));
    assert_eq!(world.incidents.stats().resolver_lookups_folded, 2);
}

#[test]
fn only_a_fresh_question_of_a_client_explains_a_resolvers() {
    for (asked, by, for_name, explains) in [
        (90, HOST, "evil.example", true),
        (89, HOST, "evil.example", false),
        (101, HOST, "evil.example", false),
        (100, HOST, "worse.example", false),
    ] {
        let mut world = World::with_roles(&["d:evil.example", "d:worse.example"], &[RESOLVER_ROLE]);
        world.lookup(asked, by, RESOLVER, for_name, &[]);
        world.lookup(100, "10.0.0.53:41234", UPSTREAM, "evil.example", &[]);
        let alerts = world.close();
        let of_resolver = alerts.iter().filter(|alert| alert.unknown_client).count();
        assert_eq!(of_resolver, usize::from(!explains), "{asked} {for_name}");
    }
    let mut world = World::with_roles(&["d:evil.example"], &[RESOLVER_ROLE]);
    world.lookup(100, HOST, "10.0.0.54:53", "evil.example", &[]);
    world.lookup(100, "10.0.0.53:41234", UPSTREAM, "evil.example", &[]);
    assert_eq!(world.close().len(), 2, "the client asked another resolver");
}

#[test]
fn resolvers_behind_one_another_fold_into_the_first_client() {
    let roles = [RESOLVER_ROLE, (Role::Resolver, "10.0.0.54/32")];
    let mut world = World::with_roles(&["d:evil.example"], &roles);
    world.lookup(102, "10.0.0.54:41234", UPSTREAM, "evil.example", &[]);
    world.lookup(101, "10.0.0.53:41234", "10.0.0.54:53", "evil.example", &[]);
    world.lookup(100, HOST, RESOLVER, "evil.example", &[]);
    let alerts = world.close();
    assert_eq!(shown(&alerts), ["outbound looked_up 10.0.0.1 evil.example"]);
    assert_eq!(alerts[0].resolvers, ips(&["10.0.0.53", "10.0.0.54"]));
}

#[test]
fn a_resolver_with_and_without_client_has_both() {
    let mut world = World::with_roles(&["d:evil.example"], &[RESOLVER_ROLE]);
    world.lookup(100, HOST, RESOLVER, "evil.example", &[]);
    world.lookup(101, "10.0.0.53:41234", UPSTREAM, "evil.example", &[]);
    world.lookup(500, "10.0.0.53:41235", UPSTREAM, "evil.example", &[]);
    let alerts = world.close();
    assert_eq!(
        shown(&alerts),
        ["outbound looked_up 10.0.0.1 evil.example", "outbound looked_up 10.0.0.53 evil.example"]
    );
    assert_eq!(alerts[1].lookup_count, 1);
}

#[test]
fn quiet_incidents_close_without_losing_waiting_lookups() {
    let mut world = World::with_roles(&["d:evil.example"], &[RESOLVER_ROLE]);
    world.lookup(100, "10.0.0.53:41234", UPSTREAM, "evil.example", &[]);
    assert!(world.incidents.close_quiet(Timestamp::new(200, 0)).is_empty());
    world.lookup(100, HOST, RESOLVER, "evil.example", &[]);
    let alerts = world.incidents.close_quiet(Timestamp::new(100_000, 0));
    assert_eq!(shown(&alerts), ["outbound looked_up 10.0.0.1 evil.example"]);
    assert_eq!(alerts[0].resolvers.len(), 1);
}

#[test]
fn mail_servers_and_scanners_may_look_up() {
    for role in [Role::Mail, Role::Scanner] {
        let mut world = World::with_roles(&["d:evil.example"], &[(role, "10.0.0.1/32"), RESOLVER_ROLE]);
        world.lookup(100, HOST, RESOLVER, "evil.example", &[]);
        world.lookup(100, "10.0.0.53:41234", UPSTREAM, "evil.example", &[]);
        assert!(world.close().is_empty(), "{role}");
        let stats = *world.incidents.stats();
        assert_eq!((stats.incidents_only_looked_up, stats.hits_only_looked_up), (1, 4));
        world.lookup(100, HOST, RESOLVER, "evil.example", &[]);
        world.flow(HOST, BAD, |it| {
            it.sni("evil.example");
        });
        let alerts = world.close();
        assert_eq!(shown(&alerts), ["outbound exchanged 10.0.0.1 evil.example"], "{role}");
        assert_eq!(alerts[0].roles, [role]);
        let severity = if role == Role::Scanner { Severity::Medium } else { Severity::High };
        assert_eq!(alerts[0].severity, severity);
    }
}

#[test]
fn honeypots_are_left_out() {
    let roles = [(Role::Honeypot, "10.0.0.66/32"), RESOLVER_ROLE];
    let mut world = World::with_roles(&["203.0.113.5", "d:evil.example"], &roles);
    world.flow("203.0.113.5:40000", "10.0.0.66:23", |_| ());
    world.flow("10.0.0.66:50000", BAD, |_| ());
    world.lookup(100, "10.0.0.66:50000", RESOLVER, "evil.example", &[]);
    world.lookup(100, "10.0.0.53:41234", UPSTREAM, "evil.example", &[]);
    assert!(world.close().is_empty());
    assert_eq!(world.incidents.stats().hits_honeypot, 6);
    world.flow("203.0.113.5:40000", "10.0.0.66:23", |_| ());
    world.flow("203.0.113.5:40000", "10.0.0.67:23", |_| ());
    let alerts = world.close();
    assert_eq!((alerts[0].flows, alerts[0].touched.clone()), (1, ips(&["10.0.0.67"])));
}

#[test]
fn the_client_of_a_proxy_decides() {
    let proxy = "10.0.0.8:3128";
    let roles = [(Role::Proxy, "10.0.0.8/32")];
    let plain = |it: &mut Happening| {
        it.http(RequestForm::Origin, "evil.example", "/");
    };
    for (roles, form, expected) in [
        (&roles[..], RequestForm::Origin, "outbound exchanged 10.0.0.1 evil.example"),
        (&[], RequestForm::Origin, "lateral exchanged 10.0.0.1 evil.example"),
        (&[], RequestForm::Connect, "outbound exchanged 10.0.0.1 evil.example"),
        (&[], RequestForm::Absolute, "outbound exchanged 10.0.0.1 evil.example"),
    ] {
        let mut world = World::with_roles(&["d:evil.example"], roles);
        world.flow(HOST, proxy, |it| {
            it.http(form, "evil.example", "/");
        });
        assert_eq!(shown(&world.close()), [expected], "{form:?}");
    }
    let mut world = World::with_roles(&["d:evil.example", "10.0.0.1"], &roles);
    world.flow("198.51.100.1:50000", proxy, plain);
    assert_eq!(shown(&world.close()), ["inbound exchanged - evil.example"]);
    world.flow(HOST, proxy, |_| ());
    assert_eq!(shown(&world.close()), ["lateral exchanged 10.0.0.8 10.0.0.1"], "an address is no name");
}

#[test]
fn a_translators_alert_has_port_and_time_of_every_flow() {
    let nat = [(Role::Nat, "10.0.0.1/32")];
    let mut world = World::with_roles(&["203.0.113.5", "d:evil.example"], &nat);
    for number in (0..20_u16).rev() {
        world.flow(&format!("10.0.0.1:{}", 61_000 + number), BAD, |it| {
            it.at(1000 + u64::from(number));
        });
    }
    world.flow(OTHER_HOST, BAD, |_| ());
    world.lookup(5000, "10.0.0.1:5353", RESOLVER, "evil.example", &[]);
    let alerts = world.close();
    let of = |host: &str, value: &str| {
        let is_it = |alert: &&Alert| {
            alert.host == Some(ips(&[host])[0]) && alert.indicator.value.to_string() == value
        };
        &alerts.iter().find(is_it).unwrap().translated
    };
    let flows = of("10.0.0.1", "203.0.113.5");
    let ports: Vec<u16> = flows.iter().map(|translated| translated.end.port).collect();
    assert_eq!(ports, (61_000..61_016).collect::<Vec<u16>>(), "the first {MAX_TRANSLATED}");
    assert_eq!((flows[1].time, flows[1].peer), (Timestamp::new(1001, 0), end(BAD)));
    let lookups = of("10.0.0.1", "evil.example");
    assert_eq!((lookups.len(), lookups[0].end, lookups[0].peer), (1, end("10.0.0.1:5353"), end(RESOLVER)));
    assert_eq!(of("10.0.0.2", "203.0.113.5").len(), 0, "not a translator");
}

#[test]
fn a_long_conversation_has_one_translated_port_and_a_tunnel_none() {
    let nat = [(Role::Nat, "10.0.0.1/32")];
    let mut world = World::with_roles(&["203.0.113.5"], &nat);
    world.flow(HOST, BAD, |it| it.flow.end = EndReason::Active);
    world.flow(HOST, BAD, |it| {
        it.at(5000);
        it.flow.continues = Some(FlowId(1));
    });
    assert_eq!(world.close()[0].translated.len(), 1);
    world.flow("10.0.0.1:50000", "198.51.100.1:443", |it| {
        let (source, destination) = (ips(&["10.0.0.1"])[0], ips(&["203.0.113.5"])[0]);
        it.flow.tunnels.push(Tunnel { kind: TunnelKind::Gre, source, destination, id: None });
    });
    assert_eq!(world.close()[0].translated, []);
}
