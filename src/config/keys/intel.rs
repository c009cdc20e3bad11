//! Keys of `[source.NAME]`.

use super::Key;
use super::shared::{HTTP_KEY, time};
use crate::config::form::Form;

/// Of all sources.
pub(in crate::config) const SOURCE: &[Key] = &[
    Key::new("type", Form::Word(types), "\"feed\"")
        .means("What it is: feed (a file, a folder or a URL), misp, taxii")
        .needed(),
    time("interval", "\"15m\"", "How often it is asked"),
    Key::new("enabled", Form::Switch, "true")
        .means("Whether it is asked and counts. false: what it said is kept, and none of it counts until this is true again")
        .or("true"),
    Key::new("policy", Form::Table(POLICY), "{ lifetime = \"30d\" }")
        .means("Lifetimes, decay, filters, the marking of what is not marked, the guard"),
];

/// Of each type.
pub(in crate::config) const SOURCES: &[(&str, &[Key])] = &[("feed", FEED), ("misp", MISP), ("taxii", TAXII)];

fn types() -> Vec<&'static str> {
    SOURCES.iter().map(|(name, _)| *name).collect()
}

/// `weir_intel::FeedSettings`.
const FEED: &[Key] = &[
    Key::new("url", Form::Url(&["https", "http"]), "\"https://feeds.example/bad.csv\"").means("Where it lies"),
    Key::new("path", Form::Existing, "\"own.csv\"").means("The file or folder").instead_of("url"),
    Key::new("format", Form::Text, "\"csv,value=3,delimiter=pipe\"")
        .means("Its format, as it may stand before a path (docs/INDICATORS.md); misp-feed for a feed of MISP. Else its content tells"),
    HTTP_KEY,
];

/// `weir_intel::misp::MispSettings`.
const MISP: &[Key] = &[
    Key::new("url", Form::Url(&["https", "http"]), "\"https://misp.example/\"")
        .means("Where the instance is")
        .needed(),
    HTTP_KEY,
    time("grace", "\"1d\"", "How long what was published last counts while its event is being edited"),
    time("overlap", "\"10m\"", "How far each delta reaches back behind the newest change that is known"),
    time("reconcile", "\"1d\"", "How often all UUIDs are compared, to find what was deleted without a trace"),
    Key::new("page_size", Form::Number { least: 10, most: 100_000 }, "5000")
        .means("Attributes per page")
        .or("5000"),
    Key::new("push", Form::Url(&["tcp"]), "\"tcp://misp.example:50000\"")
        .means("Its publication over ZeroMQ: what changes is then known within a second"),
    Key::new("decay_scores", Form::Switch, "false")
        .means("Whether the instance is asked for its own decay scores, which costs it time")
        .or("false"),
];

/// `weir_intel::TaxiiSettings`.
const TAXII: &[Key] = &[
    Key::new("url", Form::Url(&["https", "http"]), "\"https://taxii.example/taxii2/\"")
        .means("The server's discovery (.../taxii2/), or one of its API roots")
        .needed(),
    Key::new("collection", Form::Text, "\"High Value Indicators\"")
        .means("The collection's id, alias or title")
        .needed(),
    HTTP_KEY,
    Key::new("page_size", Form::Number { least: 1, most: 4_294_967_295 }, "1000")
        .means("Objects per page; a server may send fewer")
        .or("1000"),
    time("compare", "\"1d\"", "How often manifests are compared to find what was deleted"),
];

/// `[source.NAME.policy]`.
const POLICY: &[Key] = &[
    Key::new("tlp", Form::Tlp, "\"amber\"").means("Who may see what the source did not mark").or("\"amber\""),
    Key::new("lifetime", Form::Time, "\"30d\"")
        .means("How long its indicators live, where nothing says otherwise; without, until the source takes them back"),
    Key::new("lifetimes", Form::Map(Some(kinds), &Form::Time), "{ url = \"2w\" }").means("The same by kind"),
    Key::new("decay", Form::SwitchOr(DECAY), "{ threshold = 30.0 }")
        .means("How indicators lose their worth with time: true for MISP's default model, or a table that changes it")
        .or("false"),
    texts("kinds", "[\"domain\", \"url\"]", "Only these kinds"),
    texts("not_kinds", "[\"ja3\"]", "None of these kinds"),
    texts("tags", "[\"apt*\"]", "Only what has one of these tags; * stands for any text"),
    texts("not_tags", "[\"false-positive*\"]", "Nothing with one of these tags"),
    texts("types", "[\"malicious-activity\"]", "Only these types (STIX indicator types, MISP categories)"),
    texts("not_types", "[\"benign\"]", "None of these types"),
    texts("organisations", "[\"CERN\"]", "Only what one of these says"),
    texts("not_organisations", "[\"Example\"]", "Nothing that one of these says"),
    Key::new("min_confidence", Form::Number { least: 0, most: 100 }, "50")
        .means("Least confidence, where the source gives one"),
    Key::new("max_age", Form::Time, "\"90d\"").means("Longest time since the source last saw or changed it"),
    Key::new("guard", Form::SwitchOr(GUARD), "{ floor = 100 }")
        .means("When what it delivers looks wrong and is held back: false for never, or a table")
        .or("true"),
    Key::new("allow_wide", Form::Switch, "false")
        .means("It may bring networks wider than /12 (IPv6: /28)")
        .or("false"),
];

const fn texts(name: &'static str, example: &'static str, words: &'static str) -> Key {
    Key::new(name, Form::List(&Form::Text), example).means(words).or("[]")
}

fn kinds() -> Vec<&'static str> {
    weir_model::IndicatorValue::KINDS.to_vec()
}

/// `decay = { ... }`.
const DECAY: &[Key] = &[
    Key::new("lifetime", Form::Time, "\"120d\"").means("When nothing is left").or("\"120d\""),
    decimal("speed", "5.0", "How fast it falls in the beginning: 1 is a straight line"),
    decimal("threshold", "30.0", "Below which score it counts no longer"),
    decimal("base_score", "80.0", "The score in the beginning"),
    Key::new("base_is_confidence", Form::Switch, "true")
        .means("Whether the source's confidence is the score in the beginning, where it gives one"),
    Key::new("kinds", Form::List(&Form::Text), "[\"address\"]").means("To which kinds the model applies"),
];

/// `guard = { ... }`.
const GUARD: &[Key] = &[
    Key::new("floor", Form::Number { least: 0, most: i64::MAX }, "100")
        .means("Sources smaller than this may shrink and grow as they like up to it"),
    decimal("least_share", "0.5", "Held when less than this share of the entries would remain; 0: never"),
    decimal("most_times", "10.0", "Held when there would be more than so many times the entries; 0: never"),
];

const fn decimal(name: &'static str, example: &'static str, words: &'static str) -> Key {
    Key::new(name, Form::Decimal, example).means(words)
}
