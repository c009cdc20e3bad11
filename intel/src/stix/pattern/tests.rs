use super::*;
use proptest::prelude::*;

/// A form in which nothing is left to precedence.
fn shown(pattern: &str) -> String {
    match parse(pattern) {
        Ok(observation) => show_observation(&observation),
        Err(error) => format!("{error}"),
    }
}

fn joined<T>(parts: &[T], with: &str, show: fn(&T) -> String) -> String {
    format!("({})", parts.iter().map(show).collect::<Vec<_>>().join(with))
}

fn show_observation(observation: &Observation) -> String {
    match observation {
        Observation::Of(comparison) => format!("[{}]", show_comparison(comparison)),
        Observation::Or(parts) => joined(parts, " OR ", show_observation),
        Observation::And(parts) => joined(parts, " AND ", show_observation),
        Observation::FollowedBy(parts) => joined(parts, " FOLLOWEDBY ", show_observation),
        Observation::Qualified(inner, qualifier) => {
            format!("{}/{qualifier:?}", show_observation(inner))
        }
    }
}

fn show_comparison(comparison: &Comparison) -> String {
    match comparison {
        Comparison::Or(parts) => joined(parts, " OR ", show_comparison),
        Comparison::And(parts) => joined(parts, " AND ", show_comparison),
        Comparison::Test(test) => {
            let not = if test.negated { "NOT " } else { "" };
            let constants: Vec<_> = test.constants.iter().map(Constant::as_text).collect();
            format!("{} {not}{:?} {}", test.path, test.operator, constants.join("|"))
        }
    }
}

/// The examples of STIX 2.1 section 9.9, and what precedence makes of them (sections 9.5, 9.6).
#[test]
fn examples_of_the_specification() {
    for (pattern, expected) in [
        ("[ipv4-addr:value = '198.51.100.1/32']", "[ipv4-addr:value Equal 198.51.100.1/32]"),
        (
            "[file:hashes.'SHA-256' = 'aec0' OR file:hashes.MD5=='cead' ]",
            "[(file:hashes.SHA-256 Equal aec0 OR file:hashes.MD5 Equal cead)]",
        ),
        (
            "[ipv4-addr:value ISSUBSET '198.51.100.0/24' AND ipv4-addr:value != '198.51.100.7' OR a:b IN ('x', 2, true)]",
            "[((ipv4-addr:value IsSubset 198.51.100.0/24 AND ipv4-addr:value NotEqual 198.51.100.7) OR a:b In x|2|true)]",
        ),
        (
            "[a:b='1'] FOLLOWEDBY [a:b = '2'] OR [a:b = '3'] AND [a:b = '4']",
            "([a:b Equal 1] FOLLOWEDBY ([a:b Equal 2] OR ([a:b Equal 3] AND [a:b Equal 4])))",
        ),
        (
            "([file:name = 'foo.dll'] AND [win-registry-key:key = 'HKLM\\\\foo\\\\bar']) WITHIN 300 SECONDS",
            "([file:name Equal foo.dll] AND [win-registry-key:key Equal HKLM\\foo\\bar])/Within",
        ),
        (
            "[network-traffic:dst_ref.type = 'domain-name' AND network-traffic:dst_port > 8] REPEATS 5 TIMES WITHIN 1800.5 SECONDS",
            "[(network-traffic:dst_ref.type Equal domain-name AND network-traffic:dst_port Order 8)]/Repeats(5)/Within",
        ),
        (
            "[a:b = h'ff'] START t'2016-06-01T00:00:00Z' STOP t'2016-07-01T00:00:00Z'",
            "[a:b Equal ff]/StartStop",
        ),
        (
            "[email-message:from_ref.value MATCHES '.+\\\\@example\\\\.com$' AND email-message:body_multipart[*].body_raw_ref.name NOT LIKE 'F%' ]",
            "[(email-message:from_ref.value Matches .+\\@example\\.com$ AND email-message:body_multipart[*].body_raw_ref.name NOT Like F%)]",
        ),
        ("[EXISTS a:b /* c */ ] // d", "[a:b Exists ]"),
        ("[((a:b = 'it\\'s'))]", "[a:b Equal it's]"),
        (
            "[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'x' AND a:b[-1] = -0.5]",
            "[(network-traffic:extensions.http-request-ext.request_header.User-Agent Equal x AND a:b[-1] Equal -0.5)]",
        ),
    ] {
        assert_eq!(shown(pattern), expected, "{pattern}");
    }
}

#[test]
fn what_is_no_pattern_is_refused_where_it_goes_wrong() {
    for (pattern, problem) in [
        ("", "a bracket or sign was expected at byte 0"),
        ("[]", "the type of an object was expected at byte 1"),
        ("[a:b = 'x'", "a bracket or sign was expected at byte 10"),
        ("[a:b = 'x]", "a text that does not end at byte 7"),
        ("[a:b = 'x'] AND", "a bracket or sign was expected at byte 15"),
        ("[a:b = 'x'] [a:b = 'y']", "an operator or the end was expected at byte 12"),
        ("[a:b = x]", "a constant was expected at byte 7"),
        ("[a:b 'x']", "an operator was expected at byte 5"),
        ("[a = 'x']", "a bracket or sign was expected at byte 3"),
        ("[a:b = 'x'] ;", "a character that means nothing here at byte 12"),
        ("[a:b = 'x'] REPEATS 1.5 TIMES", "REPEATS needs a whole number at byte 29"),
        ("[a:b = 'x'] /* ", "a comment that does not end at byte 12"),
        ("[NOT a:b = 'x']", "EXISTS was expected at byte 5"),
        ("[a:b IN ('x' 'y')]", "a bracket or sign was expected at byte 13"),
    ] {
        assert_eq!(shown(pattern), problem, "{pattern}");
    }
}

#[test]
fn depth_and_length_are_bounded() {
    let nested = |depth: usize| format!("{}[a:b = 'x']{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(MAX_PATTERN_DEPTH - 1)).is_ok());
    assert_eq!(parse(&nested(MAX_PATTERN_DEPTH)).unwrap_err().problem, "nested too deep");
    assert!(parse(&nested(400_000)).is_err());
    assert!(parse(&format!("[{}a:b = 'x'", "(".repeat(400_000))).is_err());
    assert!(parse(&format!("[a:b = 'x']{}", " WITHIN 1 SECONDS".repeat(1000))).is_err());
    assert!(parse(&format!("[a:b = '{}']", "x".repeat(MAX_PATTERN_BYTES))).is_err());
}

proptest! {
    #[test]
    fn nothing_panics(text in ".{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn near_misses_never_panic(
        words in proptest::collection::vec(
            proptest::sample::select(vec![
                "[", "]", "(", ")", "a:b", "=", "'x'", "AND", "OR", "FOLLOWEDBY", "NOT", "IN", "EXISTS", ",", "1",
                "WITHIN", "SECONDS", "REPEATS", "TIMES", "START", "STOP", "t'", ".", "*", "/*", "\\",
            ]),
            0..24,
        ),
    ) {
        let _ = parse(&words.join(" "));
    }
}
