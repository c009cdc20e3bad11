//! What a pattern is reduced to, against an oracle that evaluates patterns the slow and simple way: whoever observes one of the values
//! and nothing else must have observed the pattern.

use super::pattern::{self, Comparison, Constant, Observation, Operator, Qualifier, Test};
use super::reduce;
use proptest::prelude::*;
use weir_model::IndicatorValue;
use weir_model::indicator::Side;

/// All that one observation says: paths and texts.
type Facts = Vec<(String, String)>;

/// The least that is observed when this value is met.
fn facts(value: &IndicatorValue, side: Option<Side>) -> Facts {
    let end = match side {
        Some(Side::Source) => "src",
        _ => "dst",
    };
    let fact = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let text = value.to_string();
    match (value, side) {
        (IndicatorValue::AddressPort(ip, port), _) => vec![
            fact(&format!("network-traffic:{end}_ref.value"), &ip.to_string()),
            fact(&format!("network-traffic:{end}_ref.type"), "ipv4-addr"),
            fact(&format!("network-traffic:{end}_port"), &port.to_string()),
        ],
        (IndicatorValue::Address(_), Some(_)) => vec![
            fact(&format!("network-traffic:{end}_ref.value"), &text),
            fact(&format!("network-traffic:{end}_ref.type"), "ipv4-addr"),
        ],
        (IndicatorValue::Address(_), None) => vec![fact("ipv4-addr:value", &text)],
        (IndicatorValue::Domain(_), None) => vec![fact("domain-name:value", &text)],
        _ => panic!("the generated patterns do not come to {value}"),
    }
}

fn is_true(pattern: &Observation, facts: &Facts) -> bool {
    match pattern {
        Observation::Of(comparison) => holds(comparison, facts),
        Observation::Or(parts) => parts.iter().any(|part| is_true(part, facts)),
        Observation::Qualified(inner, Qualifier::Within | Qualifier::Repeats(1)) => is_true(inner, facts),
        // One observation is not several.
        Observation::And(_) | Observation::FollowedBy(_) | Observation::Qualified(..) => false,
    }
}

fn holds(comparison: &Comparison, facts: &Facts) -> bool {
    match comparison {
        Comparison::Test(test) => facts.iter().any(|fact| satisfies(test, fact)),
        Comparison::And(parts) => parts.iter().all(|part| holds(part, facts)),
        Comparison::Or(parts) => parts.iter().any(|part| holds(part, facts)),
    }
}

fn satisfies(test: &Test, (path, text): &(String, String)) -> bool {
    let equals = |constant: &Constant| constant.as_text() == text;
    let holds = match test.operator {
        Operator::Equal | Operator::In | Operator::IsSubset | Operator::Like => {
            test.constants.iter().any(equals)
        }
        Operator::NotEqual => !test.constants.iter().any(equals),
        // Whether these hold is nothing that a value could show.
        _ => return false,
    };
    *path == test.path.to_string() && holds != test.negated
}

fn test() -> impl Strategy<Value = String> {
    let conditions = [
        "ipv4-addr:value = '192.0.2.1'",
        "ipv4-addr:value IN ('192.0.2.1', '192.0.2.2')",
        "ipv4-addr:value ISSUBSET '192.0.2.1'",
        "ipv4-addr:value NOT = '192.0.2.1'",
        "ipv4-addr:value NOT != '192.0.2.2'",
        "ipv4-addr:value NOT IN ('192.0.2.3')",
        "domain-name:value = 'a.example'",
        "domain-name:value LIKE 'a.example'",
        "domain-name:value LIKE '%.example'",
        "domain-name:value MATCHES 'a'",
        "network-traffic:dst_ref.value = '192.0.2.1'",
        "network-traffic:src_ref.value = '192.0.2.1'",
        "network-traffic:dst_ref.value IN ('192.0.2.1', '192.0.2.2')",
        "network-traffic:dst_ref.type = 'ipv4-addr'",
        "network-traffic:src_ref.type = 'ipv6-addr'",
        "network-traffic:dst_port = 443",
        "network-traffic:src_port = 443",
        "network-traffic:dst_port > 8",
        "network-traffic:protocols[*] = 'tcp'",
        "file:hashes.MD5 = 'aa'",
        "EXISTS domain-name:value",
    ];
    proptest::sample::select(conditions.to_vec()).prop_map(str::to_owned)
}

fn comparison() -> impl Strategy<Value = String> {
    test().prop_recursive(3, 12, 3, |inner| {
        (proptest::collection::vec(inner, 1..4), prop_oneof!["AND", "OR"])
            .prop_map(|(parts, joined)| format!("({})", parts.join(&format!(" {joined} "))))
    })
}

fn observation() -> impl Strategy<Value = String> {
    comparison().prop_map(|comparison| format!("[{comparison}]")).prop_recursive(2, 6, 3, |inner| {
        let joined = prop_oneof![4 => Just("OR"), 1 => Just("AND"), 1 => Just("FOLLOWEDBY")];
        let qualifier = prop_oneof![
            6 => Just(""), 1 => Just(" WITHIN 5 SECONDS"), 1 => Just(" REPEATS 1 TIMES"), 1 => Just(" REPEATS 2 TIMES"),
        ];
        (proptest::collection::vec(inner, 1..4), joined, qualifier)
            .prop_map(|(parts, joined, qualifier)| format!("({}){qualifier}", parts.join(&format!(" {joined} "))))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_is_met_that_the_pattern_does_not_say(text in observation()) {
        let pattern = pattern::parse(&text).unwrap();
        for (value, side) in reduce(&pattern).values {
            prop_assert!(is_true(&pattern, &facts(&value, side)), "{value} {side:?} of {text}");
        }
    }

    /// What cannot be told in values is told of.
    #[test]
    fn every_pattern_comes_to_something(text in observation()) {
        let reduction = reduce(&pattern::parse(&text).unwrap());
        prop_assert!(!reduction.values.is_empty() || !reduction.refused.is_empty());
    }
}
