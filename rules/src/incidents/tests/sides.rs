//! Indicators of which sources say on which side of flows they are.

use super::*;
use weir_model::alert::Severity;
use weir_model::indicator::{Further, Side};

fn world(sides: &[Option<Side>]) -> World {
    let context = |side: &Option<Side>| Context {
        source: format!("{side:?}").into(),
        further: side.map(|side| Arc::new(Further { side: Some(side), ..Further::default() })),
        ..Context::default()
    };
    let contexts = sides.iter().map(context).collect();
    let indicator = Indicator::new(value("203.0.113.5"), contexts);
    World::knowing([indicator].into_iter(), Site::private_ranges(), IncidentConfig::default())
}

fn seen(sides: &[Option<Side>], happen: impl Fn(&mut World)) -> Vec<(Severity, Option<Side>)> {
    let mut world = world(sides);
    happen(&mut world);
    world.close().iter().map(|alert| (alert.severity, alert.known_as)).collect()
}

const SOURCE: Option<Side> = Some(Side::Source);
const DESTINATION: Option<Side> = Some(Side::Destination);

#[test]
fn an_attacker_that_is_spoken_to_and_a_server_that_begins_weigh_less() {
    let outbound = |world: &mut World| world.flow(HOST, BAD, |_| ());
    let inbound = |world: &mut World| world.flow("203.0.113.5:40000", "10.0.0.1:22", |_| ());
    for (sides, calls, called) in [
        (&[SOURCE][..], (Severity::Medium, SOURCE), (Severity::Low, None)),
        (&[DESTINATION], (Severity::High, None), (Severity::Informational, DESTINATION)),
        (&[DESTINATION, SOURCE], (Severity::High, None), (Severity::Low, None)),
        (&[SOURCE, None], (Severity::High, None), (Severity::Low, None)),
        (&[None], (Severity::High, None), (Severity::Low, None)),
    ] {
        assert_eq!(seen(sides, outbound), [calls], "{sides:?}");
        assert_eq!(seen(sides, inbound), [called], "{sides:?}");
    }
}

#[test]
fn where_it_is_not_known_who_began_or_nothing_was_begun_no_side_disagrees() {
    let unknown = |world: &mut World| {
        world.flow(HOST, BAD, |it| it.flow.orientation = Orientation::FirstPacket);
    };
    assert_eq!(seen(&[SOURCE], unknown), [(Severity::Medium, None)]);
    let asked = |world: &mut World| world.lookup(100, HOST, RESOLVER, "good.example", &["203.0.113.5"]);
    assert_eq!(seen(&[SOURCE], asked), [(Severity::Low, None)]);
    let through_proxy = |world: &mut World| {
        world.flow(HOST, "10.0.0.8:3128", |it| {
            it.http(RequestForm::Absolute, "203.0.113.5", "/");
        });
    };
    assert!(seen(&[SOURCE], through_proxy).iter().all(|(_, known_as)| known_as.is_none()));
}

#[test]
fn an_attacker_that_is_called_back_weighs_more() {
    let called_back = |world: &mut World| {
        world.flow("203.0.113.5:40000", "10.0.0.1:22", |it| {
            it.at(100);
        });
        world.flow(HOST, BAD, |it| {
            it.at(200);
        });
    };
    assert_eq!(seen(&[SOURCE], called_back), [(Severity::Medium, None), (Severity::High, SOURCE)]);
}

#[test]
fn sides_do_not_depend_on_the_order_of_flows() {
    let site = Site { home: Vec::new(), roles: Vec::new() };
    for turned in [false, true] {
        let mut world = world(&[SOURCE]);
        world.incidents = Incidents::new(site.clone(), IncidentConfig::default());
        let mut flows = [("198.51.100.1:50000", BAD), (BAD, "198.51.100.1:22")];
        if turned {
            flows.reverse();
        }
        for (initiator, responder) in flows {
            world.flow(initiator, responder, |_| ());
        }
        let alerts = world.close();
        assert_eq!((alerts.len(), alerts[0].known_as), (1, None), "it was met as both");
    }
}
