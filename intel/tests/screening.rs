//! Screening with all that MISP and publicsuffix.org publish (WEIR_CORPORA, else ../shared/corpora; skipped where they are absent).
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests, outside of test functions"
)]

use std::path::{Path, PathBuf};
use weir_intel::{value, warninglists};
use weir_model::{Effect, IndicatorValue};
use weir_rules::screen::{Actions, PublicSuffixes, Refused, Screen, Screening, Verdict};

fn corpora() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpora");
    let corpora = std::env::var_os("WEIR_CORPORA").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let folder = corpora.join("intel");
    if !folder.is_dir() {
        println!("skipped: there are no corpora at {}", corpora.display());
    }
    folder.is_dir().then_some(folder)
}

fn screen(corpora: &Path) -> Screen {
    let found = warninglists::load(&corpora.join("misp-warninglists"));
    assert_eq!(found.refused, []);
    let actions = Actions::shipped();
    let missing: Vec<_> = found.lists.iter().map(|list| &list.key).filter(|key| !actions.has(key)).collect();
    assert!(missing.is_empty(), "lists without an action in rules/sets/actions.txt: {missing:?}");
    let mut screening = Screening::shipped();
    screening.home = vec!["198.18.7.0/24".parse().unwrap()];
    screening.extend(found.lists);
    let (screen, bad) = Screen::new(screening);
    assert!(bad.is_empty(), "{bad:?}");
    screen
}

/// A value as lists have it; `=` before it makes a name a host.
fn parsed(text: &str) -> IndicatorValue {
    match text.strip_prefix('=').map(|host| value::parse(host).unwrap()) {
        Some(IndicatorValue::Domain(name)) => IndicatorValue::Host(name),
        Some(other) => other,
        None => value::parse(text).unwrap(),
    }
}

#[test]
fn with_all_lists_that_misp_publishes() {
    let Some(corpora) = corpora() else { return };
    let screen = screen(&corpora);
    assert!(screen.lists() > 120, "{}", screen.lists());
    let judge = |text: &str| screen.judge(&parsed(text), &[]);
    for text in
        ["8.8.8.8", "1.1.1.1", "9.9.9.9:443", "10.0.0.1", "192.168.0.0/16", "t.co", "=bit.ly", "192.0.2.1"]
    {
        assert!(matches!(judge(text), Verdict::Suppress(_)), "{text}: {:?}", judge(text));
    }
    for text in ["co.uk", "=com.br"] {
        assert_eq!(judge(text), Verdict::Refuse(Refused::PublicSuffix), "{text}");
    }
    let effects = |text: &str| match judge(text) {
        Verdict::Take { warnings, .. } => warnings.iter().map(|warning| warning.effect).collect::<Vec<_>>(),
        other => panic!("{text}: {other:?}"),
    };
    assert!(effects("104.16.132.229").contains(&Effect::Shared), "a Cloudflare edge");
    assert!(effects("3.5.140.2").contains(&Effect::Lower), "a cloud");
    assert!(effects("www.bbc.co.uk").contains(&Effect::Lower), "a site that everybody visits");
    assert!(effects("104.155.11.149").contains(&Effect::Raise), "a sinkhole");
    for text in ["https://t.co/x", "https://github.com/evil/repo/x.exe", "evil.github.io", "evil.duckdns.org"]
    {
        assert_eq!(effects(text), [], "{text}");
    }
    let exactly = Verdict::Take { narrowed: Some(parsed("=gitlab.io")), warnings: [].into() };
    assert_eq!(narrowed(judge("gitlab.io")), narrowed(exactly));
}

fn narrowed(verdict: Verdict) -> Option<IndicatorValue> {
    match verdict {
        Verdict::Take { narrowed, .. } => narrowed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn public_suffixes_are_as_their_own_test_says() {
    let Some(corpora) = corpora() else { return };
    let text = warninglists::public_suffixes(&corpora.join("public_suffix_list.dat")).unwrap();
    let lists = [PublicSuffixes::parse(&text), PublicSuffixes::shipped()];
    assert_eq!(lists[0].len(), lists[1].len(), "scripts/warninglists.py makes the shipped list anew");
    let test = std::fs::read_to_string(corpora.join("test_psl.txt")).unwrap();
    let mut compared = 0;
    for line in test.lines().filter_map(|line| line.strip_prefix("checkPublicSuffix(")) {
        let quoted: Vec<&str> = line.split('\'').skip(1).step_by(2).collect();
        // Without a name there is nothing to ask, and no indicator begins with a dot.
        let Some(name) = quoted.first().filter(|name| !name.starts_with('.')) else { continue };
        let ascii = |name: &str| idna::domain_to_ascii(name).unwrap();
        let (name, expected) = (ascii(name), quoted.get(1).map(|expected| ascii(expected)));
        for list in &lists {
            assert_eq!(list.registered(&name), expected.as_deref(), "{line}");
        }
        compared += 1;
    }
    assert!(compared > 60, "{compared}");
}
