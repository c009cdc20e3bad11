//! Indicators that warninglists hold.

use super::*;
use weir_model::alert::Severity;
use weir_model::{Effect, Warning};

fn world(indicators: &[(&str, &[Effect])]) -> World {
    let warned = |(text, effects): &(&str, &[Effect])| Indicator {
        warnings: effects.iter().map(|effect| Warning { list: "a list".into(), effect: *effect }).collect(),
        ..Indicator::new(value(text), vec![Context::default()])
    };
    World::knowing(indicators.iter().map(warned), Site::private_ranges(), IncidentConfig::default())
}

/// What is told of an exchange with the address.
fn told(effects: &[Effect], initiator: &str, responder: &str) -> (Severity, Option<Effect>) {
    let mut world = world(&[("203.0.113.5", effects)]);
    world.flow(initiator, responder, |_| ());
    let alerts = world.close();
    assert_eq!(alerts.len(), 1);
    (alerts[0].severity, alerts[0].warned)
}

#[test]
fn each_effect_moves_the_severity_by_one_step() {
    use Effect::{Lower, Raise, Shared};
    let outbound = |effects: &[Effect]| told(effects, HOST, BAD);
    assert_eq!(outbound(&[]), (Severity::High, None));
    assert_eq!(outbound(&[Lower]), (Severity::Medium, Some(Lower)));
    assert_eq!(outbound(&[Shared]), (Severity::Medium, Some(Shared)));
    assert_eq!(outbound(&[Lower, Shared]), (Severity::Medium, Some(Lower)), "one step, not two");
    assert_eq!(outbound(&[Raise]), (Severity::High, Some(Raise)));
    assert_eq!(outbound(&[Lower, Raise]), (Severity::High, Some(Raise)), "a sinkhole in a cloud");
    assert_eq!(outbound(&[Shared, Raise]), (Severity::High, None));
    let inbound = |effects: &[Effect]| told(effects, "203.0.113.5:40000", "10.0.0.1:22");
    assert_eq!(inbound(&[]), (Severity::Low, None));
    assert_eq!(inbound(&[Raise]), (Severity::Low, None), "a sinkhole that comes in is a scanner");
    assert_eq!(inbound(&[Lower]), (Severity::Informational, Some(Lower)));
}

#[test]
fn an_address_that_serves_many_weighs_in_full_if_the_name_agrees() {
    let shared: &[Effect] = &[Effect::Shared];
    let mut world = world(&[("203.0.113.5", shared), ("d:evil.example", &[])]);
    world.flow(HOST, BAD, |happening| {
        happening.sni("evil.example");
    });
    world.flow("10.0.0.9:50000", BAD, |happening| {
        happening.sni("harmless.example");
    });
    let alerts = world.close();
    let found: Vec<(String, Severity, Option<Effect>)> = alerts
        .iter()
        .map(|alert| (alert.indicator.value.to_string(), alert.severity, alert.warned))
        .collect();
    let name = ("evil.example".to_owned(), Severity::High, None);
    let address = ("203.0.113.5".to_owned(), Severity::Medium, Some(Effect::Shared));
    assert!(found.contains(&name) && found.contains(&address) && found.len() == 2, "{found:?}");
}
