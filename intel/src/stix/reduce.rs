//! What of a pattern a sensor can see: values of which each alone makes the pattern true.
//!
//! A pattern is brought into the form "this and this, or that and that". Each alternative becomes one value, or is refused with its
//! reason; what remains is never more than the pattern says. Two liberties are those of the vocabulary: a domain stands for all
//! below it, and a URL for any scheme (docs/INDICATORS.md).

use super::pattern::{Comparison, Constant, Observation, Operator, Path, Qualifier, Step, Test};
use crate::RefusalReason;
use crate::value::{self, Hint};
use std::net::IpAddr;
use weir_model::IndicatorValue;
use weir_model::indicator::Side;

/// Most alternatives that a pattern may have, and most conditions in all of them. `(a OR b) AND (c OR d) AND ...` doubles
/// with each part: adversary and typing error would fill memory. A pattern with more is refused as `pattern_syntax`.
pub const MAX_ALTERNATIVES: usize = 16_384;
/// Most conditions of one alternative; no value has more than a few. A pattern with more is refused as `pattern_syntax`.
const MAX_CONDITIONS: usize = 64;

/// What a pattern comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reduction {
    /// Values of which each alone makes the pattern true, in the order of the pattern.
    pub values: Vec<(IndicatorValue, Option<Side>)>,
    /// Alternatives that come to none, with their text.
    pub refused: Vec<(RefusalReason, String)>,
}

/// Reduces a pattern to values.
pub fn reduce(pattern: &Observation) -> Reduction {
    let mut reduction = Reduction::default();
    observation(pattern, &mut reduction);
    reduction
}

fn observation(pattern: &Observation, to: &mut Reduction) {
    match pattern {
        Observation::Of(comparison) => alternatives_of(comparison, to),
        Observation::Or(parts) => parts.iter().for_each(|part| observation(part, to)),
        // One observation is always within any time; repeated once, it is itself.
        Observation::Qualified(inner, Qualifier::Within | Qualifier::Repeats(1)) => observation(inner, to),
        // One of several that must come together says nothing alone.
        Observation::And(_) | Observation::FollowedBy(_) | Observation::Qualified(..) => {
            refuse(to, RefusalReason::PatternSequence, pattern);
        }
    }
}

fn refuse(to: &mut Reduction, reason: RefusalReason, pattern: &Observation) {
    let text = first_test(pattern).map(|test| condition_text(test, test.constants.first()));
    to.refused.push((reason, text.unwrap_or_default()));
}

fn first_test(pattern: &Observation) -> Option<&Test> {
    match pattern {
        Observation::Of(comparison) => first_condition(comparison),
        Observation::Or(parts) | Observation::And(parts) | Observation::FollowedBy(parts) => {
            parts.first().and_then(first_test)
        }
        Observation::Qualified(inner, _) => first_test(inner),
    }
}

fn first_condition(comparison: &Comparison) -> Option<&Test> {
    match comparison {
        Comparison::Test(test) => Some(test),
        Comparison::And(parts) | Comparison::Or(parts) => parts.first().and_then(first_condition),
    }
}

/// A condition with one constant: those of `IN` are alternatives.
#[derive(Clone, Copy)]
struct Condition<'a> {
    test: &'a Test,
    constant: Option<&'a Constant>,
}

fn condition_text(test: &Test, constant: Option<&Constant>) -> String {
    format!("{} {}", test.path, constant.map(Constant::as_text).unwrap_or_default())
}

fn alternatives_of(comparison: &Comparison, to: &mut Reduction) {
    let Some(alternatives) = alternatives(comparison) else {
        return refuse(to, RefusalReason::PatternSyntax, &Observation::Of(comparison.clone()));
    };
    for conditions in alternatives {
        match conjunction(&conditions) {
            Ok(value) => to.values.push(value),
            Err((reason, text)) => to.refused.push((reason, text)),
        }
    }
}

/// The disjunctive form; `None` when it is too large.
fn alternatives(comparison: &Comparison) -> Option<Vec<Vec<Condition<'_>>>> {
    let alternatives = match comparison {
        Comparison::Test(test) if test.constants.is_empty() => {
            vec![vec![Condition { test, constant: None }]]
        }
        Comparison::Test(test) => {
            test.constants.iter().map(|constant| vec![Condition { test, constant: Some(constant) }]).collect()
        }
        Comparison::Or(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(alternatives(part)?);
            }
            all
        }
        Comparison::And(parts) => {
            let mut all: Vec<Vec<Condition<'_>>> = vec![Vec::new()];
            for part in parts {
                all = product(&all, &alternatives(part)?)?;
            }
            all
        }
    };
    let conditions: usize = alternatives.iter().map(Vec::len).sum();
    (conditions <= MAX_ALTERNATIVES).then_some(alternatives)
}

fn product<'a>(left: &[Vec<Condition<'a>>], right: &[Vec<Condition<'a>>]) -> Option<Vec<Vec<Condition<'a>>>> {
    let conditions = |of: &[Vec<Condition<'a>>]| of.iter().map(Vec::len).sum::<usize>();
    let size = conditions(left) * right.len() + conditions(right) * left.len();
    if size > MAX_ALTERNATIVES {
        return None;
    }
    let longest = |of: &[Vec<Condition<'a>>]| of.iter().map(Vec::len).max().unwrap_or(0);
    if longest(left) + longest(right) > MAX_CONDITIONS {
        return None;
    }
    let pairs = left.iter().flat_map(|left| right.iter().map(move |right| (left, right)));
    Some(pairs.map(|(left, right)| left.iter().chain(right).copied().collect()).collect())
}

type Reduced = Result<(IndicatorValue, Option<Side>), (RefusalReason, String)>;

/// Conditions that must all be true of one observation.
fn conjunction(conditions: &[Condition<'_>]) -> Reduced {
    let mut meanings: Vec<Meaning> = Vec::new();
    for condition in conditions {
        let text = || condition_text(condition.test, condition.constant);
        let meaning = meaning(condition).map_err(|reason| (reason, text()))?;
        if !meanings.contains(&meaning) {
            meanings.push(meaning);
        }
    }
    drop_implied(&mut meanings);
    let text = || {
        let texts = conditions.iter().map(|condition| condition_text(condition.test, condition.constant));
        texts.collect::<Vec<_>>().join(" AND ")
    };
    combined(&meanings).map_err(|reason| (reason, text()))
}

/// What a condition says, as far as it can be part of a value.
#[derive(Clone, Debug, PartialEq)]
enum Meaning {
    /// A value that stands alone.
    Value(IndicatorValue),
    /// An end of a flow: its address or name.
    End(Side, IndicatorValue),
    /// The port at an end of a flow.
    Port(Side, u16),
    /// The type of the object at an end of a flow: `ipv4-addr`.
    EndType(Side, String),
    /// The host that an HTTP request names.
    RequestHost(String),
    /// The path that an HTTP request names.
    RequestPath(String),
    /// What is no part of a value and can only restrict others.
    Restriction(String),
}

/// A type that the value beside it has anyway says nothing more.
fn drop_implied(meanings: &mut Vec<Meaning>) {
    let ends: Vec<(Side, IndicatorValue)> = meanings
        .iter()
        .filter_map(|meaning| match meaning {
            Meaning::End(side, value) => Some((*side, value.clone())),
            _ => None,
        })
        .collect();
    meanings.retain(|meaning| match meaning {
        Meaning::EndType(side, of_type) => {
            !ends.iter().any(|(end, value)| end == side && of_type == object_type(value))
        }
        _ => true,
    });
}

fn object_type(value: &IndicatorValue) -> &'static str {
    let address = match value {
        IndicatorValue::Address(ip) => Some(*ip),
        IndicatorValue::Network(network) => Some(network.addr()),
        _ => None,
    };
    match address {
        Some(IpAddr::V4(_)) => "ipv4-addr",
        Some(IpAddr::V6(_)) => "ipv6-addr",
        None => "domain-name",
    }
}

fn combined(meanings: &[Meaning]) -> Result<(IndicatorValue, Option<Side>), RefusalReason> {
    match meanings {
        [Meaning::Value(value)] => Ok((value.clone(), None)),
        [Meaning::End(side, value)] => Ok((value.clone(), Some(*side))),
        [Meaning::End(side, IndicatorValue::Address(ip)), Meaning::Port(at, port)]
        | [Meaning::Port(at, port), Meaning::End(side, IndicatorValue::Address(ip))]
            if side == at =>
        {
            Ok((IndicatorValue::AddressPort(*ip, *port), Some(*side)))
        }
        [Meaning::RequestHost(host), Meaning::RequestPath(path)]
        | [Meaning::RequestPath(path), Meaning::RequestHost(host)] => {
            value::parse_as(&format!("http://{host}{path}"), Hint::Url).map(|value| (value, None))
        }
        // Alone these would match nearly everything.
        [_] => Err(RefusalReason::UnsupportedType),
        _ => Err(RefusalReason::PatternConjunction),
    }
}

fn meaning(condition: &Condition<'_>) -> Result<Meaning, RefusalReason> {
    let Condition { test, constant } = condition;
    if let Some(reason) = unseen(&test.path) {
        return Err(reason);
    }
    let text = constant.map(Constant::as_text).ok_or(RefusalReason::PatternOperator)?;
    if !is_equality(test, text) {
        return Err(RefusalReason::PatternOperator);
    }
    let keys: Vec<&str> = test.path.steps.iter().filter_map(key).collect();
    match (test.path.object.as_str(), keys.as_slice()) {
        ("ipv4-addr" | "ipv6-addr", ["value"]) => of_kind(text, &["address", "network"]),
        ("domain-name", ["value"]) => of_kind(text, &["domain"]),
        // An object that OpenCTI adds.
        ("hostname" | "x-opencti-hostname", ["value"]) => hostname(text),
        ("url", ["value"]) => value::parse_as(text, Hint::Url).map(Meaning::Value),
        ("x509-certificate", ["hashes", _]) => of_kind(text, &["certificate_sha1", "certificate_sha256"]),
        ("network-traffic", ["src_ref", "value"]) => end(Side::Source, text),
        ("network-traffic", ["dst_ref", "value"]) => end(Side::Destination, text),
        ("network-traffic", ["src_ref", "type"]) => Ok(Meaning::EndType(Side::Source, text.to_owned())),
        ("network-traffic", ["dst_ref", "type"]) => Ok(Meaning::EndType(Side::Destination, text.to_owned())),
        ("network-traffic", ["src_port"]) => port(Side::Source, text),
        ("network-traffic", ["dst_port"]) => port(Side::Destination, text),
        ("network-traffic", ["extensions", "http-request-ext", "request_value"]) => {
            let is_path = text.starts_with('/');
            is_path.then(|| Meaning::RequestPath(text.to_owned())).ok_or(RefusalReason::NotAnIndicator)
        }
        ("network-traffic", ["extensions", "http-request-ext", "request_header", header])
            if header.eq_ignore_ascii_case("host") =>
        {
            Ok(Meaning::RequestHost(text.to_owned()))
        }
        (_, keys) if keys.last().is_some_and(|key| is_ja3(key)) => {
            value::parse_as(text, Hint::Ja3).map(Meaning::Value)
        }
        (_, keys) if keys.last().is_some_and(|key| is_ja4(key)) => of_kind(text, &["ja4"]),
        (object, _) if SEEN_OBJECTS.contains(&object) => {
            Ok(Meaning::Restriction(condition_text(test, *constant)))
        }
        _ => Err(RefusalReason::UnsupportedType),
    }
}

/// Objects of which something is seen on the wire.
const SEEN_OBJECTS: [&str; 6] =
    ["ipv4-addr", "ipv6-addr", "domain-name", "url", "network-traffic", "x509-certificate"];

/// The reason for which no sensor on the wire can test the property.
fn unseen(path: &Path) -> Option<RefusalReason> {
    let has_hashes = path.steps.iter().filter_map(key).any(|key| key == "hashes");
    match path.object.as_str() {
        "file" | "artifact" if has_hashes => Some(RefusalReason::FileHash),
        object if object.starts_with("email") => Some(RefusalReason::Email),
        _ => None,
    }
}

/// Whether the condition says that the property is this very value. `LIKE` without wildcards does; a subset of a network is one of
/// its addresses.
fn is_equality(test: &Test, text: &str) -> bool {
    let is_network = matches!(test.path.object.as_str(), "ipv4-addr" | "ipv6-addr" | "network-traffic");
    match (test.operator, test.negated) {
        (Operator::Equal | Operator::In, false) | (Operator::NotEqual, true) => true,
        (Operator::Like, false) => !text.contains(['%', '_']),
        (Operator::IsSubset, false) => is_network,
        _ => false,
    }
}

fn key(step: &Step) -> Option<&str> {
    match step {
        Step::Key(key) => Some(key),
        Step::Index(_) => None,
    }
}

fn is_ja3(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    matches!(
        key.trim_start_matches("x_"),
        "ja3" | "ja3_hash" | "ja3_md5" | "ja3_fingerprint" | "ja3-fingerprint-md5" | "tls_ja3"
    )
}

fn is_ja4(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    matches!(
        key.trim_start_matches("x_"),
        "ja4" | "ja4_hash" | "ja4_fingerprint" | "ja4-fingerprint" | "tls_ja4"
    )
}

fn hostname(text: &str) -> Result<Meaning, RefusalReason> {
    match value::parse_as(text, Hint::Host)? {
        value @ IndicatorValue::Host(_) => Ok(Meaning::Value(value)),
        _ => Err(RefusalReason::NotAnIndicator),
    }
}

/// A value of one of these kinds: the property decides what a text can be.
fn of_kind(text: &str, kinds: &[&str]) -> Result<Meaning, RefusalReason> {
    let value = value::parse(text)?;
    if kinds.contains(&value.kind()) { Ok(Meaning::Value(value)) } else { Err(RefusalReason::NotAnIndicator) }
}

/// The object at an end of a flow is an address or a name.
fn end(side: Side, text: &str) -> Result<Meaning, RefusalReason> {
    match of_kind(text, &["address", "network", "domain"])? {
        Meaning::Value(value) => Ok(Meaning::End(side, value)),
        other => Ok(other),
    }
}

fn port(side: Side, text: &str) -> Result<Meaning, RefusalReason> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(Meaning::Port(side, port)),
        _ => Err(RefusalReason::BadPort),
    }
}

#[cfg(test)]
mod tests {
    use super::super::pattern;
    use super::*;

    /// `kind value` of what remains, `!reason` of what does not.
    fn shown(text: &str) -> String {
        let reduction = reduce(&pattern::parse(text).unwrap());
        let side = |side: &Option<Side>| side.map(|side| format!("@{}", side.keyword())).unwrap_or_default();
        let values =
            reduction.values.iter().map(|(value, at)| format!("{} {value}{}", value.kind(), side(at)));
        let refused = reduction.refused.iter().map(|(reason, _)| format!("!{reason}"));
        values.chain(refused).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn what_a_sensor_sees_becomes_values() {
        for (pattern, expected) in [
            ("[ipv4-addr:value = '192.0.2.1']", "address 192.0.2.1"),
            ("[ipv4-addr:value = '198.51.100.0/24']", "network 198.51.100.0/24"),
            ("[ipv6-addr:value ISSUBSET '2001:db8::/32']", "network 2001:db8::/32"),
            ("[domain-name:value = 'evil.example']", "domain evil.example"),
            ("[hostname:value = 'www.evil.example']", "host www.evil.example"),
            ("[url:value = 'http://evil.example/a?b']", "url evil.example/a?b"),
            ("[domain-name:value IN ('a.example', 'b.example')]", "domain a.example, domain b.example"),
            ("[domain-name:value LIKE 'a.example']", "domain a.example"),
            ("[domain-name:value NOT != 'a.example']", "domain a.example"),
            (
                "[x509-certificate:hashes.'SHA-1' = '9e393d93138888d288266c2d915214d1d1cceb2a']",
                "certificate_sha1 9e393d93138888d288266c2d915214d1d1cceb2a",
            ),
            (
                "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '192.0.2.1']",
                "address 192.0.2.1@destination",
            ),
            (
                "[network-traffic:dst_port = 443 AND network-traffic:dst_ref.value IN ('192.0.2.1', '192.0.2.2')]",
                "address_port 192.0.2.1:443@destination, address_port 192.0.2.2:443@destination",
            ),
            ("[network-traffic:src_ref.value = 'evil.example']", "domain evil.example@source"),
            (
                "[network-traffic:extensions.'http-request-ext'.request_header.Host = 'evil.example' AND \
                 network-traffic:extensions.'http-request-ext'.request_value = '/a']",
                "url evil.example/a",
            ),
            (
                "[network-traffic:extensions.'tls'.ja4 = 't13d1516h2_8daaf6152771_e5627efa2ab1']",
                "ja4 t13d1516h2_8daaf6152771_e5627efa2ab1",
            ),
            ("[ipv4-addr:value = '192.0.2.1' AND ipv4-addr:value = '192.0.2.1']", "address 192.0.2.1"),
            (
                "[ipv4-addr:value = '192.0.2.1'] OR [domain-name:value = 'a.example']",
                "address 192.0.2.1, domain a.example",
            ),
            ("([url:value = 'http://a.example/'] WITHIN 5 SECONDS) REPEATS 1 TIMES", "url a.example/"),
        ] {
            assert_eq!(shown(pattern), expected, "{pattern}");
        }
    }

    /// None of these may become a value that is met although the pattern is not.
    #[test]
    fn what_would_match_more_than_the_pattern_is_refused() {
        for (pattern, expected) in [
            ("[ipv4-addr:value = '192.0.2.1'] AND [domain-name:value = 'a.example']", "!pattern_sequence"),
            (
                "[ipv4-addr:value = '192.0.2.1'] FOLLOWEDBY [url:value = 'http://a.example/']",
                "!pattern_sequence",
            ),
            ("[ipv4-addr:value = '192.0.2.1'] REPEATS 5 TIMES", "!pattern_sequence"),
            ("[ipv4-addr:value = '192.0.2.1'] START '2016' STOP '2017'", "!pattern_sequence"),
            (
                "[domain-name:value = 'a.example' AND domain-name:resolves_to_refs[*].value = '192.0.2.1']",
                "!pattern_conjunction",
            ),
            ("[domain-name:value = 'a.example' AND file:hashes.MD5 = 'aa']", "!file_hash"),
            ("[domain-name:value = 'a.example' AND ipv4-addr:value = '192.0.2.1']", "!pattern_conjunction"),
            (
                "[network-traffic:dst_ref.value = '192.0.2.1' AND network-traffic:protocols[*] = 'tcp']",
                "!pattern_conjunction",
            ),
            (
                "[network-traffic:dst_ref.value = '192.0.2.1' AND network-traffic:src_port = 443]",
                "!pattern_conjunction",
            ),
            (
                "[network-traffic:dst_ref.value = '192.0.2.1' AND network-traffic:dst_ref.type = 'ipv6-addr']",
                "!pattern_conjunction",
            ),
            ("[network-traffic:dst_port = 443]", "!unsupported_type"),
            ("[network-traffic:dst_ref.type = 'ipv4-addr']", "!unsupported_type"),
            ("[domain-name:value != 'a.example']", "!pattern_operator"),
            ("[domain-name:value NOT = 'a.example']", "!pattern_operator"),
            ("[domain-name:value NOT IN ('a.example', 'b.example')]", "!pattern_operator, !pattern_operator"),
            ("[domain-name:value LIKE '%.example']", "!pattern_operator"),
            ("[domain-name:value MATCHES 'a.example']", "!pattern_operator"),
            ("[domain-name:value > 'a.example']", "!pattern_operator"),
            ("[ipv4-addr:value ISSUPERSET '192.0.2.0/24']", "!pattern_operator"),
            ("[EXISTS domain-name:value]", "!pattern_operator"),
            ("[ipv4-addr:value = '0.0.0.0/0']", "!too_wide"),
            ("[ipv4-addr:value = '192.0.2.1/a']", "!not_an_indicator"),
            ("[domain-name:value = '192.0.2.1']", "!not_an_indicator"),
            ("[x509-certificate:hashes.MD5 = '0123456789abcdef0123456789abcdef']", "!file_hash"),
            ("[email-addr:value = 'a@b.example']", "!email"),
            ("[network-traffic:extensions.'tls'.ja3_hash = 'aa']", "!not_an_indicator"),
            ("[mutex:name = 'evil.example']", "!unsupported_type"),
        ] {
            assert_eq!(shown(pattern), expected, "{pattern}");
        }
    }

    /// One alternative that is not seen leaves the others.
    #[test]
    fn alternatives_stand_for_themselves() {
        assert_eq!(
            shown(
                "[file:hashes.MD5 = 'aa' OR domain-name:value = 'a.example'] OR ([a:b = '1'] AND [a:b = '2'])"
            ),
            "domain a.example, !file_hash, !pattern_sequence"
        );
    }

    #[test]
    fn a_pattern_that_multiplies_is_refused() {
        let pair = "(domain-name:value = 'a.example' OR domain-name:value = 'b.example')";
        let pattern = format!("[{}]", vec![pair; 30].join(" AND "));
        assert_eq!(shown(&pattern), "!pattern_syntax");
        let many = vec!["ipv4-addr:value = '192.0.2.1'"; 5000].join(" OR ");
        assert_eq!(reduce(&pattern::parse(&format!("[{many}]")).unwrap()).values.len(), 5000);
    }
}
